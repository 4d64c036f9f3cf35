"""Draws of outcomes, and of how often they come up."""

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.errors import SizeError
from brainlite.random._algorithms import (
    draw_hypergeometric,
    draw_logseries,
    draw_multinomial,
    draw_zipf,
)
from brainlite.random._arguments import (
    AnyArray,
    AnyDType,
    AnyKey,
    AnySize,
    Numbers,
    Parameter,
    chance_of_success,
    count_dtype,
    draw_shape,
    excess,
    int_dtype,
    non_negative,
    positive,
    prepare,
    probability,
    require,
    require_order,
    to_count,
    to_numbers,
)
from brainlite.random._source import KeySource, in_a_bucket
from brainlite.typing import Array, DTypeLike, Key, Shape


class TrialDraws(KeySource):
    """Trials and their counts, with an upper limit or without.

    Numbers of trials are 0 or more, probabilities (``p``) of success within [0, 1], and above 0
    where a success is waited for. ``check_valid`` says whether to look at them.

    Examples
    --------
    >>> brainlite.random.binomial(10, [0.0, 1.0])
    Array([ 0, 10], dtype=int32)
    >>> brainlite.random.categorical([-1e9, 0.0, -1e9], size=3)
    Array([1, 1, 1], dtype=int32)
    """

    __slots__ = ()

    # The arguments that draws share stay on one line of their own.
    # fmt: off

    def bernoulli(
        self, p: Numbers = 0.5, size: AnySize = None, key: AnyKey = None, check_valid: bool = True
    ) -> Array:
        """Draw True with probability ``p``, else False.

        Parameters
        ----------
        p : number or array
            The probability of True.
        check_valid : bool
            Whether to raise for a probability out of range.
        size, key
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of bools

        Examples
        --------
        >>> brainlite.random.bernoulli([0.0, 1.0]).tolist()
        [False, True]
        """
        (chance,), shape = prepare(size, count_dtype(), check_valid, p=probability(p))
        used = self._take_key(key)
        return in_a_bucket(
            jax.random.bernoulli,
            lambda row: jax.random.bernoulli(used, chance, row), used, shape, chance
        )

    def binomial(
        self, n: Numbers, p: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None, check_valid: bool = True,
    ) -> Array:
        """Draw numbers of successes in ``n`` trials.

        Parameters
        ----------
        n : whole number or array
            How many trials.
        p : number or array
            The probability of success.
        check_valid : bool
            Whether to raise for a number or a probability out of range.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.binomial(10, [0.0, 1.0]).tolist()
        [0, 10]
        """
        given = {"n": non_negative(n), "p": probability(p)}
        return self._count(_binomial, size, key, dtype, check_valid, **given)

    def multinomial(
        self, n: Numbers, pvals: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None, check_valid: bool = True,
    ) -> Array:
        """Draw how often each of several outcomes comes up in ``n`` trials.

        ``pvals`` has shape (..., outcomes), the result (*size, outcomes), which sums to ``n``. The
        last probability is what the others leave of 1, and they may not sum to more; of traced ones
        that is not looked at.

        Parameters
        ----------
        n : whole number or array
            How many trials.
        pvals : array, shape (..., outcomes)
            Their probabilities.
        check_valid : bool
            Whether to raise for a number or probabilities out of range.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints, shape (*size, outcomes)

        Examples
        --------
        >>> int(brainlite.random.multinomial(10, [0.2, 0.3, 0.5]).sum())
        10
        """
        trials, chances = to_numbers(n, count_dtype()), _outcomes(pvals)
        batch = draw_shape(size, n=trials, pvals=chances[..., 0])
        if check_valid:
            require(n=non_negative(n), pvals=probability(pvals))
            require(pvals=Parameter(pvals, lambda p: excess(p) <= 0, "with a sum of 1"))
        return draw_multinomial(self._take_key(key), trials, chances, batch, int_dtype(dtype))

    def categorical(
        self, logits: Numbers, axis: int = -1, size: AnySize = None, key: AnyKey = None
    ) -> Array:
        """Draw the numbers of outcomes, given unnormalised log probabilities.

        The outcomes stand along ``axis``; the other axes are the batch, in which ``size`` ends.

        Parameters
        ----------
        logits : array
            Log probabilities, which need not sum to one.
        axis : int
            Where the outcomes are.
        size, key
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.categorical(jnp.log(jnp.eye(3))).tolist()
        [0, 1, 2]
        """
        values = _outcomes(logits)
        shape = draw_shape(size, logits=np.empty(np.delete(values.shape, axis)))
        return jax.random.categorical(self._take_key(key), values, axis, shape)

    def geometric(
        self, p: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw how many trials there are up to the first success, that one included.

        Parameters
        ----------
        p : number or array
            The probability of success, above 0 and up to 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.geometric([0.1, 0.9]).shape
        (2,)
        """
        return self._count(_geometric, size, key, dtype, p=chance_of_success(p))

    def negative_binomial(
        self, n: Numbers, p: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw how many failures there are before ``n`` successes, above 0 and not always whole.

        Parameters
        ----------
        n : number or array
            How many successes are waited for, above 0.
        p : number or array
            The probability of success, above 0 and up to 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.negative_binomial(3.0, [0.1, 0.9]).shape
        (2,)
        """
        given = {"n": positive(n), "p": chance_of_success(p)}
        return self._count(_negative_binomial, size, key, dtype, **given)

    def hypergeometric(
        self, ngood: Numbers, nbad: Numbers, nsample: Numbers,
        size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None,
    ) -> Array:
        """Draw how many good elements there are in a sample without replacement.

        The time grows with the smallest of ``ngood``, ``nbad``, ``nsample`` and what is left.
        The sample is no larger than ``ngood + nbad``.

        Parameters
        ----------
        ngood, nbad : whole number or array
            How many good and bad elements there are.
        nsample : whole number or array
            How many are taken.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.hypergeometric(5, 5, [2, 8]).shape
        (2,)
        """
        given = {"ngood": ngood, "nbad": nbad, "nsample": nsample}
        checked = {name: non_negative(count) for name, count in given.items()}
        (good, bad, sample), shape = prepare(size, None, **checked)
        require_order("ngood + nbad", good + bad, ">=", "nsample", sample)
        key = self._take_key(key)
        return draw_hypergeometric(key, good, bad, sample, shape, int_dtype(dtype))

    def poisson(
        self, lam: Numbers = 1.0, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw from Poisson distributions of mean ``lam``, 0 or more.

        Parameters
        ----------
        lam : number or array
            The mean, 0 or more.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.poisson([0.5, 8.0]).shape
        (2,)
        """
        return self._count(jax.random.poisson, size, key, dtype, lam=non_negative(lam))

    def logseries(
        self, p: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw k >= 1 in proportion to ``p**k / k``, for 0 <= p < 1 (logarithmic series).

        Parameters
        ----------
        p : number or array
            0 or more and below 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.logseries([0.1, 0.9]).shape
        (2,)
        """
        ratio = Parameter(p, lambda p: (p >= 0) & (p < 1), "0 or more, below 1")
        return self._count(draw_logseries, size, key, dtype, p=ratio)

    def zipf(
        self, a: Numbers, size: AnySize = None, key: AnyKey = None, dtype: AnyDType = None
    ) -> Array:
        """Draw k >= 1 in proportion to ``k**-a``, for a > 1 (Zipf's or the zeta distribution).

        Parameters
        ----------
        a : number or array
            The exponent, above 1.
        size, key, dtype
            As in all draws: see :mod:`brainlite.random`.

        Returns
        -------
        array of ints

        Examples
        --------
        >>> brainlite.random.zipf([2.0, 3.0]).shape
        (2,)
        """
        return self._count(draw_zipf, size, key, dtype, a=Parameter(a, lambda a: a > 1, "> 1"))

    # fmt: on


def _outcomes(given: Numbers) -> AnyArray:
    """Return the probabilities of outcomes along a last axis, or raise where there is none."""
    values = to_numbers(given, count_dtype())
    if values.ndim:
        return values
    raise SizeError(
        "the probabilities of outcomes are no vector",
        expected="shape (..., outcomes)",
        got="a scalar",
        fix="pass one number for each outcome: [1 - p, p]",
    )


def _binomial(key: Key, n: AnyArray, p: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    return jax.random.binomial(key, n, p, shape).astype(dtype)


# Devroye, "Non-uniform random variate generation", 1986, chapter X.2: inversion.
def _geometric(key: Key, p: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    u = jax.random.uniform(key, shape, p.dtype)
    return to_count(jnp.floor(jnp.log1p(-u) / jnp.log1p(-p)) + 1, dtype)


# Devroye, chapter X.4.7: a Poisson number whose mean is a gamma number.
def _negative_binomial(key: Key, n: AnyArray, p: AnyArray, shape: Shape, dtype: DTypeLike) -> Array:
    first, second = jax.random.split(key)
    mean = jax.random.gamma(first, n, shape) * (1 - p) / p
    return jax.random.poisson(second, mean, shape).astype(dtype)
