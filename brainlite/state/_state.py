"""State: a slot for one value, as users and the engine see it."""

import warnings
import weakref
from collections.abc import Callable, Collection, Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias

import jax
from typing_extensions import TypeVar

from brainlite._given import owned
from brainlite._jax_compat import (
    Tracer,
    no_trace,
    trace_cell,
    under_jit,
)
from brainlite.display import Shown, notebook_repr, text_repr, treescope_repr
from brainlite.errors import ShardingError, StateValueError, TransformError
from brainlite.state._epoch import epoch
from brainlite.state._fit import same_structure, same_types, type_text
from brainlite.state._frame import (
    MISSING,
    Slot,
    check_raw_write,
    current_frame,
    hold,
    raw_born,
)
from brainlite.state._locate import locate
from brainlite.state._misuse import no_such, refused_operators
from brainlite.state._sharding import (
    FIELD,
    differing_spec,
    has_explicit_spec,
    packed,
    placed,
    put_array,
    spec_text,
    spread,
    unpacked,
)
from brainlite.typing import PyTree

T = TypeVar("T", default=jax.Array)

_current = current_frame.get
# Who is told of each state that is made, by its constructor or by a transform that ends.
makers: ContextVar[tuple[Callable[["State[Any]"], None], ...]] = ContextVar("makers", default=())


class State(Slot[T]):
    """A slot that holds one value: an array, or a pytree of arrays.

    Parameters
    ----------
    value : pytree of arrays
        The initial value. None stands for "not set yet".
    name : str, optional
        A name of its own, shown when the state is printed.
    tag : str or iterable of str, optional
        Labels by which a filter can select the state (``WithTag``).

    Raises
    ------
    StateValueError
        The value is itself a state; or, at a write, it does not have the structure of the one
        before.

    Notes
    -----
    A write keeps the tree structure of the value. Arrays of numpy and tensors of torch are copied
    and become arrays of jax, so that nobody else can write in them. An array of jax is taken as it
    is; one that was made of a numpy array or a tensor by ``jax.device_put``, ``jnp.asarray`` or
    ``jax.dlpack`` may share its memory, which cannot be seen: leave that memory alone.

    Inside a transform of :mod:`brainlite.transform` reads and writes go to the transform, which
    puts the new value in place at its end; see :mod:`brainlite.state`.

    Examples
    --------
    >>> count = State(jnp.zeros(3))
    >>> count.value = count.value + 1
    >>> count
    State(
      value=ShapedArray(float32[3])
    )
    """

    __slots__ = ("__frozen__", "__sharding__", "name", "tag")

    name: str | None
    tag: frozenset[str] | None

    # Whether a write must be of the same shapes and dtypes, so that whoever writes depends on them.
    __keeps_type__: ClassVar[bool] = False
    # Whether ``model.half()`` and the like leave it as it is.
    __keeps_dtype__: ClassVar[bool] = False

    def __init__(
        self, value: T, name: str | None = None, tag: str | Iterable[str] | None = None
    ) -> None:
        _check_no_state(self, value)
        self.__frozen__: bool = (
            False  # only a parameter can be; asked of every state, so all have it
        )
        self.__sharding__: Any = None
        _set_name(self, name)
        _set_tag(self, None if tag is None else frozenset([tag] if isinstance(tag, str) else tag))
        begin(self, value)
        for told in makers.get():
            told(self)

    @property
    def value(self) -> T:
        """The value: what was last written, here or in the transform that is running."""
        frame = _current()
        if frame is not None:
            value: T = frame.read(self)
            return value
        if trace_cell.value is not no_trace:
            _warn_raw_read(self)
        value = self.__held__
        return value if value is not MISSING else self.absent()

    @value.setter
    def value(self, value: T) -> None:
        value = owned(value)
        frame = _current()
        if frame is not None:
            self._check((frame.read if self.__keeps_type__ else frame.peek)(self), value)
            frame.write(self, value)
            return
        if trace_cell.value is not no_trace:
            check_raw_write(self)
        old = self.__held__
        if old is not MISSING:
            self._check(old, value)
        self.__held__: T = value if self.__sharding__ is None else placed(self, value)

    @property
    def sharding(self) -> PyTree:
        """Where the value lives: a tree of :class:`jax.sharding.NamedSharding` like it, or None.

        What is declared holds for each value that the state gets: compiled functions return it so,
        and whatever is written otherwise, by hand, by a reset or from a file, is put there. To
        assign it places the value that is there; one ``NamedSharding`` stands for all arrays of
        the value. None gives the declaration up and moves nothing. See
        :mod:`brainlite.distributed`, which declares those of a whole model.

        Raises
        ------
        ShardingError
            The value cannot be laid out so: an axis does not divide, or a spec has too many.
        TransformError
            It is assigned inside a transform, to a state that was made outside.

        Examples
        --------
        >>> import jax
        >>> from jax.sharding import NamedSharding, PartitionSpec
        >>> mesh = jax.make_mesh((1,), ("data",))
        >>> count = State(jnp.zeros(4))
        >>> count.sharding = NamedSharding(mesh, PartitionSpec("data"))
        >>> count
        State(
          value=ShapedArray(float32[4@data]),
          sharding=P('data')
        )
        """
        return self.__sharding__

    @sharding.setter
    def sharding(self, sharding: PyTree) -> None:
        check_lasts(
            self,
            "sharding",
            jax.tree.map(_Spec, sharding),
            "set it outside, or constrain a value: jax.lax.with_sharding_constraint",
        )
        frame = _current()
        if frame is None and trace_cell.value is not no_trace:
            check_raw_write(self)
        value = self.value
        declared = None if sharding is None else spread(self, value, sharding)
        if declared is not None and value is not None and frame is None:
            self.__held__ = jax.tree.map(put_array, value, declared)
        self.__sharding__ = declared
        epoch.advance()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Compiled functions may depend on fields of a subclass, and look again when one is set.
        if cls.__dictoffset__ and cls.__setattr__ is object.__setattr__:
            type.__setattr__(cls, "__setattr__", _set_field)

    if not TYPE_CHECKING:

        def __getattr__(self, name):
            # Asked only for attributes that are not there.
            raise no_such(self, None if name[:2] == "__" else _peek(self), name)

    def _check(self, old: Any, new: Any) -> None:
        """Raise unless ``new`` may be written over ``old``."""
        if type(old) is not type(new):
            _check_no_state(self, new)
        # The same type of leaf, or unset before or after: nothing more to ask.
        if old is None or new is None or same_structure(old, new):
            if (
                self.__keeps_type__
                and old is not None
                and (new is None or not same_types(old, new))
            ):
                raise _wrong_type(self, old, new)
            if self.__keeps_type__ and old is not None:
                self._check_explicit(old, new)
            return
        raise StateValueError(
            f"this {type(self).__name__} was given a value of another structure",
            where=locate(self),
            expected=type_text(old),
            got=type_text(new),
            fix="write a value of the same tree structure, or assign a new state to the "
            "attribute to replace it",
        )

    def _check_explicit(self, old: Any, new: Any) -> None:
        """Raise for a value that is laid out in another way, where that is part of its type."""
        differing = differing_spec(old, new)
        if differing is None:
            return
        # What is written outside of a compiled function is put where it is declared to be, and what
        # was on no such axes may be put on some: by hand, as one that is made and then laid out.
        if _current() is None and (self.__sharding__ is not None or not has_explicit_spec(old)):
            return
        raise ShardingError(
            f"this {type(self).__name__} was given a value of another sharding",
            where=locate(self),
            expected=differing[0],
            got=differing[1],
            fix="reshard it: `jax.sharding.reshard(value, ...)`",
        )

    def numel(self) -> int:
        """Return the number of elements over all leaves."""
        return sum(int(getattr(leaf, "size", 1)) for leaf in jax.tree.leaves(self.value))

    def replace(self, value: T) -> Self:
        """Return a new state of the same kind, name and tags with another value."""
        return adopt(self, value)

    def copy(self) -> Self:
        """Return a new state of the same kind, name, tags and value."""
        return adopt(self, self.value)

    def copy_from(self, other: "State[T]") -> None:
        """Take over value, name and tags of another state of the same kind.

        Parameters
        ----------
        other : State
            It stays as it is.

        Raises
        ------
        StateValueError
            It is of another kind, or its value does not fit.

        Examples
        --------
        >>> one, other = State(jnp.zeros(2)), State(jnp.ones(2), tag="seen")
        >>> one.copy_from(other)
        >>> one.value.tolist(), one.tag
        ([1.0, 1.0], frozenset({'seen'}))
        """
        if type(other) is not type(self):
            raise StateValueError(
                "a state takes over another one of its own kind only",
                where=locate(self),
                expected=f"a {type(self).__name__}",
                got=f"a {type(other).__name__}",
                fix="write its value: `state.value = other.value`",
            )
        self.value = other.value
        self.name, self.tag = other.name, other.tag

    def restore_value(self, value: T) -> None:
        """Write a value, as ``state.value = value`` does: brainstate's name for it.

        Parameters
        ----------
        value : pytree of arrays
            Of the structure that the state has.

        Examples
        --------
        >>> count = State(jnp.zeros(2))
        >>> count.restore_value(jnp.ones(2))
        """
        self.value = value

    def add_tag(self, tag: str) -> None:
        """Add a label by which a filter can select the state.

        Parameters
        ----------
        tag : str
            The label; others stay.

        Examples
        --------
        >>> count = State(jnp.zeros(2), tag="own")
        >>> count.add_tag("seen")
        >>> sorted(count.tag)
        ['own', 'seen']
        """
        self.tag = (self.tag or frozenset()) | {tag}

    def __fields__(self) -> dict[str, Any]:
        """Return everything but the value: name, tags, and what a subclass has added."""
        fields = {"name": self.name, "tag": self.tag, **getattr(self, "__dict__", {})}
        return fields if self.__sharding__ is None else {**fields, FIELD: self.__sharding__}

    def __getstate__(self) -> tuple[dict[str, Any], T]:
        return packed(self.__fields__()), self.value

    def __setstate__(self, parts: tuple[dict[str, Any], T]) -> None:
        fields, value = parts
        label(self, unpacked(fields))
        begin(self, value)

    def __grad_value__(self) -> T:
        return self.value

    def __display__(self) -> Shown:
        shown: list[tuple[str, Any]] = [("value", _peek(self))]
        shown += [
            ("sharding", jax.tree.map(_Spec, value)) if name == FIELD else (name, value)
            for name, value in self.__fields__().items()
            if value is not None
        ]
        return Shown(type(self).__name__, shown)

    def __display_note__(self) -> str:
        value = _peek(self)
        return "not set yet" if value is None or value is MISSING else ""

    __display_constructs__ = True
    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


# A state, whatever it holds.
AnyState: TypeAlias = State[Any]

S = TypeVar("S", bound=AnyState)


def template(state: S) -> S:
    """Return a state of the same kind, name and tags that has no value yet."""
    return blank(type(state), state.__fields__())


def blank(kind: type[S], fields: dict[str, Any]) -> S:
    """Return a state without a value, from its kind and all that is known of it."""
    fresh = object.__new__(kind)
    label(fresh, fields)
    fresh.__held__ = MISSING
    return fresh


def label(state: AnyState, fields: dict[str, Any]) -> None:
    """Give a new state its name, its tags and what a subclass has added."""
    state.__frozen__ = False
    state.__sharding__ = None
    for name, value in fields.items():
        _setters.get(name, _set_other)(state, name, value)


def _set_field(state: AnyState, name: str, value: Any) -> None:
    object.__setattr__(state, name, value)
    if name != "value" and name[:2] != "__":
        epoch.advance()


class _Told:
    """A slot of states, such as the tags, of whose changes compiled functions are told."""

    def __init__(self, slot: Any) -> None:
        self._slot = slot

    def __get__(self, state: AnyState | None, _owner: type[Any] | None = None) -> Any:
        return self if state is None else self._slot.__get__(state)

    def __set__(self, state: AnyState, value: Any) -> None:
        self._slot.__set__(state, value)
        epoch.advance()


_set_name: Callable[[AnyState, str | None], None] = vars(State)["name"].__set__
_set_tag: Callable[[AnyState, frozenset[str] | None], None] = vars(State)["tag"].__set__
_set_other: Callable[[Any, str, Any], None] = object.__setattr__
# For a new state, of which there is nothing to tell.
_setters: dict[str, Callable[[Any, str, Any], None]] = {
    "name": lambda state, _, value: _set_name(state, value),
    "tag": lambda state, _, value: _set_tag(state, value),
}
type.__setattr__(State, "name", _Told(vars(State)["name"]))
type.__setattr__(State, "tag", _Told(vars(State)["tag"]))
# Not in the class, so that type checkers refuse them.
for _name, _operator in refused_operators().items():
    type.__setattr__(State, _name, _operator)


def adopt(state: S, value: Any) -> S:
    """Return a new state of the same kind, name and tags with ``value``, unchecked."""
    fresh = template(state)
    begin(fresh, value)
    for told in makers.get():
        told(fresh)
    return fresh


def hold_placed(states: Collection[AnyState], values: Iterable[Any]) -> None:
    """Put values into the states themselves, past any frame, each where its state declares."""
    hold(
        states,
        [
            value if state.__sharding__ is None else placed(state, value)
            for state, value in zip(states, values, strict=True)
        ],
    )


def overwrite(states: Collection[AnyState], values: Iterable[Any]) -> None:
    """Write values past the checks of a kind: casting changes the dtype of a parameter."""
    values = list(map(owned, values))
    frame = _current()
    if frame is None:
        hold_placed(states, values)
        return
    for state, value in zip(states, values, strict=True):
        frame.write(state, value)


def is_frozen(state: AnyState) -> bool:
    """Say whether this is a parameter that is not to be trained. Reads unseen."""
    return state.__frozen__


def _wrong_type(state: AnyState, old: Any, new: Any) -> StateValueError:
    """Return the error for a value of another shape or dtype than a parameter has."""
    return StateValueError(
        f"this {type(state).__name__} was given a value of another shape or dtype",
        where=locate(state),
        expected=type_text(old),
        got=type_text(new),
        fix="write a value of the same shape and dtype (`.reshape`, `.astype`), or assign "
        "a new state to the attribute to replace it",
    )


def check_lasts(state: AnyState, name: str, value: object, fix: str) -> None:
    """Raise where something of a state from outside is set in a trace."""
    frame = _current()
    if frame is not None and not frame.is_local(state):
        raise TransformError(
            f"{name} is set inside {frame.label}, and would hold for the trace only",
            where=locate(state),
            expected="that it is set before the function is called",
            got=f"{name} = {value}",
            fix=fix,
        )


def _check_no_state(state: AnyState, value: Any) -> None:
    if isinstance(value, State):
        raise StateValueError(
            "a state cannot hold another state",
            where=locate(state),
            expected="an array, or a pytree of arrays",
            got=f"a {type(value).__name__}",
            fix="pass its value (`state.value`), or share the state object itself",
        )


def begin(state: AnyState, value: Any) -> None:
    """Give a new state its first value: its own, or in the transform that is running."""
    value = owned(value)
    frame = _current()
    if frame is not None:
        state.__held__ = MISSING
        frame.make(state, value)
        return
    state.__held__ = value if state.__sharding__ is None else placed(state, value)
    if trace_cell.value is not no_trace:
        raw_born[state] = weakref.ref(trace_cell.value)


class _Spec:
    """A sharding as it is printed."""

    def __init__(self, where: Any) -> None:
        self._text = spec_text(where)

    def __repr__(self) -> str:
        return self._text


def _peek(state: AnyState) -> Any:
    """Return the value for showing: never an error, and no read that a transform would see."""
    frame = _current()
    value = state.__held__
    if frame is not None:
        value = next((f.values[state] for f in frame.ancestry() if state in f.values), value)
    return value


_warned_of_raw_reads = False


def _warn_raw_read(state: AnyState) -> None:
    """Warn, once, of a read that a plain transform of jax makes a constant."""
    global _warned_of_raw_reads
    if _warned_of_raw_reads or state in raw_born or not under_jit():
        return
    if isinstance(state.__held__, Tracer):
        return
    _warned_of_raw_reads = True
    path = locate(state) or type(state).__name__
    warnings.warn(
        f"{path}: this state is read inside a plain jax.jit (or scan), where its value becomes a "
        "constant: later writes to the state will not be seen. Use brainlite.transform.jit "
        "instead. (Shown once.)",
        stacklevel=3,
    )


def maybe_state(value: Any) -> Any:
    """Return the value of a state, and anything else as it is.

    Parameters
    ----------
    value : State or anything else

    Returns
    -------
    the value

    Examples
    --------
    >>> maybe_state(State(3)), maybe_state(4)
    (3, 4)
    """
    return value.value if isinstance(value, State) else value
