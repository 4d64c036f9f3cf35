"""Classes, tokens and places in every type of whole numbers, against numpy in double precision."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import metrics, nn
from brainlite.errors import InputError, OptionError
from brainlite.nn import functional

ALL = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "int64")
KINDS = [
    kind if kind in ("uint8", "int8") else pytest.param(kind, marks=pytest.mark.slow)
    for kind in ALL
]
BATCH = 5


def _scores(classes: int) -> Any:
    return np.random.RandomState(classes).randn(BATCH, classes)


def _targets(kind: str, classes: int, ignored: bool) -> Any:
    """Return targets at both ends of the classes, and 156 (-100 in eight bits), as they fit."""
    limits = np.iinfo(kind)
    last = min(classes - 1, int(limits.max))
    picked = np.array([0, last, last // 2, min(156, last), 1], kind)
    if ignored and limits.min < 0:
        picked[2] = -100
    return picked


def _logs(x: Any) -> Any:
    shifted = x - x.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _nll(logs: Any, target: Any) -> Any:
    return [0.0 if n == -100 else -logs[i, int(n)] for i, n in enumerate(target.tolist())]


def _margin(x: Any, target: Any) -> Any:
    found = []
    for row, n in zip(x, target.tolist(), strict=True):
        short = np.maximum(1 - row[n] + row, 0)
        found.append((short.sum() - short[n]) / len(row))
    return found


LOSSES: dict[str, tuple[Callable[..., Any], Callable[..., Any], bool]] = {
    "cross_entropy": (functional.cross_entropy, lambda x, y: _nll(_logs(x), y), True),
    "nll_loss": (functional.nll_loss, _nll, True),
    "multi_margin_loss": (functional.multi_margin_loss, _margin, False),
}


def _check_loss(name: str, kind: str, classes: int) -> None:
    function, reference, ignores = LOSSES[name]
    x, target = _scores(classes), _targets(kind, classes, ignores)
    expected = reference(x, target)
    for given in (target, jnp.asarray(target)):
        each = function(jnp.asarray(x, "float32"), given, reduction="none")
        np.testing.assert_allclose(each, expected, rtol=1e-5, atol=1e-6)
    traced = jax.jit(lambda x, y: function(x, y, reduction="none"))(x, jnp.asarray(target))
    np.testing.assert_allclose(traced, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_take_classes_of_small_types(name: str) -> None:
    _check_loss(name, "uint8", 256)
    _check_loss(name, "int8", 200)


@pytest.mark.slow
@pytest.mark.parametrize("classes", [100, 127, 128, 200, 255, 256, 257, 300, 40000])
@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("name", LOSSES)
def test_losses_take_all_types_and_numbers_of_classes(name: str, kind: str, classes: int) -> None:
    _check_loss(name, kind, classes)


@pytest.mark.parametrize("kind", ["uint8"])
def test_smoothing_does_not_take_a_class_for_one_that_is_ignored(kind: str) -> None:
    x, target = _scores(200), _targets(kind, 200, ignored=False)
    logs = _logs(x)
    expected = [0.9 * a - 0.1 * row.mean() for a, row in zip(_nll(logs, target), logs, strict=True)]
    found = functional.cross_entropy(x, target, label_smoothing=0.1, reduction="none")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_index_to_ignore_that_no_target_can_be_is_refused() -> None:
    with pytest.raises(OptionError, match=r"ignore_index is out of its range(.|\n)*32 bits"):
        functional.cross_entropy(jnp.ones((2, 3)), np.array([0, 1]), ignore_index=2**40)


@pytest.mark.parametrize("kind", KINDS)
def test_ctc_takes_labels_and_lengths_of_every_type(kind: str) -> None:
    pytest.importorskip("optax")
    x = jax.nn.log_softmax(jnp.asarray(np.random.RandomState(0).randn(6, 2, 120), "float32"))
    labels, steps, counts = np.array([[1, 119, 5], [7, 7, 0]]), np.array([6, 5]), np.array([3, 2])
    expected = functional.ctc_loss(x, labels, steps, counts, reduction="none")
    one, two, three = [each.astype(kind) for each in (labels, steps, counts)]
    found = functional.ctc_loss(x, one, two, three, reduction="none")
    np.testing.assert_array_equal(found, expected)
    assert bool(jnp.isfinite(found).all())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [100, 256, 300])
def test_embeddings_take_tokens_of_every_type(kind: str, rows: int) -> None:
    table = np.random.RandomState(0).randn(rows, 2).astype("float32")
    layer = nn.Embedding.from_pretrained(table)
    tokens = np.array([0, min(rows - 1, np.iinfo(kind).max), 3], kind)
    for given in (tokens, jnp.asarray(tokens)):
        np.testing.assert_array_equal(layer(given), table[tokens])


def test_a_token_that_has_more_bits_than_jax_is_no_row() -> None:
    with pytest.raises(InputError, match="an index is outside of the table"):
        nn.Embedding(3, 2)(np.array([2**32]))
    with pytest.raises(InputError, match="a target is no class"):
        functional.cross_entropy(jnp.ones((1, 3)), np.array([2**32]))


@pytest.mark.parametrize("kind", KINDS)
def test_one_hot_vectors_of_every_type(kind: str) -> None:
    found = functional.one_hot(np.array([0, 44], kind), 300)
    np.testing.assert_array_equal(found, np.eye(300)[[0, 44]])


@pytest.mark.parametrize("kind", KINDS)
def test_places_of_maxima_of_every_type(kind: str) -> None:
    x, places = jnp.array([[5.0], [7.0]]), np.array([[1], [100]], kind)
    found = nn.MaxUnpool1d(100)(x, jnp.asarray(places), output_size=(300,))
    expected = np.zeros(300)
    expected[[1, 100]] = [5, 7]
    np.testing.assert_array_equal(found[:, 0], expected)


@pytest.mark.parametrize("kind", KINDS)
def test_metrics_take_classes_of_every_type(kind: str) -> None:
    labels, guesses = np.array([0, 100, 120, 120], kind), np.array([0, 100, 120, 3], kind)
    accuracy = metrics.AccuracyMetric()
    accuracy.update(logits=np.eye(256)[guesses], labels=labels)
    assert accuracy.compute() == 0.75
    matrix = metrics.ConfusionMatrix(256)
    matrix.update(predictions=guesses, labels=labels)
    expected = np.zeros((256, 256), int)
    np.add.at(expected, (labels.astype(int), guesses.astype(int)), 1)
    np.testing.assert_array_equal(matrix.compute(), expected)


# Whole numbers as input: an image of bytes.
@pytest.mark.parametrize("kind", ["uint8", pytest.param("int32", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "name",
    [
        *("sigmoid", "log_sigmoid", "silu", "swish", "softmax", "log_softmax", "softmin", "glu"),
        *("standardize", "gelu", "mish", "softplus", "elu", "tanh"),
    ],
)
def test_activations_of_bytes_are_those_of_the_same_floats(name: str, kind: str) -> None:
    x = np.array([0, 1, 200, 255], kind)
    function = getattr(functional, name)
    found, expected = function(jnp.asarray(x)), function(jnp.asarray(x, "float32"))
    assert found.dtype == jnp.float32
    np.testing.assert_array_equal(found, expected)


def test_norms_of_bytes_are_floats() -> None:
    x = np.random.RandomState(0).randint(0, 255, (2, 5, 3)).astype("uint8")
    for layer in (nn.InstanceNorm((5, 3)), nn.LayerNorm(3, use_scale=False, use_bias=False)):
        found, expected = layer(jnp.asarray(x)), layer(jnp.asarray(x, "float32"))
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)
