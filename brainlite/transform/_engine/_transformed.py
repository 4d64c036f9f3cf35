"""What a transform returns: a function that knows, and prints, what it was made of."""

import functools
import inspect
from collections.abc import Callable, Mapping
from types import FunctionType, MethodType
from typing import Any, ParamSpec, Protocol, Self, TypeVar

from brainlite.display import Shown, notebook_repr, text_repr, treescope_repr
from brainlite.errors import ArgumentError
from brainlite.typing import PyTree

P = ParamSpec("P")
R = TypeVar("R")

_PLAIN = (type(None), int, float, str, tuple, frozenset)


class SameSignature(Protocol):
    """A decorator: makes of a function one with its signature."""

    def __call__(self, fun: Callable[P, R], /) -> Callable[P, R]: ...


class Transformed:
    """A function made by a transform, which prints as ``vmap(fun=..., in_axes=1)``.

    Like a function it has a name, a docstring and a signature, those of what it was made from;
    it binds to an object as a method, and a copy of it is itself.

    Parameters
    ----------
    transform : callable
        The transform, whose name is printed.
    fun : callable
        What it was applied to.
    run : callable
        What a call runs.
    given : mapping
        The arguments of the transform by name. Those that are not its defaults are printed.
    """

    def __init__(
        self,
        transform: Callable[..., object],
        fun: Callable[..., object],
        run: Callable[..., object],
        given: Mapping[str, object],
    ) -> None:
        adopt_name(self, fun)
        self.fun: Callable[..., object] = fun
        self.run: Callable[..., object] = run
        self._transform = transform
        self._given = given

    def __call__(self, /, *args: PyTree, **kwargs: Any) -> PyTree:
        return self.run(*args, **kwargs)

    def __get__(self, obj: object, owner: type[object] | None = None, /) -> Self | MethodType:
        return self if obj is None else MethodType(self, obj)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object, /) -> Self:
        return self

    def __display__(self) -> Shown:
        name = getattr(self._transform, "__name__", "transform")
        given = not_default(self._transform, self._given)
        return Shown(name, [(next(iter(self._given)), self.fun), *given])

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


def check_callable(fun: object, what: str) -> None:
    """Raise unless ``fun`` can be called."""
    if not callable(fun):
        raise ArgumentError(
            f"{what} cannot be called",
            expected="a function, a method or a module with `update`",
            got=f"{fun!r}, of type {type(fun).__name__}",
            fix="pass the function itself, not its result",
        )


def adopt_name(wrapper: object, fun: Any) -> None:
    """Give a callable the name, docstring and attributes of what it stands for.

    Raises
    ------
    ArgumentError
        That cannot be called.
    """
    check_callable(fun, "what is to be transformed")
    names = ("__module__", "__name__", "__qualname__", "__doc__")
    copied = tuple(name for name in names if isinstance(getattr(fun, name, None), str))
    attributes = ("__dict__",) if isinstance(fun, FunctionType) else ()
    untyped: Any = wrapper
    functools.update_wrapper(untyped, fun, assigned=copied, updated=attributes)
    if "__name__" not in copied:  # a module: whoever asks where this is from asks by its name
        untyped.__name__ = type(fun).__name__


def not_default(
    transform: Callable[..., object], given: Mapping[str, object]
) -> list[tuple[str, object]]:
    """Return the arguments of a transform, without its function, that are not its defaults."""
    _fun, *options = inspect.signature(transform).parameters.values()
    return [
        (option.name, given[option.name])
        for option in options
        if not _same(given[option.name], option.default)
    ]


def _same(value: object, default: object) -> bool:
    return value is default or (isinstance(value, _PLAIN) and bool(value == default))
