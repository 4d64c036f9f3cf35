"""One step of an ordinary or stochastic differential equation: ``exp_euler_step``."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite import environ, random
from brainlite._given import broadcasts, is_quantity, leaves_of, no_array, without_unit
from brainlite.errors import InputError

# Below it phi is summed up as a series: the difference in its derivative would cancel.
_SMALL = 0.02
_COEFFICIENTS = (1.0, 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040)


def phi(z: Any) -> Any:
    """Return ``(exp(z) - 1) / z``, 1 at 0, and right to rounding in value and derivative."""
    small = jnp.abs(z) < _SMALL
    kept: Any = jnp.where(small, 0.0, z)
    series: Any = 0.0
    for coefficient in reversed(_COEFFICIENTS):
        series = series * jnp.where(small, z, 0.0) + coefficient
    return jnp.where(small, series, jnp.expm1(kept) / jnp.where(small, 1.0, kept))


def exp_euler_step(fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    r"""Take one step of the exponential Euler method.

    For :math:`dx/dt = f(x)` it is :math:`x + dt\, \varphi(dt\, J) f(x)`, where :math:`J` is the
    derivative of each element of f by the same element of x, and :math:`\varphi(z) = (e^z - 1) / z`
    [1]_ [2]_. It is exact where f is linear in x [3]_, of second order for a
    single equation whose drift does not depend on time, and of first order elsewhere. With a
    diffusion g, :math:`g(x) \sqrt{dt}` times a normal number is added (Euler-Maruyama).

    Parameters
    ----------
    fn : callable
        The drift ``fn(x, *args, **kwargs)``, in units of x per time. It must work element by
        element: what another element of x does to it takes no part in J. Other variables go into
        ``args``.
    *args
        ``x, ...``; or the diffusion ``g(x, ...)``, ``x, ...`` for a stochastic equation. x is an
        array of floats, or a pytree of them.
    **kwargs
        Passed to the drift and the diffusion.

    Returns
    -------
    pytree of arrays like x
        x after the time ``dt`` of the environment, in ms by convention.

    Raises
    ------
    InputError
        x is not made of floats, or the drift has another shape than x.
    EnvironmentKeyError
        ``dt`` is not set.

    References
    ----------
    .. [1] Cox and Matthews, "Exponential Time Differencing for Stiff Systems", Journal of
       Computational Physics 176:430, 2002.
    .. [2] Hochbruck and Ostermann, "Exponential integrators", Acta Numerica 19:209, 2010.
    .. [3] Rotter and Diesmann, "Exact digital simulation of time-invariant linear systems with
       applications to neuronal modeling", Biological Cybernetics 81:381, 1999.

    Examples
    --------
    >>> with brainlite.environ.context(dt=0.5):
    ...     x = brainlite.nn.exp_euler_step(lambda x, tau: -x / tau, jnp.ones(2), 10.0)
    >>> bool(jnp.allclose(x, jnp.exp(-0.05)))
    True
    """
    diffusion, arguments = (args[0], args[1:]) if args and callable(args[0]) else (None, args)
    if not arguments or not leaves_of(arguments[0]):
        raise InputError(
            "exp_euler_step was given no variable to integrate",
            expected="exp_euler_step(drift, x, ...) or exp_euler_step(drift, diffusion, x, ...)",
            got="no x",
            fix="pass the value of the variable after the drift",
        )
    dt, rest = environ.get_dt(), arguments[1:]
    structure: Any
    given, structure = jax.tree.flatten(arguments[0], is_leaf=is_quantity)
    xs: list[Any] = [_floats(each) for each in given]

    def drift(*xs: Any) -> list[Any]:
        return leaves_of(fn(structure.unflatten(xs), *rest, **kwargs))

    new = [_advance(drift, xs, number, dt) for number in range(len(xs))]
    if diffusion is not None:
        scales = leaves_of(diffusion(structure.unflatten(xs), *rest, **kwargs))
        new = [x + _noise(x, scale, dt) for x, scale in zip(new, scales, strict=True)]
    return structure.unflatten(new)


def _advance(drift: Callable[..., list[Any]], xs: list[Any], number: int, dt: Any) -> Any:
    """Return one of the variables after a step; the others are constants to it."""
    x, before, after = xs[number], xs[:number], xs[number + 1 :]
    one = jax.tree.map(jnp.ones_like, x)

    def own(x: Any) -> Any:
        found = drift(*before, x, *after)
        if len(found) != len(xs):
            raise InputError(
                "the drift has another structure than x",
                expected=f"{len(xs)} arrays, as x has",
                got=f"{len(found)}",
                fix="return the derivative of each variable, in the structure of x",
            )
        return found[number]

    # One forward derivative in the direction of ones is the diagonal of J where the drift works
    # element by element, and it carries units by itself.
    f, slope = jax.jvp(own, (x,), (one,))
    if jnp.shape(f) != jnp.shape(x) and not broadcasts(jnp.shape(f), jnp.shape(x)):
        raise InputError(
            "the drift has another shape than what it is to move",
            expected=f"shape {jnp.shape(x)}",
            got=f"shape {jnp.shape(f)}",
            fix="make the states for a batch (`init_all_states(model, batch_size=...)`), or look "
            "at the size of the input",
        )
    if isinstance(dt, jax.Array | np.ndarray):  # a time step does not widen what it moves
        dt = dt.astype(without_unit(x).dtype)
    z = dt * slope / one
    if is_quantity(z) or is_quantity(dt * f) != is_quantity(x):
        raise InputError(
            "the units of the drift do not fit those of x and dt",
            expected="a drift in units of x per time, and dt in units of time",
            got=f"x {_unit(x)}, drift {_unit(f)}, dt {_unit(dt)}",
            fix="give the time constants and dt units of time, or none of them",
        )
    return x + _like(x, dt * phi(jnp.asarray(z)) * f)  # parameters do not widen it either


def _noise(x: Any, scale: Any, dt: Any) -> Any:
    numbers = without_unit(x)
    return scale * random.normal(size=jnp.shape(numbers), dtype=numbers.dtype) * dt**0.5


def _like(x: Any, moved: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf.astype(without_unit(x).dtype), moved)


def _unit(value: Any) -> str:
    return f"in {value.unit}" if is_quantity(value) else "without a unit"


def _floats(x: Any) -> Any:
    """Return a variable as an array of floats, or raise."""
    numbers = without_unit(x)
    remark = no_array(numbers, scalar=True)
    if remark is None and jnp.issubdtype(jnp.result_type(numbers), jnp.floating):
        return x if is_quantity(x) else jnp.asarray(x)
    kind = remark.got if remark else f"an array of {jnp.result_type(numbers)}"
    raise InputError(
        "exp_euler_step integrates floats",
        expected="x: an array of floats, or a pytree of them",
        got=kind,
        fix=remark.fix if remark else "convert it: `x.astype(float)`",
    )
