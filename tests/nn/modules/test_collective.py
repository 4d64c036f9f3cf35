"""init_all_states, reset_all_states, call_all_fns: the right method, on each module, in order."""

from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import OptionError
from brainlite.nn import Module, call_all_fns, call_order, init_all_states, reset_all_states
from brainlite.state import HiddenState
from brainlite.transform import for_loop, jit
from brainlite.typing import Array


class Log(Module):
    """Writes down when its methods are called."""

    def __init__(self, calls: list[str], label: str) -> None:
        self.calls = calls
        self.label = label

    def init_state(self, *args: Any, **kwargs: Any) -> None:
        self.calls.append(f"{self.label} {args} {kwargs}")


class Late(Log):
    @call_order(1)
    def init_state(self, *args: Any, **kwargs: Any) -> None:
        super().init_state(*args, **kwargs)


class Pair(Module):
    def __init__(self, first: Module, second: Module) -> None:
        self.first = first
        self.items = [second]


def test_init_all_states_calls_each_module_once_and_returns_the_model() -> None:
    calls: list[str] = []
    shared = Log(calls, "shared")
    model = Pair(shared, shared)
    assert init_all_states(model, 3, batch_size=2) is model
    assert calls == ["shared (3,) {'batch_size': 2}"]


def test_a_higher_call_order_comes_last() -> None:
    calls: list[str] = []
    init_all_states(Pair(Late(calls, "late"), Log(calls, "early")))
    assert [call.split()[0] for call in calls] == ["early", "late"]


def test_methods_without_a_level_come_before_all_that_have_one() -> None:
    class First(Log):
        @call_order(0)
        def init_state(self, *args: Any, **kwargs: Any) -> None:
            super().init_state(*args, **kwargs)

    calls: list[str] = []
    init_all_states(Pair(First(calls, "zero"), Log(calls, "none")))
    assert [call.split()[0] for call in calls] == ["none", "zero"]


def test_a_level_is_one_of_ten_unless_that_is_not_checked() -> None:
    for level in (-1, 10):
        with pytest.raises(OptionError, match=rf"(?s)from 0 to 9.*got: +{level}.*boundary=False"):
            call_order(level)
        call_order(level, check_order_boundary=False)


def test_node_to_exclude_leaves_modules_out() -> None:
    calls: list[str] = []
    init_all_states(Pair(Late(calls, "late"), Log(calls, "early")), node_to_exclude=Late)
    assert [call.split()[0] for call in calls] == ["early"]


def test_init_all_states_takes_a_list_of_models() -> None:
    cells = [brainlite.nn.GRUCell(2, 3), brainlite.nn.GRUCell(2, 4)]
    init_all_states(cells, batch_size=5)
    assert [cell.h.value.shape for cell in cells] == [(5, 3), (5, 4)]


def test_reset_all_states_keeps_the_states_and_gives_them_a_new_batch() -> None:
    cell = init_all_states(brainlite.nn.LSTMCell(2, 3))
    h = cell.h
    cell(jnp.ones(2))
    reset_all_states(cell, batch_size=4)
    assert cell.h is h
    assert h.value.shape == (4, 3)
    assert not h.value.any()


class Total(Module):
    """Says how its state is made, and not how it is set back."""

    def init_state(self, size: int = 2) -> None:
        self.total = HiddenState(jnp.zeros(size))

    def update(self, x: Array) -> Array:
        self.total.value += x
        return self.total.value


def test_what_has_no_reset_of_its_own_is_made_anew() -> None:
    model = init_all_states(Pair(Total(), Total()))
    first = model.first
    assert isinstance(first, Total)
    first(jnp.ones(2))
    reset_all_states(model)
    assert first.total.value.tolist() == [0, 0]
    first(jnp.ones(2))
    reset_all_states(model, size=3)
    assert first.total.value.tolist() == [0, 0, 0]
    first(jnp.ones(3))
    first.reset_state()
    assert first.total.value.tolist() == [0, 0]
    with pytest.raises(OptionError, match=r"no reset_state in this model takes .* 'sise'"):
        reset_all_states(model, sise=3)


def test_what_stands_for_a_reset_keeps_its_order() -> None:
    calls: list[str] = []
    reset_all_states(Pair(Late(calls, "late"), Log(calls, "log")))
    assert calls == ["log () {}", "late () {}"]


def test_a_loop_whose_body_resets_starts_anew_at_each_step() -> None:
    model = init_all_states(Total())

    def step(x: Array) -> Array:
        reset_all_states(model)
        return model(x)

    assert jit(lambda: for_loop(step, jnp.ones((3, 2))))().tolist() == [[1, 1]] * 3
    assert model.total.value.tolist() == [1, 1]


def test_call_all_fns_calls_any_method_with_arguments() -> None:
    class Scaled(Module):
        def __init__(self) -> None:
            self.scale = 1.0

        def set_scale(self, scale: float, *, offset: float = 0.0) -> None:
            self.scale = scale + offset

    model = Pair(Scaled(), Scaled())
    call_all_fns(model, "set_scale", 2.0, {"offset": 1.0}, fn_if_not_exist="pass")
    first, second = model.first, model.items[0]
    assert isinstance(first, Scaled)
    assert isinstance(second, Scaled)
    assert (first.scale, second.scale) == (3.0, 3.0)


def test_call_all_fns_raises_where_a_method_is_missing() -> None:
    with pytest.raises(AttributeError, match="'Linear' object has no attribute 'rescale'"):
        call_all_fns(brainlite.nn.Linear(1, 1), "rescale")


def test_call_all_fns_passes_over_modules_without_the_method_in_silence_or_with_a_warning() -> None:
    calls: list[str] = []
    model = Pair(Log(calls, "a"), brainlite.nn.Linear(1, 1))
    for silent in ("pass", "none"):
        call_all_fns(model.items[0], "rescale", fn_if_not_exist=silent)
    with pytest.warns(UserWarning, match=r"items\.0, a Linear, has no method 'rescale' to call"):
        call_all_fns(model, "rescale", node_to_exclude=(Log, Pair), fn_if_not_exist="warn")


def test_call_all_fns_names_the_values_it_knows() -> None:
    with pytest.raises(OptionError, match=r"(?s)'none' or 'warn'.*got: +'ignore'"):
        call_all_fns(brainlite.nn.Linear(1, 1), "rescale", fn_if_not_exist="ignore")


def test_states_made_in_update_follow_the_batch_of_the_input() -> None:
    class Net(Module):
        def __init__(self) -> None:
            self.cell = brainlite.nn.GRUCell(2, 3)

        def update(self, xs: Array) -> Array:
            init_all_states(self, batch_size=xs.shape[1])
            return brainlite.transform.for_loop(self.cell, xs)

    net = Net()
    jitted = brainlite.transform.jit(net)
    for batch in (4, 2, 4):
        xs = jnp.ones((5, batch, 2))
        assert jnp.allclose(jitted(xs), net(xs))
        assert net.cell.h.value.shape == (batch, 3)
