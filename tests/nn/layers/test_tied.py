"""A readout that shares its table with an embedding: through all that a model goes through."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainlite
from brainlite import graph, nn
from brainlite.errors import OptionError, SizeError, StateDictError, StateValueError
from brainlite.transform import grad, jit
from brainlite.typing import Array
from tests.closeness import assert_close, assert_same

TOKENS = jnp.array([[1, 4], [0, 2]])


class Model(nn.Module):
    def __init__(self) -> None:
        self.embed = nn.Embedding(5, 3)
        self.head = nn.TiedLinear(self.embed, b_init=nn.init.Normal(1.0))

    def update(self, tokens: Array) -> Array:
        return self.head(jnp.tanh(self.embed(tokens)))


def loss_of(table: Any, bias: Any) -> Any:
    return ((jnp.tanh(table[TOKENS]) @ table.T + bias) ** 2).sum()


def parts(model: Model) -> tuple[Any, Any]:
    assert model.head.bias is not None
    return model.embed.weight.value, model.head.bias.value


def test_the_scores_are_those_of_each_row() -> None:
    model = Model()
    table, bias = parts(model)
    assert_close(model(TOKENS), jnp.tanh(table[TOKENS]) @ table.T + bias)
    assert nn.TiedLinear(model.embed).bias is None


def test_the_gradient_is_the_sum_of_both_uses() -> None:
    model = Model()
    found = grad(lambda: (model(TOKENS) ** 2).sum(), model.states(brainlite.ParamState))()
    expected = jax.grad(loss_of, (0, 1))(*parts(model))
    assert len(found) == 2
    assert_close(found["embed", "weight"], expected[0])
    assert_close(found["head", "bias"], expected[1])


def test_it_is_counted_and_trained_once() -> None:
    model = Model()
    assert model.num_parameters() == 5 * 3 + 5
    optim = pytest.importorskip("brainlite.optim")
    table, bias = parts(model)
    optimizer = optim.Optimizer(model, optax.sgd, learning_rate=0.1)
    jit(lambda: optimizer.minimize(lambda: (model(TOKENS) ** 2).sum()))()
    slopes = jax.grad(loss_of, (0, 1))(table, bias)
    assert_close(model.embed.weight.value, table - 0.1 * slopes[0])
    assert model.head.embedding is model.embed


def test_copies_and_state_dicts_stay_tied(tmp_path: Path) -> None:
    model = Model()
    definition, states = graph.split(model)
    for again in (graph.clone(model), graph.merge(definition, states)):
        assert again.head.embedding is again.embed is not model.embed
        assert_same(again(TOKENS), model(TOKENS))
    other = Model()
    other.load_state_dict(model.state_dict())
    assert other.head.embedding.weight is other.embed.weight
    assert_same(other(TOKENS), model(TOKENS))
    checkpoint = pytest.importorskip("brainlite.checkpoint")
    checkpoint.save(tmp_path / "tied", model=model)
    third = Model()
    checkpoint.restore(tmp_path / "tied", model=third)
    assert third.head.embedding.weight is third.embed.weight
    assert_same(third(TOKENS), model(TOKENS))


def test_torch_has_it_under_both_names() -> None:
    model = Model()
    table, bias = map(np.asarray, parts(model))
    arrays = model.to_torch_state_dict()
    assert {*arrays} == {"embed.weight", "head.weight", "head.bias"}
    new = {"embed.weight": table + 1, "head.weight": table + 1, "head.bias": bias}
    model.load_torch_state_dict(new)
    assert_same(model.embed.weight.value, table + 1)
    with pytest.raises(StateDictError, match=r"head.weight: tied to another entry, with other val"):
        model.load_torch_state_dict({**new, "head.weight": table})


def test_a_compiled_function_sees_a_new_table() -> None:
    model = Model()
    run = jit(model)
    run(TOKENS)
    model.embed.weight.value = jnp.ones((5, 3))
    assert_close(run(TOKENS), model(TOKENS))
    assert_close(run(TOKENS), 3 * np.tanh(1.0) + np.zeros((2, 2, 5)) + parts(model)[1])


def test_half_precision_is_cast_where_it_is_asked_for() -> None:
    embed = nn.Embedding(5, 3, param_dtype="float16")
    assert nn.TiedLinear(embed, dtype="bfloat16")(jnp.ones(3)).dtype == jnp.bfloat16
    head = nn.TiedLinear(embed, nn.init.ZeroInit())
    assert head.bias is not None
    assert head.bias.value.dtype == head(jnp.ones(3, "float16")).dtype == jnp.float16


def test_what_cannot_be_shared_is_refused() -> None:
    make: Any = nn.TiedLinear
    with pytest.raises(OptionError, match=r"(?s)with an embedding only.*got: +a ParamState"):
        make(nn.Embedding(5, 3).weight)
    with pytest.raises(SizeError, match=r"(?s)no vectors.*embedding_size=\(2, 3\)"):
        make(nn.Embedding(5, (2, 3)))


@pytest.mark.parametrize("kind", [nn.Linear, nn.ScaledWSLinear, nn.AllToAll])
def test_a_weight_that_is_put_into_a_linear_is_told_the_way(kind: Any) -> None:
    class Wrong(nn.Module):
        def __init__(self) -> None:
            self.embed = nn.Embedding(3, 3)
            self.head = kind(3, 3)
            self.head.weight = self.embed.weight

        def update(self, x: Array) -> Any:
            return self.head(x)

    for model in (Wrong(), jit(Wrong())):
        with pytest.raises(StateValueError, match=r"(?s)Wrong.*another state.*nn.TiedLinear"):
            model(jnp.ones(3))
