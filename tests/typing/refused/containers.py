"""Mistakes with containers of modules, and with what modules have of torch's habits."""

import jax.numpy as jnp
from jax import Array

from brainlite import ParamState, nn


class Dropout(nn.Module):
    def update(self, x: Array, *, train: bool = False) -> Array:
        return x


class Fork(nn.Module):
    def update(self, x: Array) -> tuple[Array, Array]:
        return x, x


def layers_that_do_not_fit(x: Array) -> None:
    nn.Sequential(Fork(), nn.Linear(1, 2))  # E: misc arg-type reportArgumentType reportCallIssue
    nn.Sequential(nn.Linear(1, 2), Fork())("x")  # E: arg-type reportArgumentType
    nn.Sequential(nn.Linear(1, 2), 3)  # E: call-overload arg-type reportArgumentType reportCallIssue
    number: int = nn.Sequential(nn.Linear(1, 2), Dropout())(x)  # E: assignment reportAssignmentType
    print(number)


def lists_and_dicts(x: Array) -> None:
    layers = nn.ModuleList([nn.Linear(2, 2)])
    layers(x)  # E: misc arg-type call-overload operator reportCallIssue reportAttributeAccessIssue
    layers.append(Dropout())  # E: arg-type reportArgumentType
    layers["first"]  # E: call-overload reportArgumentType reportCallIssue
    layers[0](x, train=True)  # E: call-arg reportCallIssue
    nn.ModuleList([3])  # E: list-item arg-type type-var misc reportArgumentType
    named = nn.ModuleDict({"first": nn.Linear(2, 2)})
    named["first"](x, 1)  # E: call-arg reportCallIssue
    named[0]  # E: index reportArgumentType
    named["second"] = Dropout()  # E: assignment reportArgumentType
    nn.ParameterList(["x"])  # E: list-item reportArgumentType


def habits(model: nn.Linear) -> None:
    model.train("yes")  # E: arg-type reportArgumentType
    model.to(3)  # E: arg-type reportArgumentType
    model.requires_grad(False)  # E: attr-defined reportAttributeAccessIssue
    model.add_module("head", jnp.zeros(3))  # E: arg-type reportArgumentType
    model.register_parameter("w", jnp.zeros(3))  # E: arg-type reportArgumentType
    model.load_state_dict({"weight": "x"})  # E: dict-item reportArgumentType
    model.get_parameter(0)  # E: arg-type reportArgumentType
    model.apply(3)  # E: arg-type reportArgumentType
    weight: ParamState[Array] = model.get_submodule("weight")  # E: assignment reportAssignmentType
    print(weight)
