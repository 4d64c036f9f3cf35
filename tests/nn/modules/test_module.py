"""Module: calls, sizes, states, missing attributes, display."""

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainlite
from brainlite.errors import InputError, SizeError, StateMissingError
from brainlite.graph import clone
from brainlite.nn import GRUCell, Linear, Module
from brainlite.transform import grad, jit
from brainlite.typing import Array
from tests.closeness import assert_close


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


class Around(Module):
    """A base that does something around `update`."""

    # Calls are typed by `update`.
    def __call__(self, x: int) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return f"around {self.update(x)}"

    def update(self, x: int) -> str:
        return f"base {x}"


class Within(Around):
    def update(self, x: int) -> str:
        return f"own {x}"


class Further(Within):
    pass


def test_a_subclass_keeps_the_call_that_it_inherits() -> None:
    assert (Around()(3), Within()(3), Further()(3)) == (
        "around base 3",
        "around own 3",
        "around own 3",
    )


def test_an_inherited_call_runs_hooks_and_is_watched() -> None:
    model, seen = Within(), list[Any]()
    model.register_forward_hook(lambda module, args, out: seen.append(out))
    with brainlite.nn.capture(model) as outputs:
        assert model(3) == "around own 3"
    assert seen == ["around own 3"]
    assert dict(outputs) == {"": "around own 3"}
    assert Further()(3) == "around own 3"
    assert len(seen) == 1


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


def test_super_init_takes_the_name_and_the_sizes() -> None:
    class Layer(Module):
        def __init__(self) -> None:
            super().__init__(in_size=3, out_size=(4, 5), name="layer")

    layer = Layer()
    assert (layer.in_size, layer.out_size, layer.name) == ((3,), (4, 5), "layer")
    assert Module("only").name == "only"
    assert vars(Module()) == {}


def test_super_init_goes_on_to_other_bases() -> None:
    class Logged:
        def __init__(self) -> None:
            self.log = ["started"]

    class Layer(Module, Logged):
        def __init__(self) -> None:
            super().__init__()

    assert Layer().log == ["started"]


@pytest.mark.parametrize("x", [jnp.ones(2), np.ones(2, "float32")], ids=["jax", "numpy"])
def test_an_array_is_passed_to_a_module_by_shifting(x: Any) -> None:
    first, second = Linear(2, 3), Linear(3, 4)
    np.testing.assert_array_equal(x >> first >> second, second(first(x)))


def test_anything_else_may_be_shifted_into_a_module_but_no_module() -> None:
    assert 3 >> Base() == "base 3"
    assert float(jit(lambda x: x >> Linear(1, 1, jnp.ones, None))(jnp.ones(1))[0]) == 1.0
    with pytest.raises(InputError, match=r"(?s)does not join two modules.*Sequential\(first, sec"):
        Base() >> Base()  # type: ignore[operator]  # the mistake under test


def test_nodes_are_typed_by_the_filter() -> None:
    cell = GRUCell(2, 3)
    linears = cell.nodes(Linear)
    assert [layer.out_size for layer in linears.values()] == [(6,), (3,)]
    cells, others = cell.nodes(GRUCell, Linear)
    assert (list(cells), list(others)) == ([()], [("Wrz",), ("Wh",)])


def test_a_changed_size_is_seen_under_jit() -> None:
    class Sized(Module):
        def update(self, x: Array) -> Array:
            return x * self.in_size[0]

    module = Sized(in_size=2)
    run = jit(module)
    assert float(run(jnp.ones(()))) == 2.0
    module.in_size = 5
    assert float(run(jnp.ones(()))) == 5.0


def test_a_shallow_copy_shares_the_states() -> None:
    cell = GRUCell(2, 3)
    twin = copy.copy(cell)
    assert twin is not cell
    assert twin.Wh is cell.Wh


def test_completion_lists_attributes_states_and_methods() -> None:
    assert {"weight", "in_size", "states", "w_mask"} <= set(dir(Linear(2, 2)))


class Tied(Module):
    def __init__(self) -> None:
        self.embed = Linear(2, 2, b_init=None)
        self.head = Linear(2, 2, b_init=None)
        self.head.weight = self.embed.weight

    def update(self, x: Array) -> Array:
        return self.head(self.embed(x))


def test_tied_weights_stay_one_through_everything() -> None:
    model, x = Tied(), jnp.ones(2)
    weight = model.embed.weight.value["weight"]
    untied = jax.grad(lambda a, b: (x @ a @ b).sum(), argnums=(0, 1))(weight, weight)
    params = model.states(brainlite.ParamState)
    assert list(params) == [("embed", "weight")]
    grads = grad(jit(lambda: model(x).sum()), params)()
    assert_close(grads["embed", "weight"]["weight"], sum(untied))

    optimizer = optax.adam(0.1)
    memory = optimizer.init(params.to_values())
    updates, _ = optimizer.update(grads, memory)
    params.assign(optax.apply_updates(params.to_values(), updates))
    assert len(jax.tree.leaves(memory)) == 3  # one count, and two moments of the one parameter
    stepped = weight - 0.1 * jnp.sign(sum(untied))  # the first step of Adam
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model)), clone(model)]
    copies.append(Tied())
    copies[-1].load_state_dict(model.half().float().state_dict())
    for each in [model, *copies]:
        assert each.embed.weight is each.head.weight
        np.testing.assert_allclose(each.head.weight.value["weight"], stepped, atol=1e-3)
