"""Object graphs: selecting, splitting and merging keep the types of states and models."""

from collections.abc import Iterator
from typing import Any, assert_type

from jax import Array

import brainlite
from brainlite import BatchState, HiddenState, ParamState, State, graph
from brainlite.nn import GRUCell, Linear
from brainlite.typing import Filter, Path, Predicate

Params = ParamState[Array]
Hidden = HiddenState[Array]
AnyState = State[Any]


class Weight(ParamState[Array]):
    """A kind of one's own, without a parameter."""


def states_by_kind(model: GRUCell) -> None:
    assert_type(model.states(), graph.StateDict[AnyState])
    assert_type(model.states(ParamState[Array]), graph.StateDict[Params])
    assert_type(model.states(Weight), graph.StateDict[Weight])
    assert_type(
        model.states(ParamState[Array], HiddenState[Array]),
        tuple[graph.StateDict[Params], graph.StateDict[Hidden]],
    )
    assert_type(
        model.states(Weight, HiddenState[Array], BatchState[Array]),
        tuple[graph.StateDict[Weight], graph.StateDict[Hidden], graph.StateDict[BatchState[Array]]],
    )
    assert_type(graph.states(model), graph.StateDict[AnyState])
    assert_type(graph.states(model, Weight), graph.StateDict[Weight])
    assert_type(graph.states([model, model], ParamState[Array]), graph.StateDict[Params])
    assert_type(
        graph.states(model, Weight, HiddenState[Array]),
        tuple[graph.StateDict[Weight], graph.StateDict[Hidden]],
    )


def states_by_other_filters(model: GRUCell, each: Filter) -> None:
    assert_type(model.states("slow"), graph.StateDict[AnyState])
    assert_type(model.states(...), graph.StateDict[AnyState])
    assert_type(model.states(each, each, each, each), tuple[graph.StateDict[AnyState], ...])
    assert_type(model.states([ParamState, "slow"]), graph.StateDict[AnyState])
    assert_type(model.states(lambda path, state: "Wh" in path), graph.StateDict[AnyState])
    assert_type(model.states(graph.Not(ParamState)), graph.StateDict[AnyState])
    assert_type(
        model.states("slow", ...), tuple[graph.StateDict[AnyState], graph.StateDict[AnyState]]
    )
    assert_type(
        model.states("slow", Weight), tuple[graph.StateDict[AnyState], graph.StateDict[Weight]]
    )


def states_at_a_depth(model: GRUCell) -> None:
    assert_type(model.states(allowed_hierarchy=(1, 1)), graph.StateDict[AnyState])
    assert_type(model.states(Weight, allowed_hierarchy=(1, 2)), graph.StateDict[Weight])
    assert_type(graph.states(model, allowed_hierarchy=(1, 1)), graph.StateDict[AnyState])
    assert_type(graph.states(model, Weight, allowed_hierarchy=(1, 2)), graph.StateDict[Weight])


def a_collection_of_states(params: graph.StateDict[Params], x: Array) -> None:
    assert_type(params["weight",], Params)
    assert_type(list(params), list[Path])
    assert_type(params.get(("bias",)), Params | None)
    assert_type(params.to_values(), dict[Path, Array])
    params.assign({("weight",): x})
    assert_type([state.value for state in params.values()], list[Array])
    assert_type(params.__grad_value__(), dict[Path, Array])
    wider: graph.StateDict[State[Array]] = params
    assert_type(wider["weight",].value, Array)
    assert_type(graph.StateDict([(("h",), HiddenState(x))]), graph.StateDict[Hidden])


def splitting(model: GRUCell) -> None:
    assert_type(graph.split(model), tuple[graph.GraphDef[GRUCell], graph.StateDict[AnyState]])
    graphdef, params, rest = graph.split(model, ParamState[Array], ...)
    assert_type(graphdef, graph.GraphDef[GRUCell])
    assert_type(params, graph.StateDict[Params])
    assert_type(rest, graph.StateDict[AnyState])
    graphdef, params, hidden = graph.split(model, ParamState[Array], HiddenState[Array])
    assert_type(hidden, graph.StateDict[Hidden])
    graphdef, weights = graph.split(model, Weight)
    assert_type(weights, graph.StateDict[Weight])
    graphdef, tagged, rest = graph.split(model, "slow", ...)
    assert_type(tagged, graph.StateDict[AnyState])
    graphdef, weights, hidden, rest = graph.split(model, Weight, HiddenState[Array], ...)
    assert_type(weights, graph.StateDict[Weight])
    assert_type(hidden, graph.StateDict[Hidden])
    graphdef, *many = graph.split(model, "a", "b", "c", "d", ...)
    assert_type(many, list[graph.StateDict[AnyState]])
    assert_type(graph.flatten(model)[0], graph.GraphDef[GRUCell])
    assert_type(graph.treefy_split(model)[0], graph.GraphDef[GRUCell])


def merging(model: GRUCell, x: Array) -> None:
    graphdef, params, rest = graph.split(model, ParamState[Array], ...)
    assert_type(graph.merge(graphdef, params, rest), GRUCell)
    assert_type(graph.merge(graphdef, params, rest)(x), Array)
    assert_type(graph.merge(*graph.split(model)), GRUCell)
    assert_type(graph.unflatten(graphdef, rest), GRUCell)
    assert_type(graph.treefy_merge(graphdef, rest), GRUCell)
    assert_type(graph.clone(model), GRUCell)
    assert_type(graph.graphdef(model), graph.GraphDef[GRUCell])
    graph.update_states(model, params, rest)
    graph.update(model, params)
    assert_type(graph.merge(*graph.split([model, model])), list[GRUCell])


def popping(model: GRUCell) -> None:
    assert_type(graph.pop_states(model, HiddenState[Array]), graph.StateDict[Hidden])
    assert_type(
        graph.pop_states(model, HiddenState[Array], Weight),
        tuple[graph.StateDict[Hidden], graph.StateDict[Weight]],
    )
    assert_type(graph.pop_states(model, "slow"), graph.StateDict[AnyState])
    assert_type(graph.pop_states(model, "a", "b", ...), tuple[graph.StateDict[AnyState], ...])


def walking(model: GRUCell) -> None:
    assert_type(graph.iter_leaf(model), Iterator[tuple[Path, AnyState]])
    assert_type(graph.iter_node(model), Iterator[tuple[Path, graph.Node]])
    assert_type(list(graph.iter_node(model, (1, 2))), list[tuple[Path, graph.Node]])


def filters_are_predicates(model: GRUCell) -> None:
    each: list[Filter] = [
        graph.OfType(ParamState),
        graph.PathContains("Wh"),
        graph.WithTag("slow"),
        graph.Any(ParamState, "slow"),
        graph.All(ParamState, graph.Not("slow")),
        graph.Not(...),
        graph.Everything(),
        graph.Nothing(),
        Linear,
        None,
        False,
    ]
    assert_type(graph.to_predicate(each), Predicate)
    assert_type(graph.to_predicate(ParamState)(("Wh",), model), bool)
    assert_type(graph.PathContains(0)(("cells", 0), None), bool)
    assert_type(graph.OfType(int)((), 3), bool)


class Counter(brainlite.graph.Node):
    """A node that is no module."""

    def __init__(self, x: Array) -> None:
        self.count: State[Array] = State(x)


def nodes_of_ones_own(x: Array) -> None:
    assert_type(Counter(x).count.value, Array)
    assert_type(graph.clone(Counter(x)), Counter)


def nodes_by_kind(model: GRUCell) -> None:
    assert_type(graph.nodes(model), dict[Path, graph.Node])
    assert_type(graph.nodes(model, Linear), dict[Path, Linear])
    assert_type(graph.nodes(model, Linear, GRUCell), tuple[dict[Path, Linear], dict[Path, GRUCell]])
    assert_type(model.nodes(Linear)["Wh",], Linear)
    assert_type(list(model.nodes()), list[Path])


def nested_collections(params: graph.FlattedDict[Params]) -> None:
    assert_type(params.to_nest(), graph.NestedDict[Params])
    assert_type(params.to_nest().to_flat(), graph.StateDict[Params])


class Foreign:
    """A class of another library."""

    def __init__(self, parts: dict[str, Any]) -> None:
        self.parts: dict[str, Any] = parts


def classes_of_others() -> None:
    graph.register_graph_node_type(
        Foreign,
        flatten=lambda node: (node.parts.items(), None),
        set_key=lambda node, key, value: node.parts.update({str(key): value}),
        pop_key=lambda node, key: node.parts.pop(str(key)),
        create_empty=lambda _: Foreign({}),
        clear=lambda node: node.parts.clear(),
    )
