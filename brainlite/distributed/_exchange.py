"""What devices tell each other in a compiled program: read from the program itself."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from brainlite.display._face import Table, rich_table, terminal_text
from brainlite.errors import InputError
from brainlite.nn._face import in_bytes

_OPENING = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\{$")
_COLLECTIVE = re.compile(
    r"= (.*?) (all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute)(-start)?\("
)
_LOOP = re.compile(r" while\(.*body=%?([\w.\-]+)")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_CALLS = re.compile(
    r"(?:calls|to_apply|true_computation|false_computation)=%?([\w.\-]+)"
    r"|(?:branch_computations|called_computations|calls)=\{([^}]*)\}"
)
_SHAPE = re.compile(r"(pred|[a-z]+\d+)(?:e\w+)?\[([\d,]*)\]")
_AXIS = re.compile(r"'(\w+)'=(\d+)")
_USED = re.compile(r"'(\w+)'(?::\(\d+\)(\d+))?")


class Exchange(NamedTuple):
    """One kind of exchange in a compiled program.

    Attributes
    ----------
    kind : str
        ``all-reduce``, ``all-gather``, ``reduce-scatter``, ``all-to-all``, ``collective-permute``.
    devices : int
        How many take part in each.
    times : int
        How often it happens in a run.
    bytes : int
        What one device sends in all of them, around a ring.

    Examples
    --------
    >>> brainlite.distributed.Exchange("all-reduce", devices=8, times=1, bytes=700).bytes
    700
    """

    kind: str
    devices: int
    times: int
    bytes: int


class Exchanges:
    """What :func:`exchanges` returns: prints as a table.

    Attributes
    ----------
    rows : list of Exchange
        By kind, and by how many devices take part.
    bytes : int
        What one device sends in a run.
    bounded : bool
        Whether the length of every loop is known; exchanges in others are counted once.

    Examples
    --------
    >>> from brainlite.distributed import Exchange, Exchanges
    >>> Exchanges([Exchange("all-reduce", 8, 1, 700)], bounded=True)
    exchange    among  times  bytes
    -------------------------------
    all-reduce      8      1    700
    -------------------------------
    a device sends 700 B
    """

    def __init__(self, rows: list[Exchange], bounded: bool) -> None:
        self.rows: list[Exchange] = rows
        self.bytes: int = sum(row.bytes for row in rows)
        self.bounded: bool = bounded

    def _table(self) -> Table:
        rows = [[r.kind, str(r.devices), f"{r.times:,}", f"{r.bytes:,}"] for r in self.rows]
        footer = [f"a device sends {in_bytes(self.bytes)}"]
        footer += [] if self.bounded else ["and more: a loop of unknown length is counted once"]
        return Table(["exchange", "among", "times", "bytes"], rows, footer, [1, 2, 3], [0])

    def __repr__(self) -> str:
        return self._table().text()

    def __str__(self) -> str:
        return terminal_text(self._table())

    def __rich_console__(self, _console: object, options: Any) -> Any:
        yield rich_table(self._table(), options.max_width)

    def _repr_html_(self) -> str:
        return self._table().html()


def exchanges(compiled: Any) -> Exchanges:
    """Count what devices tell each other in one run of a compiled program.

    Parameters
    ----------
    compiled : jax.stages.Compiled
        ``step.lower(*args).compile()`` of a ``step`` under :func:`brainlite.transform.jit`. The
        arrays may be abstract (:class:`jax.ShapeDtypeStruct` with a sharding), and the model, too
        (``eval_shape``), so that nothing is held.

    Returns
    -------
    Exchanges
        Prints as a table.

    Raises
    ------
    InputError
        It is no compiled program.

    Notes
    -----
    Read from the program of the compiler, with the lengths of its loops; of branches, all count.
    A backend has exchanges of its own: a CPU has no ``reduce-scatter``. Bytes are those that a
    device sends around a ring, 2 (n - 1) / n of an array for an ``all-reduce`` among n devices.

    Examples
    --------
    >>> from brainlite import distributed
    >>> mesh = distributed.mesh(data=-1)
    >>> model = distributed.place(brainlite.nn.Linear(2, 3), mesh)
    >>> x = distributed.batch(jnp.ones((8, 2)), mesh)
    >>> distributed.exchanges(brainlite.transform.jit(model).lower(x).compile()).bytes
    0
    """
    text = compiled.as_text() if hasattr(compiled, "as_text") else None
    if not isinstance(text, str) or "ENTRY" not in text:
        raise InputError(
            "exchanges are read from a compiled program",
            where="exchanges",
            expected="step.lower(*args).compile()",
            got=f"a {type(compiled).__name__}",
            fix="compile it; a function under `jit` has `lower`",
        )
    bodies = _computations(text)
    world = re.search(r"num_partitions=(\d+)", text)
    found: Counter[tuple[str, int]] = Counter()
    sent: Counter[tuple[str, int]] = Counter()
    bounded = True
    for line, times in _lines("ENTRY", bodies, 1):
        bounded = bounded and times > 0
        match = _COLLECTIVE.search(line)
        if match is not None:
            kind, size = match[2], _bytes_of(match[1], match[3] is not None and match[2])
            group = _group(line, int(world[1]) if world else 1)
            found[kind, group] += max(times, 1)
            sent[kind, group] += max(times, 1) * _sent(kind, size, group)
    rows = [Exchange(kind, n, found[kind, n], sent[kind, n]) for kind, n in sorted(found)]
    return Exchanges([row for row in rows if row.devices > 1], bounded)


def _computations(text: str) -> dict[str, list[str]]:
    """Return the lines of each computation of a program by name; the first to run is ENTRY."""
    bodies: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        opening = _OPENING.match(line)
        if opening is not None:
            name = "ENTRY" if opening[1] else opening[2]
            bodies[name] = []
        elif name:
            bodies[name].append(line)
    return bodies


def _lines(name: str, bodies: Mapping[str, list[str]], times: int) -> Iterator[tuple[str, int]]:
    """Yield each line that runs, and how often: 0 where that is not known."""
    for line in bodies.get(name, ()):
        loop = _LOOP.search(line)
        if loop is not None:
            trips = _TRIPS.search(line)
            yield from _lines(loop[1], bodies, times * int(trips[1]) if trips else 0)
            continue
        yield line, times
        for one, several in _CALLS.findall(line):
            for called in [one] if one else several.split(","):
                yield from _lines(called.strip().lstrip("%"), bodies, times)


def _bytes_of(result: str, start: str | bool) -> int:
    """Return the bytes of the arrays in the type of a result."""
    sizes = [
        math.prod(int(n) for n in shape.split(",") if n) * _width(kind)
        for kind, shape in _SHAPE.findall(result)
        if not (start and shape == "" and kind == "u32")
    ]
    if start in ("all-gather", "collective-permute"):  # also names what it was given
        sizes = sizes[len(sizes) // 2 :]
    return sum(sizes)


def _width(kind: str) -> int:
    bits = 8 if kind == "pred" else int(re.sub(r"\D", "", kind))
    return max(1, bits // 8)


def _group(line: str, world: int) -> int:
    """Return how many devices take part in an exchange."""
    if "source_target_pairs" in line:
        return world
    _, _, groups = line.partition("replica_groups=")
    if groups.startswith("mesh["):
        mesh, _, used = groups.partition("]")
        sizes = dict(_AXIS.findall(mesh))
        names = _USED.findall(used[: used.index("}")])
        return math.prod(int(part or sizes[name]) for name, part in names)
    tiled = re.match(r"\[\d+,(\d+)\]", groups)
    if tiled is not None:
        return int(tiled[1])
    listed = re.match(r"\{\{([\d,]+)\}", groups)
    return len(listed[1].split(",")) if listed else world


def _sent(kind: str, size: int, group: int) -> int:
    """Return the bytes that a device sends around a ring, given those of the result."""
    if kind == "collective-permute":
        return size
    if kind == "reduce-scatter":
        return size * (group - 1)
    return (2 if kind == "all-reduce" else 1) * size * (group - 1) // group
