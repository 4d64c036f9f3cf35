"""Random numbers: the functions of the module and the methods of a generator agree."""

from contextlib import AbstractContextManager
from typing import assert_type

import jax.numpy as jnp
import numpy as np
from jax import Array

from brainlite import random
from brainlite.random import RandomState


def the_generator(rng: RandomState) -> None:
    random.seed(3)
    random.seed()
    random.set_key(random.get_key())
    random.backup_key()
    random.restore_key()
    assert_type(random.DEFAULT, RandomState)
    assert_type(random.get_key(), Array)
    assert_type(random.split_key(), Array)
    assert_type(random.split_key(3), Array)
    assert_type(random.split_keys(3), Array)
    assert_type(random.default_rng(3), RandomState)
    assert_type(random.clone_rng(3, clone=False), RandomState)
    assert_type(rng.split_key(), Array)
    rng.seed(np.array([0, 1], "uint32"))
    context: AbstractContextManager[None] = random.seed_context(3)
    with context as entered:
        assert_type(entered, None)


def floats(rng: RandomState, x: Array) -> None:
    assert_type(random.rand(2, 3), Array)
    assert_type(random.randn(2, 3, dtype="float32"), Array)
    assert_type(random.rand_like(x), Array)
    assert_type(random.randn_like(x, key=3), Array)
    assert_type(random.random((2, 3)), Array)
    assert_type(random.random_sample(3), Array)
    assert_type(random.ranf(3), Array)
    assert_type(random.sample(3), Array)
    assert_type(random.uniform(-1.0, 1.0, size=[2, 3]), Array)
    assert_type(random.normal(0.0, scale=[1.0, 2.0]), Array)
    assert_type(random.standard_normal(3), Array)
    assert_type(random.truncated_normal(-1.0, 1.0, size=3), Array)
    assert_type(random.lognormal(0.0, 1.0), Array)
    assert_type(random.multivariate_normal(jnp.zeros(2), jnp.eye(2)), Array)
    assert_type(random.triangular(0.0, 0.5, 1.0), Array)
    assert_type(random.orthogonal(3), Array)
    assert_type(rng.rand(2, 3), Array)
    assert_type(rng.randn(2, 3), Array)
    assert_type(rng.normal(0.0, 1.0, (2, 3)), Array)
    assert_type(rng.uniform(size=3, key=random.split_key()), Array)


def positive_floats(x: Array) -> None:
    assert_type(random.gamma(2.0, 1.0), Array)
    assert_type(random.loggamma(x), Array)
    assert_type(random.standard_gamma(2.0), Array)
    assert_type(random.exponential(2.0, size=3), Array)
    assert_type(random.standard_exponential(3), Array)
    assert_type(random.beta(1.0, 2.0), Array)
    assert_type(random.chisquare(3), Array)
    assert_type(random.noncentral_chisquare(3, 1.0), Array)
    assert_type(random.f(2, 3), Array)
    assert_type(random.noncentral_f(2, 3, 1.0), Array)
    assert_type(random.dirichlet([1.0, 2.0]), Array)
    assert_type(random.maxwell(3), Array)
    assert_type(random.pareto(2.0), Array)
    assert_type(random.power(2.0), Array)
    assert_type(random.rayleigh(2.0), Array)
    assert_type(random.wald(1.0, 2.0), Array)
    assert_type(random.weibull(2.0), Array)
    assert_type(random.weibull_min(2.0, 1.0), Array)


def floats_by_location(x: Array) -> None:
    assert_type(random.gumbel(x, 1.0), Array)
    assert_type(random.laplace(size=3), Array)
    assert_type(random.logistic(0.0, 1.0), Array)
    assert_type(random.standard_cauchy(3), Array)
    assert_type(random.standard_t(3), Array)
    assert_type(random.t(3, size=3), Array)
    assert_type(random.vonmises(0.0, 2.0), Array)


def integers(rng: RandomState, x: Array) -> None:
    assert_type(random.randint(0, 10, size=3), Array)
    assert_type(random.randint_like(x, 0, 10), Array)
    assert_type(random.random_integers(1, 6), Array)
    assert_type(random.bernoulli(0.5, size=3), Array)
    assert_type(random.binomial(10, 0.5), Array)
    assert_type(random.negative_binomial(10, 0.5), Array)
    assert_type(random.geometric(0.5), Array)
    assert_type(random.hypergeometric(10, 5, 3), Array)
    assert_type(random.logseries(0.5), Array)
    assert_type(random.multinomial(10, [0.5, 0.5]), Array)
    assert_type(random.poisson(2.0, size=3), Array)
    assert_type(random.zipf(2.0), Array)
    assert_type(random.categorical(x, axis=0), Array)
    assert_type(rng.randint(10), Array)
    assert_type(rng.bernoulli(0.5, size=3), Array)


def order(rng: RandomState, x: Array) -> None:
    assert_type(random.choice(10, size=3, replace=False), Array)
    assert_type(random.permutation(10), Array)
    assert_type(random.shuffle(x, axis=1), Array)
    assert_type(rng.choice(x, p=[0.5, 0.5]), Array)
    assert_type(rng.permutation(x, independent=True), Array)
