"""StateDict: states by path; a pytree for every plain jax transform."""

import copy
import pickle
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

import brainlite
from brainlite.errors import GraphError, RawTransformError, StateValueError
from brainlite.graph import NestedDict, PathContains, StateDict, merge, split, states, update_states
from brainlite.state import HiddenState, ParamState, State
from brainlite.typing import Array, GradTarget
from tests.graph.models import Bag, Linear, Net

WEIGHT = ("weight",)
BIAS = ("bias",)


def params() -> StateDict[ParamState[Any]]:
    return states(Linear(), ParamState)


def collection(**states: State[Any]) -> StateDict[State[Any]]:
    return StateDict(((name,), state) for name, state in states.items())


# ---------------------------------------------------------------------------------- a mapping


def test_it_is_a_mapping_from_paths_to_the_states_themselves() -> None:
    linear = Linear()
    found = states(linear)
    assert isinstance(found, Mapping)
    assert list(found) == [WEIGHT, BIAS]
    assert found[WEIGHT] is linear.weight
    assert len(found) == 2
    assert WEIGHT in found
    assert ("other",) not in found
    assert dict(found) == {WEIGHT: linear.weight, BIAS: linear.bias}


def test_two_collections_of_the_same_states_are_equal() -> None:
    linear = Linear()
    assert states(linear) == states(linear)
    assert states(linear) != states(Linear())


def test_a_later_change_of_the_mapping_it_was_made_of_does_not_matter() -> None:
    source: dict[Any, State[Any]] = {WEIGHT: State(1.0)}
    made = StateDict(source)
    source.clear()
    assert list(made) == [WEIGHT]
    assert len(StateDict[State]()) == 0


def test_a_write_to_one_of_its_states_is_a_write_to_the_model() -> None:
    linear = Linear()
    states(linear)[BIAS].value = jnp.ones(2)
    assert linear.bias.value.tolist() == [1, 1]


def test_it_prints_paths_and_states() -> None:
    assert repr(collection(a=State(1.0))) == ("{\n  ('a',): State(\n    value=1.0\n  )\n}")


def test_values_by_path_are_those_of_now() -> None:
    linear = Linear()
    found = states(linear)
    linear.bias.value = jnp.ones(2)
    values = found.to_values()
    assert list(values) == [WEIGHT, BIAS]
    assert values[BIAS] is linear.bias.value


def test_it_is_a_target_of_gradients() -> None:
    found = params()
    assert isinstance(found, GradTarget)
    assert found.__grad_value__().keys() == {WEIGHT, BIAS}


# --------------------------------------------------------------------------------- assignment


def test_values_are_assigned_by_path() -> None:
    found = params()
    found.assign({BIAS: jnp.ones(2)})
    assert found[BIAS].value.tolist() == [1, 1]
    found.assign(params().to_values())
    assert found[BIAS].value.tolist() == [0, 0]


def test_of_several_values_all_are_assigned_or_none() -> None:
    linear = Linear()
    found = states(linear)
    before = found.to_values()
    with pytest.raises(StateValueError, match=r"^Linear\.bias \(ParamState\): this ParamState was"):
        found.assign({WEIGHT: jnp.zeros((2, 2)), BIAS: jnp.zeros(5)})
    assert all(found[path].value is value for path, value in before.items())


def test_states_of_any_kind_go_back_to_what_they_were() -> None:
    made = collection(
        h=HiddenState[Any](jnp.zeros(2)), unset=HiddenState[Any](None), w=ParamState[Any](1.0)
    )
    before = made.to_values()
    with pytest.raises(StateValueError, match="this ParamState was given a value of another shape"):
        made.assign({("h",): jnp.ones(7), ("unset",): {"a": 1.0}, ("w",): jnp.ones(3)})
    assert all(made[path].value is value for path, value in before.items())


def test_values_for_unknown_paths_raise_and_nothing_is_assigned() -> None:
    found = params()
    with pytest.raises(GraphError, match="values were given for paths that are not here") as error:
        found.assign({WEIGHT: jnp.zeros((2, 2)), ("wieght",): jnp.zeros(2)})
    assert "expected: paths among [('weight',), ('bias',)]" in str(error.value)
    assert "got:      [('wieght',)]" in str(error.value)
    assert "take the paths from `to_values()`" in str(error.value)
    assert found[WEIGHT].value.tolist() == [[1, 1], [1, 1]]


def test_updates_of_optax_are_added_in_the_dtype_of_each_state() -> None:
    found = collection(a=ParamState[Any](jnp.ones(2, "bfloat16")), b=ParamState[Any](jnp.ones(())))
    optimizer = optax.sgd(0.5)
    updates, _ = optimizer.update(found.to_values(), optimizer.init(found.to_values()))
    found.apply_updates(updates)
    assert found["a",].value.dtype == jnp.bfloat16
    assert [found[path].value.tolist() for path in found] == [[0.5, 0.5], 0.5]
    # Plain jax differentiates a collection, too; all is then a collection.
    gradients = jax.grad(lambda each: sum(jnp.sum(x) for x in jax.tree.leaves(each)))(found)
    updates, _ = optimizer.update(gradients, optimizer.init(found))
    found.apply_updates(updates)
    assert [found[path].value.tolist() for path in found] == [[0.0, 0.0], 0.0]


@pytest.mark.parametrize("updates", [{}, {("a",): 1.0}, {("a",): {"x": 1.0}}, jnp.ones(2), None])
def test_updates_of_something_else_are_refused(updates: object) -> None:
    found = collection(a=ParamState[Any](jnp.ones(2)), b=ParamState[Any](jnp.ones(())))
    with pytest.raises(GraphError, match=r"these updates are none[\s\S]*params.to_values\(\)"):
        found.apply_updates(updates)
    assert found["b",].value.tolist() == 1


def test_assignment_under_a_plain_jax_transform_raises() -> None:
    linear = Linear()
    found = states(linear)

    def body(x: Array) -> Array:
        found.assign({WEIGHT: x, BIAS: x[0]})
        return x

    with pytest.raises(RawTransformError, match=r"^Linear\.weight \(ParamState\): ") as error:
        jax.vmap(body)(jnp.ones((3, 2, 2)))
    assert error.value.__context__ is None
    assert linear.weight.value.tolist() == [[1, 1], [1, 1]]


# --------------------------------------------------------------------------- filters and nesting


def test_it_is_sorted_by_filters() -> None:
    found = states(Net())
    assert list(found.filter(HiddenState)) == [("h",)]
    hidden, tagged = found.filter(HiddenState, "bias")
    assert hidden["h",].tag == frozenset({"slow", "memory"})
    assert [path[-1] for path in tagged] == ["bias"] * 5
    assert found.filter(...) == found


def test_it_is_nested_as_the_graph_is() -> None:
    net = Net()
    nested = states(net).to_nest()
    assert isinstance(nested, Mapping)
    assert list(nested) == ["encoder", "layers", "heads", "h", "mean"]
    assert nested["layers"][1]["weight"] is net.layers[1].weight
    assert nested["h"] is net.h
    assert (len(nested), len(nested["heads"])) == (5, 2)
    assert nested == states(net).to_nest() != states(Net()).to_nest()
    assert nested.to_flat() == states(net)


def test_nested_states_print_as_they_are_nested() -> None:
    nested = collection(a=State(1.0)).to_nest()
    assert repr(nested) == "{\n  'a': State(\n    value=1.0\n  )\n}"
    assert repr(states(Net()).to_nest()).count("'policy': {") == 1


def test_nested_states_are_a_pytree_of_their_values() -> None:
    net = Net()
    nested = states(net).to_nest()
    flat, _ = jax.tree_util.tree_flatten_with_path(nested)
    assert flat[0][0] == (jax.tree_util.DictKey(("encoder", "weight")),)
    doubled: Any = jax.tree.map(lambda x: x * 2, nested)
    assert isinstance(doubled, NestedDict)
    assert doubled["encoder"]["weight"].value.tolist() == [[2, 2], [2, 2]]
    assert type(doubled["encoder"]["weight"]) is ParamState
    assert net.encoder.weight.value[0, 0] == 1


def test_nested_states_can_be_merged_and_update() -> None:
    net = Net()
    graphdef, params, rest = split(net, ParamState, ...)
    nested = params.to_nest()
    nested["encoder"]["bias"].value = jnp.ones(2)
    assert merge(graphdef, nested, rest).encoder.bias.value.tolist() == [1, 1]
    update_states(net, nested)
    assert net.encoder.bias.value.tolist() == [1, 1]


def test_a_collection_deeper_than_the_recursion_limit_is_nested() -> None:
    path: tuple[str, ...] = ("a",) * 5000
    nested = StateDict[State[Any]]([(path, State(1.0))]).to_nest()
    assert list(nested.to_flat()) == [path]


@pytest.mark.parametrize("paths", [[()], [("a",), ("a", "b")], [("a", "b"), ("a",)]])
def test_a_path_below_another_cannot_be_nested(paths: list[Any]) -> None:
    made = StateDict[State[Any]]((path, State(1.0)) for path in paths)
    with pytest.raises(GraphError, match="this path cannot be nested") as error:
        made.to_nest()
    assert "keep the collection flat" in str(error.value)


# ------------------------------------------------------------------------------------ a pytree


def test_its_leaves_are_the_values_and_its_structure_keeps_kinds_and_labels() -> None:
    made = collection(a=ParamState(1.0, name="alpha"), b=State({"c": 2.0}, tag="slow"))
    leaves, structure = jax.tree.flatten(made)
    assert leaves == [1.0, 2.0]
    fresh = jax.tree.unflatten(structure, [3.0, 4.0])
    assert isinstance(fresh, StateDict)
    assert (type(fresh["a",]), fresh["a",].name, fresh["a",].value) == (ParamState, "alpha", 3.0)
    assert (fresh["b",].tag, fresh["b",].value) == (frozenset({"slow"}), {"c": 4.0})
    assert made["a",].value == 1.0


def test_structures_are_equal_if_paths_kinds_and_labels_are() -> None:
    def structure(path: str = "a", state: State[float] | None = None) -> Any:
        return jax.tree.structure(collection(**{path: state or State(1.0)}))

    assert structure() == structure(state=State(2.0))
    assert hash(structure()) == hash(structure(state=State(2.0)))
    assert structure() != structure("b")
    assert structure() != structure(state=HiddenState(1.0))
    assert structure() != structure(state=State(1.0, tag="slow"))
    assert structure() != structure(state=State(1.0, name="n"))


def test_paths_of_leaves_are_paths_of_states() -> None:
    flat, _ = jax.tree_util.tree_flatten_with_path(params())
    assert [path for path, _ in flat] == [
        (jax.tree_util.DictKey(WEIGHT),),
        (jax.tree_util.DictKey(BIAS),),
    ]


def test_it_passes_through_tree_map() -> None:
    linear = Linear()
    one, two = states(linear), params()
    total: Any = jax.tree.map(jnp.add, one, two)
    assert isinstance(total, StateDict)
    assert total[WEIGHT].value.tolist() == [[2, 2], [2, 2]]
    assert type(total[WEIGHT]) is ParamState
    assert total[WEIGHT] is not linear.weight
    assert linear.weight.value.tolist() == [[1, 1], [1, 1]]


def test_it_passes_through_plain_jit_and_is_compiled_once() -> None:
    traces: list[int] = []

    def step(found: StateDict[Any], x: Array) -> StateDict[Any]:
        traces.append(1)
        found[WEIGHT].value = found[WEIGHT].value * x
        return found

    compiled = jax.jit(step)
    linear = Linear()
    found = states(linear)
    for expected in (2.0, 4.0):
        found = compiled(found, 2.0)
        assert found[WEIGHT].value[0, 0] == expected
    assert len(traces) == 1
    assert type(found[BIAS]) is ParamState
    assert found[BIAS].tag == frozenset({"bias"})
    assert linear.weight.value[0, 0] == 1


def test_plain_grad_gives_a_collection_of_gradients() -> None:
    def loss(found: StateDict[Any], x: Array) -> Array:
        out: Array = (x @ found[WEIGHT].value + found[BIAS].value).sum()
        return out

    gradients = jax.grad(loss)(params(), jnp.ones((3, 2)))
    assert isinstance(gradients, StateDict)
    assert gradients[WEIGHT].value.tolist() == [[3, 3], [3, 3]]
    assert gradients[BIAS].value.tolist() == [3, 3]


def test_plain_vmap_maps_over_a_stack_of_models() -> None:
    stacked: Any = jax.tree.map(lambda *leaves: jnp.stack(leaves), params(), params(), params())

    def apply(found: StateDict[Any], x: Array) -> tuple[Array, StateDict[Any]]:
        return x @ found[WEIGHT].value, found

    out, found = jax.vmap(apply, in_axes=(0, None))(stacked, jnp.ones(2))
    assert out.shape == (3, 2)
    assert found[WEIGHT].value.shape == (3, 2, 2)
    with pytest.raises(ValueError, match="vmap"):
        jax.vmap(apply)(stacked, jnp.ones((4, 2)))


def test_plain_scan_carries_a_collection() -> None:
    def step(found: StateDict[Any], x: Array) -> tuple[StateDict[Any], Array]:
        found[BIAS].value = found[BIAS].value + x
        return found, found[BIAS].value

    last, steps = jax.lax.scan(step, params(), jnp.arange(4.0))
    assert last[BIAS].value.tolist() == [6, 6]
    assert steps.shape == (4, 2)


def test_a_model_merged_in_a_plain_transform_may_be_trained_there() -> None:
    net = Net()
    graphdef, trained, rest = split(net, ParamState, ...)

    def loss(
        trained: StateDict[Any], rest: StateDict[Any], x: Array
    ) -> tuple[Array, StateDict[Any]]:
        model = merge(graphdef, trained, rest)
        model.h.value = x @ model.encoder.weight.value
        return model.h.value.sum(), states(model, HiddenState)

    with jax.checking_leaks():
        gradients, hidden = jax.jit(jax.grad(loss, has_aux=True))(trained, rest, jnp.ones(2))
    assert gradients["encoder", "weight"].value.tolist() == [[1, 1], [1, 1]]
    assert hidden["h",].value.tolist() == [2, 2]
    assert net.h.value.tolist() == [0, 0]


def test_an_empty_collection_is_a_pytree() -> None:
    empty = states(Bag())
    assert jax.tree.leaves(empty) == []
    assert len(jax.jit(lambda found: found)(empty)) == 0  # pyright: ignore[reportUnknownLambdaType]


# --------------------------------------------------------------------------------------- copies


@pytest.mark.parametrize("how", ["deepcopy", "pickle"])
def test_copies_keep_sharing(how: str) -> None:
    shared = ParamState(jnp.ones(2), tag="slow")
    made = collection(a=shared, b=shared)
    twin = copy.deepcopy(made) if how == "deepcopy" else pickle.loads(pickle.dumps(made))
    assert isinstance(twin, StateDict)
    assert list(twin) == [("a",), ("b",)]
    assert twin["a",] is twin["b",]
    assert twin["a",] is not shared
    assert twin["a",].tag == frozenset({"slow"})


def test_collections_are_joined_and_emptied_of_states() -> None:
    model = brainlite.nn.GRUCell(2, 3)
    found = model.states()
    one, two = found.subset(PathContains("Wh"), ...)
    assert [*one.merge(two)] == [*one, *two]
    assert one.merge(two)["Wh", "weight"] is model.Wh.weight
    assert found.to_flat() is found
    nested = found.to_nest()
    assert nested.to_nest() is nested
    pure = found.to_pure_dict()
    assert type(pure["Wh"]) is dict
    assert pure["Wh"]["weight"] is model.Wh.weight.value
    assert nested.to_pure_dict().keys() == pure.keys()


def test_states_come_nested() -> None:
    model = brainlite.nn.GRUCell(2, 3)
    assert brainlite.graph.treefy_states(model)["Wh"]["weight"] is model.Wh.weight
    wh, rest = brainlite.graph.treefy_states(model, PathContains("Wh"), ...)
    assert ([*wh], [*rest]) == (["Wh"], ["Wrz"])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("update", r"states\.merge"),
        ("pop", r"states\.filter"),
        ("split", "one collection for each"),
    ],
)
def test_what_would_change_a_collection_names_what_there_is(name: str, told: str) -> None:
    found: StateDict[State[float]] = StateDict([(("a",), State(1.0))])
    with pytest.raises(AttributeError, match=f"no attribute '{name}': it does not change.*{told}"):
        getattr(found, name)
    with pytest.raises(AttributeError, match=r"no attribute 'other'$"):
        getattr(found, "other")  # noqa: B009  # checkers refuse the attribute
