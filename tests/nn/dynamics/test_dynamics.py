"""Dynamics: what runs around a call is data of the model."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import environ, graph, nn
from brainlite.errors import NameNotFoundError, NameTakenError
from brainlite.state import HiddenState, State
from brainlite.transform import for_loop, jit
from tests.closeness import assert_same


class Counter(nn.Module):
    def __init__(self) -> None:
        self.total = State(jnp.zeros(()))

    def update(self, spikes: Any) -> None:
        self.total.value += spikes.sum()


def counting() -> tuple[nn.LIF, Counter]:
    neurons, counter = nn.LIF(2), Counter()
    neurons.add_after_update("count", counter)
    return nn.init_all_states(neurons), counter


@pytest.mark.parametrize("how", ["eager", "jit", "for_loop", "loop in jit"])
def test_updates_around_a_call_run_in_each_transform(how: str) -> None:
    neurons, counter = counting()
    ways: dict[str, Any] = {
        "eager": lambda: [neurons(10.0) for _ in range(5)],
        "jit": lambda: [jit(neurons)(10.0) for _ in range(5)],
        "for_loop": lambda: for_loop(lambda: neurons(10.0), length=5),
        "loop in jit": lambda: jit(lambda: for_loop(lambda: neurons(10.0), length=5))(),
    }
    with environ.context(dt=1.0):
        ways[how]()
    assert counter.total.value == 10.0


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, graph.clone, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copy_counts_for_itself(copied: Any) -> None:
    neurons, counter = counting()
    other = copied(neurons)
    with environ.context(dt=1.0):
        other(10.0)
    assert counter.total.value == 0.0
    assert other.get_after_update("count").total.value == 2.0


def test_a_compiled_step_sees_an_update_that_is_added() -> None:
    neurons = nn.init_all_states(nn.LIF(2))
    step = jit(neurons)
    with environ.context(dt=1.0):
        step(10.0)
        counter = Counter()
        neurons.add_after_update("count", counter)
        step(10.0)
    assert counter.total.value == 2.0


def test_keys_are_taken_once_and_looked_up() -> None:
    neurons, counter = counting()
    assert neurons.has_after_update("count")
    assert not neurons.has_before_update("count")
    assert neurons.get_after_update("count") is counter
    with pytest.raises(NameTakenError, match=r"LIF: there is an update after(.|\n)*'count'"):
        neurons.add_after_update("count", counter)
    with pytest.raises(NameNotFoundError, match=r"no update before(.|\n)*add_before_update"):
        neurons.get_before_update("count")
    assert nn.LIF(2).after_updates is None


def test_what_has_no_updates_prints_without_them() -> None:
    neurons, _ = counting()
    assert "after" not in repr(nn.LIF(2))
    assert "Counter" in repr(neurons)


def test_a_subclass_of_ones_own_runs_what_is_around_it() -> None:
    class Own(nn.LIF):
        def update(self, x: Any = 0.0) -> Any:
            return 2 * super().update(x)

    own, counter = nn.init_all_states(Own(2)), Counter()
    own.add_after_update("count", counter)
    with environ.context(dt=1.0):
        assert own(10.0).tolist() == [2.0, 2.0]
    assert counter.total.value == 4.0


def test_disabling_jit_lets_one_print_in_a_loop(capsys: pytest.CaptureFixture[str]) -> None:
    import jax

    neurons = nn.init_all_states(nn.LIF(1))

    def step(x: Any) -> Any:
        spikes = neurons(x)
        print(f"V = {float(neurons.V.value[0]):.3f}")
        return spikes

    with environ.context(dt=1.0), jax.disable_jit():
        for_loop(step, jnp.ones((2, 1)))
    assert capsys.readouterr().out == "V = 0.181\nV = 0.330\n"


def test_a_function_of_ones_own_runs_at_each_eager_step() -> None:
    seen: list[int] = []

    def spike(x: Any) -> Any:
        seen.append(1)
        return (x >= 0).astype(x.dtype)

    neurons = nn.init_all_states(nn.LIF(2, spk_fun=spike))
    with environ.context(dt=1.0):
        neurons(1.0)
        first = len(seen)
        for _ in range(3):
            neurons(1.0)
    assert len(seen) >= first + 3


def test_states_are_made_anew_in_their_place() -> None:
    neurons = nn.init_all_states(nn.LIF(2))
    first = neurons.V
    nn.init_all_states(neurons, batch_size=3)
    assert neurons.V is first
    assert isinstance(neurons.V, HiddenState)
    assert neurons.V.value.shape == (3, 2)

    @jit
    def run() -> Any:
        nn.init_all_states(neurons)
        return for_loop(lambda: neurons(10.0), length=3)

    with environ.context(dt=1.0):
        assert_same(run(), run())
