"""Every path by which an array or a dict of somebody else gets into a model: it is copied."""

import copy
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from brainlite import graph, nn, optim
from brainlite.nn import init
from brainlite.state import ParamState, State
from brainlite.transform import jit
from tests.given.test_own import Tensor, aligned

Path = Callable[[Callable[..., Any]], Any]


def _loaded(give: Callable[..., Any]) -> Any:
    layer = nn.Linear(4, 8)
    layer.load_state_dict({"weight.weight": give(4, 8), "weight.bias": give(8)})
    return layer


def _loaded_as_torch(give: Callable[..., Any]) -> Any:
    layer = nn.LSTM(4, 8)
    shapes = {name: each.shape for name, each in layer.to_torch_state_dict().items()}
    layer.load_torch_state_dict({name: give(*shape) for name, shape in shapes.items()})
    return layer


def _assigned(give: Callable[..., Any]) -> Any:
    layer = nn.Linear(4, 8)
    nn.assign_state_values(layer, {"weight": {"weight": give(4, 8), "bias": give(8)}})
    return layer


def _by_state_dict(give: Callable[..., Any]) -> Any:
    layer = nn.Linear(4, 8)
    layer.states().assign({("weight",): {"weight": give(4, 8), "bias": give(8)}})
    return layer


def _updated(give: Callable[..., Any]) -> Any:
    layer = nn.Linear(4, 8)
    other = graph.clone(layer).states()
    other[("weight",)].value = {"weight": give(4, 8), "bias": give(8)}
    graph.update(layer, other)
    return layer


def _registered(give: Callable[..., Any]) -> Any:
    layer = nn.Module()
    layer.register_buffer("kept", give(4, 8))
    layer.register_parameter("weight", ParamState(give(4, 8)))
    return layer


def _hidden(give: Callable[..., Any]) -> Any:
    cell = nn.GRUCell(4, 8)
    nn.init_all_states(cell)
    cell.h.value = give(8)
    return cell


PATHS: dict[str, Path] = {
    "load_state_dict": _loaded,
    "load_torch_state_dict": _loaded_as_torch,
    "assign_state_values": _assigned,
    "StateDict.assign": _by_state_dict,
    "graph.update": _updated,
    "register": _registered,
    "hidden state": _hidden,
    "Linear": lambda give: nn.Linear(4, 8, w_init=give(4, 8), b_init=give(8)),
    "Conv1d": lambda give: nn.Conv1d((8, 4), 2, 3, w_init=give(3, 4, 2), b_init=give(2)),
    "Embedding": lambda give: nn.Embedding(4, 8, embedding_init=give(4, 8)),
    "from_pretrained": lambda give: nn.Embedding.from_pretrained(give(4, 8)),
    "LayerNorm": lambda give: nn.LayerNorm(8, scale_init=give(8), bias_init=give(8)),
    "ParameterList": lambda give: nn.ParameterList([give(4, 8)]),
    "ParameterDict": lambda give: nn.ParameterDict({"a": give(4, 8)}),
    "init.param": lambda give: _registered(lambda *shape: init.param(give(*shape), shape)),
}


def _assert_untouched(path: Path, wrap: Callable[[Any], Any]) -> None:
    sources: list[Any] = []

    def give(*shape: int) -> Any:
        sources.append(aligned(*shape))
        return wrap(sources[-1])

    model = path(give)
    before = copy.deepcopy(jax.device_get(model.states().to_values()))
    for source in sources:
        source[:] = 7
    assert sources
    after = model.states().to_values()
    for one, two in zip(jax.tree.leaves(before), jax.tree.leaves(after), strict=True):
        assert isinstance(two, jax.Array)
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_arrays_of_numpy_are_copied(path: Path) -> None:
    _assert_untouched(path, lambda source: source)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_tensors_are_copied(path: Path) -> None:
    _assert_untouched(path, Tensor)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_tensors_of_torch_are_copied(path: Path) -> None:
    torch = pytest.importorskip("torch")
    _assert_untouched(path, lambda source: torch.nn.Parameter(torch.from_numpy(source)))
    half = nn.ParameterList([torch.ones(3, dtype=torch.bfloat16)])
    assert half[0].value.dtype == jnp.bfloat16


def test_what_is_given_out_is_no_window_into_the_model() -> None:
    layer = nn.LSTM(4, 8)
    before = jax.device_get(layer.state_dict())
    for array in layer.to_torch_state_dict().values():
        array[:] = 7
    for name, value in layer.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


# ------------------------------------------------------------------- containers that others edit

Copies = Callable[[nn.Linear], Callable[[], Any]]


def _value_of(layer: nn.Linear) -> Callable[[], Any]:
    return lambda: layer.weight.value


def _merged(layer: nn.Linear) -> Callable[[], Any]:
    return _value_of(graph.merge(*graph.split(layer)))


def _split(layer: nn.Linear) -> Callable[[], Any]:
    _, states = graph.split(layer)
    return lambda: states[("weight",)].value


def _values(layer: nn.Linear) -> Callable[[], Any]:
    values = layer.states().to_values()
    return lambda: values[("weight",)]


def _into(write: Callable[[nn.Linear, nn.Linear], None]) -> Copies:
    def copies(layer: nn.Linear) -> Callable[[], Any]:
        other = nn.Linear(4, 8)
        write(other, layer)
        return _value_of(other)

    return copies


def _set_value(other: nn.Linear, layer: nn.Linear) -> None:
    other.weight.value = layer.weight.value


def _map(layer: nn.Linear) -> Callable[[], Any]:
    mapped = jax.tree.map(lambda x: x, layer.states())
    return lambda: mapped[("weight",)].value


def _given(layer: nn.Linear) -> Callable[[], Any]:
    given = {"weight": jnp.ones((4, 8)), "bias": jnp.zeros(8)}
    layer.weight.value = given
    return lambda: given


def _average(layer: nn.Linear) -> Callable[[], Any]:
    optimizer = optim.Optimizer(layer, optax.sgd(0.1), average=0.9)
    return lambda: optimizer.averages["weight"].value


COPIES: dict[str, Copies] = {
    "clone": lambda layer: _value_of(graph.clone(layer)),
    "merge": _merged,
    "split": _split,
    "to_values": _values,
    "tree.map of states": _map,
    "deepcopy": lambda layer: _value_of(copy.deepcopy(layer)),
    "assign": _into(lambda other, layer: other.states().assign(layer.states().to_values())),
    "graph.update": _into(lambda other, layer: graph.update(other, layer.states())),
    "value": _into(_set_value),
    "copy_from": _into(lambda other, layer: other.weight.copy_from(layer.weight)),
    "restore_value": _into(lambda other, layer: other.weight.restore_value(layer.weight.value)),
    "State": lambda layer: (lambda state: lambda: state.value)(ParamState(layer.weight.value)),
    "State.copy": lambda layer: (lambda state: lambda: state.value)(layer.weight.copy()),
    "State.replace": lambda layer: (lambda state: lambda: state.value)(
        layer.weight.replace(layer.weight.value)
    ),
    "what was given": _given,
    "average of an optimizer": _average,
    "result of jit": lambda layer: (lambda value: lambda: value)(jit(lambda: layer.weight.value)()),
}


@pytest.mark.parametrize("copies", COPIES.values(), ids=COPIES)
def test_an_item_that_is_set_in_a_value_is_set_in_that_state_alone(copies: Copies) -> None:
    layer = nn.Linear(4, 8)
    other = copies(layer)
    before = jax.device_get(other())
    layer.weight.value["bias"] = jnp.full(8, 7.0)
    np.testing.assert_array_equal(layer(jnp.zeros(4)), jnp.full(8, 7.0))
    jax.tree.map(np.testing.assert_array_equal, before, jax.device_get(other()))


@pytest.mark.parametrize("containers", [lambda x: {"a": [x, (x,)]}, lambda x: [{"b": x}]])
def test_containers_in_containers_are_copied(containers: Callable[[Any], Any]) -> None:
    state = State(containers(jnp.zeros(2)))
    kept, given = State(state.value), containers(jnp.ones(2))
    inner = state.value["a"] if isinstance(state.value, dict) else state.value[0]
    inner[0 if isinstance(inner, list) else "b"] = jnp.ones(2)
    assert not np.any(jax.tree.leaves(kept.value)[0])
    state.value = given
    assert str(jax.tree.structure(state.value)) == str(jax.tree.structure(given))
