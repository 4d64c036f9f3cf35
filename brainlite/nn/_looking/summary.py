"""A table of a model: its modules, what goes in and out, and what that costs."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final, NamedTuple

from brainlite.display._face import Table, rich_table, terminal_text
from brainlite.errors import InputError, OptionError
from brainlite.graph import Node, iter_node
from brainlite.graph._face import dotted
from brainlite.nn._looking.cost import Flops, count_flops
from brainlite.nn._looking.watch import Observer
from brainlite.nn._modules.footprint import (
    device_bytes,
    footprint,
    frozen_numbers,
    in_bytes,
    is_laid_out,
    numbers,
)
from brainlite.state._face import type_text
from brainlite.transform import eval_shape
from brainlite.transform._face import commit, lift_call
from brainlite.typing import Path


class Row(NamedTuple):
    """A module in a :class:`Summary`, with all that is below it.

    ``calls`` is how often the module is called, steps of loops included, and ``flops`` what these
    calls take together; None where it was not called, or not counted. ``blocks`` is how many
    equal modules in a row stand here as one, of which ``path`` is the first. Of the ``bytes`` one
    device holds ``device_bytes``.
    """

    path: Path
    kind: str
    inputs: str
    output: str
    calls: int
    params: int
    bytes: int
    flops: float | None
    blocks: int = 1
    device_bytes: int = 0


# The columns to miss least.
_SPARE: Final = ("bytes", "per device", "input", "calls", "flops", "output")


class _Seen(NamedTuple):
    inputs: str
    output: str
    repeats: int
    flops: float | None


class _Calls(Observer):
    """Notes the calls of each module, while the model is traced."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.of: dict[int, list[_Seen]] = {id(node): [] for _, node in iter_node(model)}
        self._flops: dict[str, Flops] = {}

    def around(self, module: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        """Let a call through, and note its shapes and costs."""
        found = self.of.get(id(module))
        if found is None:
            return call

        def called(*args: Any, **kwargs: Any) -> Any:
            given = [type_text(arg) for arg in args]
            given += [f"{name}={type_text(arg)}" for name, arg in kwargs.items()]
            number = len(found)
            found.append(_Seen("", "", 0, None))  # before those of a call inside
            out, flops = self._run(call, args, kwargs)
            found[number] = _Seen(", ".join(given), type_text(out), self.repeats, flops)
            return out

        return called

    def _run(self, call: Any, args: Any, kwargs: Any) -> tuple[Any, float | None]:
        try:
            lifted, arguments = traced = lift_call(call, args, kwargs, label="summary")
        except TypeError:  # an argument or a result that is no array: not counted
            return call(*args, **kwargs), None
        out, new = lifted(traced.values(), arguments)
        commit(lifted.effects, new)
        return out, count_flops(lifted.closed, self._flops).all


class Summary:
    """What :func:`summary` returns: a table as text when printed, and as HTML in a notebook.

    ``print`` draws it with rich where that is installed and the output is a terminal; ``repr``
    and an f-string always give plain text. ``rich.print`` and consoles of rich take it, too.

    Attributes
    ----------
    rows : list of Row
        The model first, parents before what is in them.
    params, bytes, device_bytes : int
        The number of parameters, the bytes of all states, and those that one device holds. Shared
        ones count once.
    flops : float or None
        The floating-point operations of one call.
    """

    def __init__(self, model: Any, rows: list[Row]) -> None:
        self.rows: list[Row] = rows
        params, size = footprint(model)
        self.params: int = params
        self.bytes: int = size
        self.device_bytes: int = device_bytes(model)
        self._laid_out: bool = is_laid_out(model)
        # Several models, in a list, are no model that is called.
        self.flops: float | None = None if rows[0].path else rows[0].flops
        self._others: int = numbers(model)
        self._frozen: int = frozen_numbers(model)

    def _table(self) -> Table:
        """Return the rows as a table."""
        called = any(row.calls for row in self.rows)
        header = ["path", "type", "input", "output", "calls", "params", "bytes", "per device"]
        header += ["flops"]
        left_out = set() if called else {2, 3, 4, 8}
        left_out |= set() if self._laid_out else {7}
        columns = [n for n in range(len(header)) if n not in left_out]
        rows = [_cells(row) for row in self.rows]
        frozen = f", {self._frozen:,} of them frozen" if self._frozen else ""
        footer = [f"parameters: {self.params:,}{frozen} ({in_bytes(self.bytes)} in all states)"]
        footer += [f"on one device: {in_bytes(self.device_bytes)}"] if self._laid_out else []
        footer += [f"other states: {self._others:,} numbers"] if self._others else []
        footer += [] if self.flops is None else [f"flops of one call: {self.flops:,.0f}"]
        kept = [[row[n] for n in columns] for row in rows]
        right = [n for n, column in enumerate(columns) if column > 3]
        names = [header[n] for n in columns]
        spare = [names.index(name) for name in _SPARE if name in names]
        return Table(names, kept, footer, right, spare, names=(0, 1))

    def __repr__(self) -> str:
        return self._table().text()

    def __str__(self) -> str:
        return terminal_text(self._table())

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)  # what goes into other text is text

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))  # at the prompt of IPython

    def __rich_console__(self, _console: object, options: Any) -> Iterator[Any]:
        yield rich_table(self._table(), options.max_width)

    def _repr_html_(self) -> str:
        return self._table().html()


def _cells(row: Row) -> list[str]:
    """Return the cells of a row; one row may stand for a run of equal blocks."""
    last = dotted((*row.path[:-1], _plus(row.path[-1], row.blocks - 1))) if row.path else ""
    path = dotted(row.path) if row.blocks == 1 else f"{dotted(row.path)} to {last}"
    kind = row.kind if row.blocks == 1 else f"{row.kind} (x{row.blocks})"
    calls = str(row.calls) if row.calls else ""
    flops = "" if row.flops is None else f"{row.flops:,.0f}"
    params = f"{row.params:,}" if row.params else ""
    size = f"{row.bytes:,}" if row.bytes else ""
    part = f"{row.device_bytes:,}" if row.device_bytes else ""
    return [path or "(model)", kind, row.inputs, row.output, calls, params, size, part, flops]


def _plus(part: Any, step: int) -> Any:
    if isinstance(part, int):
        return part + step
    return str(int(part) + step) if part.isdigit() else part  # a module list names by texts


def summary(model: Any, *args: Any, depth: int | None = None, **kwargs: Any) -> Summary:
    """Return a table of the modules of a model, with shapes, parameters, bytes and operations.

    Parameters
    ----------
    model : Module, or a list, tuple or dict of modules
        The model. Nothing is computed, and no state is changed. Several have a row each, and what
        they share counts once.
    *args, **kwargs
        What it is called with: arrays or :class:`jax.ShapeDtypeStruct`. Without any there are
        no shapes and operations in the table.
    depth : int, optional
        How many levels of modules to show below the model; by default all.

    Returns
    -------
    Summary
        Prints as text, a terminal with rich (``brainlite[terminal]``) shows it in colours and in
        its width, a notebook as a table. Sizes are of a module with all that is below it;
        where states declare shardings, what one device holds stands beside them;
        equal modules in a list fold into one row (``Linear (x12)``, the sizes of
        one). A cell in a loop is one row, whose calls are the steps. Operations are XLA's
        estimate before it optimizes; of a ``while_loop`` they are those of one step.

    Raises
    ------
    OptionError
        ``depth`` is negative.
    InputError
        There is no module in ``model``, or several models are to be called.

    Examples
    --------
    >>> brainlite.nn.summary(brainlite.nn.Linear(3, 4), jnp.ones((2, 3)))
    path     type    input         output        calls  params  bytes  flops
    ------------------------------------------------------------------------
    (model)  Linear  float32[2,3]  float32[2,4]      1      16     64     56
    ------------------------------------------------------------------------
    parameters: 16 (64 B in all states)
    flops of one call: 56
    """
    if depth is not None and depth < 0:
        raise OptionError(
            "a summary has no negative depth",
            expected="the number of levels to show, or None",
            got=repr(depth),
            fix="pass 0 to see the model as a whole",
        )
    nodes = list(iter_node(model))
    if not nodes:
        raise InputError(
            "there is no module to summarise",
            expected="a module, or a container of modules",
            got=type(model).__name__,
            fix="pass the model itself, not a function of it",
        )
    calls = _Calls(model)
    if (args or kwargs) and not callable(model):
        raise InputError(
            "several models cannot be called together",
            expected="one model, or no input",
            got=f"a {type(model).__name__} of models, and input",
            fix="summarise them one by one with input, or leave the input out",
        )
    if args or kwargs:
        with calls:
            eval_shape(model, *args, **kwargs)
    tree = _Tree(nodes, {path: list(_rows(path, node, calls.of[id(node)])) for path, node in nodes})
    return Summary(model, list(tree.rows((), depth)))


def _rows(path: Path, node: Node, calls: list[_Seen]) -> Iterator[Row]:
    """Yield one row for each combination of shapes that a module is called with."""
    params, size = footprint(node)
    part = device_bytes(node)
    by_shape: dict[tuple[str, str], list[_Seen]] = {}
    for call in calls:
        by_shape.setdefault((call.inputs, call.output), []).append(call)
    kind = type(node).__name__
    for (inputs, output), same in by_shape.items():
        counted = [call.flops * call.repeats for call in same if call.flops is not None]
        flops = sum(counted) if len(counted) == len(same) else None
        times = sum(call.repeats for call in same)
        yield Row(path, kind, inputs, output, times, params, size, flops, 1, part)
    if not calls:
        yield Row(path, kind, "", "", 0, params, size, None, 1, part)


class _Tree:
    """The rows by the module that holds the module that they are of."""

    def __init__(self, nodes: list[tuple[Path, Node]], rows: dict[Path, list[Row]]) -> None:
        self._rows = rows
        self._below: dict[Path, list[Path]] = {(): [], **{path: [] for path, _ in nodes}}
        for path, _ in nodes:
            for length in range(len(path) - 1, -1, -1):
                if path[:length] in self._below:
                    self._below[path[:length]].append(path)
                    break

    def rows(self, path: Path, depth: int | None) -> Iterator[Row]:
        """Yield the rows of a module and of those below, equal ones in a row as one."""
        yield from self._rows.get(path, [])
        if depth == 0:
            return
        less = None if depth is None else depth - 1
        blocks = [list(self.rows(below, less)) for below in self._below.get(path, [])]
        for _, run in groupby(blocks, _content):
            same = list(run)
            first = same[0]
            number = len(same)
            yield from (row._replace(blocks=number) for row in first[:1])
            yield from first[1:]


def _content(block: list[Row]) -> Any:
    """Return what is equal for two blocks that may fold into one."""
    base = block[0].path
    listed = isinstance(base[-1], int) or base[-1].isdigit()
    where = base[:-1] if listed else base
    return where, [(row.path[len(base) :], row[1:]) for row in block]
