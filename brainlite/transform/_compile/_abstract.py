"""Looking without computing: ``eval_shape``, ``make_jaxpr`` and ``named_scope``."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any, Literal, overload

import jax
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import ClosedJaxpr
from brainlite.graph import Node
from brainlite.state._face import AnyState
from brainlite.transform._engine._arguments import choose_arguments
from brainlite.transform._engine._call import LiftedCall, lift_call
from brainlite.transform._engine._effects import itself
from brainlite.transform._engine._lift import fetch
from brainlite.transform._engine._options import Options
from brainlite.transform._engine._returned import Returned, take_out
from brainlite.transform._engine._transformed import Transformed
from brainlite.typing import Array, PyTree

P = ParamSpec("P")
N = TypeVar("N", bound=Node)


@overload
def eval_shape(
    f: Callable[..., Array], /, *args: PyTree, **kwargs: object
) -> jax.ShapeDtypeStruct: ...
@overload
def eval_shape(f: Callable[..., N], /, *args: PyTree, **kwargs: Any) -> N: ...
@overload
def eval_shape(f: Callable[..., object], /, *args: PyTree, **kwargs: Any) -> PyTree: ...
def eval_shape(f: Callable[..., object], /, *args: object, **kwargs: object) -> PyTree:
    """Return the shapes and dtypes of a result without computing it.

    Parameters
    ----------
    f : callable
        A function, a method or a module. It is traced once, and no state is changed.
    *args, **kwargs
        What it is called with: arrays or :class:`jax.ShapeDtypeStruct`, and modules or states.

    Returns
    -------
    pytree
        The result with a :class:`jax.ShapeDtypeStruct` for each array. A module in the result
        comes out as a new module whose states hold such structs: the whole of a large
        model without its memory. It may be passed on to ``eval_shape``, and ``jit(model).lower``
        compiles for it.

    Raises
    ------
    ResultError
        A module in the result holds arrays and states in one container.

    Examples
    --------
    >>> import jax
    >>> model = eval_shape(lambda: brainlite.nn.Linear(1000, 10))
    >>> model.weight.value["weight"]
    ShapeDtypeStruct(shape=(1000, 10), dtype=float32)
    >>> eval_shape(model, jax.ShapeDtypeStruct((4, 1000), "float32"))
    ShapeDtypeStruct(shape=(4, 10), dtype=float32)
    """
    taken: list[Returned | None] = []

    def called(*args: object, **kwargs: object) -> PyTree:
        out, returned = take_out(f(*args, **kwargs), is_fresh=lambda _: True)
        taken.append(returned)
        return out

    lifted = lift_call(called, args, kwargs, label="eval_shape").lifted
    result = jax.tree.map(_struct, lifted.out_types)
    [returned] = taken
    return result if returned is None else returned.put_back(result, {}, itself)


def _struct(kind: PyTree) -> jax.ShapeDtypeStruct:
    make: Any = jax.ShapeDtypeStruct  # its constructor has no types
    struct: jax.ShapeDtypeStruct = make(
        kind.shape, kind.dtype, weak_type=getattr(kind, "weak_type", False)
    )
    return struct


@overload
def make_jaxpr(
    fun: Callable[P, object],
    static_argnums: int | Sequence[int] = ...,
    static_argnames: str | Iterable[str] = ...,
    *,
    return_shape: Literal[False] = False,
    return_only_write: bool = False,
) -> Callable[P, tuple[ClosedJaxpr, tuple[AnyState, ...]]]: ...
@overload
def make_jaxpr(
    fun: Callable[P, object],
    static_argnums: int | Sequence[int] = ...,
    static_argnames: str | Iterable[str] = ...,
    *,
    return_shape: Literal[True],
    return_only_write: bool = False,
) -> Callable[P, tuple[ClosedJaxpr, tuple[AnyState, ...], PyTree]]: ...
def make_jaxpr(
    fun: Callable[..., object],
    static_argnums: int | Sequence[int] = (),
    static_argnames: str | Iterable[str] = (),
    *,
    return_shape: bool = False,
    return_only_write: bool = False,
) -> Callable[..., object]:
    """Return a function that gives the jaxpr of ``fun``, and the states that it touches.

    Parameters
    ----------
    fun : callable
        A function, a method or a module.
    static_argnums, static_argnames
        As in :func:`jit`.
    return_shape : bool
        Whether to return the shapes and dtypes of the result, too.
    return_only_write : bool
        Whether only the states that are written come out of the jaxpr.

    Returns
    -------
    callable
        With the arguments of ``fun`` and the result ``(jaxpr, states)`` or
        ``(jaxpr, states, shapes)``. The jaxpr takes the arguments and then the values of
        ``states``, a tuple of all that are read or written; it returns the result and then
        their new values. No state is changed.

    Raises
    ------
    OptionError
        As in :func:`jit`.

    Examples
    --------
    >>> total = brainlite.State(jnp.zeros(()))
    >>> def add(x):
    ...     total.value += x
    >>> jaxpr, states = make_jaxpr(add)(jnp.ones(()))
    >>> jaxpr
    { lambda ; a:f32[] b:f32[]. let c:f32[] = add b a in (c,) }
    >>> states == (total,)
    True
    """
    given = dict(locals())
    options = Options(choose_arguments(fun, static_argnums, static_argnames, label="make_jaxpr"))

    def jaxpr_maker(*args: object, **kwargs: object) -> Any:
        call = lift_call(fun, args, kwargs, label="make_jaxpr", options=options)
        written = call.lifted.effects.written
        states = tuple(dict.fromkeys([*call.lifted.reads, *written]))
        closed = _in_and_out(call, states, written if return_only_write else states)
        if not return_shape:
            return closed, states
        return closed, states, jax.tree.map(_struct, call.lifted.out_types)

    return Transformed(make_jaxpr, fun, jaxpr_maker, given)


def _in_and_out(
    call: LiftedCall, given: Sequence[AnyState], returned: Sequence[AnyState]
) -> ClosedJaxpr:
    """Return the jaxpr that takes the values of some states, and returns those of some."""
    lifted = call.lifted

    def pure(arguments: object, before: list[object]) -> object:
        values = dict(zip(given, before, strict=True))
        out, new = lifted([values[state] for state in lifted.reads], arguments)
        values.update(zip(lifted.effects.states, new, strict=True))
        return out, [values[state] for state in returned]

    closed: ClosedJaxpr = jax.make_jaxpr(pure)(call.arguments, [fetch(state) for state in given])
    return closed


@contextmanager
def named_scope(name: str) -> Generator[None]:
    """Give what is computed inside a name, for profiles and compiled code.

    Parameters
    ----------
    name : str
        The name.

    Returns
    -------
    context manager
        It is a decorator as well, and keeps the signature of what it decorates. It compiles
        nothing, and states are read and written as without it.

    Examples
    --------
    >>> @named_scope("softplus")
    ... def softplus(x):
    ...     return jnp.log1p(jnp.exp(x))
    >>> with named_scope("both"):
    ...     y = softplus(jnp.zeros(2))
    """
    with jax.named_scope(name):
        yield
