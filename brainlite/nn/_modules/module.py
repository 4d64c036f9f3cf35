"""Module: the base of all layers and models."""

import difflib
import functools
import inspect
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Protocol, Self, cast, overload

from typing_extensions import ParamSpec, TypeVar

from brainlite import graph
from brainlite._given import Elsewhere, to_size
from brainlite.display import Shown
from brainlite.errors import InputError, StateMissingError
from brainlite.graph import Node, StateDict
from brainlite.graph._face import StateFilter, fields
from brainlite.nn._modules.attach import Attaching
from brainlite.nn._modules.casting import Castable
from brainlite.nn._modules.collective import init_all_states, stands_for
from brainlite.nn._modules.counting import Counted
from brainlite.nn._modules.footprint import footprint, in_bytes
from brainlite.nn._modules.freezing import Freezable
from brainlite.nn._modules.habits import FromTorch, advice, check_forward, not_called
from brainlite.nn._modules.hooks import Hookable
from brainlite.nn._modules.mode import HasMode
from brainlite.nn._modules.state_dict import Loadable
from brainlite.nn._modules.torch_names import TorchNamed
from brainlite.nn._modules.tree import Tree
from brainlite.state._face import AnyState, locate
from brainlite.typing import Filter, Path, Shape, Size

if TYPE_CHECKING:
    from brainlite.transform import JitFunction

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
N1 = TypeVar("N1", bound=Node)
N2 = TypeVar("N2", bound=Node)
S1 = TypeVar("S1", bound=AnyState, default=AnyState)
S2 = TypeVar("S2", bound=AnyState, default=AnyState)
S3 = TypeVar("S3", bound=AnyState, default=AnyState)
_EVERYWHERE = (0, 2**31 - 1)
_aliased: "weakref.WeakSet[type]" = weakref.WeakSet()  # the classes whose `__call__` is `update`


def _calls(kind: type) -> bool:
    """Say whether a class says itself what a call does."""
    return vars(kind).get("__call__", not_called) is not not_called


class _HasUpdate(Protocol[P, R_co]):
    def update(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class _HasJitUpdate(Protocol[P, R_co]):
    # pyright does not run descriptors when it matches protocols, so a jitted `update` still shows
    # its `self` there.
    @property
    def update(self) -> "JitFunction[Concatenate[Any, P], R_co]": ...


class Module(
    Tree["Module"],
    Attaching,
    Castable,
    Counted,
    Freezable,
    FromTorch,
    HasMode,
    Hookable,
    Loadable,
    TorchNamed,
):
    """The base of all layers and models.

    A subclass sets states, modules and anything else as attributes and defines ``update``, which
    a call of the module runs: ``model(x)`` is ``model.update(x)`` and has its signature, and so
    is ``x >> model``. A class that defines ``__call__`` itself, around ``update``, hands it on to
    its subclasses. Modules with hidden states make them in ``init_state``, which
    ``init_all_states`` calls.

    Calling ``super().__init__()`` is not needed.

    Parameters
    ----------
    name : str, optional
        A name of its own.
    in_size, out_size : int or sequence of int, optional
        The shapes of one input and one output.

    Examples
    --------
    >>> class Affine(brainlite.nn.Module):
    ...     def __init__(self, size: int) -> None:
    ...         self.weight = brainlite.ParamState(jnp.ones(size))
    ...
    ...     def update(self, x: brainlite.typing.Array) -> brainlite.typing.Array:
    ...         return x * self.weight.value
    >>> Affine(3)(jnp.ones(3)).shape
    (3,)
    """

    def __init__(
        self, name: str | None = None, *, in_size: Size | None = None, out_size: Size | None = None
    ) -> None:
        super().__init__()
        if name is not None:
            self.name = name
        if in_size is not None:
            self.in_size = in_size
        if out_size is not None:
            self.out_size = out_size

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # An alias costs nothing; a `__call__` that forwards its arguments costs 190 ns a call.
        update = inspect.getattr_static(cls, "update", None)
        maker = next((each for each in cls.__mro__ if _calls(each)), None)
        if maker is None or maker in _aliased:
            if update is not None:
                type.__setattr__(cls, "__call__", update)
                _aliased.add(cls)
        elif maker is not cls:  # what a base class does around `update` is done in this one, too
            type.__setattr__(cls, "__call__", vars(maker)["__call__"])
        check_forward(cls, update)

    if TYPE_CHECKING:

        @overload
        def __call__(self: _HasJitUpdate[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...
        @overload
        def __call__(self: _HasUpdate[P, R], *args: P.args, **kwargs: P.kwargs) -> R: ...
        def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
            """Run ``update``."""

    else:
        __call__ = not_called
        requires_grad = Elsewhere()

        def __getattr__(self, name):
            # Asked only for attributes that are not there.
            raise _missing(self, name)

        def __rshift__(self, other):
            # Python asks only here when both are of one class.
            if isinstance(other, Module):
                raise _joined(self, other)
            return NotImplemented

    # Read as attributes, so that compiled functions see a change; these are what is there before.
    _name: str | None = None
    _in_size: Shape | None = None
    _out_size: Shape | None = None

    # Whether the output has the shape of the input, whatever that is.
    _keeps_shape: ClassVar[bool] = False

    # numpy would otherwise apply `>>` to each element of an array.
    __array_ufunc__: None = None

    def __rrshift__(self, x: Any) -> Any:
        if isinstance(x, Module):
            raise _joined(x, self)
        return cast("Callable[[Any], Any]", self)(x)

    @property
    def name(self) -> str | None:
        """A name of its own, where one was given."""
        return self._name

    @name.setter
    def name(self, name: str | None) -> None:
        self._name = name

    @property
    def in_size(self) -> Shape:
        """The shape of one input, without batch axes."""
        size = self._in_and_out_size()[0]
        if size is None:
            raise _missing(self, "in_size")
        return size

    @in_size.setter
    def in_size(self, size: Size) -> None:
        self._in_size = to_size(size, name="in_size")

    @property
    def out_size(self) -> Shape:
        """The shape of one output, without batch axes."""
        size = self._in_and_out_size()[1]
        if size is None:
            raise _missing(self, "out_size")
        return size

    @out_size.setter
    def out_size(self, size: Size) -> None:
        self._out_size = to_size(size, name="out_size")

    def _in_and_out_size(self) -> tuple[Shape | None, Shape | None]:
        return self._in_size, self._out_size

    @classmethod
    def desc(cls, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Describe a module of this class that is to be made later.

        In :class:`Sequential` it is made with the size of what comes before as its ``in_size``;
        projections make the synapses that are described for them.

        Parameters
        ----------
        *args, **kwargs
            What the class is called with, as far as it is known.

        Returns
        -------
        callable
            A :class:`functools.partial`; a call of it makes a module.

        Examples
        --------
        >>> layer = brainlite.nn.Linear.desc(out_size=3)
        >>> layer(2).out_size, brainlite.nn.Sequential(brainlite.nn.Linear(5, 2), layer).out_size
        ((3,), (3,))
        """
        return functools.partial(cls, *args, **kwargs)

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        """Make the states that a run needs. Called for each module by ``init_all_states``.

        Parameters
        ----------
        *args, **kwargs
            What was passed to ``init_all_states``; often ``batch_size``.
        """

    @stands_for("init_state")
    def reset_state(self, *args: Any, **kwargs: Any) -> None:
        """Set the states of a run back: where no class defines it, as ``init_state`` makes them.

        Called for each module by ``reset_all_states``.

        Parameters
        ----------
        *args, **kwargs
            What was passed to ``reset_all_states``; often ``batch_size``.
        """
        self.init_state(*args, **kwargs)

    def init_all_states(self, *args: Any, node_to_exclude: Filter = None, **kwargs: Any) -> Self:
        """Make the states of this module and all below; see :func:`brainlite.nn.init_all_states`.

        Parameters
        ----------
        *args, **kwargs
            Passed to each ``init_state``; often ``batch_size``.
        node_to_exclude : Filter
            Modules to leave out.

        Returns
        -------
        The module itself.

        Examples
        --------
        >>> brainlite.nn.GRUCell(2, 3).init_all_states(batch_size=4).h.value.shape
        (4, 3)
        """
        return init_all_states(self, *args, node_to_exclude=node_to_exclude, **kwargs)

    @overload
    def states(self, /, *, allowed_hierarchy: tuple[int, int] = ...) -> StateDict[AnyState]: ...
    @overload
    def states(
        self, f1: StateFilter[S1], /, *, allowed_hierarchy: tuple[int, int] = ...
    ) -> StateDict[S1]: ...
    @overload
    def states(
        self,
        f1: StateFilter[S1],
        f2: StateFilter[S2],
        /,
        *,
        allowed_hierarchy: tuple[int, int] = ...,
    ) -> tuple[StateDict[S1], StateDict[S2]]: ...
    @overload
    def states(
        self,
        f1: StateFilter[S1],
        f2: StateFilter[S2],
        f3: StateFilter[S3],
        /,
        *,
        allowed_hierarchy: tuple[int, int] = ...,
    ) -> tuple[StateDict[S1], StateDict[S2], StateDict[S3]]: ...
    @overload
    def states(
        self, f1: Filter, f2: Filter, /, *fs: Filter, allowed_hierarchy: tuple[int, int] = ...
    ) -> tuple[StateDict[AnyState], ...]: ...
    def states(self, *filters: Filter, allowed_hierarchy: tuple[int, int] = _EVERYWHERE) -> Any:
        """Return the states of this module and all below, by path.

        Parameters
        ----------
        *filters : Filter
            Which ones; see :func:`brainlite.graph.states`.
        allowed_hierarchy : (int, int)
            The least and the greatest length of a path.

        Examples
        --------
        >>> list(brainlite.nn.GRUCell(2, 3).states(brainlite.ParamState))
        [('Wrz', 'weight'), ('Wh', 'weight')]
        """
        return graph.states(self, *filters, allowed_hierarchy=allowed_hierarchy)

    @overload
    def nodes(self) -> Mapping[Path, Node]: ...
    @overload
    def nodes(
        self, f1: type[N1], /, *, allowed_hierarchy: tuple[int, int] = ...
    ) -> Mapping[Path, N1]: ...
    @overload
    def nodes(
        self, f1: type[N1], f2: type[N2], /, *, allowed_hierarchy: tuple[int, int] = ...
    ) -> tuple[Mapping[Path, N1], Mapping[Path, N2]]: ...
    @overload
    def nodes(
        self, f1: Filter, /, *, allowed_hierarchy: tuple[int, int] = ...
    ) -> Mapping[Path, Node]: ...
    @overload
    def nodes(
        self, f1: Filter, f2: Filter, /, *fs: Filter, allowed_hierarchy: tuple[int, int] = ...
    ) -> tuple[Mapping[Path, Node], ...]: ...
    def nodes(self, *filters: Filter, allowed_hierarchy: tuple[int, int] = _EVERYWHERE) -> Any:
        """Return this module and all below, by path; see :func:`brainlite.graph.nodes`.

        Parameters
        ----------
        *filters : Filter
            Which ones.
        allowed_hierarchy : (int, int)
            The least and the greatest length of a path.
        """
        return graph.nodes(self, *filters, allowed_hierarchy=allowed_hierarchy)

    def _kind_of_parts(self) -> type["Module"]:
        return Module

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name.isidentifier()]

    def __display__(self) -> Shown:
        attributes = fields(self)
        sizes = [(n, attributes[f"_{n}"]) for n in ("in_size", "out_size") if f"_{n}" in attributes]
        return Shown(type(self).__name__, sizes + super().__display__().fields)

    def __display_note__(self) -> str:
        params, size = footprint(self)
        return f"{params:,} parameters, {in_bytes(size)}"


def _joined(first: Module, second: Module) -> InputError:
    return InputError(
        "`>>` passes an input to a module; it does not join two modules",
        where=type(second).__name__,
        expected="an array, or what else the module takes",
        got=f"a {type(first).__name__}",
        fix="use brainlite.nn.Sequential(first, second), or x >> first >> second",
    )


def _missing(module: Module, name: str) -> AttributeError:
    """Return the error for an attribute that a module does not have."""
    kind = type(module)
    if name.startswith("__"):  # Python and other libraries probe for these: no message is read
        return AttributeError(name)
    text = f"{kind.__name__!r} object has no attribute {name!r}"
    known = advice(kind, name)
    if known is not None:
        return AttributeError(f"{text}. {known}")
    if name in _made_later(kind):
        return StateMissingError(
            f"the state {name!r} has not been made yet",
            where=locate(module) or kind.__name__,
            expected=f"a {kind.__name__} whose states were made",
            got="one on which init_state was not called since it was constructed",
            fix="call `brainlite.nn.init_all_states(model)` first (with `batch_size=` for batched "
            "input)",
        )
    if name in ("in_size", "out_size"):  # a property that found nothing ends here, too
        return AttributeError(f"{kind.__name__} has no {name}: set `self.{name}` first")
    near = difflib.get_close_matches(name, dir(module), n=1)
    return AttributeError(text + (f". Did you mean {near[0]!r}?" if near else ""))


def _made_later(kind: type) -> set[str]:
    """Return the names of states that exist only after `init_state` has run."""
    declared = {n for each in kind.__mro__ for n in inspect.get_annotations(each)}
    code = getattr(getattr(kind, "init_state", None), "__code__", None)
    # The names that a user's own `init_state` assigns are among those its code mentions.
    return declared | (set() if code is None else set(code.co_names))
