"""Embedding: torch's options, indices outside of the table, freezing."""

import re
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError, OptionError, SizeError
from brainlite.nn import Embedding, is_trainable
from brainlite.transform import checkify, for_loop, grad, jit, vmap
from tests.closeness import assert_close
from tests.nn.layers.data import make_torch_layers as torch_layers

STORED = np.load(torch_layers.PATH)
TABLE = jnp.asarray(torch_layers.draw(5, 3, seed=2))
OUTSIDE = jnp.array([[1, 7], [0, -1]])


@pytest.mark.parametrize("name", torch_layers.EMBEDDINGS)
def test_rows_gradients_and_table_are_those_of_torch(name: str) -> None:
    layer = Embedding(5, 3, **torch_layers.EMBEDDINGS[name]).train()
    layer.weight.value = TABLE
    indices = jnp.asarray(torch_layers.INDICES)
    weigh = torch_layers.draw(2, 3, 3, seed=3)
    rows = layer(indices)
    layer.weight.value = TABLE
    gradient = jit(grad(lambda: (layer(indices) * weigh).sum(), layer.weight))()
    found = np.concatenate([np.ravel(each) for each in (rows, gradient, layer.weight.value)])
    assert_close(found, STORED[f"Embedding {name}"])


def test_rows_are_shortened_in_any_mode_and_without_one() -> None:
    used = np.array([1, 4])
    layers = [Embedding(5, 3, TABLE, max_norm=0.1) for _ in range(3)]
    for layer in (layers[0], layers[1].eval(), layers[2].train()):
        rows = layer(used)
        np.testing.assert_allclose(np.linalg.norm(rows, axis=-1), 0.1, rtol=1e-5)
        np.testing.assert_array_equal(layer.weight.value[used], rows)
        rest = jnp.array([0, 2, 3])
        np.testing.assert_array_equal(layer.weight.value[rest], jnp.asarray(TABLE)[rest])


def test_two_lookups_in_one_loss_both_have_a_gradient() -> None:
    layer = Embedding(5, 3, TABLE, max_norm=0.1).train()
    gradient = grad(lambda: layer(jnp.array(2)).sum() + layer(jnp.array(2)).sum(), layer.weight)()
    assert gradient[2].tolist() == [2.0, 2.0, 2.0]


def test_padding_row_is_zero_at_first_but_kept_when_given() -> None:
    assert not Embedding(5, 3, TABLE, padding_idx=1)(1).any()
    given = Embedding.from_pretrained(TABLE, padding_idx=1)
    np.testing.assert_array_equal(given.weight.value, TABLE)


def test_rows_may_have_several_axes() -> None:
    layer = Embedding(4, (2, 3), padding_idx=0, max_norm=1.0, scale_grad_by_freq=True).eval()
    assert layer(jnp.array([[1, 2]])).shape == (1, 2, 2, 3)
    assert layer.out_size == (2, 3)


def test_frozen_table_is_not_trainable() -> None:
    assert not Embedding.from_pretrained(TABLE).states(is_trainable)
    assert not Embedding(5, 3, freeze=True).states(is_trainable)
    assert len(Embedding.from_pretrained(TABLE, freeze=False).states(is_trainable)) == 1


def test_index_outside_raises_where_it_is_known() -> None:
    layer = Embedding(5, 3)
    with pytest.raises(InputError, match=r"(?s)Embedding.*outside.*0 to 4.*index 7"):
        layer(OUTSIDE)
    with pytest.raises(InputError, match=r"(?s)whole numbers.*float32\[2\]"):
        layer(jnp.ones(2))


def test_index_outside_is_an_error_of_checkify() -> None:
    layer = Embedding(5, 3)
    ways: list[Any] = [layer, jit(layer), vmap(layer), lambda xs: for_loop(layer, xs)]
    for way in ways:
        error, _ = checkify(way)(OUTSIDE)
        found = str(error.get())  # under vmap it is that of the last lane
        assert re.search(r"index (7|-1) is outside of the table of 5 rows", found), found
    assert checkify(layer)(jnp.arange(5))[0].get() is None


def test_index_outside_is_nan_in_other_compiled_code() -> None:
    rows = jit(Embedding(5, 3))(OUTSIDE)
    assert jnp.isnan(rows).all(-1).tolist() == [[False, True], [False, True]]


def test_options_that_do_not_fit() -> None:
    with pytest.raises(SizeError, match=r"(?s)padding_idx.*5 rows.*padding_idx=5"):
        Embedding(5, 3, padding_idx=5)
    with pytest.raises(OptionError, match=r"(?s)above 0.*max_norm=-1\.0"):
        Embedding(5, 3, max_norm=-1.0)


def test_dtypes() -> None:
    layer = Embedding(5, 3, dtype="bfloat16", param_dtype="float16", max_norm=1.0).train()
    assert layer(jnp.arange(3)).dtype == jnp.bfloat16
    assert layer.weight.value.dtype == jnp.float16
