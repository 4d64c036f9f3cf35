"""Whatever stands where nothing counts, NaN too: values and gradients are those without it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn, random
from brainlite.nn import functional
from brainlite.state import ParamState
from brainlite.transform import grad, jit, value_and_grad

LENGTHS = (3, 5, 1)
STEPS = 5
PADDINGS = [np.nan, pytest.param(np.inf, marks=pytest.mark.slow)]

RECURRENT: dict[str, Callable[[], Any]] = {
    "RNN": lambda: nn.RNN(2, 3),
    "GRU": lambda: nn.GRU(2, 3, num_layers=2, bidirectional=True),
    "LSTM": lambda: nn.LSTM(2, 3, proj_size=2),
    "GRU-remat": lambda: nn.GRU(2, 3, remat=True),
    "MinGRU": lambda: nn.MinGRU(2, 3),
    "LRU": lambda: nn.LRU(2, 3),
    "Recurrent": lambda: nn.Recurrent(nn.LSTMCell(2, 3)),
    "Recurrent-reverse": lambda: nn.Recurrent(nn.MGUCell(2, 3), reverse=True),
    "Recurrent-remat": lambda: nn.Recurrent(nn.GRUCell(2, 3), remat=True),
}
_QUICK = ("MinGRU", "Recurrent")
LAYERS = [
    pytest.param(make, id=name, marks=() if name in _QUICK else pytest.mark.slow)
    for name, make in RECURRENT.items()
]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("make", LAYERS)
def test_a_padded_batch_is_its_sequences_one_by_one(
    make: Callable[[], Any], padding: float
) -> None:
    random.seed(0)
    layer = make()
    weights = layer.states(ParamState)
    draw = np.random.RandomState(0)
    rows = [jnp.asarray(draw.randn(length, 2), "float32") for length in LENGTHS]
    padded, lengths = nn.pad_sequences(rows, padding_value=padding)
    width = layer(rows[0])[0].shape[-1]
    factors = jnp.asarray(draw.randn(STEPS, len(rows), width), "float32")
    mask = jnp.arange(STEPS)[:, None] < lengths

    def of_batch(x: Any, **marks: Any) -> Any:
        return (layer(x, **marks)[0] * factors).sum()

    def one_by_one(rows: Any) -> Any:
        outs = [layer(row)[0] * factors[: len(row), n] for n, row in enumerate(rows)]
        return sum(out.sum() for out in outs)

    value, (d_weights, d_rows) = jit(value_and_grad(one_by_one, weights, argnums=0))(rows)
    for marks in ({"lengths": lengths}, {"mask": mask}):
        masked, (found, d_x) = jit(value_and_grad(of_batch, weights, argnums=0))(padded, **marks)
        np.testing.assert_allclose(masked, value, rtol=1e-5, atol=1e-5)
        for one, two in zip(jax.tree.leaves(found), jax.tree.leaves(d_weights), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
        expected = nn.pad_sequences(d_rows)[0]
        np.testing.assert_allclose(d_x, expected, rtol=1e-4, atol=1e-5)


# Each with the axes of its moments in an input (2, 4, 6), channels in groups where it has some.
NORMS: dict[str, tuple[Callable[[], Any], tuple[int, ...], int, bool]] = {
    "LayerNorm": (lambda: nn.LayerNorm(6), (2, 3), 1, True),
    "LayerNorm-fast": (lambda: nn.LayerNorm(6, use_fast_variance=True), (2, 3), 1, True),
    "RMSNorm": (lambda: nn.RMSNorm(6), (2, 3), 1, False),
    "GroupNorm": (lambda: nn.GroupNorm((4, 6), num_groups=2), (1, 3), 2, True),
    "InstanceNorm": (lambda: nn.InstanceNorm((4, 6), use_scale=True), (1, 3), 6, True),
    "BatchNorm": (lambda: nn.BatchNorm1d((4, 6)).train(), (0, 1, 3), 6, True),
}


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize(
    "name",
    [
        name if name in ("RMSNorm", "GroupNorm") else pytest.param(name, marks=pytest.mark.slow)
        for name in NORMS
    ],
)
def test_norms_compute_with_what_counts_alone(name: str, padding: float) -> None:
    make, axes, groups, centered = NORMS[name]
    layer = make()
    params: Any = layer.states(ParamState)
    draw = np.random.RandomState(1)
    clean = jnp.asarray(draw.randn(2, 4, 6), "float32")
    mask = jnp.asarray(draw.rand(2, 4, 6) < 0.7).at[0, 0].set(True)
    factors = jnp.asarray(draw.randn(2, 4, 6), "float32")

    def loss(x: Any) -> Any:
        return jnp.where(mask, layer(x, mask=mask) * factors, 0).sum()

    def formula(x: Any, weight: Any) -> Any:
        parts = (2, 4, groups, 6 // groups)
        x, m = (jnp.where(mask, x, 0).reshape(parts), mask.reshape(parts))
        count = m.sum(axes, keepdims=True)
        mean = x.sum(axes, keepdims=True) / count if centered else 0
        var = jnp.where(m, jnp.square(x - mean), 0).sum(axes, keepdims=True) / count
        y = ((x - mean) / jnp.sqrt(var + layer.epsilon)).reshape(2, 4, 6)
        for each in weight:
            y = y * each.get("scale", 1) + each.get("bias", 0)
        return jnp.where(mask, y * factors, 0).sum()

    dirty = jnp.where(mask, clean, padding)
    weight = list(params.to_values().values())
    np.testing.assert_allclose(loss(dirty), formula(clean, weight), rtol=1e-4, atol=1e-5)
    found, d_x = jit(grad(loss, params, argnums=0))(dirty)
    expected, d_params = jax.jit(jax.grad(formula, (0, 1)))(clean, weight)
    np.testing.assert_allclose(d_x, expected, rtol=1e-3, atol=1e-5)
    for one, two in zip(found.values(), d_params, strict=True):
        for key, value in one.items():
            np.testing.assert_allclose(value, two[key].reshape(value.shape), rtol=1e-3, atol=1e-5)


def test_batch_norm_in_evaluation_passes_no_nan_to_its_gradients() -> None:
    layer = nn.BatchNorm0d(3).eval()
    mask = jnp.array([[True], [False]])
    x = jnp.array([[1.0, 2.0, 3.0], [jnp.nan] * 3])
    params = layer.states(ParamState)
    found, d_x = grad(lambda x: jnp.where(mask, layer(x, mask), 0).sum(), params, argnums=0)(x)
    for leaf in jax.tree.leaves((found, d_x)):
        assert bool(jnp.isfinite(leaf).all())


def test_ignored_samples_may_be_nan() -> None:
    x = jnp.asarray(np.random.RandomState(0).randn(4, 3), "float32")
    dirty = x.at[1].set(jnp.nan)
    target = jnp.array([0, -100, 2, 1])
    some = jnp.array([0, 2, 3])
    for smoothing in (0.0, 0.1):

        def loss(x: Any, y: Any, smoothing: float = smoothing) -> Any:
            return functional.cross_entropy(x, y, label_smoothing=smoothing)

        value, slope = jax.value_and_grad(loss)(dirty, target)
        right, expected = jax.value_and_grad(loss)(x[some], target[some])
        np.testing.assert_allclose(value, right, rtol=1e-6)
        np.testing.assert_allclose(slope[some], expected, rtol=1e-5, atol=1e-7)
        assert slope[1].tolist() == [0, 0, 0]
    nll = jax.grad(lambda x: functional.nll_loss(x, target))(dirty)
    assert bool(jnp.isfinite(nll).all())


@pytest.mark.slow
def test_steps_beyond_a_sequence_may_be_nan_in_ctc() -> None:
    pytest.importorskip("optax")
    x = jax.nn.log_softmax(jnp.asarray(np.random.RandomState(0).randn(6, 2, 4), "float32"))
    labels, counts = jnp.array([[1, 2], [3, 0]]), jnp.array([2, 1])

    def loss(x: Any) -> Any:
        return functional.ctc_loss(x, labels, jnp.array([6, 4]), counts, reduction="sum")

    value, slope = jax.value_and_grad(loss)(x.at[4:, 1].set(jnp.nan))
    right, expected = jax.value_and_grad(loss)(x)
    np.testing.assert_allclose(value, right, rtol=1e-6)
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)
