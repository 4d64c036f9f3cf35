import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.random import RandomState
from tests.random.comparison import MANY, assert_same_distribution


def test_multinomial_counts_sum_to_the_trials() -> None:
    counts = np.asarray(RandomState(0).multinomial(20, [0.2, 0.3, 0.5], MANY))
    assert (counts.sum(axis=-1) == 20).all()
    expected = np.random.default_rng(0).multinomial(20, [0.2, 0.3, 0.5], MANY)
    for ours, numpys in zip(counts.T, expected.T, strict=True):
        assert_same_distribution(ours, numpys)


def test_multinomial_gives_the_rest_to_the_last_outcome() -> None:
    counts = np.asarray(RandomState(0).multinomial(20, [0.2, 0.3, 0.0], MANY))
    assert 9.9 < counts[:, 2].mean() < 10.1
    assert RandomState(0).multinomial(4, [0.0, 1.0, 0.0], MANY)[0].tolist() == [0, 4, 0]


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
        ("poisson", (-1.0,), r"lam >= 0\n  got:      -1\.0"),
        ("logseries", (1.0,), r"p 0 or more, below 1\n  got:      1\.0"),
        ("zipf", (1.0,), r"a > 1\n  got:      1\.0"),
    ],
)
def test_parameters_out_of_range_are_refused(
    name: str, parameters: tuple[float, ...], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        getattr(RandomState(0), name)(*parameters)


def test_zipf_stays_within_its_dtype() -> None:
    numbers = np.asarray(RandomState(0).zipf(1.05, MANY, dtype="int8"))
    assert (numbers.min(), str(numbers.dtype)) == (1, "int8")
    assert numbers.max() > 64
