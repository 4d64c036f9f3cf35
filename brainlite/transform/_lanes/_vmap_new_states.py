"""Vectorisation over states that come to be inside: ``vmap_new_states``."""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import overload

import jax
import jax.numpy as jnp
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import current_trace, is_batched
from brainlite.errors import MapStateError, OptionError
from brainlite.graph import states as states_of
from brainlite.graph import to_predicate
from brainlite.graph._face import dotted, fields
from brainlite.state import State
from brainlite.state._face import AnyState, Frame, type_text, with_axis
from brainlite.transform._engine._effects import Effects, Place, collect, commit, itself
from brainlite.transform._engine._lift import name_of
from brainlite.transform._engine._returned import Returned, fasten, homes, loosen, take_out
from brainlite.transform._engine._transformed import SameSignature, Transformed
from brainlite.transform._lanes._axes import Axes
from brainlite.transform._lanes._vmap import MappedStates, lanes_of, vmap
from brainlite.typing import Filter, Path, Predicate, PyTree

P = ParamSpec("P")
R = TypeVar("R")


@overload
def vmap_new_states(
    fun: Callable[P, R],
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    state_tag: str | None = None,
    state_to_exclude: Filter = None,
    in_states: MappedStates = None,
    out_states: MappedStates = None,
) -> Callable[P, R]: ...
@overload
def vmap_new_states(
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: Hashable | None = None,
    state_tag: str | None = None,
    state_to_exclude: Filter = None,
    in_states: MappedStates = None,
    out_states: MappedStates = None,
) -> SameSignature: ...
def vmap_new_states(
    fun: Callable[..., object] | None = None,
    *,
    in_axes: Axes = 0,
    out_axes: object = 0,
    axis_name: Hashable | None = None,
    axis_size: int | None = None,
    spmd_axis_name: object = None,
    state_tag: str | None = None,
    state_to_exclude: Filter = None,
    in_states: MappedStates = None,
    out_states: MappedStates = None,
) -> object:
    """Return a function that runs ``fun`` in lanes; states that it makes hold all the lanes.

    A state that ``fun`` puts into an attribute of a module, as ``init_all_states`` does, comes
    out in its place with one value for each lane along axis 0. A module that ``fun`` makes and
    returns comes out with one value for each lane in all its states: an ensemble, by
    ``vmap_new_states(Net, axis_size=8)()``. Each lane draws random numbers of its own. What
    :func:`vmap` says of arguments and of other states holds here, too.

    Parameters
    ----------
    fun : callable
        The function of one lane. Without it, ``vmap_new_states`` is a decorator.
    in_axes, out_axes, axis_name, axis_size, spmd_axis_name
        As in :func:`jax.vmap`.
    state_tag : str, optional
        A tag that the new states get, by which a filter can select them.
    state_to_exclude : Filter, optional
        The new states that all lanes share; their value must be the same in each. They are
        selected by kind, by tag, or by their path from the attribute that is set, or in the module
        that is returned.
    in_states, out_states : states, or dict from axis to states, optional
        States from outside that hold, or get, one value for each lane, as in :func:`vmap`.

    Returns
    -------
    callable
        With the signature of ``fun``.

    Raises
    ------
    MapStateError
        An excluded state, or one from outside, gets a different value in each lane.
    OptionError
        ``axis_size`` is no positive whole number.
    ArgumentError
        As in :func:`vmap`.
    FilterError
        ``state_to_exclude`` is no filter.

    Examples
    --------
    >>> cell = brainlite.nn.GRUCell(2, 3)
    >>> @vmap_new_states(axis_size=5)
    ... def init():
    ...     brainlite.nn.init_all_states(cell)
    >>> init()
    >>> cell.h.value.shape
    (5, 3)
    """
    given = dict(locals())
    _check_axis_size(axis_size)
    excluded = to_predicate(state_to_exclude)

    def decorate(fun: Callable[..., object]) -> Transformed:
        def mapped(*args: object, **kwargs: object) -> PyTree:
            lane = _Lane(fun, excluded, state_tag)
            run: Callable[..., tuple[PyTree, list[PyTree], list[PyTree]]] = vmap(
                lane,
                in_axes=in_axes,
                out_axes=(out_axes, 0, None),
                axis_name=axis_name,
                axis_size=axis_size,
                spmd_axis_name=spmd_axis_name,
                in_states=in_states,
                out_states=out_states,
            )
            out, own, shared = run(*args, **kwargs)
            lane.commit(own, shared)
            return lane.put_back(out, out_axes)

        return Transformed(vmap_new_states, fun, mapped, given)

    return decorate if fun is None else decorate(fun)


class _Lane:
    """The function of one lane, which returns the values of the states that it makes."""

    def __init__(self, fun: Callable[..., object], excluded: Predicate, tag: str | None) -> None:
        self._fun = fun
        self._tag = tag
        self._excluded = excluded
        self._effects: Effects | None = None
        self._returned: Returned | None = None
        self._alike: set[AnyState] = set()
        self._shared: list[bool] = []  # for each new state: whether all lanes share it

    def __call__(
        self, *args: object, **kwargs: object
    ) -> tuple[PyTree, list[PyTree], list[PyTree]]:
        # A frame inside that of vmap: what was there before goes on to vmap, what is new does not.
        frame = Frame("vmap_new_states", hoist=False)
        out, effects, values = frame.run(self._make, args, kwargs)
        count = len(effects.written)
        commit(effects._replace(made=[], places=[]), values[:count])
        self._effects = effects._replace(written=[])
        self._shared = [state in self._alike for state in effects.made]
        new = list(zip(values[count:], self._shared, strict=True))
        return (
            out,
            [value for value, shared in new if not shared],
            [value for value, shared in new if shared],
        )

    def _make(
        self, frame: Frame, args: Sequence[object], kwargs: Mapping[str, object]
    ) -> tuple[PyTree, Effects, list[PyTree]]:
        """Run the function in a lane; its new states get their tag, and the place for all lanes."""
        out = self._fun(*args, **kwargs)
        effects, values = collect(frame, merge=False)
        out, self._returned = take_out(loosen(out), frame.is_new)
        new = [each for place in effects.places for each in _in(place, effects.made)]
        if self._returned is not None:
            described, fresh = self._returned.described, self._returned.fresh
            found = zip(described.states, described.definition.paths, strict=True)
            new += [(path[1:], state) for state, path in found if id(state) in fresh]
        self._alike = {state for path, state in new if self._excluded(path, state)}
        for path, state in new:
            if state in self._alike:
                _check_shared(path, state, frame.values[state])
        for state in {state: None for _, state in new}:
            self._label(state)
        for state in effects.made:
            if state.sharding is not None and state not in self._alike:
                state.__sharding__ = with_axis(state.sharding, 0)  # that of one lane was declared
        return out, effects, values

    def _label(self, state: AnyState) -> None:
        if self._tag is not None:
            state.tag = (state.tag or frozenset()) | {self._tag}

    def put_back(self, out: PyTree, out_axes: object) -> PyTree:
        """Return a result with the modules and states that were taken out of it."""
        returned = self._returned
        if returned is None:
            return out
        assert self._effects is not None
        leaves, axes = lanes_of(returned, out, out_axes, self._alike.union(self._effects.made))
        for number, root in enumerate(returned.roots):
            for n, state in enumerate(() if root is None else root.states):
                if state in self._alike:  # the lanes were given an axis with all others
                    leaves[number][0][n] = jax.tree.map(
                        _first, leaves[number][0][n], axes[number][0][n]
                    )
        whole = returned.structure.unflatten(leaves)
        return fasten(returned.put_back(whole, homes(self._effects, itself), itself))

    def commit(self, own: list[PyTree], shared: list[PyTree]) -> None:
        """Put the new states in place."""
        assert self._effects is not None
        each, all_alike = iter(own), iter(shared)
        commit(self._effects, [next(all_alike if s else each) for s in self._shared])
        # A new state may have moved into one that was there already and knows nothing of the tag.
        for place in self._effects.places:
            there = fields(place.owner)[place.name]
            if place.value in self._effects.made and isinstance(there, State):
                self._label(there)


def _in(place: Place, made: Collection[AnyState]) -> Iterator[tuple[Path, AnyState]]:
    """Yield the new states in a place, with their paths from what it is in."""
    for path, state in states_of({place.name: place.value}).items():
        if state in made:
            yield path, state


def _first(leaf: jax.Array, axis: int) -> PyTree:
    return jnp.take(leaf, 0, axis)


def _check_shared(path: Path, state: AnyState, value: object) -> None:
    """Raise for a state that is excluded from the lanes and differs between them."""
    if any(is_batched(leaf, current_trace()) for leaf in jax.tree.leaves(value)):
        raise MapStateError(
            f"this {type(state).__name__} gets a different value in each lane, and is excluded "
            "by state_to_exclude",
            where=name_of(state),
            expected="a value that all lanes share",
            got=f"one {type_text(value)} for each lane, at {dotted(path)!r}",
            fix="do not exclude it, or make its value without random numbers and mapped arguments",
        )


def _check_axis_size(axis_size: object) -> None:
    if axis_size is None or (isinstance(axis_size, int) and axis_size > 0):
        return
    raise OptionError(
        "vmap_new_states cannot run so many lanes",
        expected="axis_size: a whole number, 1 or more",
        got=f"{axis_size!r}",
        fix="pass the number of lanes, or leave it out where a mapped argument tells",
    )
