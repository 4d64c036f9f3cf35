"""Draws of outcomes, and of how often they come up."""

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.errors import SizeError
from brainlite.random._algorithms import draw_hypergeometric, draw_multinomial
from brainlite.random._arguments import (
    AnyArray,
    Numbers,
    count_dtype,
    draw_shape,
    int_dtype,
    require,
    require_at_least,
    require_non_negative,
    require_positive,
    require_probability,
    to_count,
    to_floats,
    to_numbers,
)
from brainlite.random._source import KeySource
from brainlite.typing import Array, DTypeLike, SeedOrKey, Size

__all__ = ["TrialDraws"]


class TrialDraws(KeySource):
    """Trials and their counts.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.binomial(10, [0.0, 1.0])
    Array([ 0, 10], dtype=int32)
    >>> brainlite.random.multinomial(20, [0.2, 0.3, 0.5]).sum()
    Array(20, dtype=int32)
    """

    __slots__ = ()

    def bernoulli(
        self,
        p: Numbers = 0.5,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        check_valid: bool = True,
    ) -> Array:
        """Draw True with probability ``p``, else False.

        Parameters
        ----------
        p : array_like
            The probability, within [0, 1].
        check_valid : bool
            Whether to check it.

        Returns
        -------
        array of bool
        """
        (chance,) = to_floats(count_dtype(), p)
        shape = draw_shape(size, p=chance)
        if check_valid:
            require_probability(p=p)
        return jax.random.bernoulli(self._take_key(key), chance, shape)

    def binomial(
        self,
        n: Numbers,
        p: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
        check_valid: bool = True,
    ) -> Array:
        """Draw numbers of successes.

        Parameters
        ----------
        n : array_like of int
            The number of trials, 0 or more.
        p : array_like
            The probability of success in each, within [0, 1].
        check_valid : bool
            Whether to check the arguments.
        """
        trials, chance = to_floats(count_dtype(), n, p)
        shape = draw_shape(size, n=trials, p=chance)
        if check_valid:
            require_non_negative(n=n)
            require_probability(p=p)
        drawn = jax.random.binomial(self._take_key(key), trials, chance, shape)
        return drawn.astype(int_dtype(dtype))

    def multinomial(
        self,
        n: Numbers,
        pvals: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
        check_valid: bool = True,
    ) -> Array:
        """Draw how often each of several outcomes comes up.

        Parameters
        ----------
        n : array_like of int
            The number of trials, 0 or more.
        pvals : array_like, shape (..., outcomes)
            The probabilities of the outcomes. The last one is what the others leave of 1.
        check_valid : bool
            Whether to check the arguments.

        Returns
        -------
        array, shape (*size, outcomes)
            Counts that sum to ``n``.
        """
        trials, chances = to_floats(count_dtype(), n, pvals)
        chances = _outcomes(chances)
        batch = draw_shape(size, n=trials, pvals=chances[..., 0])
        if check_valid:
            require_non_negative(n=n)
            require_probability(pvals=pvals)
            # As much as single precision may be off.
            require("pvals", pvals, lambda p: p[..., :-1].sum(-1) <= 1 + 1e-5, "with a sum of 1")
        drawn = draw_multinomial(self._take_key(key), trials, chances, batch)
        return drawn.astype(int_dtype(dtype))

    def categorical(
        self,
        logits: Numbers,
        axis: int = -1,
        size: Size | None = None,
        key: SeedOrKey | None = None,
    ) -> Array:
        """Draw the numbers of outcomes, given unnormalised log probabilities.

        Parameters
        ----------
        logits : array_like
            One distribution along ``axis``; the other axes are the batch.
        axis : int
            The axis of the outcomes.
        size : int or sequence of int, optional
            The shape of the draw, which ends in the batch; by default the batch.

        Examples
        --------
        >>> import brainlite
        >>> brainlite.random.categorical([-1e9, 0.0, -1e9], size=3)
        Array([1, 1, 1], dtype=int32)
        """
        values = _outcomes(to_numbers(logits, count_dtype()))
        shape = draw_shape(size, logits=np.empty(np.delete(values.shape, axis)))
        return jax.random.categorical(self._take_key(key), values, axis, shape)

    def geometric(
        self,
        p: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw how many trials there are up to the first success, that one included.

        Parameters
        ----------
        p : array_like
            The probability of success in each trial, above 0, at most 1.

        References
        ----------
        Devroye, "Non-uniform random variate generation", 1986, chapter X.2 (inversion).
        """
        wide, dtype = count_dtype(), int_dtype(dtype)
        (chance,) = to_floats(wide, p)
        shape = draw_shape(size, p=chance)
        require("p", p, lambda value: (value > 0) & (value <= 1), "above 0, at most 1")
        u = jax.random.uniform(self._take_key(key), shape, wide)
        drawn = jnp.floor(jnp.log1p(-u) / jnp.log1p(-chance)) + 1
        return to_count(drawn, dtype)

    def negative_binomial(
        self,
        n: Numbers,
        p: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw how many failures there are before ``n`` successes.

        Parameters
        ----------
        n : array_like
            The number of successes, above 0; it need not be whole.
        p : array_like
            The probability of success in each trial, above 0, at most 1.

        References
        ----------
        Devroye, "Non-uniform random variate generation", 1986, chapter X.4.7: a Poisson number
        whose mean is a gamma number.
        """
        successes, chance = to_floats(count_dtype(), n, p)
        shape = draw_shape(size, n=successes, p=chance)
        require_positive(n=n)
        require("p", p, lambda value: (value > 0) & (value <= 1), "above 0, at most 1")
        first, second = jax.random.split(self._take_key(key))
        mean = jax.random.gamma(first, successes, shape) * (1 - chance) / chance
        return jax.random.poisson(second, mean, shape).astype(int_dtype(dtype))

    def hypergeometric(
        self,
        ngood: Numbers,
        nbad: Numbers,
        nsample: Numbers,
        size: Size | None = None,
        key: SeedOrKey | None = None,
        dtype: DTypeLike | None = None,
    ) -> Array:
        """Draw how many good elements there are in a sample without replacement.

        The time grows with the smallest of ``ngood``, ``nbad``, ``nsample`` and what is left.

        Parameters
        ----------
        ngood, nbad : array_like of int
            The numbers of good and of bad elements, 0 or more.
        nsample : array_like of int
            The size of the sample, 0 to ``ngood + nbad``.
        """
        good, bad, sample = (to_numbers(count) for count in (ngood, nbad, nsample))
        shape = draw_shape(size, ngood=good, nbad=bad, nsample=sample)
        require_non_negative(ngood=ngood, nbad=nbad, nsample=nsample)
        require_at_least("ngood + nbad", good + bad, "nsample", sample)
        drawn = draw_hypergeometric(self._take_key(key), good, bad, sample, shape)
        return drawn.astype(int_dtype(dtype))


def _outcomes(values: AnyArray) -> AnyArray:
    if values.ndim:
        return values
    raise SizeError(
        "the probabilities of outcomes are no vector",
        expected="shape (..., outcomes)",
        got="a scalar",
        fix="pass one number for each outcome: [1 - p, p]",
    )
