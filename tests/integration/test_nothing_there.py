"""Batches, sequences and masks with nothing in them: the meaning of torch, no NaN that stays."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import metrics, nn, random
from brainlite.nn import functional
from brainlite.state import BatchState, ParamState
from brainlite.transform import grad, jit, vmap
from tests.nn.table import handling as h
from tests.nn.table.descriptor import Described

ROWS = dict(h.gathered())
BATCHED = {name: row for name, row in ROWS.items() if row.batch}


def _shapes(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: (leaf.shape[1:], leaf.dtype), tree)


@pytest.mark.slow
@pytest.mark.parametrize("row", BATCHED.values(), ids=BATCHED)
def test_a_batch_of_none_has_the_shapes_of_a_batch_and_leaves_finite_states(row: Described) -> None:
    for training in (False, True) if row.mode else (False,):
        layer = h.made(row, training=training)
        some = layer(*h.samples(row, 2))
        before = h.values(layer)
        none = layer(*[jax.tree.map(lambda leaf: leaf[:0], each) for each in h.samples(row, 2)])
        assert _shapes(none) == _shapes(some)
        assert {leaf.shape[0] for leaf in jax.tree.leaves(none)} <= {0}
        for name, value in h.values(layer).items():
            if name != "shared":
                h.assert_finite(value)
                for one, two in zip(
                    jax.tree.leaves(value), jax.tree.leaves(before[name]), strict=True
                ):
                    if h.is_float(one):
                        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("momentum", [pytest.param(0.9, marks=pytest.mark.slow), None])
@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3)])
def test_running_averages_stay_where_there_is_nothing(
    shape: tuple[int, ...], momentum: float | None
) -> None:
    layer = nn.BatchNorm1d((4, 3), momentum=momentum).train()
    first = jnp.asarray(np.random.RandomState(0).randn(5, 4, 3), "float32")
    layer(first)
    before = jax.device_get(layer.states(BatchState).to_values())
    assert layer(jnp.zeros(shape)).shape == shape
    layer(first, mask=jnp.zeros(first.shape, bool))
    jit(layer)(jnp.zeros(shape))
    after = layer.states(BatchState).to_values()
    jax.tree.map(np.testing.assert_array_equal, before, dict(after))


def test_a_channel_without_numbers_keeps_its_averages_alone() -> None:
    layer = nn.BatchNorm0d(2, momentum=0.5).train()
    x = jnp.array([[1.0, 5.0], [3.0, 7.0]])
    layer(x, mask=jnp.array([True, False]))
    assert layer.running_mean is not None
    assert layer.running_var is not None
    np.testing.assert_allclose(layer.running_mean.value, [1.0, 0.0])
    np.testing.assert_allclose(layer.running_var.value, [0.5 * 1 + 0.5 * 1, 1.0])


def test_lanes_without_numbers_leave_the_average_to_the_others() -> None:
    layer = nn.BatchNorm0d(1, momentum=0.0, axis_name="lanes").train()
    x = jnp.array([[[1.0], [3.0]], [[9.0], [9.0]]])
    mask = jnp.array([[[True], [True]], [[False], [False]]])
    vmap(layer, axis_name="lanes")(x, mask)
    assert layer.running_mean is not None
    np.testing.assert_allclose(layer.running_mean.value, [2.0])


@pytest.mark.parametrize("weights", [pytest.param(True, marks=pytest.mark.slow), False])
@pytest.mark.parametrize(
    ("query", "key"),
    [
        ((0, 3, 4), (0, 5, 4)),
        ((2, 0, 4), (2, 5, 4)),
        ((2, 3, 4), (2, 0, 4)),
        pytest.param((2, 0, 4), (2, 0, 4), marks=pytest.mark.slow),
    ],
)
def test_attention_to_nothing_is_the_bias(query: Any, key: Any, weights: bool) -> None:
    layer = nn.MultiheadAttention(4, 2)
    layer.out_proj.weight.value = {**layer.out_proj.weight.value, "bias": jnp.arange(4.0)}
    params = layer.states(ParamState)

    def run(q: Any, k: Any) -> Any:
        out, shares = layer(q, k, need_weights=weights)
        assert shares is None or shares.shape == (*query[:-1], key[-2])
        return out

    given = (jnp.ones(query), jnp.ones(key))
    expected = np.broadcast_to(np.arange(4.0), query)
    np.testing.assert_array_equal(run(*given), expected)
    found = grad(lambda q, k: run(q, k).sum(), params)(*given)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(found))
    masked = layer(*given, attn_mask=jnp.zeros((query[-2], key[-2]), bool), need_weights=weights)
    np.testing.assert_array_equal(masked[0], expected)


def test_heads_that_read_nothing_give_zeros() -> None:
    q, k = jnp.ones((2, 3, 4)), jnp.ones((2, 0, 4))
    out = functional.scaled_dot_product_attention
    np.testing.assert_array_equal(out(q, k, k), np.zeros((2, 3, 4)))
    assert out(q, k, jnp.ones((2, 0, 5))).shape == (2, 3, 5)
    assert out(q[:0], k[:0], k[:0]).shape == (0, 3, 4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "memory"), [((0, 3), (0, 2)), ((2, 0), (2, 3)), ((2, 3), (2, 0))]
)
def test_transformers_of_nothing(target: Any, memory: Any) -> None:
    x, y = jnp.ones((*target, 4)), jnp.ones((*memory, 4))
    decoder = nn.TransformerDecoderLayer(4, 2, 8).eval()
    encoder = nn.TransformerEncoderLayer(4, 2, 8).eval()
    assert decoder(x, y).shape == x.shape
    assert encoder(x).shape == x.shape
    h.assert_finite(decoder(x, y))


SEQUENCES: dict[str, Any] = {
    "GRU": lambda remat: nn.GRU(2, 3, remat=remat),
    "LSTM": lambda remat: nn.LSTM(2, 3, bidirectional=True, remat=remat),
    "Recurrent": lambda remat: nn.Recurrent(nn.GRUCell(2, 3), remat=remat),
}


@pytest.mark.parametrize("remat", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name", ["Recurrent", *(pytest.param(n, marks=pytest.mark.slow) for n in ("GRU", "LSTM"))]
)
def test_sequences_of_no_batch_and_of_no_steps(name: str, remat: bool) -> None:
    layer = SEQUENCES[name](remat)
    params = layer.states(ParamState)
    for shape in ((5, 0, 2), (0, 4, 2)):
        x = jnp.zeros(shape)
        out = layer(x)[0]
        assert out.shape[:2] == shape[:2]
        found = grad(lambda x: layer(x)[0].sum(), params)(x)
        assert not any(bool(leaf.any()) for leaf in jax.tree.leaves(found))


PAIRS = [
    *("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "poisson_nll_loss", "kl_div"),
    *("binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss"),
    "hinge_embedding_loss",
]


@pytest.mark.parametrize(
    "name", [n if n == "mse_loss" else pytest.param(n, marks=pytest.mark.slow) for n in PAIRS]
)
def test_losses_of_nothing_sum_to_zero_and_have_no_mean(name: str) -> None:
    loss = getattr(functional, name)
    none = jnp.zeros((0, 3))
    assert float(loss(none, none, reduction="sum")) == 0
    assert np.isnan(loss(none, none))
    assert loss(none, none, reduction="none").shape == (0, 3)
    assert jax.grad(lambda x: loss(x, none, reduction="sum"))(none).shape == (0, 3)


@pytest.mark.parametrize("name", ["cross_entropy", "nll_loss", "multi_margin_loss"])
def test_losses_of_no_classes_too(name: str) -> None:
    loss = getattr(functional, name)
    none, classes = jnp.zeros((0, 3)), jnp.zeros(0, int)
    assert float(loss(none, classes, reduction="sum")) == 0
    assert np.isnan(loss(none, classes))
    assert loss(none, classes, reduction="none").shape == (0,)


@pytest.mark.slow
def test_ctc_of_no_labels_is_that_of_blanks_alone() -> None:
    pytest.importorskip("optax")
    draw = np.random.RandomState(0).randn(5, 2, 3)
    logs = draw - np.log(np.exp(draw).sum(-1, keepdims=True))
    steps, counts = jnp.array([5, 3]), jnp.array([0, 0])
    expected = [-logs[:5, 0, 0].sum(), -logs[:3, 1, 0].sum()]
    for width in (2, 0):
        labels = jnp.ones((2, width), int)
        found = functional.ctc_loss(jnp.asarray(logs), labels, steps, counts, reduction="none")
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    labels = jnp.zeros((0, 2), int)
    none = functional.ctc_loss(jnp.zeros((5, 0, 3)), labels, steps[:0], counts[:0], 0, "none")
    assert none.shape == (0,)


def test_metrics_of_an_empty_batch_count_nothing() -> None:
    random.seed(0)
    mean, accuracy = metrics.AverageMetric(), metrics.AccuracyMetric()
    welford = metrics.WelfordMetric()
    for metric in (mean, welford):
        metric.update(values=jnp.array([1.0, 3.0]))
        metric.update(values=jnp.zeros(0))
        metric.update(values=jnp.array([jnp.nan]), mask=jnp.array([False]))
    accuracy.update(logits=jnp.zeros((0, 3)), labels=jnp.zeros(0, int))
    accuracy.update(logits=jnp.eye(2), labels=jnp.array([0, 0]))
    assert float(mean.compute()) == 2
    assert float(welford.compute().mean) == 2
    assert float(accuracy.compute()) == 0.5
