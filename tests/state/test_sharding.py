"""What is said of where values live, on a mesh of one device; of many in tests/integration."""

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from brainlite.errors import ShardingError
from brainlite.state import ParamState, State
from brainlite.state._sharding import (
    Portable,
    fits,
    misfit_of,
    put_array,
    replicated,
    spec_text,
    with_axis,
    without_axis,
)
from brainlite.state._spec import StateSpec, make_states, specs_of

P: Any = PartitionSpec
struct_of: Any = jax.ShapeDtypeStruct


def over(*axes: Any) -> NamedSharding:
    return NamedSharding(jax.make_mesh((1,), ("x",), axis_types=(AxisType.Auto,)), P(*axes))


@pytest.mark.parametrize(
    ("spec", "axis", "wider"),
    [
        ((), 0, (None,)),
        (("x",), 0, (None, "x")),
        (("x",), 1, ("x", None)),
        (("x",), 3, ("x", None, None, None)),
        ((None, "x"), 1, (None, None, "x")),
    ],
)
def test_an_axis_more_is_whole_and_is_taken_away_again(spec: Any, axis: int, wider: Any) -> None:
    found = with_axis({"a": over(*spec)}, axis)
    assert found == {"a": over(*wider)}
    back = without_axis(found, axis)["a"].spec
    assert tuple(back)[: len(spec)] == spec
    assert not any(back[len(spec) :])


def test_a_spec_is_shown_as_it_is_written() -> None:
    assert spec_text(over()) == "P()"
    assert spec_text(over(None, "x")) == "P(None, 'x')"
    assert spec_text("data") == "'data'"
    assert replicated({"a": over("x")}) == over()


def test_only_arrays_that_can_be_laid_out_fit() -> None:
    assert fits(jnp.ones((2, 3)), over("x"))
    assert fits(np.ones(2), over("x"))
    assert fits(struct_of((2,), "float32"), over("x"))
    assert fits(None, over("x"))
    assert not fits(jnp.ones(()), over("x"))
    assert not fits({"a": jnp.ones(2)}, over("x"))
    assert not fits(object(), over())
    assert not fits(3, over())
    assert misfit_of(jnp.ones((2, 3)), over("x", None)) is None


def test_what_is_in_its_place_is_not_moved() -> None:
    array = put_array(jnp.ones(2), over("x"))
    assert put_array(array, over("x")) is array
    state = State(array)
    state.sharding = over("x")
    assert state.value is array
    state.value = array
    assert state.value is array
    moved = put_array(array, over())
    assert moved.sharding == over()
    key = put_array(jax.random.key(0), over())
    assert key.sharding == over()
    struct = put_array(struct_of((2,), "int8"), over("x"))
    assert (struct.shape, struct.dtype, struct.sharding) == ((2,), jnp.int8, over("x"))


def test_a_sharding_is_pickled_by_the_numbers_of_its_devices() -> None:
    for tree in (over("x"), {"a": over(("x",), None), "b": [over()]}):
        assert pickle.loads(pickle.dumps(Portable(tree))).sharding == tree
        assert copy.deepcopy(Portable(tree)).sharding is tree


def test_states_made_of_specs_declare_only_what_fits() -> None:
    state = ParamState({"a": jnp.ones((2, 3))})
    state.sharding = over(None, "x")
    specs = specs_of([state, ParamState({"a": jnp.ones((2, 3))})])
    assert specs[0] != specs[1]
    assert specs[0] == pickle.loads(pickle.dumps(specs[0])) == specs_of([state.copy()])[0]
    same, other, odd = make_states(
        [specs[0]] * 3, [{"a": np.zeros((2, 3))}, {"a": jnp.zeros(3)}, object()]
    )
    assert same.sharding == state.sharding
    assert same.value["a"].sharding == over(None, "x")
    assert other.sharding is None
    assert odd.sharding is None


def test_a_state_without_a_declaration_may_become_one_with() -> None:
    free, bound = ParamState(jnp.ones(2)), ParamState(jnp.ones(2))
    bound.sharding = over("x")
    [one], [other] = specs_of([free]), specs_of([bound])
    assert one.may_become(other)
    assert one.may_become(one)
    assert other.may_become(other)
    assert not other.may_become(one)
    assert not StateSpec(State, one.fields).may_become(other)
    assert not specs_of([ParamState(jnp.ones(2), name="n")])[0].may_become(other)


def test_copying_a_state_to_another_shape_is_refused_where_it_does_not_fit() -> None:
    state = State(jnp.ones((2, 3)))
    state.sharding = over(None, "x")
    assert state.replace(jnp.zeros((5, 4))).value.sharding == over(None, "x")
    with pytest.raises(ShardingError, match=r"(?s)at most 1 axes.*P\(None, 'x'\) of 2 for float32"):
        state.replace(jnp.zeros(3))
