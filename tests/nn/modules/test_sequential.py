"""Sequential: layers one after the other, indexed and edited, and what compiled calls see."""

from collections import OrderedDict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.errors import ContainerError, NameTakenError
from brainlite.nn import Linear, Module, Sequential
from brainlite.transform import jit
from brainlite.typing import Array


def test_layers_run_in_order_on_the_output_of_the_one_before() -> None:
    first, second = Linear(2, 4), Linear(4, 3)
    model = Sequential(first, jnp.tanh, second)
    x = jnp.ones((5, 2))
    np.testing.assert_array_equal(model(x), second(jnp.tanh(first(x))))
    assert model.layers == [first, jnp.tanh, second]
    assert (model.in_size, model.out_size) == ((2,), (3,))
    assert list(model.states()) == [("0", "weight"), ("2", "weight")]


def test_indexing_gives_layers_and_slicing_a_sequential() -> None:
    model = Sequential(Linear(2, 4), jax.nn.relu, Linear(4, 3))
    part = model[1:]
    assert isinstance(part, Sequential)
    assert part[0] is jax.nn.relu
    assert part[1] is model[2]
    assert list(part.state_dict()) == ["1.weight.bias", "1.weight.weight"]
    assert len(model) == 3


def test_named_layers_keep_their_names() -> None:
    layers: OrderedDict[str, Any] = OrderedDict(
        embed=Linear(2, 4), act=jax.nn.relu, head=Linear(4, 3)
    )
    model = Sequential(layers)
    assert [name for name, _ in model.named_children()] == ["embed", "head"]
    assert model[2] is model.get_submodule("head")
    model.append(jnp.tanh)
    model.insert(1, Linear(4, 4))
    assert [name for name, _ in model.named_parameters()] == [
        "embed.weight",
        "1.weight",
        "head.weight",
    ]
    assert next(iter(model[:2].state_dict())) == "embed.weight.bias"
    assert model(jnp.ones(2)).shape == (3,)


def test_add_module_names_a_layer() -> None:
    model = Sequential(Linear(2, 3))
    model.add_module("head", Linear(3, 1))
    assert (len(model), model.out_size) == (2, (1,))
    model.add_module("head", Linear(3, 4))
    assert (len(model), model.out_size) == (2, (4,))
    with pytest.raises(NameTakenError, match="'layers', which every Sequential has"):
        model.add_module("layers", Linear(1, 1))


def add_one(x: Array) -> Array:
    return x + 1


def double(x: Array) -> Array:
    return x * 2


def test_a_compiled_call_sees_edits() -> None:
    model = Sequential(add_one, double)
    run = jit(model)
    x = jnp.ones(())
    assert float(run(x)) == 4.0
    model.append(lambda y: y - 1.0)
    assert float(run(x)) == 3.0
    model.insert(0, lambda y: y * 10.0)
    assert float(run(x)) == 21.0
    del model[1:]
    assert float(run(x)) == 10.0


def test_an_empty_sequential_returns_its_input_and_has_no_size() -> None:
    model = Sequential()
    assert model(3) == 3  # type: ignore[arg-type]  # a Sequential of arrays, by default
    with pytest.raises(AttributeError, match="Sequential has no in_size"):
        model.in_size  # noqa: B018  # reading it is the test


def test_a_subclass_may_choose_its_layers() -> None:
    class MLP(Sequential):
        def __init__(self, *sizes: int) -> None:
            self.dropout = 0.1
            super().__init__(*map(Linear, sizes[:-1], sizes[1:]))

    assert len(MLP(2, 3, 4)) == 2
    part = MLP(2, 3, 4).eval()[:1]
    assert (len(part), part.dropout, part.training) == (1, 0.1, False)


def test_it_prints_sizes_and_layers() -> None:
    class Halve(Module):
        def update(self, x: Array) -> Array:
            return x / 2

    assert repr(Sequential(Halve())) == "Sequential(\n  layers=[\n    Halve()\n  ]\n)"
    assert repr(Sequential(Linear(2, 3))).startswith(
        "Sequential(\n  in_size=(2,),\n  out_size=(3,),\n  layers=[\n    Linear("
    )


def test_modes_casts_and_counts_reach_the_layers() -> None:
    model = Sequential(Linear(2, 3), jax.nn.relu, Linear(3, 1)).eval().half()
    assert not any(module.training for module in model.modules())
    assert model(jnp.ones(2, "float16")).dtype == jnp.float16
    assert model.num_parameters() == 9 + 4
    assert brainlite.nn.count_bytes(model[:1]) == 18


def test_described_layers_get_the_size_that_reaches_them() -> None:
    model = Sequential(
        nn.Conv2d((8, 8, 2), 4, 3),
        nn.BatchNorm2d.desc(),
        nn.ReLU(),
        nn.MaxPool2d.desc(2, 2),
        nn.Flatten.desc(start_axis=-3),
        nn.Dropout(0.9),
        Linear.desc(out_size=5),
        jax.nn.relu,
        nn.GRUCell.desc(num_out=3),
        nn.ReLU(),
    )
    assert (model.in_size, model.out_size) == ((8, 8, 2), (3,))
    nn.init_all_states(model, batch_size=6)
    with brainlite.environ.context(fit=False):
        assert model(jnp.ones((6, 8, 8, 2))).shape == (6, 3)
    assert model[6].in_size == (64,)
    assert isinstance(model[8], nn.GRUCell)


def test_described_layers_may_come_later_and_know_their_size() -> None:
    model = Sequential(Linear.desc(2, 3))
    model.append(Linear.desc(out_size=4)).insert(1, Linear.desc(out_size=3))
    assert [layer.in_size for layer in model] == [(2,), (3,), (3,)]
    model[1] = Linear.desc(in_size=3, out_size=3)
    assert model(jnp.ones(2)).shape == (4,)
    named = Sequential({"one": Linear(2, 3), "two": Linear.desc(out_size=1)})
    assert named(jnp.ones(2)).shape == (1,)
    twice = Linear.desc(out_size=3)
    assert twice(2).weight is not twice(2).weight


@pytest.mark.parametrize(
    ("before", "got"), [([], "the first layer"), ([nn.Flatten(1)], "a Flatten before it")]
)
def test_a_size_that_is_not_known_is_asked_for(before: list[Module], got: str) -> None:
    untyped: Any = Sequential
    with pytest.raises(ContainerError, match=rf"reaches this Linear is not known(.|\n)*{got}"):
        untyped(*before, Linear.desc(out_size=3))


def test_the_last_size_is_that_of_the_last_layer_that_has_one() -> None:
    assert Sequential(nn.ReLU(), Linear(2, 3), nn.ReLU(), nn.Dropout(0.9)).in_size == (2,)
    assert Sequential(nn.ReLU(), Linear(2, 3), nn.ReLU(), nn.Dropout(0.9)).out_size == (3,)
    for unknown in (Sequential(Linear(2, 3), jnp.sum), Sequential(nn.ReLU()), nn.ReLU()):
        with pytest.raises(AttributeError, match="has no out_size"):
            _ = unknown.out_size
