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

A parameter that is out of range raises ``OptionError``; a traced one cannot be looked at and
makes NaN, or what jax makes of it.

Examples
--------
>>> import brainlite
>>> brainlite.random.seed(42)
>>> x = brainlite.random.randn(7, 5)
>>> y = brainlite.random.uniform(-1.0, 1.0, size=(2, 3))
"""

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

seed = DEFAULT.seed
get_key = DEFAULT.get_key
set_key = DEFAULT.set_key
split_key = DEFAULT.split_key
split_keys = DEFAULT.split_keys
backup_key = DEFAULT.backup_key
restore_key = DEFAULT.restore_key
rand = DEFAULT.rand
rand_like = DEFAULT.rand_like
random = DEFAULT.random
random_sample = DEFAULT.random_sample
ranf = DEFAULT.ranf
sample = DEFAULT.sample
uniform = DEFAULT.uniform
randint = DEFAULT.randint
randint_like = DEFAULT.randint_like
random_integers = DEFAULT.random_integers
randn = DEFAULT.randn
randn_like = DEFAULT.randn_like
standard_normal = DEFAULT.standard_normal
normal = DEFAULT.normal
truncated_normal = DEFAULT.truncated_normal
lognormal = DEFAULT.lognormal
multivariate_normal = DEFAULT.multivariate_normal
orthogonal = DEFAULT.orthogonal
standard_gamma = DEFAULT.standard_gamma
gamma = DEFAULT.gamma
loggamma = DEFAULT.loggamma
beta = DEFAULT.beta
dirichlet = DEFAULT.dirichlet
chisquare = DEFAULT.chisquare
noncentral_chisquare = DEFAULT.noncentral_chisquare
f = DEFAULT.f
noncentral_f = DEFAULT.noncentral_f
standard_t = DEFAULT.standard_t
t = DEFAULT.t
standard_exponential = DEFAULT.standard_exponential
exponential = DEFAULT.exponential
weibull = DEFAULT.weibull
weibull_min = DEFAULT.weibull_min
rayleigh = DEFAULT.rayleigh
maxwell = DEFAULT.maxwell
pareto = DEFAULT.pareto
power = DEFAULT.power
wald = DEFAULT.wald
laplace = DEFAULT.laplace
logistic = DEFAULT.logistic
gumbel = DEFAULT.gumbel
standard_cauchy = DEFAULT.standard_cauchy
triangular = DEFAULT.triangular
vonmises = DEFAULT.vonmises
bernoulli = DEFAULT.bernoulli
binomial = DEFAULT.binomial
multinomial = DEFAULT.multinomial
categorical = DEFAULT.categorical
geometric = DEFAULT.geometric
negative_binomial = DEFAULT.negative_binomial
hypergeometric = DEFAULT.hypergeometric
poisson = DEFAULT.poisson
logseries = DEFAULT.logseries
zipf = DEFAULT.zipf
choice = DEFAULT.choice
permutation = DEFAULT.permutation
shuffle = DEFAULT.shuffle
