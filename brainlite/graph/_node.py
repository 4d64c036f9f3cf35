"""Node: an object that is part of a graph, and whose attributes are watched while tracing."""

import inspect
import re
import threading
import warnings
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Self, get_origin

import jax
import numpy as np

from brainlite._jax_compat import Tracer, current_trace, no_trace, trace_cell
from brainlite.display import Shown, notebook_repr, text_repr, treescope_repr
from brainlite.errors import (
    GraphError,
    RawTransformError,
    StateOverwriteError,
    TracedAttributeError,
    TransformError,
)
from brainlite.graph._contents import (
    NODE,
    NodeBase,
    container_items,
    graph_below,
    holds_graph,
    role_of,
)
from brainlite.graph._edits import check_places, containers_in, copied, edits, keep
from brainlite.graph._foreign import node_types
from brainlite.graph._notes import ABSENT, ALL, freeze, is_walk
from brainlite.state import State
from brainlite.state._face import AnyState, Frame, current_frame, epoch, locate, raw_born, specs_of
from brainlite.typing import PathPart

_current = current_frame.get


class Node(NodeBase):
    """The base of everything that has a place in an object graph: modules, above all.

    Attributes are ordinary Python attributes. Setting one advances the epoch, so that
    compiled functions look again at what they depend on. While a transform traces a function,
    reading one is noted, and setting one to a state or a node is part of the transform: it
    takes effect when the transform ends well.

    Subclasses need not call ``super().__init__()``.

    Examples
    --------
    >>> from brainlite.state import State
    >>> class Counter(Node):
    ...     def __init__(self) -> None:
    ...         self.count = State(jnp.zeros(()))
    >>> Counter().count.value.shape
    ()
    """

    __slots__ = ("__compiled__", "__dict__", "__weakref__")

    # For the engine: compiled functions that took this node as an argument, bound to it.
    __compiled__: dict[Any, Any]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        node = object.__new__(cls)
        _set_compiled(node, {})
        frame = _current()
        if frame is not None:
            frame.born_nodes[id(node)] = node
        elif trace_cell.value is not no_trace:
            node.__compiled__[_BORN] = weakref.ref(trace_cell.value)
        return node

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        slots: Any = cls.__dict__.get("__slots__", ())
        hidden = [s for s in ([slots] if isinstance(slots, str) else slots) if s[:2] != "__"]
        if hidden:
            raise GraphError(
                f"{cls.__name__} has __slots__; what is in a slot would be no part of the graph",
                expected="ordinary attributes",
                got=f"__slots__ = {tuple(hidden)}",
                fix="leave __slots__ out",
            )

    def __setattr__(self, name: str, value: Any) -> None:
        frame = _current()
        if name == "__class__":
            _check_class_change(frame, self, value)
        elif type(value) in _UNSEARCHED:
            _check_searched(self, name, value)
        elif isinstance(value, _ARRAYS) and name not in fields(self):
            _check_declared(self, name, value)
        if frame is None and trace_cell.value is not no_trace:
            _check_raw_attribute(self, name, value)
        if frame is not None and id(self) not in frame.born_nodes:
            if hasattr(inspect.getattr_static(type(self), name, None), "__set__"):
                object.__setattr__(self, name, value)  # a property: its setter comes back here
            else:
                _set_in_frame(frame, self, name, value)
            return
        there = self.__dict__.get(name)
        if isinstance(there, State):
            _check_overwrite(self, name, value)
            if there.sharding is not None:
                _follow(value, there)
        if isinstance(getattr(type(self), name, None), property):
            # Its setter comes back here with what it sets; it may also write to `__dict__`.
            before = self.__dict__.copy()
            object.__setattr__(self, name, value)
            if not _holds_the_same(before, self.__dict__):
                epoch.advance()
            return
        object.__setattr__(self, name, value)
        epoch.advance()

    def __getstate__(self) -> dict[str, object]:
        # A copy, or a pickle, starts without compiled functions.
        note_all(self)
        return dict(fields(self))

    def __delattr__(self, name: str) -> None:
        frame = _current()
        if frame is not None and not _is_local(frame, self):
            _check_delete(frame, self, name)
        object.__delattr__(self, name)
        epoch.advance()

    def __path_to__(self, target: object) -> list[str] | None:
        """Return the steps from here to ``target``, for error messages."""
        from_here = find_path(self, target)
        return None if from_here is None else [type(self).__name__, *map(_step, from_here)]

    def __display__(self) -> Shown:
        """Return the public attributes, in the order in which they were set."""
        shown = [item for item in fields(self).items() if not item[0].startswith("_")]
        return Shown(type(self).__name__, shown)

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


_ARRAYS = (jax.Array, np.ndarray)
# Containers that a graph is not looked for in.
_UNSEARCHED = frozenset({set, frozenset, deque})
_BORN = object()  # under which a node made in a plain jax transform keeps the trace


def _check_searched(node: Node, name: str, value: Any) -> None:
    """Raise for a set or deque that holds states or nodes: no walk would find them."""
    found = next((item for item in value if holds_graph(item)), None)
    if found is not None:
        raise GraphError(
            f"attribute {name!r} was set to a {type(value).__name__} that holds a "
            f"{type(found).__name__}, which would be no part of the graph",
            where=locate(node) or type(node).__name__,
            expected="states and modules in attributes, lists, tuples, dicts or dataclasses",
            got=f"a {type(value).__name__} of {len(value)} items",
            fix=f"use a list: `self.{name} = [...]`",
        )


def _check_class_change(frame: Frame | None, node: Node, kind: object) -> None:
    """Raise where a class changes inside a transform; elsewhere tell compiled functions."""
    if frame is not None:
        raise TransformError(
            f"the class of an object is changed inside {frame.label}: that would happen when the "
            "function is traced, not at each call",
            where=locate(node),
            expected="objects that keep their class",
            got=f"`__class__ = {getattr(kind, '__name__', kind)}`",
            fix="change it outside, or make a new object",
        )
    epoch.advance_calls()  # compiled functions noted nothing of the class


def _check_raw_attribute(node: Node, name: str, value: object) -> None:
    """Raise if a plain jax transform leaves something of its trace in an attribute."""
    born = node.__compiled__.get(_BORN)
    if born is not None and born() is current_trace():
        return
    traced = any(isinstance(leaf, Tracer) for leaf in parts_within(value))
    if traced or any(_is_raw(thing) for _, thing in graph_below(value)):
        raise RawTransformError(
            f"attribute {name!r} is set inside a plain jax transform to something that lives in "
            "its trace only, and would be there still when the trace is over",
            where=locate(node) or type(node).__name__,
            expected="an assignment outside, or inside a transform of brainlite",
            got=f"a {type(value).__name__} set under {type(current_trace()).__name__}",
            fix="use brainlite.transform.jit, grad, vmap or scan instead of the one of jax",
        )


def _is_raw(thing: object) -> bool:
    if isinstance(thing, State):
        return thing in raw_born
    return isinstance(thing, Node) and _BORN in thing.__compiled__


_set_compiled: Callable[[Node, dict[Any, Any]], None] = vars(Node)["__compiled__"].__set__
_get_dict: Callable[[Node], dict[str, object]] = vars(Node)["__dict__"].__get__


def node_dict(node: Node) -> dict[str, object]:
    """Return the attributes of ``node`` as they are outside any frame, unseen by any."""
    return _get_dict(node)


def fields(node: Node) -> dict[str, object]:
    """Return the attributes of ``node`` as they are here: in a frame, with what it has set."""
    return fields_in(_current(), node)


def fields_in(frame: Frame | None, node: Node) -> dict[str, object]:
    """Return the attributes of ``node`` as they are in a frame, or outside any."""
    if node_types and type(node) in node_types:
        foreign: dict[Any, Any] = dict(node_types[type(node)].flatten(node)[0])
        return foreign
    attributes = _get_dict(node)
    if frame is None:
        return attributes
    changed: dict[str, object] = {}
    for around in reversed(list(frame.ancestry())):
        for (owner, name), (_, value) in around.attributes.items():
            if owner == id(node):
                changed[name] = value
    return {**attributes, **changed} if changed else attributes


def before(frame: Frame, node: Node, name: str) -> object:
    """Return what an attribute was before it was set in ``frame``, or ``ABSENT``."""
    return fields_in(frame.parent, node).get(name, ABSENT)


def note(frame: Frame, node: Node, name: str, value: object) -> None:
    """Note that the function being traced depends on an attribute that comes from outside."""
    key = (id(node), name)
    frame.looked[key] = node
    if id(node) not in frame.born_nodes and not is_walk(name):
        keep(frame, node, name, value)
    if key not in frame.notes and not _is_local(frame, node):
        frame.notes[key] = (node, freeze(value))
        # Reads of a registered class's objects are not seen: the function depends on all of them.
        for _, inner in graph_below(value) if node_types else ():
            if type(inner) in node_types:
                note(frame, inner, ALL, all_items(inner))


def note_all(node: Node) -> None:
    """Note, inside a transform, that the function depends on every attribute of ``node``."""
    frame = _current()
    if frame is not None:
        note(frame, node, ALL, all_items(node))


def all_items(node: Node) -> list[Any]:
    """Return the names and values of all attributes, one after the other."""
    return [item for pair in fields(node).items() for item in pair]


def _is_local(frame: Frame, node: Node) -> bool:
    """Say whether the node was made by the function that is being traced."""
    around: Frame | None = frame
    while around is not None:
        if id(node) in around.born_nodes:
            return True
        around = around.parent
    return False


def _set_in_frame(frame: Frame, node: Node, name: str, value: object) -> None:
    """Set an attribute while a function is traced: in the frame if it is of the graph."""
    before = fields(node).get(name, ABSENT)
    if isinstance(before, State):
        _check_overwrite(node, name, value)
    key = (id(node), name)
    overlaid = any(key in around.attributes for around in frame.ancestry())
    # States may be put into an empty container later.
    empty = isinstance(value, list | dict) and not value
    if overlaid or empty or holds_graph(value) or holds_graph(before):
        _check_no_tracer(frame, node, name, value)
        _check_raw_set(frame, node, name)
        frame.attributes[key] = (node, value)
    else:
        _set_plain(frame, node, name, value)


def take_edits(frame: Frame) -> None:
    """Let what was edited in place in a frame be set in the frame, and undo it outside."""
    found = list(edits(frame))
    changed = {*frame.attributes, *((id(owner), name) for owner, name, _ in found)}
    if not changed:
        return
    check_places(frame, changed)
    outside = {id(each) for kept in frame.kept.values() for each, _ in kept.contents}
    for key, (owner, value) in frame.attributes.items() if found else ():
        # What is given its content back must not be what an attribute was set to.
        if any(id(each) in outside for each in containers_in(value)):
            frame.attributes[key] = (owner, copied(value))
    for owner, name, value in found:
        key = (id(owner), name)
        now = copied(value)
        kept = frame.kept[key]
        if not (holds_graph(now) or any(holds_graph(items) for _, items in kept.contents)):
            _check_no_tracer(frame, owner, name, now)
            _check_runs(frame, owner, name, now)
            if not _is_local(frame, owner):
                _warn_plain_write(type(owner), name, frame.label)
        else:
            _check_no_tracer(frame, owner, name, now)
            kept.undo()
            if key not in frame.attributes:
                frame.attributes[key] = (owner, now)
                frame.in_place.add(key)
        del frame.kept[key]


def set_if_plain(frame: Frame, node: Node, name: str, value: object) -> bool:
    """Set an attribute for good if there are no states and nodes in it, when a frame ends well."""
    around = frame.parent
    overlaid = around and any((id(node), name) in each.attributes for each in around.ancestry())
    before = object.__getattribute__(node, "__dict__").get(name, ABSENT)
    if overlaid or holds_graph(value) or holds_graph(before):
        return False
    if not _equal(before, value):
        _set_plain(frame, node, name, value)
    return True


def _set_plain(frame: Frame, node: Node, name: str, value: object) -> None:
    """Set an attribute without states and nodes, at once and for good."""
    attributes: dict[str, object] = object.__getattribute__(node, "__dict__")
    before = attributes.get(name, ABSENT)
    if not _equal(before, value):
        _check_runs(frame, node, name, value)
    if not _is_local(frame, node):
        _check_no_tracer(frame, node, name, value)
        if not _equal(before, value):
            _warn_plain_write(type(node), name, frame.label)
    object.__setattr__(node, name, value)
    epoch.advance()


def _check_no_tracer(frame: Frame, node: Node, name: str, value: object) -> None:
    """Raise for a traced value in a plain attribute, which would outlive its trace."""
    if any(isinstance(leaf, Tracer) for leaf in parts_within(value)):
        raise TracedAttributeError(
            f"attribute {name!r} was set to a traced value inside {frame.label}",
            where=locate(node),
            expected="a State for a value that changes while the model runs",
            got=f"a plain attribute set to {value!r}",
            fix=f"use a state: `self.{name} = brainlite.State(...)` in __init__, and "
            f"`self.{name}.value = ...` here",
        )


def _check_runs(frame: Frame, node: Node, name: str, value: object) -> None:
    """Raise for a plain attribute set in code that may not run."""
    for around in frame.ancestry():
        if id(node) in around.born_nodes:
            return
        if not around.conditional:
            continue
        raise TransformError(
            f"attribute {name!r} is set in code that may not run ({frame.label}), and would be set "
            "all the same, since the code is traced",
            where=locate(node),
            expected="a State for what a branch or a while loop changes",
            got=f"a plain attribute set to {value!r}",
            fix=f"use a state: `self.{name} = brainlite.State(...)` in __init__, and "
            f"`self.{name}.value = ...` here",
        )


def _check_raw_set(frame: Frame, node: Node, name: str) -> None:
    """Raise for a state or node set under a plain transform of jax, which would lose it."""
    trace = current_trace()
    if trace is not frame.trace:
        raise RawTransformError(
            f"attribute {name!r}, which holds a state or a module, is set inside a plain jax "
            f"transform that runs inside {frame.label}",
            where=locate(node),
            expected="an assignment in the body of a transform of brainlite",
            got=f"an assignment under {type(trace).__name__}",
            fix="use brainlite.transform.jit, grad, vmap, scan or cond instead of jax's",
        )


def _holds_the_same(before: dict[str, object], now: dict[str, object]) -> bool:
    return before.keys() == now.keys() and all(now[name] is before[name] for name in before)


def _equal(before: object, value: object) -> bool:
    try:
        return before is value or (type(before) is type(value) and bool(before == value))
    except Exception:  # arrays, and whatever else a foreign __eq__ may raise
        return False


def parts_within(value: object) -> Iterator[Any]:
    """Yield what is in a value. Unlike a pytree, a dict may have keys that cannot be sorted."""
    if isinstance(value, list | tuple | dict):
        for _, item in container_items(value):
            yield from parts_within(item)
    else:
        yield from jax.tree.leaves(value)


_warned: set[tuple[type, str]] = set()


def _warn_plain_write(kind: type, name: str, label: str) -> None:
    """Warn, once for each attribute, that it is set when the function is traced."""
    if (kind, name) in _warned:
        return
    _warned.add((kind, name))
    warnings.warn(
        f"{kind.__name__}.{name} is a plain attribute and is set inside {label}: that happens "
        "when the function is traced, not at each call. Use a State for what changes from call "
        "to call. (Shown once for this attribute.)",
        stacklevel=5,
    )


def _check_overwrite(node: Node, name: str, value: object) -> None:
    """Raise for a bare value over a state: the parameter would be dropped."""
    leaves = list(parts_within(value))
    arrays = (jax.Array, np.ndarray, np.generic, int, float, complex)
    if leaves and all(isinstance(leaf, arrays) for leaf in leaves):
        old = fields(node)[name]
        raise StateOverwriteError(
            f"attribute {name!r} holds a {type(old).__name__}, and an array was assigned over it",
            where=locate(node),
            expected=f"a {type(old).__name__}, or a write to its value",
            got=f"a {type(value).__name__}",
            fix=f"use `.{name}.value = ...` to change the value, or assign "
            f"`{type(old).__name__}(...)` to replace the state",
        )


def _follow(new: object, old: AnyState) -> None:
    """Let a state that is made anew live where the one did whose place it takes."""
    if isinstance(new, State) and new.sharding is None:
        [spec], [there] = specs_of([new]), specs_of([old])
        if spec.may_become(there):
            new.sharding = old.sharding


def _check_declared(node: Node, name: str, value: Any) -> None:
    """Raise if an array is assigned where the class says that there will be a state."""
    kind = _declared(type(node), name)
    if kind is not None:
        raise StateOverwriteError(
            f"attribute {name!r} is to hold a {kind}, and an array was assigned to it",
            where=locate(node) or type(node).__name__,
            expected=f"a {kind}, or a write to its value",
            got=f"a {type(value).__name__}",
            fix="call `brainlite.nn.init_all_states(model)` first, and then use "
            f"`.{name}.value = ...`",
        )


def _declared(kind: type, name: str) -> str | None:
    """Return the kind of state that the annotations of a class have under a name."""
    for each in kind.__mro__:
        declared = inspect.get_annotations(each).get(name)
        origin: Any = get_origin(declared) or declared
        if isinstance(origin, type) and issubclass(origin, State):
            return origin.__name__
        found = re.match(r"(\w+\.)*(\w*State)\b", declared) if isinstance(declared, str) else None
        if found is not None:
            return found[2]
    return None


def _check_delete(frame: Frame, node: Node, name: str) -> None:
    """Raise for an attribute that is deleted while a function is traced."""
    before = fields(node).get(name, ABSENT)
    if holds_graph(before):
        raise TransformError(
            f"attribute {name!r}, which holds a state or a module, is deleted inside {frame.label}",
            where=locate(node),
            expected="a state or module that is there still if the transform fails",
            got=f"`del` of a {type(before).__name__}",
            fix=f"delete it outside, or set it to None here (`self.{name} = None`)",
        )


def _step(part: PathPart) -> str:
    if str(part).isdigit():  # a list's index, or an item of a module that is a list
        return f"[{part}]"
    return f".{part}" if isinstance(part, str) and part.isidentifier() else f"[{part!r}]"


def find_path(root: Node, target: object) -> list[PathPart] | None:
    """Return the path of ``target`` below ``root``, looking at nearer objects first."""
    # (number of what holds it, last step, object): a path for each would take quadratic memory.
    met: list[tuple[int, PathPart, Any]] = [(0, "", root)]
    seen: set[int] = set()
    for number, (_, _, value) in enumerate(met):
        if value is target:
            path: list[PathPart] = []
            while number:
                number, part, _ = met[number]
                path.insert(0, part)
            return path
        if id(value) not in seen:
            seen.add(id(value))
            is_node = role_of(value) == NODE
            below = fields(value).items() if is_node else container_items(value)
            met.extend((number, part, item) for part, item in below)
    return None


def _watched_getattribute(self: Node, name: str) -> object:
    """Read an attribute: look into the frames that are open first, and note the read."""
    global _reads_left
    frame = _current()
    if frame is None:
        _reads_left -= 1
        if _reads_left < 0:
            _end_watching()
        return object.__getattribute__(self, name)
    if name[:2] == "__" and (name != "__dict__" or _is_local(frame, self)):
        return object.__getattribute__(self, name)
    if name == "__dict__":  # a copy, so that a cached_property keeps no traced value there
        note_all(self)
        for field, content in fields(self).items():
            keep(frame, self, field, content)
        return dict(fields(self))
    around: Frame | None = frame
    while around is not None:
        overlay = around.attributes.get((id(self), name))
        if overlay is not None:
            if around is not frame:  # set by what runs around, and so found, not made, here
                frame.looked[(id(self), name)] = self
                keep(frame, self, name, overlay[1])
            return overlay[1]
        around = around.parent
    value = object.__getattribute__(self, "__dict__").get(name, ABSENT)
    note(frame, self, name, value)
    return object.__getattribute__(self, name) if value is ABSENT else value


# Watching costs some 150 ns for each read, so the class is not watched all the time. But a class
# that is changed costs more: Python updates every subclass (about a millisecond) and drops what it
# has learned of their attributes, on 3.13 for good after a thousand changes. So the class stays
# watched after a frame has closed, for a number of reads outside any frame that doubles each time.
_FEWEST = 500
_MOST = 1_000_000
_lock = threading.Lock()
_open_frames: set[int] = set()  # by id: should one stay in here, its class stays watched, no more
_reads_granted = _FEWEST  # after the first frame: twice that
_reads_left = 0


def _is_watched() -> bool:
    return "__getattribute__" in vars(Node)


def _begin_watching(frame: Frame) -> None:
    global _reads_granted, _reads_left
    with _lock:
        _open_frames.add(id(frame))
        if not _is_watched():
            _reads_granted = min(2 * _reads_granted, _MOST)
            type.__setattr__(Node, "__getattribute__", _watched_getattribute)
        _reads_left = _reads_granted


def _end_watching() -> None:
    with _lock:
        if not _open_frames and _is_watched():
            type.__delattr__(Node, "__getattribute__")


def _close(frame: Frame) -> None:
    _open_frames.discard(id(frame))


Frame.on_open = staticmethod(_begin_watching)
Frame.on_close = staticmethod(_close)
