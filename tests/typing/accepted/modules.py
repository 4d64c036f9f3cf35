"""Modules: a call has the signature of ``update``."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Generic, Protocol, TypedDict, TypeVar, assert_type

import jax.numpy as jnp
from jax import Array
from typing_extensions import ParamSpec, TypeVarTuple, Unpack

import brainlite
from brainlite import HiddenState, ParamState, State, nn
from brainlite.typing import Path, Shape

P = ParamSpec("P")
In = TypeVar("In")
Out = TypeVar("Out")
Ts = TypeVarTuple("Ts")


class Options(TypedDict, total=False):
    train: bool


class Dropout(nn.Module):
    def update(self, x: Array, *, train: bool = False) -> Array:
        return x if train else 2 * x


class Wider(Dropout):
    def update(self, x: Array, *, train: bool = False, times: int = 1) -> Array:
        return super().update(x, train=train) * times


class Embedding(nn.Module):
    def update(self, word: int) -> Array:
        return jnp.zeros(word)


class Layer(nn.Module, ABC):
    @abstractmethod
    def update(self, x: Array) -> Array: ...


class Double(Layer):
    def update(self, x: Array, scale: float = 2.0) -> Array:
        return scale * x


class Options_(nn.Module):
    def update(self, *xs: Array, **options: Unpack[Options]) -> tuple[Array, ...]:
        return xs if options else ()


class Static(nn.Module):
    @staticmethod
    def update(x: Array) -> Array:
        return x


class Silent(nn.Module):
    def update(self, x: Array) -> None: ...


class Later(nn.Module):
    async def update(self, x: int) -> str:
        return str(x)


class Residual(nn.Module, Generic[In, Out]):
    def __init__(self, inner: Callable[[In], Out]) -> None:
        self.inner: Callable[[In], Out] = inner

    def update(self, x: In) -> Out:
        return self.inner(x)


class Wrapper(nn.Module, Generic[P, Out]):
    def __init__(self, inner: Callable[P, Out]) -> None:
        self.inner: Callable[P, Out] = inner

    def update(self, *args: P.args, **kwargs: P.kwargs) -> Out:
        return self.inner(*args, **kwargs)


class Model(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.linear = nn.Linear(2, size)
        self.layers = [nn.Linear(size, size) for _ in range(3)]
        self.bias = ParamState(jnp.zeros(size))

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        self.h = HiddenState(jnp.zeros(batch_size or 1))

    def update(self, x: Array) -> tuple[Array, int]:
        for layer in self.layers:
            x = layer(x)
        return self.linear(x) + self.bias.value, 3


class OwnCall(nn.Module):
    """A class may define ``__call__`` itself; mypy wants to be told."""

    def __call__(self, x: Array, times: int) -> Array:  # type: ignore[override]  # no `update`
        return x * times


class ArrayFunction(Protocol):
    def __call__(self, x: Array, /) -> Array: ...


def a_call_is_update(x: Array) -> None:
    assert_type(nn.Linear(2, 3)(x), Array)
    assert_type(Dropout()(x, train=True), Array)
    assert_type(Wider()(x, times=3), Array)
    assert_type(Embedding()(3), Array)
    assert_type(Embedding()(word=3), Array)
    assert_type(Model(3)(x), tuple[Array, int])
    assert_type(Options_()(x, x, train=True), tuple[Array, ...])
    assert_type(Static()(x), Array)
    assert_type(OwnCall()(x, 3), Array)
    assert_type(nn.Linear(2, 3).update(x), Array)
    Silent()(x)


async def a_call_may_be_awaited() -> None:
    assert_type(await Later()(3), str)


def an_abstract_layer_can_be_called(layer: Layer, x: Array) -> None:
    assert_type(layer(x), Array)
    assert_type(Double()(x, scale=3.0), Array)


def a_union_can_be_called(layer: Dropout | Double, x: Array) -> None:
    assert_type(layer(x), Array)


def modules_are_callables(x: Array) -> None:
    function: Callable[[Array], Array] = nn.Linear(2, 3)
    protocol: ArrayFunction = Dropout()
    assert_type(function(x), Array)
    assert_type(protocol(x), Array)
    assert_type(partial(Dropout(), train=True)(x), Array)
    assert_type(list(map(nn.Linear(2, 3), [x])), list[Array])


def generic_modules(x: Array) -> None:
    assert_type(Residual(nn.Linear(2, 3)), Residual[Array, Array])
    assert_type(Residual(Embedding())(3), Array)
    assert_type(Residual(Residual(Embedding()))(3), Array)
    assert_type(Wrapper(Dropout())(x, train=True), Array)
    assert_type(Wrapper(Wrapper(Model(3)))(x), tuple[Array, int])


def attributes_keep_their_types(model: Model, x: Array) -> None:
    assert_type(model.linear, nn.Linear)
    assert_type(model.layers[0](x), Array)
    assert_type(model.bias.value, Array)
    assert_type(model.h.value, Array)
    assert_type(model.linear.weight.value["weight"], Array)
    assert_type(model.name, str | None)
    assert_type(model.in_size, Shape)
    assert_type(model.out_size, Shape)
    model.name = "model"
    model.in_size = 3
    model.out_size = (3, 4)


def parameters(model: Model) -> None:
    for name, param in model.named_parameters():
        assert_type(name, str)
        assert_type(param, ParamState[Any])
    assert_type(model.parameters(), Iterator[ParamState[Any]])
    for path in brainlite.graph.nodes(model):
        assert path in model.nodes()


def whole_models(model: Model, x: Array) -> None:
    assert_type(nn.init_all_states(model), Model)
    assert_type(nn.init_all_states(model, 3, batch_size=2), Model)
    assert_type(nn.init_all_states(model)(x), tuple[Array, int])
    assert_type(nn.init_all_states([model]), list[Model])
    assert_type(nn.reset_all_states(model, node_to_exclude=nn.Linear), Model)
    assert_type(nn.call_all_fns(model, "init_state", kwargs={"batch_size": 2}), Model)
    model.init_state(batch_size=2)
    model.reset_state(2)
    assert_type(nn.vmap_init_all_states(model, axis_size=3, state_tag="lanes"), Model)
    assert_type(nn.vmap_init_all_states(model, in_states=model.states(State)), Model)
    assert_type(model.init_all_states(batch_size=3), Model)
    assert_type(nn.vmap_reset_all_states(model, 2, axis_size=3), Model)
    assert_type(nn.vmap_call_all_fns(model, "init_state", (), {"batch_size": 2}, 3), Model)
    values = model.states().to_values()
    found = nn.assign_state_values(model, values, {"linear.weight": jnp.ones(2)})
    assert_type(found, tuple[list[Path | str], list[Path]])
    assert_type(nn.count_parameters(model), int)
    assert_type(nn.count_parameters(model, precision=0, return_table=True), tuple[str, int])


def modules_around_others(model: Model, x: Array) -> None:
    lanes = nn.Vmap(model, in_axes=0, vmap_states={1: HiddenState}, axis_size=3)
    assert_type(lanes(x), tuple[Array, int])
    assert_type(nn.Vmap(Dropout(), axis_name="batch")(x, train=True), Array)
    mapped = nn.Map(Wider(), init_map_size=3, init_state_axes={0: HiddenState})
    assert_type(mapped(x, times=2), Array)
    mapped.init_all_states(batch_size=2)
    assert_type(mapped.dict_vmap_states, dict[int, list[State[Any]]] | None)
    assert_type(nn.EnvironContext(model, fit=True)(x), tuple[Array, int])
    surrounded = nn.EnvironContext(Dropout(), fit=True)
    assert_type(surrounded(x, train=True), Array)
    surrounded.add_context(dt=0.1)
    assert_type(nn.Sequential(nn.Vmap(nn.Linear(1, 2)), nn.Linear(2, 3))(x), Array)


class Ordered(nn.Module):
    @nn.call_order(1)
    def reset_state(self, batch_size: int = 0, **kwargs: Any) -> None:
        self.h = State(batch_size)


def order_keeps_the_signature(module: Ordered) -> None:
    assert_type(module.reset_state(batch_size=2), None)
    assert_type(module.h.value, int)


def cells(x: Array) -> None:
    cell = nn.GRUCell(2, 3)
    assert_type(cell(x), Array)
    assert_type(cell.h, HiddenState[Array])
    assert_type(cell.h.value, Array)
    assert_type(nn.ValinaRNNCell(2, 3, activation="relu")(x), Array)
    assert_type(nn.VanillaRNNCell(2, 3, activation=jnp.tanh)(x), Array)
    assert_type(nn.MGUCell(2, 3, b_init=None)(x), Array)
    assert_type(nn.LSTMCell(2, 3, w_init=nn.init.Orthogonal()).c.value, Array)
    assert_type(nn.URLSTMCell(2, 3)(x), Array)
    rnn: nn.RNNCell = cell
    assert_type(rnn(x), Array)
    assert_type(rnn.out_size, Shape)
    assert_type(nn.init_all_states(cell, batch_size=4).h.value, Array)
    cell.init_state(batch_size=3)
    cell.reset_state(3)
