"""What holds for every graph, whatever is shared in it: checked on random ones."""

import pickle
from typing import Any

import pytest
from hypothesis import given

from brainlite.errors import GraphError
from brainlite.graph import (
    clone,
    graphdef,
    iter_leaf,
    iter_node,
    merge,
    pop_states,
    split,
    states,
    update_states,
)
from brainlite.state import ParamState, State
from tests.graph.random_graphs import Blueprint, blueprints, isomorphic


def follow(root: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        in_container = isinstance(root, list | tuple | dict)
        root = root[part] if in_container else vars(root)[part]
    return root


@given(blueprints)
def test_copies_are_isomorphic(blueprint: Blueprint) -> None:
    root = blueprint.build()
    assert isomorphic(root, merge(*split(root)))
    assert isomorphic(root, clone(root))
    definition, *parts = split(root, ParamState, "slow", ...)
    assert isomorphic(root, merge(definition, *reversed(parts)))
    assert isomorphic(root, root, disjoint=False)


@given(blueprints)
def test_equal_structures_have_equal_definitions(blueprint: Blueprint) -> None:
    definition = graphdef(blueprint.build())
    values = [(kind, value + 1, tag) for kind, value, tag in blueprint.states]
    for other in (blueprint, blueprint._replace(states=values)):
        again = graphdef(other.build())
        assert definition == again
        assert hash(definition) == hash(again)
        assert definition.paths == again.paths


@given(blueprints, blueprints)
def test_different_structures_have_different_definitions(one: Blueprint, two: Blueprint) -> None:
    left, right = (
        each._replace(states=[(kind, 0.0, tag) for kind, _, tag in each.states]).build()
        for each in (one, two)
    )
    assert (graphdef(left) == graphdef(right)) == isomorphic(left, right)


@given(blueprints)
def test_a_pickled_definition_is_as_good(blueprint: Blueprint) -> None:
    root = blueprint.build()
    definition, found = split(root)
    again: Any = pickle.loads(pickle.dumps(definition))
    assert again == definition
    assert hash(again) == hash(definition)
    assert isomorphic(root, merge(again, found))


@given(blueprints)
def test_paths_lead_to_each_object_once(blueprint: Blueprint) -> None:
    root = blueprint.build()
    found = list(iter_leaf(root))
    assert len({id(state) for _, state in found}) == len(found)
    assert len({path for path, _ in found}) == len(found)
    for path, item in [*found, *iter_node(root)]:
        assert follow(root, path) is item


@given(blueprints)
def test_an_update_writes_the_given_values_and_no_others(blueprint: Blueprint) -> None:
    root = blueprint.build()
    twin = clone(root)
    _, params, rest = split(root, ParamState, ...)
    for state in (*params.values(), *rest.values()):
        state.value += 1
    update_states(twin, params)
    before, after = states(root).to_values(), states(twin).to_values()
    assert after == {path: value + (path in params) for path, value in before.items()}
    update_states(twin, params.to_nest() if () not in params else params, rest)
    assert states(twin).to_values() == {path: value + 1 for path, value in before.items()}
    assert graphdef(twin) == graphdef(root)


@given(blueprints)
def test_what_is_popped_is_gone_and_the_rest_is_there(blueprint: Blueprint) -> None:
    root = blueprint.build()
    before = list(states(root).values())
    try:
        popped = list(pop_states(root, ParamState).values())
    except GraphError:  # a state in a tuple or a dataclass, which cannot lose it
        assert list(states(root).values()) == before
        return
    left = list(states(root).values())
    assert {*popped, *left} == {*before}
    if not isinstance(root, State):
        assert not {*popped} & {*left}
        assert not any(isinstance(state, ParamState) for state in left)


@given(blueprints)
def test_a_collection_is_the_same_when_it_was_nested(blueprint: Blueprint) -> None:
    found = states(blueprint.build())
    if () in found:  # the root is a state
        with pytest.raises(GraphError, match="this path cannot be nested"):
            found.to_nest()
    else:
        assert found.to_nest().to_flat() == found


@given(blueprints)
def test_filters_part_the_states(blueprint: Blueprint) -> None:
    found = states(blueprint.build())
    slow, params, rest = found.filter("slow", ParamState, ...)
    assert {**slow, **params, **rest} == dict(found)
    assert len(slow) + len(params) + len(rest) == len(found)
    assert all(isinstance(state, ParamState) and not state.tag for state in params.values())
    assert not any(isinstance(state, ParamState) or state.tag for state in rest.values())
    assert found.filter(State) == found
