"""Mistakes with states and collections of them, selecting, splitting and merging."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

import brainlite
from brainlite import HiddenState, ParamState, State, graph, nn


class Pair(NamedTuple):
    h: Array
    c: Array


def values(param: ParamState, hidden: HiddenState[Pair], maybe: State[Array | None]) -> None:
    param.value = 3.0  # E: assignment reportAttributeAccessIssue
    param.value = None  # E: assignment reportAttributeAccessIssue
    param.vlaue = jnp.zeros(3)  # E: attr-defined reportAttributeAccessIssue
    print(param.val)  # E: attr-defined reportAttributeAccessIssue
    print(param.weight)  # E: attr-defined reportAttributeAccessIssue
    hidden.value = jnp.zeros(3)  # E: assignment reportAttributeAccessIssue
    print(hidden.value.g)  # E: attr-defined reportAttributeAccessIssue
    print(maybe.value + 1)  # E: operator reportOptionalOperand
    print(param + 1)  # E: operator reportOperatorIssue
    jnp.sum(param)  # E: arg-type reportArgumentType
    hidden.replace(jnp.zeros(3))  # E: arg-type reportArgumentType
    param.numel = 3  # E: method-assign assignment reportAttributeAccessIssue


def making() -> None:
    ParamState()  # E: call-arg reportCallIssue
    ParamState(jnp.zeros(3), nmae="w")  # E: call-arg reportCallIssue
    ParamState(jnp.zeros(3), tag=3)  # E: arg-type reportArgumentType
    wrong: ParamState = ParamState({"w": jnp.zeros(3)})  # E: arg-type dict-item reportAssignmentType
    HiddenState[Pair](jnp.zeros(3))  # E: arg-type reportArgumentType
    brainlite.PramState(jnp.zeros(3))  # E: attr-defined reportAttributeAccessIssue
    print(wrong)


def kinds(param: ParamState[Array], state: State[Array]) -> None:
    narrow: ParamState[Array] = state  # E: assignment reportAssignmentType
    hidden: HiddenState[Array] = param  # E: assignment reportAssignmentType
    wider: State[Array | None] = state  # E: assignment reportAssignmentType
    print(narrow, hidden, wider)


def collections(params: graph.StateDict[ParamState[Array]], x: Array) -> None:
    params["weight"]  # E: index reportArgumentType
    params["weight",] = ParamState(x)  # E: index reportIndexIssue
    params.assign({"weight": x})  # E: dict-item reportArgumentType
    params.assign({("weight",): 3})  # E: dict-item reportArgumentType
    params.assign(params)  # E: arg-type misc reportArgumentType
    params.to_value()  # E: attr-defined reportAttributeAccessIssue
    for param in params.values():
        print(param.foo)  # E: attr-defined reportAttributeAccessIssue
    narrow: graph.StateDict[HiddenState[Array]] = params  # E: assignment reportAssignmentType
    print(narrow)


def filters(model: nn.GRUCell) -> None:
    model.states(3)  # E: call-overload reportArgumentType reportCallIssue
    model.states(int)  # E: type-var reportArgumentType
    model.states(nn.Linear)  # E: type-var reportArgumentType
    model.states(ParamState, 3)  # E: call-overload reportCallIssue
    model.states(lambda path: True)  # E: call-overload misc reportArgumentType
    model.states(allowed_hierarchy=3)  # E: call-overload reportCallIssue reportArgumentType
    model.states(ParamState).weight  # E: attr-defined reportAttributeAccessIssue
    model.state(ParamState)  # E: attr-defined reportAttributeAccessIssue
    graph.Not(3)  # E: arg-type reportArgumentType
    graph.WithTag(3)  # E: arg-type reportArgumentType
    graph.OfType("weight")  # E: arg-type reportArgumentType
    graph.to_predicate(3.0)  # E: arg-type reportArgumentType


def splitting(model: nn.GRUCell) -> None:
    graphdef, params = graph.split(model, ParamState, ...)  # E: misc reportAssignmentType
    print(graphdef, params)


def splitting_without_filters(model: nn.GRUCell) -> None:
    graphdef, params, rest = graph.split(model)  # E: misc reportAssignmentType
    print(graphdef, params, rest)


def merging(model: nn.GRUCell, x: Array) -> None:
    graphdef, params, rest = graph.split(model, ParamState[Array], ...)
    graph.merge(params, graphdef)  # E: arg-type reportArgumentType
    graph.merge(graphdef, model)  # E: arg-type reportArgumentType
    graph.merge(graphdef, params.to_values())  # E: arg-type reportArgumentType
    graph.merge(graphdef, params, rest)("x")  # E: arg-type reportArgumentType
    graph.merge(graphdef, params, rest).weights  # E: attr-defined reportAttributeAccessIssue
    graph.update_states(model, {("weight",): x})  # E: arg-type reportArgumentType
    graph.pop_states(model)  # E: call-overload reportCallIssue
    linear: nn.Linear = graph.clone(model)  # E: assignment reportAssignmentType
    print(linear)
