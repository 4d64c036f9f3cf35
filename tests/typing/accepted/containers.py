"""Containers of modules, and what modules have of torch's habits."""

from collections.abc import Iterator
from typing import Any, assert_type

import jax
import jax.numpy as jnp
from jax import Array

from brainlite import ParamState, State, errors, nn
from brainlite.nn import functional


class Dropout(nn.Module):
    def update(self, x: Array, *, train: bool = False) -> Array:
        return x


class Embedding(nn.Module):
    def update(self, word: int) -> Array:
        return jnp.zeros(word)


class Fork(nn.Module):
    def update(self, x: Array) -> tuple[Array, Array]:
        return x, x


class Net(nn.Module):
    body: nn.Sequential  # of arrays, where nothing else is said

    def __init__(self) -> None:
        self.body = nn.Sequential(nn.Linear(2, 3), functional.relu, nn.Linear(3, 2))

    def update(self, x: Array) -> Array:
        return self.body(x)


def layers_in_a_row(x: Array) -> None:
    assert_type(nn.Sequential(nn.Linear(1, 2)), nn.Sequential[Array, Array])
    assert_type(nn.Sequential(Embedding(), nn.Linear(1, 2))(3), Array)
    assert_type(
        nn.Sequential(Embedding(), nn.Linear(1, 2), Fork()),
        nn.Sequential[int, tuple[Array, Array]],
    )
    assert_type(nn.Sequential(Embedding(), Dropout(), nn.Linear(1, 2), Fork())(3)[0], Array)
    assert_type(nn.Sequential(nn.Linear(1, 2), jnp.tanh, nn.Linear(2, 3))(x), Array)
    assert_type(nn.Sequential(nn.Linear(1, 2), jax.nn.relu, Dropout())(x), Array)
    assert_type(Net()(x), Array)
    assert_type(nn.Sequential({"first": nn.Linear(1, 2)}).layers, list[Any])


def lists(x: Array) -> None:
    layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(3)])
    assert_type(layers, nn.ModuleList[nn.Linear])
    assert_type(layers[0], nn.Linear)
    assert_type(layers[1:], nn.ModuleList[nn.Linear])
    assert_type(layers.append(nn.Linear(2, 2)), nn.ModuleList[nn.Linear])
    assert_type(layers.pop(), nn.Linear)
    assert_type(len(layers), int)
    for layer in layers:
        assert_type(layer(x), Array)
    mixed = nn.ModuleList[nn.Linear | Dropout]([nn.Linear(2, 2), Dropout()])
    assert_type(mixed[0](x), Array)
    params = nn.ParameterList([x, ParamState(x)])
    assert_type(params[0], ParamState[Any])


def dicts(x: Array) -> None:
    layers = nn.ModuleDict({"first": nn.Linear(2, 2)})
    assert_type(layers["first"](x), Array)
    assert_type(list(layers), list[str])
    for name, layer in layers.items():
        assert_type((name, layer(x)), tuple[str, Array])
    layers["second"] = nn.Linear(2, 3)
    params = nn.ParameterDict({"w": x})
    assert_type(params["w"], ParamState[Any])


def parts_by_name(net: Net) -> None:
    assert_type(list(net.children()), list[nn.Module])
    assert_type(list(net.named_children()), list[tuple[str, nn.Module]])
    assert_type(list(net.modules()), list[nn.Module])
    assert_type(dict(net.named_modules()), dict[str, nn.Module])
    assert_type(net.get_submodule("body"), nn.Module)
    assert_type(net.get_parameter("body.0.weight"), ParamState[Any])
    assert_type(net.parameters(recurse=False), Iterator[ParamState[Any]])
    net.add_module("head", nn.Linear(2, 2))
    net.register_parameter("scale", ParamState(jnp.ones(())))
    assert_type(net.register_buffer("count", 0, persistent=False), State[Any])


def a_chain_of_settings(net: Net, x: Array) -> None:
    assert_type(net.train().eval()(x), Array)
    assert_type(net.to("bfloat16").half().bfloat16().double().float(), Net)
    assert_type(net.requires_grad_(False), Net)
    assert_type(net.apply(lambda module: module.train(False)), Net)
    assert_type(net.training, bool)
    assert_type(net.states(nn.is_trainable).to_values()["w",], Any)


def sizes(net: Net) -> None:
    assert_type(net.num_parameters(), int)
    assert_type(net.num_bytes(), int)
    assert_type(nn.count_parameters(net, ...), int)
    assert_type(nn.count_bytes([net, net]), int)


def saved_states(net: Net) -> None:
    assert_type(net.state_dict(), dict[str, Array])
    report = net.load_state_dict({"body.0.weight": jnp.zeros(3)}, strict=False)
    assert_type(report, nn.IncompatibleKeys)
    kinds: list[type[errors.BrainliteError]] = [errors.ContainerError]
    assert_type(kinds[0]("no"), errors.BrainliteError)


def hooks(net: Net) -> None:
    def show(module: nn.Module, args: tuple[Any, ...], result: Array) -> None:
        print(module, args, result)

    handle = net.register_forward_hook(show)
    assert_type(handle, nn.RemovableHandle)
    with net.register_forward_pre_hook(lambda module, args: None, prepend=True):
        handle.remove()
