"""The signatures that the gradient transforms share, as types: they are written once, here."""

from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, Protocol, TypeAlias, overload

from typing_extensions import ParamSpec, TypeVar

from brainlite.state._face import AnyState
from brainlite.typing import Array, GradTarget

P = ParamSpec("P")
Q = ParamSpec("Q")
A = TypeVar("A", bound=Any)  # the bound lets a lambda do with its argument what it likes
G = TypeVar("G")
Aux = TypeVar("Aux")
R_co = TypeVar("R_co", covariant=True)

StateGroup: TypeAlias = "Sequence[AnyState] | dict[str, AnyState]"
"""States to differentiate with respect to, as a list or by name."""


class Derivative(Protocol[P, R_co]):
    """A function with the arguments of the one it was made from.

    A protocol, as mypy has no result for a lambda whose overloads return different ``Callable``.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


class SameArguments(Protocol):
    """What a decorator is: the derivative takes the arguments of the function."""

    def __call__(self, fun: Callable[P, object], /) -> Callable[P, Any]: ...


class Differentiator(Protocol[Q]):
    """A transform that takes a function, and what to differentiate with respect to.

    The overloads are exact for states (``G`` is the structure of their values) and for the first
    argument, where the function returns one array; the last one has the signature ``Q`` of the
    implementation, with the options that are its own.
    """

    @overload
    def __call__(
        self,
        fun: Callable[P, Array],
        grad_states: GradTarget[G],
        *,
        argnums: None = None,
        has_aux: Literal[False] = False,
        return_value: Literal[False] = False,
    ) -> Derivative[P, G]: ...
    @overload
    def __call__(
        self,
        fun: Callable[Concatenate[A, P], Array],
        grad_states: None = None,
        *,
        argnums: Literal[0] | None = None,
        has_aux: Literal[False] = False,
        return_value: Literal[False] = False,
    ) -> Derivative[Concatenate[A, P], A]: ...
    @overload
    def __call__(
        self,
        fun: Callable[P, Array],
        grad_states: GradTarget[G],
        *,
        argnums: None = None,
        has_aux: Literal[False] = False,
        return_value: Literal[True],
    ) -> Derivative[P, tuple[G, Array]]: ...
    @overload
    def __call__(
        self,
        fun: Callable[Concatenate[A, P], Array],
        grad_states: None = None,
        *,
        argnums: Literal[0] | None = None,
        has_aux: Literal[False] = False,
        return_value: Literal[True],
    ) -> Derivative[Concatenate[A, P], tuple[A, Array]]: ...
    @overload
    def __call__(
        self,
        fun: Callable[P, tuple[Array, Aux]],
        grad_states: GradTarget[G],
        *,
        argnums: None = None,
        has_aux: Literal[True],
        return_value: Literal[False] = False,
    ) -> Derivative[P, tuple[G, Aux]]: ...
    @overload
    def __call__(
        self,
        fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
        grad_states: None = None,
        *,
        argnums: Literal[0] | None = None,
        has_aux: Literal[True],
        return_value: Literal[False] = False,
    ) -> Derivative[Concatenate[A, P], tuple[A, Aux]]: ...
    @overload
    def __call__(
        self,
        fun: Callable[P, tuple[Array, Aux]],
        grad_states: GradTarget[G],
        *,
        argnums: None = None,
        has_aux: Literal[True],
        return_value: Literal[True],
    ) -> Derivative[P, tuple[G, Array, Aux]]: ...
    @overload
    def __call__(
        self,
        fun: Callable[Concatenate[A, P], tuple[Array, Aux]],
        grad_states: None = None,
        *,
        argnums: Literal[0] | None = None,
        has_aux: Literal[True],
        return_value: Literal[True],
    ) -> Derivative[Concatenate[A, P], tuple[A, Array, Aux]]: ...
    @overload
    def __call__(
        self,
        fun: Callable[P, object],
        grad_states: GradTarget[object] | StateGroup | None = None,
        *,
        argnums: int | Sequence[int] | None = None,
        has_aux: bool = False,
        return_value: bool = False,
    ) -> Derivative[P, Any]: ...
    @overload
    def __call__(
        self,
        fun: None = None,
        grad_states: GradTarget[object] | StateGroup | None = None,
        *,
        argnums: int | Sequence[int] | None = None,
        has_aux: bool = False,
        return_value: bool = False,
    ) -> SameArguments: ...
    @overload
    def __call__(self, *args: Q.args, **kwargs: Q.kwargs) -> Callable[..., Any]: ...


def differentiator(implementation: Callable[Q, object]) -> Differentiator[Q]:
    """Give an implementation the overloads; at run time it stays the function that it is."""
    untyped: Any = implementation
    overloaded: Differentiator[Q] = untyped
    return overloaded
