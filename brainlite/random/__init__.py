"""Random numbers: one shared generator, generators of one's own, and the usual distributions.

A generator is a state (:class:`RandomState`) that holds one key. A draw splits the key, keeps one
half and uses the other, so that draws differ; under ``jit``, ``scan`` and ``vmap`` the key is
carried along like any other state. The functions of this module draw from the generator
:data:`DEFAULT`, which :func:`seed` seeds; without a seed it starts from the operating system's
entropy.

All draws share three arguments:

size : int or sequence of int, optional
    The shape of the result. The parameters broadcast to it; by default it is their own shape.
key : int or key, optional
    A seed or key to use instead of the generator's, which then stays as it is.
dtype : dtype, optional
    By default the float or int type of the environment's precision.

A parameter that is out of range raises ``OptionError``; a traced one cannot be looked at and
makes NaN, or what jax makes of it.

Examples
--------
>>> import brainlite
>>> brainlite.random.seed(42)
>>> x = brainlite.random.randn(7, 5)
>>> y = brainlite.random.uniform(-1.0, 1.0, size=(2, 3))
"""

from brainlite.random._default import (
    DEFAULT,
    backup_key,
    bernoulli,
    beta,
    binomial,
    categorical,
    chisquare,
    choice,
    clone_rng,
    default_rng,
    dirichlet,
    exponential,
    f,
    gamma,
    geometric,
    get_key,
    gumbel,
    hypergeometric,
    laplace,
    loggamma,
    logistic,
    lognormal,
    logseries,
    maxwell,
    multinomial,
    multivariate_normal,
    negative_binomial,
    noncentral_chisquare,
    noncentral_f,
    normal,
    orthogonal,
    pareto,
    permutation,
    poisson,
    power,
    rand,
    rand_like,
    randint,
    randint_like,
    randn,
    randn_like,
    random,
    random_integers,
    random_sample,
    ranf,
    rayleigh,
    restore_key,
    sample,
    seed,
    seed_context,
    set_key,
    shuffle,
    split_key,
    split_keys,
    standard_cauchy,
    standard_exponential,
    standard_gamma,
    standard_normal,
    standard_t,
    t,
    triangular,
    truncated_normal,
    uniform,
    vonmises,
    wald,
    weibull,
    weibull_min,
    zipf,
)
from brainlite.random._state import RandomState

__all__ = [
    "DEFAULT",
    "RandomState",
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
