"""The warm call, written out: one function for each binding.

Beside a call of a small compiled function every method that Python enters and every list that it
goes through costs its part, the more so as jax has just emptied the caches of the CPU. So what a
warm call does is one function without a loop, generated, as the methods of a dataclass are. For a
closure over two layers and a counter, which it writes, it is

>>> def warm(args, kwargs):
...     try:
...         if (
...             switch.value or frame() is not None or epoch.value != E or layer() is not L
...             or process.settings is not S or h0.cell_contents is not v0 or c0 != i0
...         ):
...             return STALE
...     except (KeyError, ValueError):
...         return STALE
...     try:
...         s1, s2 = t1.__held__, t2.__held__
...         flat = [t0.__held__, s1["weight"], s1["bias"], s2["weight"], s2["bias"]]
...         if len(s1) != 2 or len(s2) != 2:
...             raise Misfit
...     except (KeyError, TypeError):
...         raise Misfit from None
...     try:
...         result, new = run(flat, *args, **kwargs)
...     except TypeError:  # a module where an array was
...         raise Misfit from None
...     if trace.value is no_trace:
...         o0.__held__, = new
...         return result
...     return commit(result, new)

Attributes are stored behind each other without a call, so that no signal comes between: after a
keyboard interrupt either all the values are in place or none is.
"""

import functools
from collections.abc import Callable
from types import CellType
from typing import Any, Final, NamedTuple

from brainlite._jax_compat import jit_switch, no_trace, trace_cell
from brainlite.environ._face import layer, process
from brainlite.graph._face import ABSENT, Watched
from brainlite.state._face import AnyState, current_frame, epoch
from brainlite.transform._compile._intake import Intake, Misfit
from brainlite.transform._engine._drawing import alone
from brainlite.transform._engine._reach import Variable
from brainlite.typing import PyTree

WarmCall = Callable[[tuple[object, ...], dict[str, object]], PyTree]

STALE: Final = object()  # what a warm call returns where something has changed since


class Checks:
    """What must be as it was when a binding was made.

    Parameters
    ----------
    variables : list of Variable
        Those of the function, as they are bound now.
    containers : list of Watched
        What was read of them, and of lists and dicts in modules.
    """

    __slots__ = ("containers", "epoch", "layer", "settings", "variables")

    def __init__(self, variables: list[Variable], containers: list[Watched]) -> None:
        self.variables = variables
        self.containers = containers
        self.epoch: int = epoch.value
        self.layer = layer()
        self.settings = process.settings

    def unchanged(self) -> bool:
        """Say whether nothing has changed."""
        return (
            self.epoch == epoch.value
            and self.layer is layer()
            and self.settings is process.settings
            and all(each.now() is each.value for each in self.variables)
            and all(each.unchanged() for each in self.containers)
        )


class Form(NamedTuple):
    """What the text of a warm call depends on."""

    whole: int  # states that are passed as they are; they come first
    keys: tuple[tuple[str, ...], ...]  # of the states whose dicts are taken apart
    looks: tuple[str, ...]  # for each variable: whether it is another now
    edits: tuple[str, ...]  # for each container: whether it was edited
    stored: int | None  # states that get values here; None where `commit` puts all in place
    position: int | None  # of the module among the arguments
    alone: bool  # whether no other thread may draw meanwhile


def write(
    intake: Intake,
    checks: Checks,
    inputs: list[AnyState],
    outputs: list[AnyState] | None,
    *,
    position: int | None,
    is_alone: bool,
    run: Callable[..., object],
    commit: Callable[..., object],
) -> WarmCall:
    """Return the warm call of a binding.

    Parameters
    ----------
    intake : Intake
        The form in which ``run`` takes the values of the states.
    checks : Checks
        What must be as it was.
    inputs, outputs : list of State
        Where values come from, and where new ones are stored. Without ``outputs``, ``commit`` does
        that: it gets the result and the new values, and returns the result.
    position : int, optional
        The argument that is the module, which ``run`` doesn't get.
    is_alone : bool
        Whether no other thread may draw meanwhile.
    run : callable
        What is compiled. It takes the values and the arguments.
    commit : callable
        See ``outputs``.
    """
    edits, live, items = [], [], []
    for n, each in enumerate(checks.containers):
        pair = each.comparison()
        edits.append(f"not c{n}()" if pair is None else f"c{n} != i{n}")
        live.append(each.unchanged if pair is None else pair[0])
        items.append(None if pair is None else pair[1])
    looks = tuple(_look(n, each) for n, each in enumerate(checks.variables))
    stored = None if outputs is None else len(outputs)
    form = Form(intake.whole, intake.keys, looks, tuple(edits), stored, position, is_alone)
    now = checks.epoch, checks.layer, checks.settings
    homes = [vars(v.home) if isinstance(v.home, type) else v.home for v in checks.variables]
    values = [each.value for each in checks.variables]
    return maker(form)(inputs, homes, values, live, items, outputs, *now, run, commit)


def _look(number: int, variable: Variable) -> str:
    """Ask whether a variable is another now than ``v``, in its home ``h``."""
    home, value = f"h{number}", f"v{number}"
    if isinstance(variable.home, CellType):
        return f"{home}.cell_contents is not {value}"
    if variable.value is ABSENT:
        return f"{variable.name!r} in {home}"
    return f"{home}[{variable.name!r}] is not {value}"


@functools.lru_cache(maxsize=256)
def maker(form: Form) -> Callable[..., WarmCall]:
    """Compile the function that takes the objects of a binding, and returns its warm call."""
    scope: dict[str, Any] = {
        "switch": jit_switch,
        "frame": current_frame.get,
        "epoch": epoch,
        "layer": layer,
        "process": process,
        "trace": trace_cell,
        "no_trace": no_trace,
        "alone": alone,
        "Misfit": Misfit,
        "STALE": STALE,
    }
    exec("\n".join(_lines(form)), scope)
    made: Callable[..., WarmCall] = scope["make"]
    return made


def _lines(form: Form) -> list[str]:
    """Write the text."""
    states = form.whole + len(form.keys)
    lists = {"t": ("states", states), "h": ("homes", len(form.looks))}
    lists |= {"v": ("values", len(form.looks)), "c": ("live", len(form.edits))}
    lists |= {"i": ("items", len(form.edits)), "o": ("outputs", form.stored or 0)}
    lines = [f"def make({', '.join(each for each, _ in lists.values())}, E, L, S, run, commit):"]
    lines += [f"    {_unpack(name, n)} = {each}" for name, (each, n) in lists.items() if n]
    lines += [
        "    def warm(args, kwargs):",
        "        try:",
        f"            if {' or '.join(_changed(form))}:",
        "                return STALE",
        "        except (KeyError, ValueError):",
        "            return STALE",
        *(["        with alone():"] if form.alone else []),
    ]
    deeper = " " * (12 if form.alone else 8)
    lines += [deeper + line for line in [*_take(form), *_run(form)]]
    return [*lines, "    return warm"]


def _changed(form: Form) -> list[str]:
    """Ask what ``Checks.unchanged`` asks, and whether functions are to be compiled at all here."""
    here = ["switch.value", "frame() is not None"]
    settings = ["epoch.value != E", "layer() is not L", "process.settings is not S"]
    return [*here, *settings, *form.looks, *form.edits]


def _take(form: Form) -> list[str]:
    """Write how the values get out of the states."""
    states = range(form.whole + len(form.keys))
    opened = states[form.whole :]
    items = [f"t{n}.__held__" for n in states[: form.whole]]
    items += [f"s{n}[{key!r}]" for n, each in zip(opened, form.keys, strict=True) for key in each]
    flat = f"flat = [{', '.join(items)}]"
    if not opened:
        return [flat]
    lengths = [f"len(s{n}) != {len(each)}" for n, each in zip(opened, form.keys, strict=True)]
    return [
        "try:",
        f"    {''.join(f's{n}, ' for n in opened)} = {''.join(f't{n}.__held__, ' for n in opened)}",
        f"    {flat}",
        f"    if {' or '.join(lengths)}:",
        "        raise Misfit",
        "except (KeyError, TypeError):",
        "    raise Misfit from None",
    ]


def _run(form: Form) -> list[str]:
    """Write the call of jax, and how what comes out gets into the states."""
    args = {None: "*args", 0: "None, *args[1:]"}.get(
        form.position, f"*args[:{form.position}], None, *args[{form.position}:][1:]"
    )
    run = [
        "try:",
        f"    result, new = run(flat, {args}, **kwargs)",
        "except TypeError:",
        "    raise Misfit from None",
    ]
    if form.stored is None:
        return [*run, "return commit(result, new)"]
    if not form.stored:
        return [*run, "return result"]
    return [
        *run,
        "if trace.value is no_trace:",
        f"    {''.join(f'o{n}.__held__, ' for n in range(form.stored))} = new",
        "    return result",
        "return commit(result, new)",
    ]


def _unpack(name: str, number: int) -> str:
    return "".join(f"{name}{n}, " for n in range(number))
