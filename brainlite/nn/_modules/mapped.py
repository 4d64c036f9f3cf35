"""Modules that run another in lanes: ``Vmap`` and ``Map``."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Generic, TypeAlias

from typing_extensions import ParamSpec, TypeVar

from brainlite.errors import NameNotFoundError, OptionError, StateMissingError
from brainlite.graph import states
from brainlite.nn._modules.collective import call_order
from brainlite.nn._modules.lanes import vmap_init_all_states
from brainlite.nn._modules.module import Module
from brainlite.state._face import AnyState, locate
from brainlite.transform import vmap
from brainlite.transform._face import arrange_lanes
from brainlite.typing import Filter, Path

P = ParamSpec("P")
R = TypeVar("R")
ChosenStates: TypeAlias = Filter | Mapping[int, Filter]


class Vmap(Module, Generic[P, R]):
    """A module that runs another over an axis of its input, by :func:`brainlite.transform.vmap`.

    Parameters
    ----------
    module : Module or callable
        What runs in each lane. A call has its signature.
    in_axes, out_axes, axis_name, axis_size
        As in :func:`jax.vmap`.
    vmap_states, vmap_out_states : Filter, or dict from axis to Filter, optional
        The states of the module that hold, or get, one value for each lane, along axis 0 or along
        the axis that is their key. All others are shared.

    Raises
    ------
    MapStateError
        At a call: a state that was not selected gets a different value in each lane.
    ArgumentError
        At a call: ``in_axes`` do not fit the arguments.
    OptionError
        At a call: an axis is no whole number.

    Examples
    --------
    >>> cell = brainlite.nn.vmap_init_all_states(brainlite.nn.GRUCell(2, 3), axis_size=4)
    >>> brainlite.nn.Vmap(cell, vmap_states=brainlite.HiddenState)(jnp.ones((4, 2))).shape
    (4, 3)
    """

    vmap_states: ChosenStates = None
    vmap_out_states: ChosenStates = None
    axis_name: Hashable | None = None
    axis_size: int | None = None

    def __init__(
        self,
        module: Callable[P, R],
        in_axes: int | Sequence[Any] | None = 0,
        out_axes: Any = 0,
        vmap_states: ChosenStates = None,
        vmap_out_states: ChosenStates = None,
        axis_name: Hashable | None = None,
        axis_size: int | None = None,
    ) -> None:
        self.module: Callable[P, R] = module
        self.in_axes: int | Sequence[Any] | None = in_axes
        self.out_axes: Any = out_axes
        _set_given(
            self,
            vmap_states=vmap_states,
            vmap_out_states=vmap_out_states,
            axis_name=axis_name,
            axis_size=axis_size,
        )

    def update(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the module in lanes; keyword arguments are mapped along axis 0."""
        run = vmap(
            self.module,
            in_axes=self.in_axes,
            out_axes=self.out_axes,
            axis_name=self.axis_name,
            axis_size=self.axis_size,
            in_states=_select(self.module, self.vmap_states),
            out_states=_select(self.module, self.vmap_out_states),
        )
        return run(*args, **kwargs)


class Map(Module, Generic[P, R]):
    """A module that makes the states of another in lanes, and runs it over these lanes.

    ``init_all_states``, that of this module or of a whole model around it, comes first. What is
    made there has one value for each lane; parameters made before, in ``__init__``, are shared.

    Parameters
    ----------
    module : Module
        What runs in each lane. A call has its signature.
    init_map_size : int
        The number of lanes.
    init_state_axes : dict from axis to Filter, optional
        Along which axis the new states hold the lanes; 0 for those that none of the filters
        selects.
    state_tag : str, optional
        A tag that the new states get.
    in_axes, out_axes, axis_name, spmd_axis_name
        As in :func:`jax.vmap`.
    call_state_axes : dict from axis to Filter, optional
        Further states that hold one value for each lane when the module is called.
    behavior : {'vmap'}
        For lanes on several devices see :func:`brainlite.transform.shard_map`.

    Raises
    ------
    OptionError
        ``behavior`` or ``init_map_size`` has a value that it cannot have.
    StateMissingError
        A call came before ``init_all_states``.
    ArgumentError
        At a call: ``in_axes`` do not fit the arguments.

    Examples
    --------
    >>> lanes = brainlite.nn.Map(brainlite.nn.GRUCell(2, 3), init_map_size=4)
    >>> _ = lanes.init_all_states()
    >>> lanes(jnp.ones((4, 2))).shape
    (4, 3)
    """

    init_state_axes: Mapping[int, Filter] | None = None
    call_state_axes: Mapping[int, Filter] | None = None
    state_tag: str | None = None
    axis_name: Hashable | None = None
    spmd_axis_name: Hashable | None = None
    _lanes: Mapping[int, tuple[Path, ...]] | None = None  # where the states are that were made

    def __init__(
        self,
        module: Callable[P, R],
        init_map_size: int,
        init_state_axes: Mapping[int, Filter] | None = None,
        state_tag: str | None = None,
        in_axes: int | Sequence[Any] | None = 0,
        out_axes: Any = 0,
        axis_name: Hashable | None = None,
        spmd_axis_name: Hashable | None = None,
        call_state_axes: Mapping[int, Filter] | None = None,
        behavior: str = "vmap",
    ) -> None:
        if behavior != "vmap":
            raise OptionError(
                "there is no such behavior",
                where="Map",
                expected="'vmap'",
                got=repr(behavior),
                fix="for lanes on several devices use brainlite.transform.shard_map",
            )
        self.init_map_size: int = init_map_size
        self.module: Callable[P, R] = module
        self.in_axes: int | Sequence[Any] | None = in_axes
        self.out_axes: Any = out_axes
        _set_given(
            self,
            init_state_axes=init_state_axes,
            call_state_axes=call_state_axes,
            state_tag=state_tag,
            axis_name=axis_name,
            spmd_axis_name=spmd_axis_name,
        )

    @call_order(9)  # after the modules below, whose states would otherwise lose their lanes
    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Make the states of the module in lanes; the arguments are for its ``init_state``."""
        before = states(self.module).to_values()
        vmap_init_all_states(
            self.module, *args, axis_size=self.init_map_size, state_tag=self.state_tag, **kwargs
        )
        lanes = arrange_lanes(self.module, before, self.init_state_axes or {})
        found = {axis: tuple(paths) for axis, paths in lanes.items()}
        if found != self._lanes:
            self._lanes = found

    @property
    def dict_vmap_states(self) -> dict[int, list[AnyState]] | None:
        """The states that were made for the lanes, by the axis of the lanes; None before that."""
        if self._lanes is None:
            return None
        every = states(self.module)
        return {axis: [every[path] for path in paths] for axis, paths in self._lanes.items()}

    def update(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the module in lanes; keyword arguments are mapped along axis 0."""
        return self._in_lanes(self.module, self.in_axes, self.out_axes)(*args, **kwargs)

    def map(
        self,
        fn: str | Callable[..., Any],
        in_axes: int | Sequence[Any] | None = 0,
        out_axes: Any = 0,
        axis_name: Hashable | None = None,
        state_axes: Mapping[int, Filter] | None = None,
    ) -> Callable[..., Any]:
        """Return a method of the module, or a function that uses it, to be called in lanes.

        Parameters
        ----------
        fn : str or callable
            The name of the method, or the function.
        in_axes, out_axes, axis_name
            As in :func:`jax.vmap`, for this function.
        state_axes : dict from axis to Filter, optional
            The states that hold one value for each lane, instead of ``dict_vmap_states``.
        """
        function = getattr(self.module, fn, None) if isinstance(fn, str) else fn
        if function is None:
            raise NameNotFoundError(
                f"the module has no method {fn!r}",
                where=locate(self) or "Map",
                expected="the name of a method, or a function",
                got=f"a {type(self.module).__name__} without it",
                fix="pass a name that the module has",
            )
        return self._in_lanes(function, in_axes, out_axes, axis_name, state_axes)

    def _in_lanes(
        self,
        function: Callable[P, R],
        in_axes: int | Sequence[Any] | None,
        out_axes: Any,
        axis_name: Hashable | None = None,
        state_axes: Mapping[int, Filter] | None = None,
    ) -> Callable[P, R]:
        """Return a function that runs in lanes, over the states that were made for them."""
        made = self.dict_vmap_states
        if made is None:
            raise StateMissingError(
                "the states of the lanes have not been made yet",
                where=locate(self) or "Map",
                expected=f"states for {self.init_map_size} lanes",
                got="a Map on which init_all_states was not called",
                fix="call `init_all_states()` of it, or `brainlite.nn.init_all_states(model)`",
            )
        for axis, further in (_select(self.module, self.call_state_axes) or {}).items():
            made.setdefault(axis, []).extend(further)
        return vmap(
            function,
            in_axes=in_axes,
            out_axes=out_axes,
            axis_name=axis_name or self.axis_name,
            axis_size=self.init_map_size,
            spmd_axis_name=self.spmd_axis_name,
            in_states=made if state_axes is None else _select(self.module, state_axes),
        )


def _set_given(module: Module, **options: object) -> None:
    for name, value in options.items():
        if value is not None:  # what was not given is not shown
            setattr(module, name, value)


def _select(module: Any, which: ChosenStates) -> Any:
    """Return the states that filters select, by axis where the filters are."""
    if which is None:
        return None
    by_axis = which if isinstance(which, Mapping) else {0: which}
    return {axis: list(states(module, each).values()) for axis, each in by_axis.items()}
