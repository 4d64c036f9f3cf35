"""Delays against a list of all that was written."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import DelayState, environ, nn
from brainlite.errors import (
    EnvironmentKeyError,
    InputError,
    NameNotFoundError,
    NameTakenError,
    OptionError,
)
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close, assert_same

XS = np.random.default_rng(0).normal(size=(25, 3)).astype(np.float32)
METHODS = ("rotation", "concat")


def written(steps: int, init: float = 0.0) -> Any:
    """Return what was written at each step before, by a list of all."""
    padded = np.concatenate([np.full((steps, 3), init, np.float32), XS])
    return padded[: len(XS)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("way", ["eager", "loop"])
@pytest.mark.parametrize(("time", "steps"), [(0.0, 0), (0.1, 1), (0.3, 3), (0.25, 3), (1.0, 10)])
def test_what_is_read_was_written_so_many_steps_ago(
    method: str, way: str, time: float, steps: int
) -> None:
    with environ.context(dt=0.1):
        delay = nn.Delay(XS[0], 1.0, init=7.0, entries={"a": time}, delay_method=method)
        nn.init_all_states(delay)
        assert delay.max_length == 11

        def step(x: Any) -> Any:
            delay.update(x)
            return delay.at("a")

        if way == "loop":
            found = jit(lambda: for_loop(step, jnp.asarray(XS)))()
        else:
            found = np.stack([step(x) for x in XS])
    assert_same(found, written(steps, 7.0))
    assert isinstance(delay.history, DelayState)


def test_multiples_of_a_step_are_no_step_more() -> None:
    with environ.context(dt=0.1):
        for steps in range(1, 400, 7):
            assert nn.Delay(jnp.zeros(()), steps * 0.1).max_length == steps + 1
            assert nn.Delay(jnp.zeros(()), steps / 10).max_length == steps + 1


def test_before_the_update_it_is_one_step_older() -> None:
    with environ.context(dt=1.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(()), 3.0, entries={"a": 1.0}))
        before: list[float] = []
        for x in range(5):
            before.append(float(delay.at("a")))
            delay.update(float(x))
    assert before == [0.0, 0.0, 0.0, 1.0, 2.0]


@pytest.mark.parametrize("method", METHODS)
def test_each_neuron_may_have_its_own_delay(method: str) -> None:
    times = np.array([0.0, 0.2, 0.5])
    with environ.context(dt=0.1):
        delay = nn.Delay(XS[0], delay_method=method)
        access = delay.access("each", times, jnp.arange(3))
        nn.init_all_states(delay)
        assert delay.max_length == 6
        for x in XS:
            delay.update(x)
        assert_same(access(), XS[[-1, -3, -6], [0, 1, 2]])
        assert_same(delay.retrieve_at_step(2, 1), XS[-3, 1])
        assert_same(jit(delay.retrieve_at_step)(jnp.asarray([1, 2, 0]), jnp.arange(3)),
                    XS[[-2, -3, -1], [0, 1, 2]])  # fmt: skip


WAYS: dict[str, Any] = {
    "nearest": lambda t: t,
    "linear": lambda t: 3 * t - 1,
    "cubic": lambda t: t**3 - 2 * t**2 + t,
}


@pytest.mark.parametrize("way", WAYS)
def test_between_steps_a_polynomial_is_exact(way: str) -> None:
    f, dt = WAYS[way], 0.5
    with environ.context(dt=dt):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(2), 4.0, interpolation=way))
        for n in range(9):
            delay.update(jnp.full(2, f(n * dt)))
        ago = np.arange(0, 4.01, 0.5 if way == "nearest" else 0.125)
        with environ.context(t=4.0):
            found = np.stack([delay.retrieve_at_time(4.0 - a) for a in ago[:5]])
            many = jit(delay.retrieve_at_time)(jnp.asarray(4.0 - ago))
    expected = np.stack([np.full(2, f(4.0 - a)) for a in ago])
    assert_close(many, expected.astype(np.float32), 64)
    assert_close(found, expected[:5].astype(np.float32), 64, 40.0)


def test_nan_at_a_step_that_is_not_asked_for_stays_there() -> None:
    with environ.context(dt=1.0, t=2.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(()), 3.0, interpolation="linear"))
        for x in (1.0, jnp.nan, 3.0):
            delay.update(x)
        assert delay.retrieve_at_time(2.0) == 3.0
        assert delay.retrieve_at_time(0.0) == 1.0
        assert jnp.isnan(delay.retrieve_at_time(0.5))


def test_it_may_be_updated_every_few_steps() -> None:
    with environ.context(dt=0.1):
        delay = nn.Delay(jnp.zeros(()), 1.0, update_every=0.5, entries={"a": 0.5})
        nn.init_all_states(delay)
        assert delay.max_length == 3

        def step(i: Any) -> Any:
            with environ.context(i=i):
                delay.update(i * 1.0)
                return delay.at("a")

        found = for_loop(step, jnp.arange(16))
        assert found.tolist() == [0.0] * 10 + [5.0] * 5 + [10.0]
        nn.init_all_states(delay)

        def timed(i: Any) -> Any:
            with environ.context(t=i * 0.1):
                delay.update(i * 1.0)
                return delay.at("a")

        assert_same(for_loop(timed, jnp.arange(16)), found)
        odd = nn.init_all_states(nn.Delay(jnp.zeros(()), 1.0, update_every=0.25))
        with pytest.raises(OptionError, match=r"interval(.|\n)*update_every=0.25, dt=0.1"):
            odd.update(1.0)


def test_a_history_may_be_a_pytree_of_any_type_and_have_a_batch() -> None:
    with environ.context(dt=1.0):
        info = {"s": jnp.zeros(2, bool), "v": jnp.zeros((), jnp.int32)}
        delay = nn.init_all_states(nn.Delay(info, 2.0), batch_size=3)
        for n in range(3):
            delay.update({"s": jnp.full((3, 2), n == 0), "v": jnp.full(3, n)})
        old = delay.retrieve_at_step(2)
        assert old["s"].dtype == bool
        assert bool(old["s"].all())
        assert old["v"].tolist() == [0, 0, 0]
        nn.reset_all_states(delay, batch_size=3)
        assert not delay.retrieve_at_step(2)["s"].any()


@pytest.mark.parametrize("make", [lambda s, dtype: jnp.full(s, 2, dtype), 2.0, np.full(3, 2.0)])
def test_the_first_content_may_be_given(make: Any) -> None:
    with environ.context(dt=1.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(3), 2.0, init=make))
        assert delay.retrieve_at_step(2).tolist() == [2.0, 2.0, 2.0]


def test_a_gradient_flows_back_through_the_history() -> None:
    def loss(xs: Any) -> Any:
        delay = nn.init_all_states(nn.Delay(jnp.zeros(3), 2.0, entries={"a": 2.0}))

        def step(x: Any, w: Any) -> Any:
            delay.update(x)
            return w * delay.at("a").sum()

        return for_loop(step, xs, jnp.arange(6.0)).sum()

    with environ.context(dt=1.0):
        slope = grad(loss)(jnp.asarray(XS[:6]))
    assert slope[:, 0].tolist() == [2.0, 3.0, 4.0, 5.0, 0.0, 0.0]


def test_it_is_updated_in_place_in_a_loop() -> None:
    with environ.context(dt=1.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(1000), 500.0, entries={"a": 500.0}))

        def step(x: Any) -> Any:
            delay.update(x)
            return delay.at("a")[0]

        lowered = jit(lambda xs: for_loop(step, xs)).lower(jnp.zeros((3, 1000)))
        cost = lowered.compile().memory_analysis()
    size = 501 * 1000 * 4
    assert cost is None or cost.temp_size_in_bytes < 2.5 * size


def test_copies_have_a_history_of_their_own() -> None:
    with environ.context(dt=1.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(()), 1.0, entries={"a": 1.0}))
        delay.update(1.0)
        for other in (copy.deepcopy(delay), pickle.loads(pickle.dumps(delay))):
            other.update(5.0)
            assert (float(other.at("a")), float(delay.at("a"))) == (1.0, 0.0)


def test_bad_delays_are_refused() -> None:
    for time in (-1.0, float("nan"), float("inf"), np.array([1.0, -2.0])):
        with pytest.raises(OptionError, match="this is no delay"):
            nn.Delay(jnp.zeros(()), time)
    with pytest.raises(OptionError, match=r"this is no time(.|\n)*'2.0'"):
        nn.Delay(jnp.zeros(()), "2.0")
    with pytest.raises(EnvironmentKeyError, match="no key 'dt'"):
        nn.init_all_states(nn.Delay(jnp.zeros(()), 1.0))
    with pytest.raises(OptionError, match=r"no interpolation(.|\n)*'cubic'"):
        nn.Delay(jnp.zeros(()), interpolation="spline")
    with pytest.raises(OptionError, match="no such delay_method"):
        nn.Delay(jnp.zeros(()), delay_method="ring")
    with environ.context(dt=1.0):
        delay = nn.init_all_states(nn.Delay(jnp.zeros(3), 2.0, entries={"a": 1.0}))
        before = delay.history.value
        with pytest.raises(NameTakenError, match=r"there is a delay of this name(.|\n)*'a'"):
            delay.register_entry("a", 2.0)
        with pytest.raises(NameNotFoundError, match=r"no entry(.|\n)*\['a'\]"):
            delay.at("b")
        delay.register_entry("late", 3.0)
        with pytest.raises(OptionError, match=r"beyond its history(.|\n)*0 to 2 (.|\n)*before"):
            delay.at("late")
        for steps in (-1, 3, np.array([0, 5])):
            with pytest.raises(OptionError, match=r"beyond its history(.|\n)*0 to 2"):
                delay.retrieve_at_step(steps)
        with pytest.raises(Exception, match="reads 7 steps back, where the history holds 0 to 2"):
            jit(lambda n: delay.retrieve_at_step(n))(7).block_until_ready()
        with environ.context(t=5.0):
            for t in (2.5, 5.5):
                with pytest.raises(OptionError, match="beyond its history"):
                    delay.retrieve_at_time(t)
        with pytest.raises(InputError, match=r"does not fit the history(.|\n)*\(3,\)(.|\n)*\(2,\)"):
            delay.update(jnp.ones(2))
        with pytest.raises(OptionError, match=r"must be known(.|\n)*traced"):
            jit(lambda t: nn.Delay(jnp.zeros(()), t))(1.0)
        assert delay.history.value is before
