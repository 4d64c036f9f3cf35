"""Distributions that jax does not have: rejection and urns, on whole arrays, inside jit.

Each function takes checked arrays and the shape of the result. The loops run until the last element
of the array is done.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from brainlite.random._arguments import AnyArray, count_dtype, largest_int
from brainlite.typing import Array, DTypeLike, Key, Shape

__all__ = ["draw_hypergeometric", "draw_logseries", "draw_vonmises", "draw_zipf"]


def _reject(
    key: Key, shape: Shape, dtype: DTypeLike, propose: Callable[[Array, Array], tuple[Array, Any]]
) -> Array:
    """Draw until everything is accepted: ``propose(u, v)`` returns values and whether they pass.

    ``u`` and ``v`` are uniform on (0, 1].
    """

    def step(carry: tuple[Key, Array, Array]) -> tuple[Key, Array, Array]:
        key, values, done = carry
        key, first, second = jax.random.split(key, 3)
        u = 1 - jax.random.uniform(first, shape, dtype)
        v = 1 - jax.random.uniform(second, shape, dtype)
        proposed, passes = propose(u, v)
        return key, jnp.where(done, values, proposed), done | passes

    start = (key, jnp.zeros(shape, dtype), jnp.zeros(shape, bool))
    values: Array = lax.while_loop(lambda carry: ~carry[2].all(), step, start)[1]
    return values


def draw_vonmises(key: Key, mu: AnyArray, kappa: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    """Draw from von Mises distributions with an envelope of wrapped Cauchy distributions.

    References
    ----------
    Best and Fisher, "Efficient simulation of the von Mises distribution", Applied Statistics 28,
    1979. Their s - 1, 1 - rho and s - W are rewritten without differences of near numbers, so
    that single precision serves for every kappa.
    """
    wide = count_dtype()
    # Below 1e-6 the density differs from the uniform one by less than single precision shows.
    k = jnp.maximum(jnp.asarray(kappa, wide), 1e-6)
    root = jnp.sqrt(1 + 4 * k**2)
    bottom = 1 + root + jnp.sqrt(2 * (1 + root))
    rho = 2 * k / bottom
    gap = (1 + 1 / (root + 2 * k) + jnp.sqrt(2 * (1 + root))) / bottom  # 1 - rho
    excess = gap**2 / (2 * rho)  # s - 1

    def propose(u: Array, v: Array) -> tuple[Array, Array]:
        half = jnp.pi * (u - 0.5)
        angle = 2 * jnp.arctan(gap / (1 + rho) * jnp.tan(half))
        y = k * excess * (excess + 2) / (excess + 2 * jnp.cos(half) ** 2)
        return angle, jnp.log(v) <= jnp.log(y) + 1 - y

    turned = _reject(key, shape, wide, propose) + mu
    return ((turned + jnp.pi) % (2 * jnp.pi) - jnp.pi).astype(dtype)


def draw_zipf(key: Key, a: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    """Draw from zeta distributions, cut off at the largest number of ``dtype``.

    References
    ----------
    Devroye, "Non-uniform random variate generation", 1986, chapter X.6.1.
    """
    wide = count_dtype()
    less = jnp.asarray(a, wide) - 1
    largest = _largest_float(dtype, wide)
    smallest = largest**-less
    top = jnp.expm1(less * jnp.log(2.0))  # 2**(a - 1) - 1

    def propose(u: Array, v: Array) -> tuple[Array, Array]:
        # u from (smallest, 1]: what would lie above the largest number is not proposed.
        x = jnp.floor((smallest + u * (1 - smallest)) ** (-1 / less))
        x = jnp.clip(x, 1, largest)
        t = jnp.expm1(less * jnp.log1p(1 / x))  # (1 + 1/x)**(a - 1) - 1
        return x, v * x * t / top <= (t + 1) / (top + 1)

    return _reject(key, shape, wide, propose).astype(dtype)


def _largest_float(dtype: DTypeLike, wide: DTypeLike) -> Any:
    """Return the largest float that does not exceed the largest int: 2**31 - 1 rounds up."""
    limit = largest_int(dtype)
    rounded = np.asarray(limit, wide)
    return rounded if int(rounded) <= limit else np.nextafter(rounded, np.zeros_like(rounded))


def draw_logseries(key: Key, p: AnyArray, shape: Shape) -> Array:
    """Draw from logarithmic series distributions, as floats.

    References
    ----------
    Kemp, "Efficient generation of logarithmically distributed pseudo-random variables",
    Applied Statistics 30, 1981 (algorithm LK).
    """
    wide = count_dtype()
    first, second = jax.random.split(key)
    p = jnp.asarray(p, wide)
    v = 1 - jax.random.uniform(first, shape, wide)
    log_rest = jnp.log1p(-p) * (1 - jax.random.uniform(second, shape, wide))  # log(1 - q)
    q = -jnp.expm1(log_rest)
    # log(q) from log(1 - q): near q = 1 the digits of q itself are gone.
    far = jnp.floor(1 + jnp.log(v) / jnp.log1p(-jnp.exp(log_rest)))
    near = jnp.where(v >= q, 1.0, 2.0)
    return jnp.where(v >= p, 1.0, jnp.where(v <= q**2, far, near))


def draw_hypergeometric(
    key: Key, good: AnyArray, bad: AnyArray, sample: AnyArray, shape: Shape
) -> Array:
    """Draw from hypergeometric distributions by drawing from urns, ball after ball.

    The number of good balls in the sample has four symmetries (good and bad, taken and left, good
    and taken); with them the urn is drawn from as often as the smallest of the four counts says.
    """
    whole = jnp.result_type(int)
    good, bad, sample = (
        jnp.broadcast_to(jnp.asarray(count, whole), shape) for count in (good, bad, sample)
    )
    total = good + bad
    rarer, taken = jnp.minimum(good, bad), jnp.minimum(sample, total - sample)
    steps, marked = jnp.minimum(rarer, taken), jnp.maximum(rarer, taken)

    def step(i: Any, found: Array) -> Array:
        left = jnp.maximum(total - i, 1)
        ball = jax.random.randint(jax.random.fold_in(key, i), shape, 0, left)
        hit: Array = (ball < marked - found) & (i < steps)
        return found + hit

    found: Array = lax.fori_loop(0, jnp.max(steps, initial=0), step, jnp.zeros(shape, whole))
    found = jnp.where(taken < sample, rarer - found, found)
    return jnp.where(rarer < good, sample - found, found)
