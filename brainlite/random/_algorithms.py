"""Distributions that jax does not have, or only as an eager loop: rejection, urns, trials.

Each function takes checked arrays and the shape of the result. The loops run until the last
element of the array is done. The functions are jitted because an eager loop of jax is compiled
anew at each call.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from brainlite.random._arguments import AnyArray, count_dtype, largest_int, to_count
from brainlite.typing import Array, DTypeLike, Key, Shape

F = TypeVar("F", bound=Callable[..., Array])


def _compiled(draw: F) -> F:
    """Jit a draw; other than ``jax.jit`` this keeps its type."""
    return cast("F", jax.jit(draw, static_argnames=("shape", "dtype")))


def _reject(
    key: Key,
    shape: Shape,
    valid: Array,
    dtype: DTypeLike,
    propose: Callable[[Array, Array], tuple[Array, Any]],
) -> Array:
    """Draw until everything is accepted: ``propose(u, v)`` returns values and whether they pass.

    ``u`` and ``v`` are uniform on (0, 1]. What is not ``valid`` becomes NaN: a traced parameter is
    not checked before, and where nothing can pass the loop would never end.
    """

    def step(carry: tuple[Key, Array, Array]) -> tuple[Key, Array, Array]:
        key, values, done = carry
        key, first, second = jax.random.split(key, 3)
        u = 1 - jax.random.uniform(first, shape, dtype)
        v = 1 - jax.random.uniform(second, shape, dtype)
        proposed, passes = propose(u, v)
        return key, jnp.where(done, values, proposed), done | passes

    start = (key, jnp.full(shape, jnp.nan, dtype), jnp.broadcast_to(~valid, shape))
    values: Array = lax.while_loop(lambda carry: ~carry[2].all(), step, start)[1]
    return values


@_compiled
def draw_vonmises(key: Key, mu: AnyArray, kappa: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    """Draw from von Mises distributions with an envelope of wrapped Cauchy distributions.

    References
    ----------
    Best and Fisher, "Efficient simulation of the von Mises distribution", Applied Statistics 28,
    1979. Their s - 1, 1 - rho and s - W are rewritten without differences of near numbers, so
    that single precision serves for every kappa.
    """
    wide = count_dtype()
    # Below 1e-6 single precision shows no difference to uniform angles, above 1e16 none to 0.
    k = jnp.clip(jnp.asarray(kappa, wide), 1e-6, 1e16)
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

    turned = _reject(key, shape, jnp.asarray(kappa) >= 0, wide, propose) + mu
    return ((turned + jnp.pi) % (2 * jnp.pi) - jnp.pi).astype(dtype)


@_compiled
def draw_zipf(key: Key, a: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    """Draw from zeta distributions, cut off at the largest number of ``dtype``.

    References
    ----------
    Devroye, "Non-uniform random variate generation", 1986, chapter X.6.1. Powers are replaced by
    expm1 and log1p, for an exponent near 1 and for a large one.
    """
    wide = count_dtype()
    less = jnp.asarray(a, wide) - 1
    largest = _largest_float(dtype, wide)
    span = jnp.expm1(-less * np.log(largest))  # largest**(1 - a) - 1
    bound = jnp.expm1(-less * np.log(2.0))  # 2**(1 - a) - 1

    def propose(u: Array, v: Array) -> tuple[Array, Array]:
        # The inverse of a Pareto distribution that ends at `largest`.
        x = jnp.floor(jnp.exp(-jnp.log1p(u * span) / less))
        x = jnp.clip(x, 1, largest)
        return x, v * x * jnp.expm1(-less * jnp.log1p(1 / x)) / bound <= 1

    return _reject(key, shape, less > 0, wide, propose).astype(dtype)


def _largest_float(dtype: DTypeLike, wide: DTypeLike) -> Any:
    """Return the largest float that does not exceed the largest int: 2**31 - 1 rounds up."""
    limit = largest_int(dtype)
    rounded = np.asarray(limit, wide)
    return rounded if int(rounded) <= limit else np.nextafter(rounded, np.zeros_like(rounded))


@_compiled
def draw_logseries(key: Key, p: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    """Draw from logarithmic series distributions.

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
    return to_count(jnp.where(v >= p, 1.0, jnp.where(v <= q**2, far, near)), dtype)


@_compiled
def draw_multinomial(
    key: Key, n: AnyArray, pvals: AnyArray, shape: Shape, dtype: DTypeLike
) -> Array:
    """Draw counts of outcomes; the last probability is what the others leave.

    References
    ----------
    Davis, "The computer generation of multinomial random variates", Computational Statistics and
    Data Analysis 16, 1993: one binomial after another, as ``jax.random.multinomial`` does.
    """
    first = jnp.asarray(pvals)[..., :-1]
    last = jnp.clip(1 - first.sum(-1, keepdims=True), 0)
    full = jnp.concatenate([first, last], axis=-1)
    # Without a shape, about which the versions of jax differ: it follows from the probabilities.
    each = jnp.broadcast_to(full, (*shape, full.shape[-1]))
    drawn: Array = jax.random.multinomial(key, jnp.broadcast_to(n, shape), each)
    return drawn.astype(dtype)


@_compiled
def draw_hypergeometric(
    key: Key, good: AnyArray, bad: AnyArray, sample: AnyArray, shape: Shape, dtype: DTypeLike
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
    return jnp.where(rarer < good, sample - found, found).astype(dtype)
