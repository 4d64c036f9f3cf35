import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState
from brainlite.typing import Array
from tests.random.comparison import assert_same_distribution


def test_certain_outcomes_are_certain() -> None:
    rng = RandomState(0)
    assert rng.bernoulli([0.0, 1.0]).tolist() == [False, True]
    assert rng.binomial(7, [0.0, 1.0]).tolist() == [0, 7]
    assert rng.geometric(1.0, 5).tolist() == [1] * 5
    assert rng.negative_binomial(3, 1.0, 5).tolist() == [0] * 5
    assert rng.hypergeometric([3, 0, 3], [0, 3, 2], [2, 2, 5]).tolist() == [2, 0, 3]
    assert rng.categorical([[0.0, -jnp.inf], [-jnp.inf, 0.0]]).tolist() == [0, 1]


def test_multinomial_counts_sum_to_the_trials() -> None:
    counts = RandomState(0).multinomial(20, [0.2, 0.3, 0.5], 10000)
    assert (counts.sum(axis=-1) == 20).all()
    expected = np.random.default_rng(0).multinomial(20, [0.2, 0.3, 0.5], 10000)
    for ours, numpys in zip(counts.T, expected.T, strict=True):
        assert_same_distribution(ours, numpys)


def test_multinomial_gives_the_rest_to_the_last_outcome() -> None:
    counts = RandomState(0).multinomial(20, [0.2, 0.3, 0.0], 10000)
    assert 9.9 < counts[:, 2].mean() < 10.1
    assert RandomState(0).multinomial(4, [0.0, 1.0, 0.0], 10000)[0].tolist() == [0, 4, 0]


def test_multinomial_takes_batches() -> None:
    rng, half = RandomState(0), np.full((4, 2), 0.5)
    assert jax.eval_shape(lambda: rng.multinomial([5, 6], [0.5, 0.5], key=0)).shape == (2, 2)
    assert jax.eval_shape(lambda: rng.multinomial(5, half, key=0)).shape == (4, 2)
    assert jax.eval_shape(lambda: rng.multinomial(5, half, (3, 4), key=0)).shape == (3, 4, 2)


def test_categorical_is_that_of_jax() -> None:
    logits = jnp.log(jnp.array([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]]))
    used = jax.random.split(jax.random.key(0))[1]
    rng = RandomState(0)
    assert (rng.categorical(logits) == jax.random.categorical(used, logits)).all()
    rng.seed(0)
    assert (rng.categorical(logits, 0) == jax.random.categorical(used, logits, 0)).all()
    assert jax.eval_shape(lambda: rng.categorical(logits, size=(5, 2), key=0)).shape == (5, 2)
    with pytest.raises(SizeError, match=r"got:      logits \(2,\)"):
        rng.categorical(logits, size=5)


def test_probabilities_must_be_vectors() -> None:
    with pytest.raises(SizeError, match=r"are no vector.*\n.*\n  got:      a scalar"):
        RandomState(0).categorical(0.5)
    with pytest.raises(SizeError, match=r"are no vector.*\n.*\n  got:      a scalar"):
        RandomState(0).multinomial(3, 0.5)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("bernoulli", (1.5,), r"p within \[0, 1\]\n  got:      1\.5"),
        ("binomial", (-1, 0.5), r"n >= 0\n  got:      -1"),
        ("binomial", (1, -0.5), r"p within \[0, 1\]"),
        (
            "multinomial",
            (3, [0.5, 1.5]),
            r"pvals within \[0, 1\]\n  got:      1\.5 at index \(1,\)",
        ),
        (
            "multinomial",
            (3, [0.8, 0.8, 0.0]),
            r"pvals with a sum of 1\n  got:      \[0\.8 0\.8 0\. \]",
        ),
        ("geometric", (0.0,), r"p above 0, at most 1\n  got:      0\.0"),
        ("negative_binomial", (0, 0.5), r"n > 0"),
        ("negative_binomial", (1, 0.0), r"p above 0, at most 1"),
        ("hypergeometric", (-1, 5, 2), r"ngood >= 0"),
        ("hypergeometric", (2, 3, 6), r"ngood \+ nbad >= nsample\n.* = 5, nsample = 6"),
    ],
)
def test_parameters_out_of_range_are_refused(
    name: str, parameters: tuple[float, ...], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        getattr(RandomState(0), name)(*parameters)


def test_checks_can_be_left_out() -> None:
    def draw() -> list[Array]:
        rng = RandomState(0)
        return [
            rng.bernoulli(1.5, check_valid=False),
            rng.binomial(5, 1.5, check_valid=False),
            rng.multinomial(5, [0.8, 0.8, 0.0], check_valid=False),
        ]

    assert [each.shape for each in jax.eval_shape(draw)] == [(), (), (3,)]
