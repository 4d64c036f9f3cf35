"""What holds for every draw, by one table."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from _pytest.mark.structures import ParameterSet

from brainlite import environ, random
from brainlite.random import RandomState
from brainlite.typing import Array, Key
from tests.closeness import assert_close
from tests.random.comparison import MANY, assert_same_distribution

# As strongly typed as the parameters of our draws, so that both share what jax has compiled.
f32 = np.float32


class Draw(NamedTuple):
    """A draw with its parameters, and who else makes the same numbers.

    ``of_jax`` makes the very numbers from the key that is used up; ``of_numpy`` others of the same
    distribution.
    """

    name: str
    parameters: tuple[Any, ...]
    of_jax: Callable[[Key, tuple[int, ...]], Any] | None
    of_numpy: Callable[[np.random.Generator, int], Any]

    def __str__(self) -> str:
        return f"{self.name}{self.parameters}"


def truncated(rng: np.random.Generator, size: int) -> Any:
    numbers = rng.normal(1.0, 2.0, 4 * size)
    return numbers[(numbers > -1) & (numbers < 3)]


def truncated_by_jax(key: Key, shape: tuple[int, ...]) -> Any:
    return np.asarray(jr.truncated_normal(key, f32(-1), f32(1), shape)) * 2 + 1


def f_by_jax(key: Key, shape: tuple[int, ...]) -> Any:
    first, second = jr.split(key)
    numerator = np.asarray(jr.chisquare(first, f32(3), shape)) / 3
    return numerator / (np.asarray(jr.chisquare(second, f32(4), shape)) / 4)


def noncentral_f(rng: np.random.Generator, size: int) -> Any:
    return rng.noncentral_f(3.0, 9.0, 2.0, size)


def maxwell(rng: np.random.Generator, size: int) -> Any:
    return np.linalg.norm(rng.normal(size=(size, 3)), axis=1)


DRAWS = [
    Draw("random", (), jr.uniform, lambda g, n: g.random(n)),
    Draw(
        "uniform",
        (2.0, 5.0),
        lambda k, s: jr.uniform(k, s, minval=f32(2), maxval=f32(5)),
        lambda g, n: g.uniform(2, 5, n),
    ),
    Draw("randint", (2, 7), lambda k, s: jr.randint(k, s, 2, 7), lambda g, n: g.integers(2, 7, n)),
    Draw("randint", (7,), lambda k, s: jr.randint(k, s, 0, 7), lambda g, n: g.integers(7, size=n)),
    Draw(
        "random_integers",
        (2, 7),
        lambda k, s: jr.randint(k, s, 2, 8),
        lambda g, n: g.integers(2, 8, n),
    ),
    Draw(
        "random_integers",
        (7,),
        lambda k, s: jr.randint(k, s, 1, 8),
        lambda g, n: g.integers(1, 8, n),
    ),
    Draw("standard_normal", (), jr.normal, lambda g, n: g.normal(size=n)),
    Draw(
        "normal",
        (2.0, 5.0),
        lambda k, s: np.asarray(jr.normal(k, s)) * 5 + 2,
        lambda g, n: g.normal(2, 5, n),
    ),
    Draw(
        "lognormal",
        (1.0, 0.5),
        lambda k, s: np.exp(np.asarray(jr.normal(k, s)) * 0.5 + 1),
        lambda g, n: g.lognormal(1, 0.5, n),
    ),
    Draw("truncated_normal", (-1.0, 3.0, None, 1.0, 2.0), truncated_by_jax, truncated),
    Draw(
        "standard_gamma",
        (0.5,),
        lambda k, s: jr.gamma(k, f32(0.5), s),
        lambda g, n: g.standard_gamma(0.5, n),
    ),
    Draw(
        "gamma",
        (2.0, 3.0),
        lambda k, s: np.asarray(jr.gamma(k, f32(2.0), s)) * 3,
        lambda g, n: g.gamma(2, 3, n),
    ),
    Draw(
        "loggamma",
        (0.5,),
        lambda k, s: jr.loggamma(k, f32(0.5), s),
        lambda g, n: np.log(g.standard_gamma(0.5, n)),
    ),
    Draw(
        "beta",
        (2.0, 3.0),
        lambda k, s: jr.beta(k, f32(2.0), f32(3.0), s),
        lambda g, n: g.beta(2, 3, n),
    ),
    Draw(
        "chisquare",
        (3.0,),
        lambda k, s: jr.chisquare(k, f32(3.0), s),
        lambda g, n: g.chisquare(3, n),
    ),
    Draw("noncentral_chisquare", (3.0, 2.0), None, lambda g, n: g.noncentral_chisquare(3, 2, n)),
    Draw("noncentral_chisquare", (3.0, 0.0), None, lambda g, n: g.chisquare(3, n)),
    Draw("noncentral_chisquare", (0.5, 9.0), None, lambda g, n: g.noncentral_chisquare(0.5, 9, n)),
    Draw("f", (3.0, 4.0), f_by_jax, lambda g, n: g.f(3, 4, n)),
    Draw("noncentral_f", (3.0, 9.0, 2.0), None, noncentral_f),
    Draw("standard_t", (3.0,), lambda k, s: jr.t(k, f32(3.0), s), lambda g, n: g.standard_t(3, n)),
    Draw("standard_exponential", (), jr.exponential, lambda g, n: g.exponential(size=n)),
    Draw(
        "exponential",
        (2.0,),
        lambda k, s: np.asarray(jr.exponential(k, s)) * 2,
        lambda g, n: g.exponential(2, n),
    ),
    Draw(
        "weibull",
        (3.0,),
        lambda k, s: jr.weibull_min(k, f32(1.0), f32(3.0), s),
        lambda g, n: g.weibull(3, n),
    ),
    Draw(
        "weibull_min",
        (3.0, 2.0),
        lambda k, s: jr.weibull_min(k, f32(2.0), f32(3.0), s),
        lambda g, n: 2 * g.weibull(3, n),
    ),
    Draw(
        "rayleigh", (3.0,), lambda k, s: jr.rayleigh(k, f32(3.0), s), lambda g, n: g.rayleigh(3, n)
    ),
    Draw("maxwell", (), jr.maxwell, maxwell),
    Draw("pareto", (3.0,), lambda k, s: jr.pareto(k, f32(3.0), s), lambda g, n: 1 + g.pareto(3, n)),
    Draw(
        "power",
        (3.0,),
        lambda k, s: np.asarray(jr.uniform(k, s)) ** f32(1 / 3),
        lambda g, n: g.power(3, n),
    ),
    Draw(
        "wald",
        (3.0, 2.0),
        lambda k, s: np.asarray(jr.wald(k, f32(1.5), s)) * 2,
        lambda g, n: g.wald(3, 2, n),
    ),
    Draw(
        "laplace",
        (1.0, 2.0),
        lambda k, s: np.asarray(jr.laplace(k, s)) * 2 + 1,
        lambda g, n: g.laplace(1, 2, n),
    ),
    Draw(
        "logistic",
        (1.0, 2.0),
        lambda k, s: np.asarray(jr.logistic(k, s)) * 2 + 1,
        lambda g, n: g.logistic(1, 2, n),
    ),
    Draw(
        "gumbel",
        (1.0, 2.0),
        lambda k, s: np.asarray(jr.gumbel(k, s)) * 2 + 1,
        lambda g, n: g.gumbel(1, 2, n),
    ),
    Draw("standard_cauchy", (), jr.cauchy, lambda g, n: g.standard_cauchy(n)),
    Draw(
        "triangular",
        (1.0, 2.0, 4.0),
        lambda k, s: jr.triangular(k, f32(1.0), f32(2.0), f32(4.0), s),
        lambda g, n: g.triangular(1, 2, 4, n),
    ),
    Draw("vonmises", (1.0, 2.0), None, lambda g, n: g.vonmises(1, 2, n)),
    Draw(
        "bernoulli",
        (0.3,),
        lambda k, s: jr.bernoulli(k, f32(0.3), s),
        lambda g, n: g.random(n) < 0.3,
    ),
    Draw(
        "binomial",
        (10, 0.3),
        lambda k, s: jr.binomial(k, f32(10.0), f32(0.3), s),
        lambda g, n: g.binomial(10, 0.3, n),
    ),
    Draw(
        "geometric",
        (0.3,),
        lambda k, s: np.floor(np.log1p(-np.asarray(jr.uniform(k, s))) / np.log1p(f32(-0.3))) + 1,
        lambda g, n: g.geometric(0.3, n),
    ),
    Draw("negative_binomial", (5, 0.3), None, lambda g, n: g.negative_binomial(5, 0.3, n)),
    Draw("hypergeometric", (5, 6, 4), None, lambda g, n: g.hypergeometric(5, 6, 4, n)),
    Draw("poisson", (3.0,), lambda k, s: jr.poisson(k, f32(3.0), s), lambda g, n: g.poisson(3, n)),
    Draw("logseries", (0.7,), None, lambda g, n: g.logseries(0.7, n)),
    Draw("zipf", (2.5,), None, lambda g, n: g.zipf(2.5, n)),
]
SECOND_NAMES = {"random_sample": "random", "ranf": "random", "sample": "random", "t": "standard_t"}
# Gamma numbers like others of the table that stay, but each takes jax seconds to compile.
SLOW = {"standard_t", "loggamma", "noncentral_f"}
OF_JAX = [draw for draw in DRAWS if draw.of_jax is not None]


def numeric(draw: Draw) -> ParameterSet:
    """Make a case of a test that really draws."""
    return pytest.param(draw, id=str(draw), marks=[pytest.mark.slow] if draw.name in SLOW else [])


def data(key: Key) -> list[int]:
    numbers: list[int] = jr.key_data(key).tolist()
    return numbers


def call(rng: RandomState, draw: Draw, **options: Any) -> Array:
    drawn: Array = getattr(rng, draw.name)(*draw.parameters, **options)
    return drawn


def draw_many(rng: RandomState, draw: Draw, size: tuple[int, ...], **options: Any) -> Array:
    """Draw with a size: where ``None`` holds its place, or else by name."""
    if None in draw.parameters:
        filled = tuple(size if each is None else each for each in draw.parameters)
        return call(rng, draw._replace(parameters=filled), **options)
    return call(rng, draw, size=size, **options)


def shape_of(
    draw: Draw, size: tuple[int, ...] | None = None, **options: Any
) -> jax.ShapeDtypeStruct:
    """Return shape and dtype of a draw, without drawing."""
    rng = RandomState(0)
    draws = call if size is None else functools.partial(draw_many, size=size)
    result: jax.ShapeDtypeStruct = jax.eval_shape(lambda: draws(rng, draw, key=3, **options))
    return result


def test_the_table_has_every_draw_of_single_numbers() -> None:
    draws = {
        name
        for name in random.__all__
        if name not in ("DEFAULT", "RandomState")
        and "size" in inspect.signature(getattr(random, name)).parameters
    }
    elsewhere = {"choice", "dirichlet", "categorical", "multinomial", "multivariate_normal"}
    assert {draw.name for draw in DRAWS} == draws - elsewhere - {"orthogonal"} - set(SECOND_NAMES)


@pytest.mark.parametrize(("second", "name"), SECOND_NAMES.items())
def test_a_second_name_is_the_same_draw(second: str, name: str) -> None:
    assert getattr(RandomState, second) is getattr(RandomState, name)


@pytest.mark.parametrize("draw", [*map(numeric, OF_JAX)])
def test_numbers_are_those_of_jax_on_the_used_key(draw: Draw) -> None:
    assert draw.of_jax is not None
    used = jr.split(jr.key(1))[1]
    assert_close(draw_many(RandomState(1), draw, (MANY,)), draw.of_jax(used, (MANY,)))


@pytest.mark.parametrize("draw", [*map(numeric, DRAWS)])
def test_distribution_is_that_of_numpy(draw: Draw) -> None:
    numbers = draw_many(RandomState(1), draw, (MANY,))
    assert_same_distribution(numbers, draw.of_numpy(np.random.default_rng(2), MANY))


@pytest.mark.parametrize("draw", [*map(numeric, DRAWS)])
def test_a_draw_uses_up_one_key_and_none_of_the_generator_with_its_own(draw: Draw) -> None:
    rng = RandomState(0)
    one = np.asarray(draw_many(rng, draw, (MANY,), key=7))
    assert data(rng.value) == data(jr.key(0))
    np.testing.assert_array_equal(one, draw_many(rng, draw, (MANY,), key=jr.key(7)))
    draw_many(rng, draw, (MANY,))
    assert data(rng.value) == data(jr.split(jr.key(0))[0])


@pytest.mark.parametrize("draw", DRAWS, ids=str)
def test_without_a_size_a_draw_is_a_scalar(draw: Draw) -> None:
    assert shape_of(draw).shape == ()
    assert shape_of(draw, (2, 0)).shape == (2, 0)


@pytest.mark.parametrize("draw", DRAWS, ids=str)
def test_parameters_may_be_arrays_lists_or_traced(draw: Draw) -> None:
    rng = RandomState(0)
    fixed = [each for each in draw.parameters if each is not None]

    def body(*parameters: Any) -> Array:
        given = iter(parameters)
        filled = tuple(None if each is None else next(given) for each in draw.parameters)
        return call(rng, draw._replace(parameters=filled), key=3)

    assert jax.eval_shape(body, *fixed).shape == ()
    if fixed:
        lists = [[each, each] for each in fixed]
        assert jax.eval_shape(lambda: body(*lists)).shape == (2,)
        assert jax.eval_shape(body, *map(np.array, lists)).shape == (2,)
        assert jax.eval_shape(jax.vmap(body), *map(jnp.array, lists)).shape == (2,)


@pytest.mark.parametrize("draw", DRAWS, ids=str)
def test_dtype_is_the_environments_or_the_one_asked_for(draw: Draw) -> None:
    default = shape_of(draw).dtype
    if draw.name == "bernoulli":
        assert default == jnp.bool_
        return
    assert default in (jnp.float32, jnp.int32)
    other = jnp.float16 if default == jnp.float32 else jnp.int16
    assert shape_of(draw, dtype=other).dtype == other
    with environ.context(precision=16):
        assert shape_of(draw).dtype == other


@pytest.mark.parametrize(
    ("name", "parameters", "certain"),
    [
        ("uniform", (2.0, 2.0), 2),
        ("normal", (5.0, 0.0), 5),
        ("bernoulli", (0.0,), 0),
        ("bernoulli", (1.0,), 1),
        ("binomial", (7, 0.0), 0),
        ("binomial", (7, 1.0), 7),
        ("geometric", (1.0,), 1),
        ("negative_binomial", (3, 1.0), 0),
        ("hypergeometric", (3, 0, 2), 2),
        ("hypergeometric", (0, 3, 2), 0),
        ("hypergeometric", (3, 2, 5), 3),
        ("poisson", (0.0,), 0),
        ("logseries", (0.0,), 1),
        ("zipf", (500.0,), 1),
    ],
)
def test_what_is_certain_always_comes(
    name: str, parameters: tuple[float, ...], certain: float
) -> None:
    drawn = getattr(RandomState(0), name)(*parameters, size=(MANY,))
    np.testing.assert_array_equal(drawn, certain)


@pytest.mark.slow
def test_loggamma_is_finite_where_gamma_is_zero() -> None:
    assert np.isfinite(RandomState(0).loggamma(1e-3, MANY)).all()


def test_a_draw_without_a_check_takes_any_parameter() -> None:
    def draw() -> list[Array]:
        rng = RandomState(0)
        return [
            rng.power(-1.0, check_valid=False),
            rng.chisquare(-1.0, check_valid=False),
            rng.truncated_normal(2.0, 1.0, check_valid=False),
            rng.bernoulli(1.5, check_valid=False),
            rng.binomial(5, 1.5, check_valid=False),
            rng.multinomial(5, [0.8, 0.8, 0.0], check_valid=False),
        ]

    assert [each.shape for each in jax.eval_shape(draw)] == [(), (), (), (), (), (3,)]
