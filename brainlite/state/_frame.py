"""The frame: an overlay of values over the states, for as long as a function is traced."""

import collections
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar, Token, copy_context
from typing import Any, Concatenate, Generic, NamedTuple, Self

import jax
from typing_extensions import ParamSpec, TypeVar

from brainlite._given import add_hint
from brainlite._jax_compat import (
    bind_read,
    current_trace,
    no_trace,
    set_current_trace,
    trace_cell,
)
from brainlite.environ._face import watch
from brainlite.errors import RawTransformError, StateLostError, TransformError
from brainlite.state._fit import type_text
from brainlite.state._locate import locate


class _Missing:
    """The value of a slot that has none."""

    def __repr__(self) -> str:
        return "<no value>"


MISSING: Any = _Missing()

T = TypeVar("T")
P = ParamSpec("P")


class Slot(Generic[T]):
    """What a frame overlays: an object with one value. Compared and hashed by identity."""

    __slots__ = ("__held__", "__weakref__")

    __held__: T

    def absent(self) -> T:
        """Return the value of a slot that has none yet, or raise."""
        raise StateLostError(
            f"this {type(self).__name__} has no value",
            where=locate(self),
            expected="a state that was made outside, or that sits in an attribute of a module",
            got="a state made inside a transform that has ended, or whose transform failed",
            fix="return the value from the function instead, or assign the state to an "
            "attribute (`self.h = ...`), where it survives",
        )


AnySlot = Slot[Any]


def held(slots: Iterable[AnySlot]) -> list[Any]:
    """Return the values in the slots themselves, past any frame."""
    return [slot.__held__ for slot in slots]


def hold(slots: Collection[AnySlot], values: Iterable[Any]) -> None:
    """Put values into slots themselves, past any frame.

    The loop runs in C without a chance for a signal handler: after a keyboard interrupt either all
    the values are in place or none is.
    """
    if trace_cell.value is not no_trace:  # a transform of ours that runs inside a plain jax one
        for slot in slots:
            check_raw_write(slot)
    put(slots, values)


def put(slots: Iterable[AnySlot], values: Iterable[Any]) -> None:
    """Put values into slots that are known to be writable, in C."""
    _exhaust(map(_hold, slots, values))


# Slots made under a plain jax transform -> the trace, in which they may be written freely.
raw_born: "weakref.WeakKeyDictionary[AnySlot, weakref.ref[Any]]" = weakref.WeakKeyDictionary()


def check_raw_write(slot: AnySlot) -> None:
    """Raise if ``slot`` is written under a plain jax transform in which it was not made."""
    trace = current_trace()
    born = raw_born.get(slot)
    if born is not None and born() is trace:
        return
    raise RawTransformError(
        f"this {type(slot).__name__} is written inside a plain jax transform, which would lose "
        "the write",
        where=locate(slot),
        expected="a write outside, or inside a transform of brainlite",
        got=f"a write under {type(trace).__name__}",
        fix="use brainlite.transform.jit, grad, vmap or scan instead of the one of jax",
    )


_exhaust: Callable[[Iterable[Any]], Any] = collections.deque(maxlen=0).extend
_hold: Callable[[AnySlot, Any], None] = vars(Slot)["__held__"].__set__
current_frame: ContextVar["Frame | None"] = ContextVar("current frame", default=None)


class Read(NamedTuple):
    """The first read of a slot in a frame: who, and in which structure."""

    slot: AnySlot
    structure: Any  # jax.tree_util.PyTreeDef, which has no public type
    leaves: list[Any]  # what was handed out, to see edits made in place


def _nobody(_frame: "Frame") -> None:
    """Watch no frames."""


class Kept(NamedTuple):
    """A container in an attribute, and what the lists and dicts in it held when it was read."""

    owner: Any
    name: str
    value: Any
    contents: list[tuple[Any, Any]]  # a list or dict, and a copy of it

    def undo(self) -> None:
        """Give the containers their content back."""
        for container, items in self.contents:
            if isinstance(container, dict):
                container.clear()
                container.update(items)
            else:
                container[:] = items


class Frame:
    """Reads and writes of states while a transform traces a function.

    Parameters
    ----------
    label : str
        The name of the transform, for messages.
    inputs : mapping, optional
        The values of slots that the transform passes in itself.
    hoist : bool
        Whether the first read of any other slot becomes an input of the traced function
        (``jit``, loops, branches), or just the value in the frame around (``grad``, ``vmap``).
    on_read : callable, optional
        Asked at the first read of a slot; returns its value or ``MISSING``.
    stand_ins : mapping, optional
        Slots of copied modules -> the slots whose values they have outside.
    watched : bool
        Whether to start a new record of the attributes and settings that are read. A frame
        without a record of its own adds to that of the frame around it.
    conditional : bool
        Whether what runs here may turn out not to run: a branch, the body of a while loop.
    """

    __slots__ = (
        "_records",
        "_tokens",
        "anew",
        "attributes",
        "born",
        "born_nodes",
        "conditional",
        "environment",
        "hoist",
        "in_place",
        "inputs",
        "kept",
        "label",
        "looked",
        "notes",
        "on_read",
        "parent",
        "reads",
        "stand_ins",
        "trace",
        "values",
        "written",
    )

    # Called when a frame opens and when it closes; the graph room sets them, to watch attributes
    # as long as there is a frame.
    on_open: Callable[["Frame"], None] = staticmethod(_nobody)
    on_close: Callable[["Frame"], None] = staticmethod(_nobody)

    def __init__(
        self,
        label: str,
        *,
        inputs: Mapping[Any, Any] | None = None,
        hoist: bool,
        on_read: "Callable[[Frame, AnySlot], Any] | None" = None,
        stand_ins: Mapping[Any, Any] | None = None,
        watched: bool = False,
        conditional: bool = False,
    ) -> None:
        parent = current_frame.get()
        self.label = label
        self.hoist = hoist
        self.conditional = conditional
        self.on_read = on_read
        self.parent = parent
        self.trace: Any = None
        self.inputs: dict[AnySlot, Any] = dict(inputs or {})
        self.stand_ins: Mapping[AnySlot, AnySlot] = stand_ins or {}
        self.values: dict[AnySlot, Any] = {}
        self.written: dict[AnySlot, None] = {}  # in the order of the first write
        self.anew: set[AnySlot] = set()  # those of `written` that a transform in here makes anew
        self.reads: list[Read] = []
        self.born: dict[AnySlot, Any] = {}  # slots made here -> the trace they were made in
        self.born_nodes: dict[int, object] = {}
        # (id of owner, name) -> (owner, value): attributes set to states or nodes in this frame
        self.attributes: dict[tuple[int, str], tuple[Any, Any]] = {}
        # The same for attributes that were read, or asked for in vain, before they were set here.
        self.looked: dict[tuple[int, str], Any] = {}
        self.kept: dict[tuple[int, str], Kept] = {}
        self.in_place: set[tuple[int, str]] = set()  # those of `attributes` that were edited
        inherit = parent is not None and not watched
        self.notes: dict[tuple[int, str], tuple[Any, Any]] = (
            parent.notes if inherit and parent is not None else {}
        )
        self.environment: dict[str, Any] = (
            parent.environment if inherit and parent is not None else {}
        )
        self._records = not inherit
        self._tokens: list[tuple[ContextVar[Any], Token[Any]]] = []

    def run(
        self, fun: Callable[Concatenate[Self, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call ``fun`` with this frame, which is open meanwhile, and the arguments.

        It runs in a copy of the context. So it is C code that leaves the frame, and whatever a
        keyboard interrupt cuts short here, no frame stays open.
        """
        return copy_context().run(self._enter_and_call, fun, *args, **kwargs)

    def _enter_and_call(
        self, fun: Callable[Concatenate[Self, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        with self:
            return fun(self, *args, **kwargs)

    def __enter__(self) -> Self:
        self.trace = current_trace()
        Frame.on_open(self)
        self._tokens = [(current_frame, current_frame.set(self))]
        if self._records:
            self._tokens.append(watch(self.environment))
        return self

    def __exit__(self, *error: object) -> None:
        for variable, token in self._tokens:
            variable.reset(token)
        Frame.on_close(self)
        if error[0] is not None:
            for each in self.kept.values():
                each.undo()
            add_hint(error[1])

    def ancestry(self) -> "Iterator[Frame]":
        """Yield this frame and those around it, innermost first."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.parent

    def read(self, slot: AnySlot) -> Any:
        """Return the value that ``slot`` has here."""
        value = self.values.get(slot, MISSING)
        if value is MISSING:
            value = self.values[slot] = self._first_read(slot)
        return value

    def _first_read(self, slot: AnySlot) -> Any:
        """Return the value of a slot that was not read here before, as an input where it hoists."""
        value = self.inputs.get(slot, MISSING)
        if value is MISSING and self.on_read is not None:
            value = self.on_read(self, slot)
        hoisted = value is MISSING and self.hoist
        if value is MISSING:
            value = self.outside(slot)
        leaves: list[Any]
        structure: Any
        leaves, structure = jax.tree.flatten(value)
        if hoisted and leaves:
            leaves = self._hoisted(slot, leaves)
        self.reads.append(Read(slot, structure, leaves))
        # A copy: what is edited in place here must not change the value outside.
        return structure.unflatten(leaves)

    def _hoisted(self, slot: AnySlot, leaves: list[Any]) -> list[Any]:
        """Bind the read as an equation, which lifting makes an input afterwards."""
        try:
            # Bound in the frame's own trace, so that the equation is at the top level of its
            # jaxpr even when the read happens inside a nested plain jax.lax.scan or vmap.
            with set_current_trace(self.trace):
                return bind_read(leaves, len(self.reads))
        except TypeError as error:
            raise TransformError(
                f"this {type(slot).__name__} cannot be used inside {self.label}",
                where=locate(slot),
                expected="a value made of arrays and numbers",
                got=type_text(self.outside(slot)),
                fix="keep other values in plain attributes of the module",
            ) from error

    def outside(self, slot: AnySlot) -> Any:
        """Return the value that ``slot`` has in the frame around, or in itself."""
        slot = self.stand_ins.get(slot, slot)
        if self.parent is not None:
            return self.parent.read(slot)
        value = slot.__held__
        return value if value is not MISSING else slot.absent()

    def peek(self, slot: AnySlot) -> Any:
        """Return the value that ``slot`` has here, unseen: for a look at its type."""
        for values in (self.values, self.inputs):
            value = values.get(slot, MISSING)
            if value is not MISSING:
                return value
        slot = self.stand_ins.get(slot, slot)
        value = slot.__held__ if self.parent is None else self.parent.peek(slot)
        return value if value is not MISSING else slot.absent()

    def write(self, slot: AnySlot, value: object) -> None:
        """Let ``value`` be the value of ``slot`` here. The caller has checked that it fits."""
        trace = current_trace()
        if trace is not self.trace and self.born.get(slot) is not trace:
            raise RawTransformError(
                f"this {type(slot).__name__} is written inside a plain jax transform that runs "
                f"inside {self.label}; the write would be lost",
                where=locate(slot),
                expected="a write in the body of a transform of brainlite",
                got=f"a write under {type(trace).__name__}",
                fix="use brainlite.transform.jit, grad, vmap, scan or cond instead of jax's",
            )
        self.written[slot] = None
        self.values[slot] = value

    def make(self, slot: AnySlot, value: object) -> None:
        """Take in a slot that is made while this frame is current."""
        self.born[slot] = current_trace()
        self.values[slot] = value

    def make_anew(self, slot: AnySlot) -> None:
        """Note that what is about to be written is made anew, by a transform in here."""
        self.anew.add(slot)

    def note(self, slot: AnySlot, name: str, value: object) -> None:
        """Note that the function depends on something of a slot other than its value."""
        if not self.is_local(slot):
            self.notes.setdefault((id(slot), name), (slot, value))

    def is_local(self, slot: AnySlot) -> bool:
        """Say whether ``slot`` was made in this frame or in one around it."""
        return any(slot in frame.born for frame in self.ancestry())

    def is_new(self, thing: object) -> bool:
        """Say whether a slot or a node was made in this frame."""
        return id(thing) in self.born_nodes or thing in self.born

    def edited(self) -> Iterator[AnySlot]:
        """Yield the slots that were read and whose value was then edited in place."""
        for slot, then, leaves in self.reads:
            if slot not in self.written and not jax.tree_util.treedef_is_leaf(then):
                now, structure = jax.tree.flatten(self.values[slot])
                if structure != then or any(map(_differ, now, leaves)):
                    yield slot

    def forget(self) -> None:
        """Drop every traced value, so that a frame that is kept does not keep the trace."""
        self.trace = None
        self.inputs.clear()
        self.values.clear()
        self.born.clear()
        self.born_nodes.clear()
        self.looked.clear()
        self.kept.clear()
        self.reads = [read._replace(leaves=[]) for read in self.reads]
        self.parent = None


def _differ(left: object, right: object) -> bool:
    return left is not right
