"""Rematerialisation: ``checkpoint``, also known as ``remat``."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias, overload

import jax
from typing_extensions import ParamSpec, TypeVar

from brainlite.transform._engine._arguments import choose_arguments
from brainlite.transform._engine._call import lift_call
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute
from brainlite.transform._engine._effects import commit
from brainlite.transform._engine._lift import Body
from brainlite.transform._engine._options import Options
from brainlite.transform._engine._plain import run_plainly, runs_plainly
from brainlite.transform._engine._transformed import SameSignature, Transformed, check_callable
from brainlite.typing import PyTree

P = ParamSpec("P")
R = TypeVar("R")

Policy: TypeAlias = Callable[..., Any]


class _Remat(NamedTuple):
    """The options of ``jax.checkpoint``."""

    prevent_cse: bool
    policy: Policy | None


@overload
def checkpoint(
    fun: Callable[P, R],
    /,
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> Callable[P, R]: ...
@overload
def checkpoint(
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> SameSignature: ...
def checkpoint(
    fun: Callable[..., object] | None = None,
    /,
    *,
    prevent_cse: bool = True,
    policy: Policy | None = None,
    static_argnums: int | Sequence[int] = (),
) -> object:
    """Return a function that keeps little for the backward pass, and computes the rest again.

    Gradients, results and states are those of ``fun``; the memory for the intermediate results
    is paid for with a second forward pass. ``remat`` is another name for it.

    Parameters
    ----------
    fun : callable
        A function, a method or a module. Without it, ``checkpoint`` is a decorator.
    prevent_cse : bool
        As in :func:`jax.checkpoint`: False is faster, and safe in the body of a loop.
    policy : callable, optional
        Which intermediate results to keep, from :mod:`jax.checkpoint_policies`. By default none.
    static_argnums : int or sequence of int
        The arguments that Python code may branch on; their values must be hashable.

    Returns
    -------
    callable
        With the signature of ``fun``. Arguments may be arrays, modules and states. States may be
        read and written; each write comes out once.

    Raises
    ------
    ArgumentError
        ``fun`` or ``policy`` cannot be called.
    OptionError
        ``static_argnums`` chooses arguments that there are not.

    Examples
    --------
    >>> from brainlite.transform import grad
    >>> model = brainlite.nn.Linear(2, 3)
    >>> @checkpoint
    ... def block(x):
    ...     return jnp.tanh(model(x))
    >>> params = model.states(brainlite.ParamState)
    >>> gradients = grad(lambda x: block(x).sum(), params)(jnp.ones((4, 2)))
    >>> gradients["weight",]["weight"].shape
    (2, 3)

    References
    ----------
    Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174, 2016.
    """
    given = dict(locals())

    def decorate(fun: Callable[..., object]) -> Transformed:
        options = Options(choose_arguments(fun, static_argnums, None, label="checkpoint"))
        if policy is not None:
            check_callable(policy, "the policy of checkpoint")
        remat = _Remat(prevent_cse, policy)

        def checkpointed(*args: object, **kwargs: object) -> object:
            if runs_plainly():
                return run_plainly(fun, args, kwargs, label="checkpoint")
            call = lift_call(fun, args, kwargs, label="checkpoint", options=options)
            with exclusive(call.lifted.effects.states):
                out, new = execute(_run, [call.lifted], remat, call.values(), call.arguments)
                commit(call.lifted.effects, new)
            return out

        return Transformed(checkpoint, fun, checkpointed, given)

    return decorate if fun is None else decorate(fun)


remat = checkpoint


def _run(
    bodies: Sequence[Body], options: _Remat, values: list[PyTree], arguments: object
) -> PyTree:
    """Run the function on values alone."""

    def pure(values: list[PyTree], arguments: object) -> PyTree:
        return bodies[0](values, arguments)

    return jax.checkpoint(pure, prevent_cse=options.prevent_cse, policy=options.policy)(
        values, arguments
    )
