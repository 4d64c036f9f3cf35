"""State and its kinds: what a write keeps, what plain jax transforms may do, copies."""

import copy
import pickle
import re
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite._jax_compat import Tracer
from brainlite.errors import (
    RawTransformError,
    StateLostError,
    StateValueError,
)
from brainlite.graph import Node
from brainlite.state import (
    BatchState,
    HiddenState,
    LongTermState,
    ParamState,
    ShortTermState,
    State,
)
from brainlite.state._frame import Frame
from brainlite.state._state import overwrite
from brainlite.typing import Array, GradTarget
from tests.closeness import assert_same
from tests.state.raw import RUNNING, STAGING, TRANSFORMS, Body, run_vmap

KINDS: list[type[State[Any]]] = [
    State,
    ParamState,
    HiddenState,
    ShortTermState,
    LongTermState,
    BatchState,
]


class Cell(Node):
    def __init__(self) -> None:
        self.weight = ParamState(jnp.ones((2, 3)))


class Net(Node):
    def __init__(self) -> None:
        self.cell = Cell()


# ------------------------------------------------------------------------------------ values


@pytest.mark.parametrize("kind", KINDS)
def test_value_is_what_was_last_written(kind: type[State[Any]]) -> None:
    state = kind(jnp.zeros(3))
    state.value = jnp.arange(3.0)
    assert state.value.tolist() == [0, 1, 2]


def test_states_are_compared_by_identity() -> None:
    one, other = State(1.0), State(1.0)
    assert one != other
    assert len({one, other, one}) == 2


def test_numel_counts_the_elements_of_all_leaves() -> None:
    assert State({"w": jnp.ones((2, 3)), "b": jnp.ones(3), "scale": 1.0}).numel() == 10
    assert State[Any](None).numel() == 0


def test_a_single_tag_is_a_set_of_one() -> None:
    assert State(1.0, tag="slow").tag == frozenset({"slow"})
    assert State(1.0, tag=["slow", "fast"]).tag == frozenset({"slow", "fast"})
    assert State(1.0).tag is None


def test_a_state_prints_its_kind_type_of_value_and_labels() -> None:
    assert repr(HiddenState(jnp.zeros((4, 2)), name="h", tag="slow")) == (
        "HiddenState(\n  value=ShapedArray(float32[4,2]),\n  name='h',\n"
        "  tag=frozenset({'slow'})\n)"
    )


def test_a_state_is_a_target_of_gradients() -> None:
    state = State(2.0)
    assert isinstance(state, GradTarget)
    assert state.__grad_value__() == 2.0


def test_kinds_can_be_subscripted_at_run_time() -> None:
    assert isinstance(ParamState[Array](jnp.ones(3)), ParamState)


# ---------------------------------------------------------------------------- what a write keeps


def test_a_state_cannot_hold_another_state() -> None:
    with pytest.raises(StateValueError, match=r"a state cannot hold another state") as error:
        State(ParamState(1.0))
    assert "got:      a ParamState" in str(error.value)
    assert "pass its value (`state.value`)" in str(error.value)


def test_a_state_written_in_place_of_its_value_raises() -> None:
    net = Net()
    hidden = State[Any](jnp.zeros(3))
    before = hidden.value
    with pytest.raises(StateValueError, match=r"a state cannot hold another state"):
        hidden.value = net.cell.weight
    assert hidden.value is before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (jnp.ones(3), (jnp.ones(3),)),
        (jnp.ones(3), {"a": jnp.ones(3)}),
        ((jnp.ones(3), 1.0), (jnp.ones(3),)),
        ({"a": 1.0}, {"b": 1.0}),
        ([1.0], (1.0,)),
        ({"a": 1.0, "b": None}, {"a": 1.0, "b": 2.0}),
    ],
)
def test_write_of_another_structure_raises_and_changes_nothing(
    kind: type[State[Any]], old: Any, new: Any
) -> None:
    state = kind(old)
    held = state.value
    with pytest.raises(StateValueError, match=f"this {kind.__name__} was given a value of another"):
        state.value = new
    assert state.value is held


def test_write_of_another_structure_names_path_and_both_structures() -> None:
    class Lstm(Node):
        def __init__(self) -> None:
            self.state = HiddenState[Any]({"h": jnp.zeros((4, 20)), "c": jnp.zeros((4, 20))})

    class Model(Node):
        def __init__(self) -> None:
            self.layers = [Lstm(), Lstm()]

    model = Model()
    with pytest.raises(StateValueError, match=r"another structure") as error:
        model.layers[1].state.value = jnp.zeros((4, 20))
    assert str(error.value) == (
        "Model.layers[1].state (HiddenState): this HiddenState was given a value of another "
        "structure\n"
        "  expected: {'c': float32[4,20], 'h': float32[4,20]}\n"
        "  got:      float32[4,20]\n"
        "  fix:      write a value of the same tree structure, or assign a new state to the "
        "attribute to replace it"
    )


def test_write_of_wrong_shape_to_parameter_names_path_and_both_shapes() -> None:
    net = Net()
    with pytest.raises(StateValueError, match=r"another shape or dtype") as error:
        net.cell.weight.value = jnp.ones((3, 2))
    text = str(error.value)
    assert text.startswith("Net.cell.weight (ParamState): this ParamState was given")
    assert "  expected: float32[2,3]\n  got:      float32[3,2]\n" in text
    assert "`.reshape`, `.astype`" in text
    assert net.cell.weight.value.shape == (2, 3)


@pytest.mark.parametrize(
    ("old", "new", "got"),
    [
        (jnp.ones(3), jnp.ones(3, "float16"), r"float16\[3\]"),
        (jnp.ones(3), jnp.ones(3, "int32"), r"int32\[3\]"),
        (jnp.ones(3), 1.0, r"float 1\.0"),
        (1.0, 1, "int 1"),
        (1.0, jnp.ones(1), r"float32\[1\]"),
        (jnp.ones(3), np.ones(3, "float16"), r"float16\[3\]"),
        ({"w": jnp.ones(3)}, {"w": jnp.ones(4)}, r"float32\[4\]"),
        (jax.random.key(0), jnp.zeros(2, "uint32"), r"uint32\[2\]"),
    ],
)
def test_write_of_another_shape_or_dtype_to_parameter_raises(old: Any, new: Any, got: str) -> None:
    state = ParamState(old)
    held = state.value
    with pytest.raises(StateValueError, match=f"got: .*{got}"):
        state.value = new
    assert state.value is held


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (1.0, 2.0),
        (1.0, jnp.zeros(())),
        ({"w": jnp.ones(3)}, {"w": jnp.zeros(3)}),
        (jax.random.key(0), jax.random.key(1)),
    ],
)
def test_write_of_the_same_type_to_parameter_is_taken(old: Any, new: Any) -> None:
    state = ParamState(old)
    state.value = new
    assert str(jax.tree.structure(state.value)) == str(jax.tree.structure(new))
    both = zip(jax.tree.leaves(state.value), jax.tree.leaves(new), strict=True)
    assert all(mine is theirs for mine, theirs in both)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ParamState])
def test_states_other_than_parameters_may_be_reshaped(kind: type[State[Any]]) -> None:
    state = kind(jnp.zeros((1, 20)))
    state.value = jnp.zeros((64, 20), "int32")
    assert state.value.shape == (64, 20)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not ParamState])
def test_none_is_unset_and_takes_any_value_next(kind: type[State[Any]]) -> None:
    state = kind(None)
    state.value = jnp.ones(3)
    state.value = None
    assert state.value is None
    state.value = {"a": 1.0}
    assert state.value == {"a": 1.0}


# --------------------------------------------------------------------- under plain jax transforms


@pytest.mark.parametrize("run", TRANSFORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_write_under_plain_jax_transform_raises_and_changes_nothing(
    run: Callable[[Body], None], kind: type[State[Any]]
) -> None:
    state = kind(jnp.zeros(()))
    before = state.value

    def body(x: Any) -> Any:
        state.value = x * 2
        return x

    with pytest.raises(RawTransformError, match="written inside a plain jax transform"):
        run(body)
    assert state.value is before


def test_write_of_a_constant_under_plain_jax_transform_raises_too() -> None:
    state = State(0.0)

    def body(x: Array) -> Array:
        state.value = 1.0
        return x

    with pytest.raises(RawTransformError, match="written inside a plain jax transform"):
        jax.jit(body)(1.0)
    assert state.value == 0.0


@pytest.fixture
def _no_warning_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brainlite.state._state._warned_of_raw_reads", False)


@pytest.mark.usefixtures("_no_warning_yet")
def test_write_under_plain_jax_transform_names_path_and_what_to_use() -> None:
    net = Net()

    def body(x: Array) -> Array:
        net.cell.weight.value = net.cell.weight.value * x
        return x

    with (
        pytest.warns(UserWarning, match="read inside a plain jax.jit"),
        pytest.raises(RawTransformError, match=r"^Net\.cell\.weight \(ParamState\): ") as error,
    ):
        jax.jit(body)(1.0)
    assert "a write under DynamicJaxprTrace" in str(error.value)
    assert "use brainlite.transform.jit, grad, vmap or scan instead" in str(error.value)


def test_write_in_nested_plain_transforms_raises() -> None:
    state = State(jnp.zeros(()))

    def body(x: Array) -> Array:
        def inner(y: Array) -> Array:
            state.value = y
            return y

        return jax.vmap(inner)(x).sum()

    with pytest.raises(RawTransformError, match="a write under BatchTrace"):
        jax.jit(jax.grad(body))(jnp.ones(3))
    assert state.value == 0


@pytest.mark.usefixtures("_no_warning_yet")
@pytest.mark.parametrize("run", STAGING)
def test_read_in_a_traced_program_warns_once_with_the_path(run: Callable[[Body], None]) -> None:
    net = Net()

    def body(x: Any) -> Any:
        return x + net.cell.weight.value.sum() * 0 + net.cell.weight.value.sum() * 0

    with pytest.warns(UserWarning, match=r"^Net\.cell\.weight \(ParamState\): .* constant") as got:
        run(body)
    assert len(got) == 1
    assert got[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        jax.jit(body)(jnp.ones(2))


@pytest.mark.usefixtures("_no_warning_yet")
@pytest.mark.parametrize("run", RUNNING)
def test_read_in_a_plain_transform_that_runs_each_time_does_not_warn(
    run: Callable[[Body], None],
) -> None:
    state = State(jnp.ones(()))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(lambda x: x * state.value)


@pytest.mark.usefixtures("_no_warning_yet")
@pytest.mark.parametrize("run", TRANSFORMS)
def test_a_state_made_inside_may_be_read_and_written(run: Callable[[Body], None]) -> None:
    seen: list[bool] = []

    def body(x: Any) -> Any:
        state = State[Any](x)
        state.value = state.value * 2
        seen.append(isinstance(state.value, Tracer))
        return state.value

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(body)
    assert all(seen)
    assert seen


def test_a_copy_made_inside_may_be_written() -> None:
    outer = ParamState(jnp.ones(3))

    def loss(x: Array) -> Array:
        inner = outer.copy()
        inner.value = inner.value * x
        return inner.value.sum()

    assert jax.grad(loss)(2.0) == 3.0
    assert outer.value.tolist() == [1, 1, 1]


def test_a_state_made_inside_cannot_be_written_further_inside() -> None:
    def body(x: Array) -> Array:
        state = State[Any](x)

        def inner(y: Any) -> Any:
            state.value = y
            return y

        run_vmap(inner)
        return x

    with pytest.raises(RawTransformError, match="a write under BatchTrace"):
        jax.jit(body)(1.0)


def test_a_state_that_left_its_transform_cannot_be_written_in_another() -> None:
    escaped: list[State[Any]] = []

    def make(x: Array) -> Array:
        escaped.append(State[Any](0.0))
        return x

    def write(x: Array) -> Array:
        escaped[0].value = x
        return x

    jax.jit(make)(1.0)
    for _ in range(20):  # so that a trace of this call might sit where the first one was
        with pytest.raises(RawTransformError, match="written inside a plain jax transform"):
            jax.jit(write)(1.0)
    assert escaped[0].value == 0.0


# --------------------------------------------------------------------------------------- copies


class Trace(State[Array]):
    def __init__(self, value: Array, decay: float) -> None:
        super().__init__(value, name="trace", tag="slow")
        self.decay = decay


def pickled(state: State[Array]) -> State[Array]:
    twin: State[Array] = pickle.loads(pickle.dumps(state))
    return twin


def replaced(state: State[Array]) -> State[Array]:
    return state.replace(jnp.ones(3))


@pytest.mark.parametrize(
    "copied",
    [
        copy.copy,
        copy.deepcopy,
        pickled,
        State.copy,
        replaced,
    ],
)
def test_a_copy_keeps_kind_labels_fields_and_value(
    copied: Callable[[State[Array]], State[Array]],
) -> None:
    state = Trace(jnp.ones(3), decay=0.9)
    twin = copied(state)
    assert isinstance(twin, Trace)
    assert (twin.name, twin.tag, twin.decay) == ("trace", frozenset({"slow"}), 0.9)
    assert twin.value.tolist() == [1, 1, 1]
    twin.value = jnp.zeros(3)
    assert state.value.tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_pickled(kind: type[State[Any]]) -> None:
    twin = pickle.loads(pickle.dumps(kind({"a": jnp.ones(2)})))
    assert type(twin) is kind
    assert twin.value["a"].tolist() == [1, 1]


def test_a_shared_state_is_copied_once() -> None:
    state = State(jnp.ones(2))
    first, second = copy.deepcopy([state, state])
    assert first is second
    first, second = pickle.loads(pickle.dumps([state, state]))
    assert first is second


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_made_in_a_traced_function_holds_no_traced_value(
    copied: Callable[[State[Array]], State[Array]],
) -> None:
    state = State(jnp.ones(3))
    kept: list[State[Array]] = []

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True):
            kept.append(copied(state))
            return kept[0].value * x

    jax.make_jaxpr(body)(1.0)
    with pytest.raises(StateLostError, match="this State has no value") as error:
        _ = kept[0].value
    assert "a state made inside a transform that has ended" in str(error.value)
    assert "`self.h = ...`" in str(error.value)


def test_printing_in_a_frame_shows_its_value_and_is_no_read() -> None:
    state = HiddenState[Any](jnp.zeros(3))
    with Frame("jit", hoist=False) as frame:
        assert "float32[3]" in repr(state)
        assert not frame.values
        state.value = jnp.zeros(5)
        with Frame("scan", hoist=False) as inner:
            assert "float32[5]" in repr(state)
            assert not inner.values


def test_a_lost_state_still_prints() -> None:
    with Frame("jit", hoist=False):
        state = State(1.0)
    assert re.fullmatch(r"State\(\n  value=<no value>\n\)", repr(state))


def test_overwrite_passes_the_checks_but_not_a_plain_transform() -> None:
    weight = ParamState(jnp.ones(2))
    overwrite([weight], [jnp.ones(2, "float16")])
    assert weight.value.dtype == jnp.float16

    def spoil(x: Array) -> Array:
        overwrite([weight], [x])
        return x

    with pytest.raises(RawTransformError, match="plain jax transform"):
        jax.jit(spoil)(jnp.ones(3))
    with Frame("jit", hoist=False):
        overwrite([weight], [jnp.ones(3)])
        assert weight.value.shape == (3,)
    assert weight.value.shape == (2,)


def test_a_state_takes_over_another_of_its_kind() -> None:
    one, other = HiddenState(jnp.zeros(2)), HiddenState(jnp.ones(2), name="n", tag="seen")
    one.copy_from(other)
    assert_same(one.value, jnp.ones(2))
    assert (one.name, one.tag) == ("n", frozenset({"seen"}))
    one.value = jnp.zeros(2)
    assert_same(other.value, jnp.ones(2))
    with pytest.raises(StateValueError, match=r"(?s)its own kind.*got: +a ParamState.*other.value"):
        one.copy_from(ParamState(jnp.ones(2)))
    with pytest.raises(StateValueError, match="another structure"):
        one.copy_from(HiddenState[Any]({"a": jnp.ones(2)}))
    assert one.name == "n"


def test_tags_are_added_and_values_restored() -> None:
    state = State(jnp.zeros(2))
    state.add_tag("a")
    state.add_tag("b")
    assert state.tag == frozenset({"a", "b"})
    state.restore_value(jnp.ones(2))
    assert_same(state.value, jnp.ones(2))
    with pytest.raises(StateValueError, match="another structure"):
        state.restore_value((jnp.ones(2),))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
