"""The frame: what is read and written while a transform traces a function."""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import environ
from brainlite._jax_compat import Tracer, state_read
from brainlite.errors import RawTransformError, StateLostError, TransformError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._frame import MISSING, Frame, current_frame, held, hold
from brainlite.typing import Array
from tests.state.raw import TRANSFORMS, Body, run_grad, run_jit, run_scan, run_vmap


def plain_frame(label: str = "vmap") -> Frame:
    return Frame(label, hoist=False)


class Net(Node):
    def __init__(self) -> None:
        self.count = State[Any](jnp.zeros(()))


# ------------------------------------------------------------------------- reads and writes


def test_a_write_is_seen_inside_the_frame_only() -> None:
    state = State(1.0)
    with plain_frame():
        state.value = 2.0
        assert state.value == 2.0
    assert state.value == 1.0


def test_an_exception_drops_every_write() -> None:
    first, second = State(1.0), State(2.0)

    def body() -> None:
        with plain_frame():
            first.value = 10.0
            second.value = 20.0
            raise KeyboardInterrupt("stopped by hand")

    with pytest.raises(KeyboardInterrupt, match="by hand"):
        body()
    assert (first.value, second.value) == (1.0, 2.0)
    assert current_frame.get() is None


def test_an_inner_frame_sees_the_values_of_the_outer_one_and_keeps_its_own() -> None:
    state = State(1.0)
    with plain_frame("grad"):
        state.value = 2.0
        with plain_frame("vmap"):
            assert state.value == 2.0
            state.value = 3.0
            assert state.value == 3.0
        assert state.value == 2.0


def test_a_write_that_does_not_fit_raises_in_a_frame_as_well() -> None:
    net = Net()
    with plain_frame():
        net.count.value = jnp.ones(())
        with pytest.raises(ValueError, match=r"^Net\.count \(State\): .* another structure"):
            net.count.value = (1, 2)
        assert net.count.value == 1


def test_values_passed_in_by_the_transform_take_the_place_of_those_outside() -> None:
    state, other = State(1.0), State(2.0)
    with Frame("grad", inputs={state: 5.0}, hoist=False):
        assert (state.value, other.value) == (5.0, 2.0)


def test_a_stand_in_has_the_value_of_what_it_stands_for() -> None:
    original, copy = State(1.0), State(0.0)
    with Frame("jit", hoist=False, stand_ins={copy: original}) as frame:
        assert copy.value == 1.0
        copy.value = 2.0
        assert list(frame.written) == [copy]
        assert original.value == 1.0


def test_the_transform_is_asked_at_the_first_read_only() -> None:
    asked: list[object] = []
    state, other = State(1.0), State(2.0)

    def on_read(_frame: Frame, slot: object) -> Any:
        asked.append(slot)
        return 7.0 if slot is state else MISSING

    with Frame("vmap", hoist=False, on_read=on_read):
        assert [state.value, state.value, other.value] == [7.0, 7.0, 2.0]
    assert asked == [state, other]


def test_written_states_are_kept_in_the_order_of_the_first_write() -> None:
    first, second = State(1.0), State(2.0)
    with plain_frame() as frame:
        second.value = 1.0
        first.value = 1.0
        second.value = 2.0
        assert list(frame.written) == [second, first]


def test_a_value_that_is_edited_in_place_is_noticed_and_stays_inside() -> None:
    edited, replaced, untouched = State({"a": 1.0}), State([1.0]), State({"a": 1.0})
    grown = State([1.0])
    with plain_frame() as frame:
        edited.value["a"] = 2.0
        replaced.value = [3.0]
        assert untouched.value["a"] == 1.0
        grown.value.append(2.0)
        assert list(frame.edited()) == [edited, grown]
    assert edited.value == {"a": 1.0}
    assert grown.value == [1.0]


# ----------------------------------------------------------------------------------- hoisting


def test_a_read_in_a_nested_plain_transform_is_hoisted_to_the_top() -> None:
    state = ParamState(jnp.ones(3))

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True):
            return jax.vmap(lane)(x)

    def lane(y: Array) -> Array:
        return jax.lax.scan(step, y, jnp.ones((2, 3)))[1]

    def step(carry: Array, z: Array) -> tuple[Array, Array]:
        return carry, z * state.value

    equations = jax.make_jaxpr(body)(jnp.ones(2)).eqns
    assert [e.primitive is state_read for e in equations].count(True) == 1


def test_every_leaf_of_a_value_becomes_an_input_once() -> None:
    state = State({"a": jnp.ones(3), "b": 2.0})

    def body() -> Any:
        with Frame("jit", hoist=True) as frame:
            assert isinstance(state.value["a"], Tracer)
            assert isinstance(state.value["b"], Tracer)
            assert [read.slot for read in frame.reads] == [state]
            return state.value["a"] * state.value["b"]

    [read, *_] = jax.make_jaxpr(body)().eqns
    assert len(read.outvars) == 2


def test_an_unset_state_can_be_read_in_a_traced_function() -> None:
    state = State(None)

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True):
            assert state.value is None
            return x

    jax.make_jaxpr(body)(1.0)


def test_a_value_that_is_no_array_cannot_be_traced() -> None:
    net = Net()
    net.count.value = "three"

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True):
            return x + len(net.count.value)

    with pytest.raises(
        TransformError, match=r"^Net\.count \(State\): .* cannot be used inside"
    ) as error:
        jax.make_jaxpr(body)(1.0)
    assert "expected: a value made of arrays and numbers" in str(error.value)
    assert "got:      str 'three'" in str(error.value)
    assert current_frame.get() is None


def test_branching_on_a_traced_value_raises_rather_than_bakes() -> None:
    state = State(jnp.ones(()))

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True):
            return x if state.value > 0 else -x

    with pytest.raises(jax.errors.TracerBoolConversionError, match="boolean conversion"):
        jax.make_jaxpr(body)(1.0)


def test_forgetting_drops_every_traced_value() -> None:
    state = State(jnp.ones(()))
    frames: list[Frame] = []

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True) as frame:
            state.value = state.value * x
            made = State(x)
            frames.append(frame)
            out = made.value + state.value
        frame.forget()
        return out

    with jax.checking_leaks():
        jax.make_jaxpr(body)(1.0)
    assert (frames[0].values, frames[0].born, frames[0].trace) == ({}, {}, None)
    assert [read.slot for read in frames[0].reads] == [state]


# ------------------------------------------------------------- plain jax transforms in a frame


@pytest.mark.parametrize("run", TRANSFORMS)
def test_write_in_a_plain_transform_inside_ours_raises(run: Callable[[Body], None]) -> None:
    net = Net()

    def body(x: Any) -> Any:
        net.count.value = x * 2
        return x

    with (
        plain_frame("grad") as frame,
        pytest.raises(RawTransformError, match=r"^Net\.count \(State\): this State is") as error,
    ):
        run(body)
    assert "inside a plain jax transform that runs inside grad" in str(error.value)
    assert "jit, grad, vmap, scan or cond instead of jax's" in str(error.value)
    assert not frame.written
    assert net.count.value == 0


@pytest.mark.parametrize("run", [run_jit, run_grad, run_vmap, run_scan])
def test_a_state_made_in_a_plain_transform_inside_ours_may_be_written(
    run: Callable[[Body], None],
) -> None:
    def body(x: Any) -> Any:
        state = State[Any](x)
        state.value = state.value * 2
        return state.value

    with plain_frame():
        run(body)


def test_what_is_committed_inside_a_plain_transform_must_have_been_made_there() -> None:
    outside = HiddenState[Any](jnp.zeros(()))

    def body(x: Array) -> Array:
        inside = HiddenState[Any](x)
        hold([inside], [x * 2])
        assert inside.value is not x
        hold([inside, outside], [x, x])
        return x

    with pytest.raises(RawTransformError, match="this HiddenState is written inside a plain jax"):
        jax.jit(body)(1.0)
    assert outside.value == 0


def test_values_are_put_past_any_frame() -> None:
    state = State(1.0)
    with plain_frame():
        state.value = 2.0
        hold([state], [3.0])
        assert held([state]) == [3.0]
        assert state.value == 2.0
    assert state.value == 3.0


# ------------------------------------------------------------------------- states made in a frame


def test_a_state_made_in_a_frame_is_lost_with_it() -> None:
    with plain_frame() as outer:
        with plain_frame() as inner:
            state = State(1.0)
            state.value = 2.0
            assert state.value == 2.0
            assert inner.is_local(state)
        assert not outer.is_local(state)
    with pytest.raises(StateLostError, match="this State has no value"):
        _ = state.value


# ------------------------------------------------------------------------- records of what is read


def test_a_frame_adds_to_the_record_of_the_one_around_it() -> None:
    net = Net()
    with (
        environ.context(fit=True, dt=0.1),
        Frame("jit", hoist=False, watched=True) as outer,
        plain_frame() as inner,
    ):
        _ = net.count
        environ.get("fit")
        assert inner.notes is outer.notes
    assert [name for _, name in outer.notes] == ["count"]
    assert outer.environment == {"fit": True}


def test_a_watched_frame_has_a_record_of_its_own() -> None:
    net = Net()
    with (
        environ.context(fit=True),
        Frame("jit", hoist=False, watched=True) as outer,
        Frame("jit", hoist=False, watched=True) as inner,
    ):
        _ = net.count
        environ.get("fit")
    assert (outer.notes, outer.environment) == ({}, {})
    assert [name for _, name in inner.notes] == ["count"]
    assert inner.environment == {"fit": True}


# --------------------------------------------------------------------------- threads and asyncio


def test_another_thread_sees_nothing_of_the_frame() -> None:
    state = State(1.0)
    seen: list[Any] = []

    def elsewhere() -> None:
        seen.append((current_frame.get(), state.value))
        state.value = 5.0

    with plain_frame():
        state.value = 2.0
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert state.value == 2.0
    assert seen == [(None, 1.0)]
    assert state.value == 5.0


def test_frames_of_many_threads_do_not_mix() -> None:
    state = State(0)
    results: dict[int, list[int]] = {}
    barrier = threading.Barrier(4)

    def work(number: int) -> None:
        barrier.wait()
        for step in range(100):
            with plain_frame():
                state.value = number * 1000 + step
                results.setdefault(number, []).append(state.value)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {n: [n * 1000 + step for step in range(100)] for n in range(4)}
    assert state.value == 0


def test_asyncio_tasks_see_only_their_own_frame() -> None:
    state = State(0)

    async def task(number: int) -> int:
        with plain_frame():
            state.value = number
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            return state.value

    async def main() -> list[int]:
        return await asyncio.gather(*(task(number) for number in range(1, 6)))

    assert asyncio.run(main()) == [1, 2, 3, 4, 5]
    assert state.value == 0


def test_a_copied_context_keeps_the_frame() -> None:
    state = State(1.0)
    with plain_frame():
        state.value = 2.0
        assert contextvars.copy_context().run(lambda: state.value) == 2.0
