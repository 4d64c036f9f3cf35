"""The variables that a compiled function was traced with, looked at before each call.

A name may be bound to something else: a cell of a notebook that is run again binds ``model`` to a
new one. Then the compilation doesn't hold any more.
"""

from collections.abc import Callable
from types import CellType
from typing import Any

from brainlite._jax_compat import Tracer
from brainlite.graph._face import ABSENT, Frozen, Watched, freeze, holds_graph, same_value
from brainlite.transform._engine._reach import Variable, explore


class Variables:
    """The variables of a function as they were when it was traced.

    Parameters
    ----------
    fun : object
        The function.
    """

    def __init__(self, fun: object) -> None:
        reach = explore(fun)
        self._found: list[Variable] = [each for each in reach.variables if not each.own]
        # Whether a value of a trace that is still running is among them.
        self.traced: bool = any(isinstance(each, Tracer) for each in reach.objects.values())
        self._frozen: list[object] = [_freeze(each.value) for each in self._found]
        self._checker: Callable[[list[Variable]], Callable[[], bool]] = _generate(self._found)

    def holds(self) -> bool:
        """Say whether each holds what it held: the same object, or an equal number or string."""
        return all(map(_same, self._frozen, (each.now() for each in self._found)))

    def changed(self) -> list[str]:
        """Return the names of those that do not."""
        pairs = zip(self._found, self._frozen, strict=True)
        return [each.name for each, then in pairs if not _same(then, each.now())]

    def check(self) -> "tuple[Callable[[], bool] | None, list[Watched]]":
        """Return a quick look at whether all are still as they are now.

        It comes in two parts: a function, or None where there is nothing to look at, and the
        containers of states and modules, which can be edited in place.
        """
        now = [each._replace(value=each.now()) for each in self._found]
        pairs = zip(now, self._frozen, strict=True)
        watched = [Watched(each.value) for each, then in pairs if isinstance(then, Frozen)]
        return (self._checker(now) if now else None), watched


def _freeze(value: object) -> object:
    is_container = isinstance(value, list | tuple | dict) or hasattr(
        type(value), "__dataclass_fields__"
    )
    return freeze(value) if is_container and holds_graph(value) else value


def _same(then: object, now: object) -> bool:
    """Say whether a variable holds what it held."""
    if not isinstance(then, Frozen):
        return same_value(then, now)
    frozen = _freeze(now)
    return (
        isinstance(frozen, Frozen)
        and frozen.kind is then.kind
        and bool(frozen.keys == then.keys)
        and len(frozen.items) == len(then.items)
        and all(map(_same, then.items, frozen.items))
    )


def _generate(found: list[Variable]) -> Callable[[list[Variable]], Callable[[], bool]]:
    """Write the function that looks at variables: it runs at every warm call.

    For a global name and a cell it is

    >>> def make(homes, values):
    ...     h0, h1 = homes
    ...     v0, v1 = values
    ...     def check():
    ...         try:
    ...             return h0["model"] is v0 and h1.cell_contents is v1
    ...         except (KeyError, ValueError):
    ...             return False
    ...     return check
    """
    numbers = range(len(found))
    looks = [_look(n, each) for n, each in enumerate(found)]
    lines = [
        "def make(homes, values):",
        f"    {''.join(f'h{n}, ' for n in numbers)} = homes",
        f"    {''.join(f'v{n}, ' for n in numbers)} = values",
        "    def check():",
        "        try:",
        f"            return {' and '.join(looks)}",
        "        except (KeyError, ValueError):",
        "            return False",
        "    return check",
    ]
    scope: dict[str, Any] = {}
    if found:
        exec("\n".join(lines), scope)

    def checker(now: list[Variable]) -> Callable[[], bool]:
        made: Callable[[], bool] = scope["make"](
            [vars(each.home) if isinstance(each.home, type) else each.home for each in now],
            [each.value for each in now],
        )
        return made

    return checker


def _look(number: int, variable: Variable) -> str:
    """Return the comparison for one variable."""
    if isinstance(variable.home, CellType):
        return f"h{number}.cell_contents is v{number}"
    if variable.value is ABSENT:
        return f"{variable.name!r} not in h{number}"
    return f"h{number}[{variable.name!r}] is v{number}"
