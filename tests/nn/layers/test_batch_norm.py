"""Batch normalisation: torch's numbers, running averages, modes, transforms and errors."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
from brainlite.errors import EnvironmentKeyError, InputError, OptionError, SizeError
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close
from tests.nn.layers.data.make_torch_norms import Case
from tests.nn.layers.normalized import STORED, assert_as_torch, cases_of

X = np.random.RandomState(0).randn(20, 8, 3).astype(np.float32) * 2 + 1


@cases_of("BatchNorm")
def test_values_gradients_and_averages_are_those_of_torch(case: Case) -> None:
    assert_as_torch(case, STORED[str(case)])


def averages(layer: Any) -> Any:
    return np.stack([np.ravel(layer.running_mean.value), np.ravel(layer.running_var.value)])


def test_running_averages_come_to_those_of_the_data() -> None:
    layer = nn.BatchNorm0d(3, momentum=0.8).train()
    for_loop(layer, jnp.concatenate([jnp.asarray(X)] * 2))
    batches = X.astype(np.float64)
    weights = 0.2 * 0.8 ** np.arange(39, -1, -1)
    expected = [
        (weights[:, None] * np.concatenate([each] * 2)).sum(0) + first * 0.8**40
        for each, first in ((batches.mean(1), 0), (batches.var(1), 1))
    ]
    np.testing.assert_allclose(averages(layer), expected, rtol=1e-4)
    plain = nn.BatchNorm0d(3, momentum=None).train()
    for_loop(plain, jnp.asarray(X))
    expected = [batches.mean((0, 1)), batches.var(1).mean(0)]
    np.testing.assert_allclose(averages(plain), expected, rtol=1e-4)


def test_evaluation_changes_nothing_and_takes_each_sample_for_itself() -> None:
    layer = nn.BatchNorm0d(3).train()
    layer(jnp.asarray(X[0]))
    before = averages(layer)
    with environ.context(fit=False):
        whole = layer(jnp.asarray(X))
        assert_close(layer(jnp.asarray(X[3, 2])), whole[3, 2])
    assert (averages(layer) == before).all()
    with pytest.raises(EnvironmentKeyError, match=r"BatchNorm0d(.|\n)*model.train\(\)"):
        layer.train(None)(jnp.asarray(X))


def test_a_training_step_writes_averages_and_an_error_in_it_does_not() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm0d(4)).train()
    norm: Any = model[1]

    def loss(x: Any) -> Any:
        return (model(x) ** 3).mean()

    before = averages(norm)
    step = jit(grad(loss, model.states(nn.is_trainable)))
    step(jnp.asarray(X[0]))
    after = averages(norm)
    assert (after != before).all()
    with pytest.raises(InputError, match=r"\[1\](.|\n)*one value only(.|\n)*\(1, 4\)(.|\n)*eval"):
        step(jnp.asarray(X[0, :1]))
    assert (averages(norm) == after).all()


def test_no_gradient_passes_through_the_averages() -> None:
    layer = nn.BatchNorm0d(3).train()

    def loss(x: Any) -> Any:
        layer(x)
        with environ.context(fit=False):
            return layer(jnp.ones((1, 3))).sum()

    assert not np.any(grad(loss, argnums=0)(jnp.asarray(X[0])))


def test_other_spatial_sizes_and_several_features_are_welcome() -> None:
    layer = nn.BatchNorm1d((8, 3)).train()
    assert_close(layer(jnp.asarray(X[:, :5])), nn.BatchNorm0d(3).train()(jnp.asarray(X[:, :5])))
    both = nn.BatchNorm1d((8, 3), (0, 1)).train()
    y = np.asarray(both(jnp.asarray(X)))
    assert_close(y.mean(0), np.zeros((8, 3)), scale=1.0)
    first = nn.BatchNorm1d((3, 8), 0).train()(jnp.asarray(X).swapaxes(1, 2))
    last = nn.BatchNorm1d((8, 3)).train()(jnp.asarray(X))
    assert_close(first.swapaxes(1, 2), last)


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: nn.BatchNorm2d((8, 3)), SizeError, r"3 sizes: 2 of space(.|\n)*use BatchNorm1d"),
        (lambda: nn.BatchNorm0d((8, 3)), SizeError, r"number of channels(.|\n)*use BatchNorm1d"),
        (lambda: nn.BatchNorm0d(3, momentum=1.5), OptionError, r"0 to 1(.|\n)*momentum=1.5"),
        (lambda: nn.BatchNorm0d(3, 2), SizeError, r"BatchNorm0d: feature_axes"),
        (
            lambda: nn.BatchNorm1d((8, 3)).eval()(jnp.ones((8, 4))),
            InputError,
            r"\(\.\.\., \*, 3\)(.|\n)*got: .*\(8, 4\)",
        ),
    ],
)
def test_what_does_not_fit_says_what_would(make: Any, error: Any, match: str) -> None:
    with pytest.raises(error, match=match):
        make()


def test_the_size_of_positions_may_be_left_open() -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 7, 4)), "float32")
    open_, one = nn.BatchNorm1d([None, 4]).train(), nn.BatchNorm1d((1, 4)).train()
    np.testing.assert_array_equal(open_(x), one(x))
    assert open_.in_size == (1, 4)
    assert nn.BatchNorm2d((None, None, 3)).train()(jnp.ones((2, 5, 6, 3))).shape == (2, 5, 6, 3)
    with pytest.raises(SizeError, match=r"number of features is not known(.|\n)*\[4, None\]"):
        nn.BatchNorm1d([4, None])
