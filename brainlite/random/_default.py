"""The generator that everybody shares, and its draws as functions.

Each function is a method of :data:`DEFAULT`: its arguments are documented there.
"""

import contextlib
from collections.abc import Generator

from brainlite.random._state import RandomState
from brainlite.typing import SeedOrKey

__all__ = [
    "DEFAULT",
    "backup_key",
    "bernoulli",
    "beta",
    "binomial",
    "categorical",
    "chisquare",
    "choice",
    "clone_rng",
    "default_rng",
    "dirichlet",
    "exponential",
    "f",
    "gamma",
    "geometric",
    "get_key",
    "gumbel",
    "hypergeometric",
    "laplace",
    "loggamma",
    "logistic",
    "lognormal",
    "logseries",
    "maxwell",
    "multinomial",
    "multivariate_normal",
    "negative_binomial",
    "noncentral_chisquare",
    "noncentral_f",
    "normal",
    "orthogonal",
    "pareto",
    "permutation",
    "poisson",
    "power",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "random",
    "random_integers",
    "random_sample",
    "ranf",
    "rayleigh",
    "restore_key",
    "sample",
    "seed",
    "seed_context",
    "set_key",
    "shuffle",
    "split_key",
    "split_keys",
    "standard_cauchy",
    "standard_exponential",
    "standard_gamma",
    "standard_normal",
    "standard_t",
    "t",
    "triangular",
    "truncated_normal",
    "uniform",
    "vonmises",
    "wald",
    "weibull",
    "weibull_min",
    "zipf",
]

DEFAULT = RandomState()
"""The generator from which the functions of this module draw. It has no key until its first use."""

seed = DEFAULT.seed
"""Start the shared generator anew from a seed, a key, or the operating system's entropy."""

get_key = DEFAULT.get_key
"""The key that the shared generator holds, without using it."""

set_key = DEFAULT.set_key
"""Replace the key of the shared generator."""

split_key = DEFAULT.split_key
"""Take a new key from the shared generator, or n of them."""

split_keys = DEFAULT.split_keys
"""Take n new keys from the shared generator."""

backup_key = DEFAULT.backup_key
"""Set the key of the shared generator aside, for :func:`restore_key`."""

restore_key = DEFAULT.restore_key
"""Go back to the key of the shared generator that was set aside."""

rand = DEFAULT.rand
"""Floats from [0, 1), by axes: ``rand(2, 3)``."""

rand_like = DEFAULT.rand_like
"""Floats from [0, 1), in the shape of an array."""

random = DEFAULT.random
"""Floats from [0, 1): ``random(size)``."""

random_sample = DEFAULT.random_sample
"""Floats from [0, 1): ``random_sample(size)``."""

ranf = DEFAULT.ranf
"""Floats from [0, 1): ``ranf(size)``."""

sample = DEFAULT.sample
"""Floats from [0, 1): ``sample(size)``."""

uniform = DEFAULT.uniform
"""Floats from [low, high): ``uniform(low, high, size)``."""

randint = DEFAULT.randint
"""Whole numbers from low, ..., high - 1: ``randint(low, high, size)``."""

randint_like = DEFAULT.randint_like
"""Whole numbers from low, ..., high - 1, in the shape of an array."""

random_integers = DEFAULT.random_integers
"""Whole numbers from low, ..., high: ``random_integers(low, high, size)``."""

randn = DEFAULT.randn
"""Standard normal numbers, by axes: ``randn(2, 3)``."""

randn_like = DEFAULT.randn_like
"""Standard normal numbers, in the shape of an array."""

standard_normal = DEFAULT.standard_normal
"""Normal numbers of mean 0 and standard deviation 1."""

normal = DEFAULT.normal
"""Normal numbers: ``normal(loc, scale, size)``."""

truncated_normal = DEFAULT.truncated_normal
"""Normal numbers cut off outside (lower, upper)."""

lognormal = DEFAULT.lognormal
"""Numbers whose logarithm is normal."""

multivariate_normal = DEFAULT.multivariate_normal
"""Vectors from a multivariate normal distribution."""

orthogonal = DEFAULT.orthogonal
"""Orthogonal matrices."""

standard_gamma = DEFAULT.standard_gamma
"""Gamma numbers of scale 1."""

gamma = DEFAULT.gamma
"""Gamma numbers: ``gamma(shape, scale, size)``."""

loggamma = DEFAULT.loggamma
"""Logarithms of gamma numbers."""

beta = DEFAULT.beta
"""Beta numbers."""

dirichlet = DEFAULT.dirichlet
"""Vectors of probabilities from a Dirichlet distribution."""

chisquare = DEFAULT.chisquare
"""Chi-square numbers."""

noncentral_chisquare = DEFAULT.noncentral_chisquare
"""Noncentral chi-square numbers."""

f = DEFAULT.f
"""F numbers."""

noncentral_f = DEFAULT.noncentral_f
"""Noncentral F numbers."""

standard_t = DEFAULT.standard_t
"""Student's t numbers."""

t = DEFAULT.t
"""Student's t numbers."""

standard_exponential = DEFAULT.standard_exponential
"""Exponential numbers of mean 1."""

exponential = DEFAULT.exponential
"""Exponential numbers: ``exponential(scale, size)``."""

weibull = DEFAULT.weibull
"""Weibull numbers of scale 1."""

weibull_min = DEFAULT.weibull_min
"""Weibull numbers."""

rayleigh = DEFAULT.rayleigh
"""Rayleigh numbers: lengths of normal vectors in the plane."""

maxwell = DEFAULT.maxwell
"""Maxwell numbers: lengths of standard normal vectors in space."""

pareto = DEFAULT.pareto
"""Pareto numbers, 1 or more."""

power = DEFAULT.power
"""Numbers in [0, 1) with a power as their density."""

wald = DEFAULT.wald
"""Wald (inverse Gaussian) numbers."""

laplace = DEFAULT.laplace
"""Laplace (double exponential) numbers."""

logistic = DEFAULT.logistic
"""Logistic numbers."""

gumbel = DEFAULT.gumbel
"""Gumbel numbers."""

standard_cauchy = DEFAULT.standard_cauchy
"""Cauchy numbers around 0, of scale 1."""

triangular = DEFAULT.triangular
"""Numbers whose density is a triangle."""

vonmises = DEFAULT.vonmises
"""Angles from a von Mises distribution."""

bernoulli = DEFAULT.bernoulli
"""True with probability p."""

binomial = DEFAULT.binomial
"""Numbers of successes in n trials."""

multinomial = DEFAULT.multinomial
"""Counts of several outcomes in n trials."""

categorical = DEFAULT.categorical
"""Outcomes, given unnormalised log probabilities."""

geometric = DEFAULT.geometric
"""Numbers of trials up to the first success."""

negative_binomial = DEFAULT.negative_binomial
"""Numbers of failures before n successes."""

hypergeometric = DEFAULT.hypergeometric
"""Numbers of good elements in a sample without replacement."""

poisson = DEFAULT.poisson
"""Poisson numbers."""

logseries = DEFAULT.logseries
"""Logarithmic series numbers."""

zipf = DEFAULT.zipf
"""Zipf (zeta) numbers."""

choice = DEFAULT.choice
"""Elements of an array, with or without replacement."""

permutation = DEFAULT.permutation
"""The elements of an array, or 0, ..., n - 1, in random order."""

shuffle = DEFAULT.shuffle
"""The elements of an array in random order."""


@contextlib.contextmanager
def seed_context(seed_or_key: SeedOrKey) -> Generator[None]:
    """Seed the shared generator for the length of a ``with`` block.

    Parameters
    ----------
    seed_or_key : int or key
        As for :func:`seed`. Afterwards the generator goes on where it was before, also when the
        block ends in an exception.

    Examples
    --------
    >>> import brainlite
    >>> with brainlite.random.seed_context(42):
    ...     first = brainlite.random.rand()
    >>> with brainlite.random.seed_context(42):
    ...     second = brainlite.random.rand()
    >>> bool(first == second)
    True
    """
    before = DEFAULT.value
    DEFAULT.set_key(seed_or_key)
    try:
        yield
    finally:
        DEFAULT.value = before


def default_rng(seed_or_key: SeedOrKey | None = None) -> RandomState:
    """Return a new generator with this seed or key; without one, the shared generator itself.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.random.default_rng() is brainlite.random.DEFAULT
    True
    """
    return DEFAULT if seed_or_key is None else RandomState(seed_or_key)


def clone_rng(seed_or_key: SeedOrKey | None = None, clone: bool = True) -> RandomState:
    """Return a generator that shares nothing with others.

    Parameters
    ----------
    seed_or_key : int or key, optional
        Where it starts; by default at the next key of the shared generator.
    clone : bool
        False returns the shared generator itself, if there is no seed.

    Examples
    --------
    >>> import brainlite
    >>> rng = brainlite.random.clone_rng(3)
    >>> brainlite.random.clone_rng(3).rand() == rng.rand()
    Array(True, dtype=bool)
    """
    if seed_or_key is None and clone:
        return DEFAULT.clone()
    return default_rng(seed_or_key)
