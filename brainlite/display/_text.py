"""The text of an object: one part a line, two spaces a level."""

from contextvars import ContextVar
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Final, TypeAlias

from brainlite.display._leaf import (
    ATOMS,
    array_text,
    failure_text,
    is_array,
    leaf_text,
    safe_repr,
)
from brainlite.display._open import (
    ShownItems,
    holds_containers,
    inline,
    is_displayable,
    open_displayable,
    open_plain,
    prefers_repr,
    without_defaults,
)
from brainlite.errors import OptionError

DEEPEST: Final = 100  # levels that print unless more are asked for: text of depth n is n² long
SAME: Final = 12  # entries of equal text in a row that print before they fold into one ...
SCREEN: Final = 60  # ... or fewer, where all but the first are longer than this many lines

_SHAPED: Final = "ShapedArray("
_COLUMNS: Final = 120  # of a compact line

Route: TypeAlias = "tuple[Route, str] | None"
"""The path of an object, last part first; None at the root. Joined only where it is printed."""

# What is open in the calls of `to_text` further out, where a user's `__repr__` calls it again.
_open_outside: ContextVar[tuple[set[int], ...]] = ContextVar("_open_outside", default=())


def to_text(
    obj: object, *, depth: int | None = None, values: bool = False, compact: bool = False
) -> str:
    """Return the text that ``print`` shows for an object.

    Parameters
    ----------
    obj : object
        Usually something with ``__display__``: a module, a state, a collection of states.
    depth : int, optional
        How many levels of displayable objects to open; the ones below print as ``Linear(...)``.
        By default 100.
    values : bool
        Whether arrays of up to 32 elements show their numbers. This copies them from the device;
        nothing else does.
    compact : bool
        Whether what fits into 120 columns stands on one line, without the arguments that have their
        default: ``Linear(in_size=(2,), out_size=(3,), weight=ParamState({'bias': float32[3], ...``.

    Returns
    -------
    str
        One part a line, indented by two spaces a level. An object that appears a second time
        prints as ``<Linear at encoder[0]>``, more than 12 equal entries in a row, or as many as
        fill a screen, as the first one and a count.

    Raises
    ------
    OptionError
        If ``depth`` is negative.

    Examples
    --------
    >>> from brainlite.display import Shown
    >>> class Layer:
    ...     def __display__(self) -> Shown:
    ...         return Shown("Layer", [("size", (3,)), ("weight", {"w": jnp.ones(3)})])
    ...
    ...     __repr__ = text_repr
    >>> Layer()
    Layer(
      size=(3,),
      weight={
        'w': ShapedArray(float32[3])
      }
    )
    >>> print(to_text([Layer()], depth=0))
    [
      Layer(...)
    ]
    >>> print(to_text([Layer()], compact=True))
    [Layer(size=(3,), weight={'w': float32[3]})]
    """
    if depth is not None and depth < 0:
        raise OptionError(
            "a display has no negative depth",
            expected="the number of levels to open, or None",
            got=repr(depth),
            fix="pass 0 to see only the name",
        )
    writer = _Writer(DEEPEST if depth is None else depth, values, compact)
    token = _open_outside.set((*writer.outside, writer.open))
    try:
        return writer.write(obj)
    finally:
        _open_outside.reset(token)


def text_repr(self: object) -> str:
    """Return the text of an object; a displayable class takes it as its ``__repr__``.

    :func:`to_text` would do, but a subclass that writes its own ``__repr__`` would then have to
    take the options of :func:`to_text` to please a type checker.

    Returns
    -------
    str

    Examples
    --------
    >>> from brainlite.display import Shown, text_repr
    >>> class Scale:
    ...     def __display__(self):
    ...         return Shown("Scale", [("factor", 2.0)])
    ...
    ...     __repr__ = text_repr
    >>> Scale()
    Scale(
      factor=2.0
    )
    """
    return to_text(self)


class _Level:
    """An opened object whose entries are being written."""

    __slots__ = ("above", "compact", "key", "level", "nested", "node", "starts", "trail")

    def __init__(
        self,
        node: ShownItems,
        key: int,
        trail: Route,
        level: int,
        above: int,
        nested: int,
        compact: bool,
    ) -> None:
        self.node = node
        self.key = key
        self.trail: Route = trail
        self.level = level
        self.above = above  # displayables opened down to here
        self.nested = nested  # containers opened since the last of them
        self.compact = compact  # whether it goes on one line, if it fits
        self.starts: list[int] = []  # the first line of each entry written so far


class _Writer:
    """Writes lines without recursion, so that no nesting is too deep.

    ``lines`` holds pairs of level and text. An entry is written without its label and comma, which
    are added when its frame closes: until then entries of equal text compare equal.
    """

    def __init__(self, depth: int, values: bool, compact: bool) -> None:
        self.depth = depth
        self.values = values
        self.compact = compact
        self.lines: list[tuple[int, str]] = []
        self.stack: list[_Level] = []
        self.open: set[int] = set()
        self.outside = _open_outside.get()
        # By id; the object is kept, so that no other can get its id before we are done.
        self.seen: dict[int, tuple[Any, str, Route]] = {}

    def write(self, obj: object) -> str:
        """Return the text of an object: entry by entry, with a stack instead of recursion."""
        self._value(obj, None)
        while self.stack:
            frame = self.stack[-1]
            done = len(frame.starts)
            if done == len(frame.node.entries):
                self._close()
                continue
            entry = frame.node.entries[done]
            frame.starts.append(len(self.lines))
            self._value(entry.value, (frame.trail, entry.part))
        return "\n".join("  " * level + text for level, text in self.lines)

    def _value(self, value: object, trail: Route) -> None:
        try:
            self._dispatch(value, trail)
        except Exception as error:  # whatever a user's class does: nothing of it is written yet
            self._line(failure_text(value, error))

    def _dispatch(self, value: object, trail: Route) -> None:
        """Write a value as what it is: an atom, a displayable, an array, or something else."""
        if isinstance(value, ATOMS):
            self._line(safe_repr(value))
        elif is_displayable(value):
            # At the root a `__repr__` is not asked: it may be the one that has called us.
            if trail is not None and prefers_repr(value):
                self._line(safe_repr(value))
            else:
                self._displayable(value, trail)
        elif is_array(value):
            text = array_text(value, self.values)
            short = self._is_compact() and text.startswith(_SHAPED)
            self._line(text[len(_SHAPED) : -1] if short else text)
        else:
            self._other(value, trail)

    def _is_compact(self) -> bool:
        return self.stack[-1].compact if self.stack else self.compact

    def _line(self, text: str) -> None:
        level = self.stack[-1].level + 1 if self.stack else 0
        self.lines.extend((level, line) for line in text.split("\n"))

    def _displayable(self, value: object, trail: Route) -> None:
        """Open an object that says itself what to show, or refer to where it is shown already."""
        shared = getattr(type(value), "__display_shared__", True)
        if id(value) in self.open or (shared and id(value) in self.seen):
            self._line(self._reference(value))
            return
        node = open_displayable(value)
        compact = self._is_compact() or getattr(type(value), "__display_compact__", False)
        if compact:
            node = without_defaults(value, node)
        above = self.stack[-1].above if self.stack else 0
        too_deep = above >= self.depth or any(id(value) in keys for keys in self.outside)
        self._enter(value, node, trail, too_deep, above + 1, 0, compact)

    def _other(self, value: object, trail: Route) -> None:
        """Write a container, on one line where it is plain, or the text of a leaf."""
        node = open_plain(value)
        text = leaf_text(value) if node is None else inline(node)
        if node is None or text is not None:
            self._line(str(text))
            return
        # A flat container that appears again is worth its few lines; a nested one could double the
        # text at each level.
        if id(value) in self.open or (id(value) in self.seen and holds_containers(node)):
            self._line(self._reference(value))
            return
        above, depth = (self.stack[-1].above, self.stack[-1].nested) if self.stack else (0, 0)
        too_deep = depth >= DEEPEST
        self._enter(value, node, trail, too_deep, above, depth + 1, self._is_compact())

    def _enter(
        self,
        value: object,
        node: ShownItems,
        trail: Route,
        too_deep: bool,
        above: int,
        nested: int,
        compact: bool,
    ) -> None:
        """Write the first line of an opened object, and put its entries on the stack."""
        if too_deep or not node.entries:
            dots = "..." if node.entries else ""
            self._line(f"{node.opening}{dots}{node.closing}")
            return
        self._line(node.opening)
        level = self.stack[-1].level + 1 if self.stack else 0
        name = node.opening.rstrip("([{") or type(value).__name__
        self.seen.setdefault(id(value), (value, name, trail))
        self.open.add(id(value))
        self.stack.append(_Level(node, id(value), trail, level, above, nested, compact))

    def _reference(self, value: object) -> str:
        _, name, trail = self.seen[id(value)]
        parts: list[str] = []
        while trail is not None:
            trail, part = trail
            parts.append(part)
        path = "".join(reversed(parts)).removeprefix(".")
        return f"<{name} at {path or 'the root'}>"

    def _close(self) -> None:
        """Write what an object ends with, and put the labels before its entries."""
        frame = self.stack.pop()
        self.open.discard(frame.key)
        labels = [entry.label for entry in frame.node.entries]
        starts = frame.starts
        if len(labels) > SAME or (len(labels) > 2 and len(self.lines) - starts[1] > SCREEN):
            starts, labels = self._fold(frame, labels)
        if frame.node.rest:
            starts.append(len(self.lines))
            labels.append("")
            self.lines.append((frame.level + 1, f"... {frame.node.rest} more"))
        for start, label in zip(starts, labels, strict=True):
            level, text = self.lines[start]
            self.lines[start] = (level, label + text)
        for start in starts[1:]:
            level, text = self.lines[start - 1]
            self.lines[start - 1] = (level, text + ",")
        if frame.node.opening == "(" and len(frame.node.entries) == 1:  # else no tuple, to Python
            level, text = self.lines[-1]
            self.lines[-1] = (level, text + ",")
        self.lines.append((frame.level, frame.node.closing))
        if frame.compact:
            self._join(frame)

    def _join(self, frame: _Level) -> None:
        """Put an object that has just been written on one line, if it fits."""
        first = frame.starts[0] - 1
        level, opening = self.lines[first]
        *inside, closing = [text for _, text in self.lines[first + 1 :]]
        joined = f"{opening}{' '.join(inside)}{closing}"
        nested = any(here > frame.level + 1 for here, _ in self.lines[first + 1 : -1])
        if not nested and 2 * level + len(joined) <= _COLUMNS:
            self.lines[first:] = [(level, joined)]

    def _fold(self, frame: _Level, labels: list[str]) -> tuple[list[int], list[str]]:
        """Write the entries of ``frame`` again, many equal ones in a row as one and a count."""
        bounds = pairwise([*frame.starts, len(self.lines)])
        bodies = [self.lines[start:end] for start, end in bounds]
        del self.lines[frame.starts[0] :]
        starts: list[int] = []
        kept: list[str] = []
        for body, run in groupby(zip(bodies, labels, strict=True), key=itemgetter(0)):
            names = [label for _, label in run]
            many = len(names) > SAME or (len(names) - 1) * len(body) > SCREEN
            # A field of one line is kept: its name says more than its text takes.
            folds = many and len(names) > 2 and (len(body) > 1 or not frame.node.has_names)
            for name in names[:1] if folds else names:
                starts.append(len(self.lines))
                kept.append(name)
                self.lines.extend(body)
            if folds:
                starts.append(len(self.lines))
                kept.append("")
                self.lines.append((frame.level + 1, _more_of_the_same(names)))
        return starts, kept


def _more_of_the_same(labels: list[str]) -> str:
    last = labels[-1].rstrip("=: ")
    return f"... x{len(labels) - 1} more of the same" + (f", up to {last}" if last else "")
