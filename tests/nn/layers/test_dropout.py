"""Dropout: what is dropped, how often, when, and what is refused."""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.errors import EnvironmentKeyError, InputError, OptionError, StateMissingError
from brainlite.transform import for_loop, grad
from tests.closeness import assert_close

KINDS: list[Callable[..., nn.ElementWiseBlock]] = [
    nn.Dropout,
    nn.Dropout1d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
]


@pytest.fixture(autouse=True)
def _seed() -> None:
    brainlite.random.seed(0)


def test_keeps_with_probability_prob_and_keeps_the_mean() -> None:
    y = np.asarray(nn.Dropout(0.8).train()(jnp.ones(100_000)))
    kept = y != 0
    assert abs(kept.mean() - 0.8) < 4 * np.sqrt(0.8 * 0.2 / y.size)
    assert_close(y[kept], 1.25)


@pytest.mark.parametrize("kind", KINDS)
def test_p_is_the_probability_to_drop(kind: Callable[..., nn.Dropout]) -> None:
    assert kind(p=0.2).prob == 0.8
    assert kind(0.8).prob == 0.8
    assert kind().prob == 0.5
    with pytest.raises(OptionError, match=r"(?s)say the same.*prob=0\.8, p=0\.2"):
        kind(0.8, p=0.2)
    for wrong in ({"prob": 1.5}, {"p": -0.1}):
        with pytest.raises(OptionError, match=r"outside of \[0, 1\](.|\n)*=(1\.5|-0\.1)"):
            kind(**wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_all_and_nothing_are_exact(kind: Callable[..., nn.Dropout]) -> None:
    x = brainlite.random.randn(4, 5, 3)
    np.testing.assert_array_equal(kind(1.0).train()(x), x)
    none = kind(0.0).train()
    np.testing.assert_array_equal(none(x), jnp.zeros_like(x))
    assert not grad(lambda x: none(x).sum(), argnums=0)(x).any()
    np.testing.assert_array_equal(kind(0.5).eval()(x), x)
    with pytest.raises(EnvironmentKeyError, match="whether this module is being trained"):
        kind(0.5)(x)


def test_broadcast_dims_share_what_is_kept() -> None:
    y = nn.Dropout(0.5, broadcast_dims=(0, -1)).train()(jnp.ones((4, 50, 3)))
    assert bool((y == y[:1, :, :1]).all())
    assert 0 < int((y[0, :, 0] == 0).sum()) < 50


@pytest.mark.parametrize(
    ("kind", "rank"), [(nn.Dropout1d, 1), (nn.Dropout2d, 2), (nn.Dropout3d, 3)]
)
def test_whole_channels_of_each_sample(kind: type[nn.Dropout1d], rank: int) -> None:
    y = np.asarray(kind().train()(jnp.ones((2, 20, *[3] * rank, 10))))
    first = y.reshape(2, 20, -1, 10)[:, :, :1]
    assert (y.reshape(2, 20, -1, 10) == first).all()
    assert abs((first != 0).mean() - 0.5) < 4 * 0.5 / 20
    assert not (first == first[:1, :1]).all()
    other = np.asarray(kind(channel_axis=1).train()(jnp.ones((20, 10, *[3] * rank))))
    assert (other.reshape(20, 10, -1) == other.reshape(20, 10, -1)[:, :, :1]).all()
    with pytest.raises(InputError, match=rf"(?s){kind.__name__}.*at least {rank + 1}.*\(10,\)"):
        kind().eval()(jnp.ones(10))


@pytest.mark.parametrize("keep", [0.9, 0.5])
def test_alpha_dropout_keeps_mean_0_and_variance_1(keep: float) -> None:
    x = brainlite.random.randn(200_000)
    y = np.asarray(nn.AlphaDropout(keep).train()(x))
    assert abs(y.mean()) < 0.02
    assert abs(y.var() - 1) < 0.03
    dropped = np.isclose(y, _limit(keep), rtol=1e-6)
    assert abs(dropped.mean() - (1 - keep)) < 0.01


def _limit(keep: float) -> float:
    """Return what a dropped element becomes, by the equations of the paper."""
    alpha = -1.7580993408473766
    a = (keep + alpha**2 * keep * (1 - keep)) ** -0.5
    return float(a * alpha - a * (1 - keep) * alpha)


def test_feature_alpha_dropout_drops_channels_of_each_sample() -> None:
    y = nn.FeatureAlphaDropout().train()(jnp.ones((50, 4, 3, 10)))
    assert bool((y == y[:, :1, :1]).all())
    assert_close(y.min(), _limit(0.5))
    assert not bool((y == y[:1]).all())


def test_fixed_dropout_is_the_same_until_it_is_reset() -> None:
    layer = nn.DropoutFixed(30)
    x = jnp.ones((2, 30))
    with pytest.raises(StateMissingError, match="mask"):
        layer.train()(x)
    nn.init_all_states(layer, batch_size=2)
    steps = for_loop(lambda _: layer(x), jnp.arange(3))
    assert bool((steps == steps[:1]).all())
    nn.reset_all_states(layer, batch_size=2)
    assert not bool((layer(x) == steps[0]).all())
    with pytest.raises(InputError, match=r"(?s)DropoutFixed.*\(2, 30\).*\(3, 30\)"):
        layer(jnp.ones((3, 30)))
    assert layer.eval()(jnp.ones((3, 30))).shape == (3, 30)
