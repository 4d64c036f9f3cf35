"""Module: calls, sizes, states, missing attributes, display."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import SizeError, StateMissingError
from brainlite.nn import GRUCell, Linear, Module
from brainlite.transform import jit
from brainlite.typing import Array


class Base(Module):
    def update(self, x: int) -> str:
        return f"base {x}"


class Override(Base):
    def update(self, x: int) -> str:
        return f"override of {super().update(x)}"


class Inherit(Override):
    pass


class Mixin:
    def update(self, x: int) -> str:
        return f"mixin {x}"


class Mixed(Mixin, Base):
    pass


def test_a_call_runs_update() -> None:
    assert Base()(3) == "base 3"
    assert Override()(3) == "override of base 3"


def test_a_call_follows_the_method_resolution_order() -> None:
    assert Inherit()(3) == "override of base 3"
    assert Mixed()(3) == "mixin 3"


def test_a_class_may_define_call_itself() -> None:
    class Own(Module):
        def __call__(self, x: int) -> int:  # type: ignore[override]  # calls are typed by `update`
            return x + 1

    assert Own()(1) == 2


def test_update_may_be_compiled() -> None:
    class Compiled(Module):
        def __init__(self) -> None:
            self.weight = brainlite.ParamState(jnp.ones(3))
            self.runs: list[int] = []

        @jit
        def update(self, x: Array) -> Array:
            self.runs.append(1)
            return self.weight.value * x

    first, second = Compiled(), Compiled()
    assert first(jnp.asarray(2.0)).tolist() == [2.0] * 3
    second.weight.value = jnp.zeros(3)
    assert second(jnp.asarray(2.0)).tolist() == [0.0] * 3
    first.weight.value = jnp.full(3, 5.0)
    assert first(jnp.asarray(2.0)).tolist() == [10.0] * 3


def test_super_init_is_not_needed() -> None:
    class Bare(Module):
        def __init__(self) -> None:
            self.layer = Linear(2, 3)

        def update(self, x: Array) -> Array:
            return self.layer(x)

    assert Bare()(jnp.ones(2)).shape == (3,)
    assert list(Bare().states()) == [("layer", "weight")]


def test_sizes_are_tuples_whatever_was_given() -> None:
    module = Module()
    module.in_size = 3
    module.out_size = [4, 5]
    assert (module.in_size, module.out_size) == ((3,), (4, 5))


def test_a_bad_size_is_refused_and_the_old_one_stays() -> None:
    module = Module()
    module.in_size = 3
    with pytest.raises(SizeError, match=r"(?s)in_size.*got: .*-1"):
        module.in_size = -1
    assert module.in_size == (3,)


def test_a_size_that_was_never_set_says_so() -> None:
    with pytest.raises(AttributeError, match=r"Base has no in_size: set `self\.in_size` first"):
        Base().in_size  # noqa: B018  # reading it is the test


def test_states_are_the_states_themselves_by_path() -> None:
    cell = brainlite.nn.init_all_states(GRUCell(2, 3))
    assert list(cell.states()) == [("Wrz", "weight"), ("Wh", "weight"), ("h",)]
    assert cell.states()["h",] is cell.h
    params, hidden = cell.states(brainlite.ParamState, brainlite.HiddenState)
    assert len(params) == 2
    assert list(hidden) == [("h",)]


def test_nodes_and_parameters_list_each_object_once() -> None:
    class Tied(Module):
        def __init__(self) -> None:
            self.a = Linear(2, 2)
            self.b = [self.a, Linear(2, 2)]

    tied = Tied()
    assert list(tied.nodes()) == [(), ("a",), ("b", 1)]
    assert [name for name, _ in tied.named_parameters()] == ["a.weight", "b.1.weight"]
    assert [state is tied.a.weight for state in tied.parameters()] == [True, False]


def test_a_misspelt_attribute_suggests_the_near_name() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'wieght'. Did you mean 'weight'\?"):
        Linear(2, 2).wieght  # type: ignore[attr-defined]  # noqa: B018  # the mistake under test


def test_a_state_of_a_users_own_init_state_is_missing_until_it_is_made() -> None:
    class Trace(Module):
        def init_state(self, *args: Any, **kwargs: Any) -> None:
            self.trace = brainlite.HiddenState(jnp.zeros(2))

        def update(self, x: Array) -> Array:
            self.trace.value = self.trace.value + x
            return self.trace.value

    module = Trace()
    with pytest.raises(StateMissingError, match=r"(?s)'trace' has not been made.*init_all_states"):
        module(jnp.ones(2))
    assert brainlite.nn.init_all_states(module)(jnp.ones(2)).tolist() == [1.0, 1.0]


def test_copies_and_pickles_are_independent_and_equal() -> None:
    cell = brainlite.nn.init_all_states(GRUCell(2, 3))
    x = jnp.ones(2)
    twins = [copy.deepcopy(cell), pickle.loads(pickle.dumps(cell))]
    expected = cell(x)
    for twin in twins:
        np.testing.assert_array_equal(twin(x), expected)
        assert twin.Wh.weight is not cell.Wh.weight


def test_repr_shows_sizes_first_and_hides_private_attributes() -> None:
    class Small(Module):
        def __init__(self) -> None:
            self.scale = 2.0
            self.in_size = 3
            self._cache = 1

    assert repr(Small()) == "Small(\n  in_size=(3,),\n  scale=2.0\n)"


def test_eval_of_an_attribute_is_seen_under_jit() -> None:
    class Mode(Module):
        def __init__(self) -> None:
            self.training = True

        def update(self, x: Array) -> Array:
            return x * 2 if self.training else x

    model = Mode()
    compiled = jit(model)
    assert float(compiled(jnp.asarray(1.0))) == 2.0
    model.training = False
    assert float(compiled(jnp.asarray(1.0))) == 1.0
