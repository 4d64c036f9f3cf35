"""Random numbers: one shared generator, generators of one's own, and the usual distributions.

A generator is a state (:class:`RandomState`) that holds one key. A draw splits the key, keeps one
half and uses the other, so that draws differ; under ``jit``, ``scan`` and ``vmap`` the key is
carried along like any other state. The functions of this module are the methods of one generator,
:data:`DEFAULT`, which :func:`seed` seeds; without a seed it starts from the operating system's
entropy.

All draws share three arguments:

size : int or sequence of int, optional
    The shape of the result. The parameters broadcast to it; by default it is their own shape.
key : int or key, optional
    A seed or key to use instead of the generator's, which then stays as it is.
dtype : dtype, optional
    By default the float or int type of the environment's precision.

A parameter that is out of range raises ``OptionError``, as does a dtype that the draw cannot have;
a traced one cannot be looked at and makes NaN, or what jax makes of it. A ``size`` that is none, or
that the parameters do not broadcast to, raises ``SizeError``.

Examples
--------
>>> brainlite.random.seed(42)
>>> x = brainlite.random.randn(7, 5)
>>> y = brainlite.random.uniform(-1.0, 1.0, size=(2, 3))
"""

from typing import Final

from brainlite.random._default import DEFAULT, clone_rng, default_rng, seed_context
from brainlite.random._state import RandomState

__all__ = [
    "DEFAULT", "RandomState", "backup_key", "bernoulli", "beta", "binomial", "categorical",
    "chisquare", "choice", "clone_rng", "default_rng", "dirichlet", "exponential", "f", "gamma",
    "geometric", "get_key", "gumbel", "hypergeometric", "laplace", "loggamma", "logistic",
    "lognormal", "logseries", "maxwell", "multinomial", "multivariate_normal", "negative_binomial",
    "noncentral_chisquare", "noncentral_f", "normal", "orthogonal", "pareto", "permutation",
    "poisson", "power", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "random", "random_integers", "random_sample", "ranf", "rayleigh", "restore_key", "sample",
    "seed", "seed_context", "set_key", "shuffle", "split_key", "split_keys", "standard_cauchy",
    "standard_exponential", "standard_gamma", "standard_normal", "standard_t", "t", "triangular",
    "truncated_normal", "uniform", "vonmises", "wald", "weibull", "weibull_min", "zipf",
]  # fmt: skip

seed: Final = DEFAULT.seed
get_key: Final = DEFAULT.get_key
set_key: Final = DEFAULT.set_key
split_key: Final = DEFAULT.split_key
split_keys: Final = DEFAULT.split_keys
backup_key: Final = DEFAULT.backup_key
restore_key: Final = DEFAULT.restore_key
rand: Final = DEFAULT.rand
rand_like: Final = DEFAULT.rand_like
random: Final = DEFAULT.random
random_sample: Final = DEFAULT.random_sample
ranf: Final = DEFAULT.ranf
sample: Final = DEFAULT.sample
uniform: Final = DEFAULT.uniform
randint: Final = DEFAULT.randint
randint_like: Final = DEFAULT.randint_like
random_integers: Final = DEFAULT.random_integers
randn: Final = DEFAULT.randn
randn_like: Final = DEFAULT.randn_like
standard_normal: Final = DEFAULT.standard_normal
normal: Final = DEFAULT.normal
truncated_normal: Final = DEFAULT.truncated_normal
lognormal: Final = DEFAULT.lognormal
multivariate_normal: Final = DEFAULT.multivariate_normal
orthogonal: Final = DEFAULT.orthogonal
standard_gamma: Final = DEFAULT.standard_gamma
gamma: Final = DEFAULT.gamma
loggamma: Final = DEFAULT.loggamma
beta: Final = DEFAULT.beta
dirichlet: Final = DEFAULT.dirichlet
chisquare: Final = DEFAULT.chisquare
noncentral_chisquare: Final = DEFAULT.noncentral_chisquare
f: Final = DEFAULT.f
noncentral_f: Final = DEFAULT.noncentral_f
standard_t: Final = DEFAULT.standard_t
t: Final = DEFAULT.t
standard_exponential: Final = DEFAULT.standard_exponential
exponential: Final = DEFAULT.exponential
weibull: Final = DEFAULT.weibull
weibull_min: Final = DEFAULT.weibull_min
rayleigh: Final = DEFAULT.rayleigh
maxwell: Final = DEFAULT.maxwell
pareto: Final = DEFAULT.pareto
power: Final = DEFAULT.power
wald: Final = DEFAULT.wald
laplace: Final = DEFAULT.laplace
logistic: Final = DEFAULT.logistic
gumbel: Final = DEFAULT.gumbel
standard_cauchy: Final = DEFAULT.standard_cauchy
triangular: Final = DEFAULT.triangular
vonmises: Final = DEFAULT.vonmises
bernoulli: Final = DEFAULT.bernoulli
binomial: Final = DEFAULT.binomial
multinomial: Final = DEFAULT.multinomial
categorical: Final = DEFAULT.categorical
geometric: Final = DEFAULT.geometric
negative_binomial: Final = DEFAULT.negative_binomial
hypergeometric: Final = DEFAULT.hypergeometric
poisson: Final = DEFAULT.poisson
logseries: Final = DEFAULT.logseries
zipf: Final = DEFAULT.zipf
choice: Final = DEFAULT.choice
permutation: Final = DEFAULT.permutation
shuffle: Final = DEFAULT.shuffle
