"""A compiled function is never stale, and compiles no more often than it has to."""

import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, graph
from brainlite.errors import StateValueError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, ShortTermState, State
from brainlite.transform import for_loop, grad, jit
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, counted_work
from tests.transform.compile.stories import (
    WAYS,
    Story,
    Way,
    X,
    as_the_function,
    look_at_nothing,
    play,
)
from tests.transform.small import Chain, Counter, Dropping, Fresh, Scale, Total


def attribute_is_set() -> Story:
    model = Scale()
    yield model
    model.factor = 3.0
    yield model


def attribute_is_set_to_an_equal_value_of_another_type() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.power: object = 1

        def __call__(self, x: Array) -> Array:
            return x * (1 if isinstance(self.power, bool) else 2)

    model = Model()
    yield model
    model.power = True
    yield model


def attribute_is_set_to_minus_zero() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.zero = 0.0

        def __call__(self, x: Array) -> Array:
            return jnp.copysign(x, self.zero)

    model = Model()
    yield model
    model.zero = -0.0
    yield model


def function_attribute_is_replaced() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.act: Callable[[Array], Array] = jnp.sin

        def __call__(self, x: Array) -> Array:
            return self.act(x)

    model = Model()
    yield model
    model.act = jnp.cos
    yield model


def array_attribute_is_replaced() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.offset = np.ones(3, np.float32)

        def __call__(self, x: Array) -> Array:
            return x + self.offset

    model = Model()
    yield model
    model.offset = np.full(3, 2.0, np.float32)
    yield model


def submodule_is_replaced() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.inner = Scale()

        def __call__(self, x: Array) -> Array:
            return self.inner(x)

    model = Model()
    yield model
    model.inner = Scale(5.0)
    yield model


def attribute_of_a_submodule_in_a_list_is_set() -> Story:
    first, second = Scale(), Scale()
    model = Chain(first, second)
    yield model
    second.factor = 7.0
    yield model


def layer_is_appended_in_place() -> Story:
    model = Chain(Scale(), Scale())
    yield model
    model.layers.append(Scale(3.0))
    yield model


def layer_is_removed_in_place() -> Story:
    model = Chain(Scale(), Scale(3.0))
    yield model
    model.layers.pop()
    yield model


def layer_is_replaced_in_place() -> Story:
    model = Chain(Scale(), Scale())
    yield model
    model.layers[0] = Scale(3.0, 4.0)
    yield model


def layers_change_their_order_in_place() -> Story:
    class Shift(Node):
        def __call__(self, x: Array) -> Array:
            return x + 1

    model = Chain(Scale(), Shift())
    yield model
    model.layers.reverse()
    yield model


def layer_in_a_dict_is_replaced_in_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.layers = {"a": Scale(), "b": Scale()}

        def __call__(self, x: Array) -> Array:
            return self.layers["a"](x) + self.layers["b"](x)

    model = Model()
    yield model
    model.layers["b"] = Scale(4.0)
    yield model


def key_is_added_to_a_dict_in_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.layers = {"a": Scale()}

        def __call__(self, x: Array) -> Array:
            for layer in self.layers.values():
                x = layer(x)
            return x

    model = Model()
    yield model
    model.layers["b"] = Scale(4.0)
    yield model


def keys_of_a_dict_change_their_order_in_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.powers = {"a": 2, "b": 3}

        def __call__(self, x: Array) -> Array:
            for name, power in self.powers.items():
                x = x**power if name == "a" else x * power
            return x

    model = Model()
    yield model
    model.powers["a"] = model.powers.pop("a")
    yield model


def nested_container_is_edited_in_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.blocks: list[dict[str, list[float]]] = [{"gains": [1.0, 2.0]}]

        def __call__(self, x: Array) -> Array:
            return x * sum(self.blocks[0]["gains"])

    model = Model()
    yield model
    model.blocks[0]["gains"][1] = 5.0
    yield model
    model.blocks[0]["gains"].append(1.0)
    yield model


def list_inside_a_tuple_is_edited_in_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.pair: tuple[list[float], int] = ([1.0], 2)

        def __call__(self, x: Array) -> Array:
            return x * self.pair[0][0]

    model = Model()
    yield model
    model.pair[0][0] = 3.0
    yield model


def state_in_a_list_is_replaced_in_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.hidden = [HiddenState(jnp.ones(3)), HiddenState(jnp.ones(3))]

        def __call__(self, x: Array) -> Array:
            return x * self.hidden[0].value + self.hidden[1].value

    model = Model()
    yield model
    model.hidden[1] = HiddenState(jnp.full(3, 9.0))
    yield model


class _Two(Node):
    def __init__(self) -> None:
        self.first = ParamState(jnp.ones(3))
        self.second = ParamState(jnp.full(3, 2.0))

    def __call__(self, x: Array) -> Array:
        self.first.value = self.first.value + x
        return self.first.value * self.second.value


def states_become_tied() -> Story:
    model = _Two()
    yield model
    model.second = model.first
    yield model


def tied_states_are_separated() -> Story:
    model = _Two()
    model.second = model.first
    yield model
    model.second = ParamState(jnp.full(3, 3.0))
    yield model


def state_is_made_anew() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.total = HiddenState(jnp.zeros(3))

        def __call__(self, x: Array) -> Array:
            self.total.value = self.total.value + x
            return self.total.value

    model = Model()
    yield model
    model.total = HiddenState(jnp.full(3, 10.0))
    yield model
    yield model


def state_of_another_kind_takes_the_place() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.slot: State[Array] = HiddenState(jnp.ones(3))

        def __call__(self, x: Array) -> Array:
            return x * self.slot.value * (2 if isinstance(self.slot, HiddenState) else 3)

    model = Model()
    yield model
    model.slot = ShortTermState(jnp.ones(3))
    yield model


def states_found_by_walking_become_more() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.inner = Scale()

        def __call__(self, x: Array) -> Array:
            for state in graph.states(self, ParamState).values():
                x = x * 2 + state.value.sum()
            return x

    model = Model()
    yield model
    setattr(model.inner, "bias", ParamState(jnp.ones(2)))
    yield model


def flag_flips_and_flips_back() -> Story:
    model = Chain(Dropping(), Scale())
    flags = model.layers[0]
    assert isinstance(flags, Dropping)
    yield model
    flags.training = False
    yield model
    flags.training = True
    yield model


def environment_is_set_for_a_block() -> Story:
    model = Dropping()
    yield model
    yield model, environ.context(fit=True)
    yield model


def environment_is_set_for_the_process() -> Story:
    model = Dropping()
    yield model
    try:
        environ.set(fit=True)
        yield model
    finally:
        environ.pop("fit")
    yield model


def setting_is_an_array() -> Story:
    class Model(Node):
        def __call__(self, x: Array) -> Array:
            dt: Array = environ.get("dt")
            return x * dt

    model = Model()
    yield model, environ.context(dt=jnp.ones(()))
    yield model, environ.context(dt=jnp.full((), 2.0))


def class_attribute_is_shadowed_and_shows_again() -> Story:
    class Model(Node):
        gain = 2.0

        def __call__(self, x: Array) -> Array:
            return x * self.gain

    model = Model()
    yield model
    model.gain = 3.0
    yield model
    del model.gain
    yield model


def method_is_shadowed() -> Story:
    class Model(Node):
        def act(self, x: Array) -> Array:
            return x * 2

        def __call__(self, x: Array) -> Array:
            return self.act(x)

    model = Model()
    yield model
    setattr(model, "act", jnp.sin)
    yield model


def attribute_asked_for_by_hasattr_appears() -> Story:
    class Model(Node):
        def __call__(self, x: Array) -> Array:
            return x * 2 if hasattr(self, "extra") else x

    model = Model()
    yield model
    setattr(model, "extra", 1)
    yield model
    delattr(model, "extra")
    yield model


def attribute_asked_for_with_a_default_appears() -> Story:
    class Model(Node):
        def __call__(self, x: Array) -> Array:
            return x * getattr(self, "gain", 1.0)

    model = Model()
    yield model
    setattr(model, "gain", 5.0)
    yield model


def place_where_a_state_is_made_is_emptied() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.inner = Fresh()

        def __call__(self, x: Array) -> Array:
            again = hasattr(self.inner, "hidden")
            return self.inner(x) * (2 if again else 1)

    model = Model()
    yield model
    yield model
    del model.inner.hidden
    yield model


class Labelled(State[Array]):
    """A state with a field of its own."""

    def __init__(self, value: Array, gain: float) -> None:
        super().__init__(value)
        self.gain = gain


def field_of_a_state_is_set() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.state = Labelled(jnp.ones(3), 2.0)

        def __call__(self, x: Array) -> Array:
            return x * self.state.value * self.state.gain

    model = Model()
    yield model
    model.state.gain = 5.0
    yield model


def tag_of_a_state_is_set() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.a = State(jnp.ones(3), tag="in")
            self.b = State(jnp.full(3, 5.0), tag="out")

        def __call__(self, x: Array) -> Array:
            found = graph.states(self, graph.WithTag("in"))
            return x * jnp.stack([state.value for state in found.values()]).sum(0)

    model = Model()
    yield model
    model.b.tag = frozenset({"in"})
    yield model


def object_gets_another_class() -> Story:
    class Doubling(Scale):
        def __call__(self, x: Array) -> Array:
            return x * 200

    model = Scale()
    yield model
    model.__class__ = Doubling
    yield model


def only_the_shape_of_a_state_counts() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.h = HiddenState(jnp.zeros(2))

        def __call__(self, x: Array) -> Array:
            return x / self.h.value.shape[0]

    model = Model()
    yield model
    model.h.value = jnp.zeros(5)
    yield model


def only_the_dtype_of_a_state_counts() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.h = HiddenState(jnp.zeros(2))

        def __call__(self, x: Array) -> Array:
            return x * jnp.dtype(self.h.value.dtype).itemsize

    model = Model()
    yield model
    model.h.value = jnp.zeros(2, jnp.bfloat16)
    yield model


def a_state_without_a_value_gets_one() -> Story:
    class Model(Node):
        def __init__(self) -> None:
            self.h: HiddenState[Array | None] = HiddenState(None)

        def __call__(self, x: Array) -> Array:
            return x if self.h.value is None else x * 2

    model = Model()
    yield model
    model.h.value = jnp.zeros(2)
    yield model


# What the inputs and their types tell, and no guard needs to.
OF_TYPES: list[Callable[[], Story]] = [
    only_the_shape_of_a_state_counts,
    only_the_dtype_of_a_state_counts,
    a_state_without_a_value_gets_one,
    setting_is_an_array,
]
STORIES: list[Callable[[], Story]] = [
    field_of_a_state_is_set,
    tag_of_a_state_is_set,
    object_gets_another_class,
    attribute_is_set,
    attribute_is_set_to_an_equal_value_of_another_type,
    attribute_is_set_to_minus_zero,
    function_attribute_is_replaced,
    array_attribute_is_replaced,
    submodule_is_replaced,
    attribute_of_a_submodule_in_a_list_is_set,
    layer_is_appended_in_place,
    layer_is_removed_in_place,
    layer_is_replaced_in_place,
    layers_change_their_order_in_place,
    layer_in_a_dict_is_replaced_in_place,
    key_is_added_to_a_dict_in_place,
    keys_of_a_dict_change_their_order_in_place,
    nested_container_is_edited_in_place,
    list_inside_a_tuple_is_edited_in_place,
    state_in_a_list_is_replaced_in_place,
    states_become_tied,
    tied_states_are_separated,
    state_is_made_anew,
    state_of_another_kind_takes_the_place,
    states_found_by_walking_become_more,
    flag_flips_and_flips_back,
    environment_is_set_for_a_block,
    environment_is_set_for_the_process,
    class_attribute_is_shadowed_and_shows_again,
    method_is_shadowed,
    attribute_asked_for_by_hasattr_appears,
    attribute_asked_for_with_a_default_appears,
    place_where_a_state_is_made_is_emptied,
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("story", [*STORIES, *OF_TYPES])
def test_jit_is_not_stale_when(story: Callable[[], Story], way: Way) -> None:
    assert_close(play(story, way), play(story, lambda model: model))


@pytest.mark.parametrize("story", STORIES)
def test_without_its_guards_jit_is_stale_when(
    story: Callable[[], Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = play(story, lambda model: model)
    look_at_nothing(monkeypatch)
    stale = play(story, as_the_function)
    assert any(not np.allclose(s, e) for s, e in zip(stale, expected, strict=True))


def counted(model: Callable[[Array], Array]) -> tuple[Callable[[], Array], Runs]:
    """Compile a module; return a call of it, and the count of runs of its Python code."""
    runs = Runs()

    @jit
    def compiled(x: Array) -> Array:
        runs.add()
        return model(x)

    return lambda: compiled(jnp.asarray(X)), runs


def test_a_flag_that_flips_and_flips_back_finds_its_compilation() -> None:
    model = Dropping()
    call, runs = counted(model)
    for training in (True, False, True, False, True):
        model.training = training
        call()
    assert runs.count == 2


def test_a_setting_that_comes_and_goes_finds_its_compilation() -> None:
    call, runs = counted(Dropping())
    for _ in range(3):
        call()
        with environ.context(fit=True):
            call()
    assert runs.count == 2


def test_a_setting_that_is_not_read_does_not_compile_again() -> None:
    call, runs = counted(Dropping())
    call()
    with environ.context(other=1):
        call()
    assert runs.count == 1


def test_an_attribute_that_is_not_read_does_not_compile_again() -> None:
    model = Scale()
    call, runs = counted(model)
    call()
    setattr(model, "note", "unread")
    Scale().factor = 9.0
    call()
    assert runs.count == 1


def test_a_new_value_of_a_state_does_not_compile_again() -> None:
    model = Scale()
    call, runs = counted(model)
    call()
    model.weight.value = jnp.zeros(3)
    assert_close(call(), np.zeros(3))
    assert runs.count == 1


def test_a_state_of_the_same_kind_made_anew_does_not_compile_again() -> None:
    model = Chain(Scale(), Scale())
    first = model.layers[0]
    assert isinstance(first, Scale)
    call, runs = counted(model)
    call()
    for weight in (3.0, 4.0):
        first.weight = ParamState(jnp.full(3, weight, jnp.float32))
        assert_close(call(), X * weight * 4)
    assert runs.count == 1


def test_a_state_made_anew_for_each_call_takes_one_compilation_for_each_shape() -> None:
    runs, model = Runs(), Total()

    @jit
    def fun(xs: Array) -> Array:
        runs.add()
        return for_loop(model, xs)

    for length in (2, 3, 2, 4, 3, 2):
        model.total = HiddenState(jnp.zeros(()))
        assert_close(fun(jnp.ones(length)), np.arange(1.0, length + 1))
        assert_close(model.total.value, float(length))
    assert runs.count == 3


def test_a_state_of_another_kind_compiles_again() -> None:
    model = Total()
    runs = Runs()

    @jit
    def compiled(x: Array) -> Array:
        runs.add()
        return model(x)

    compiled(jnp.ones(()))
    setattr(model, "total", State(jnp.zeros(())))
    compiled(jnp.ones(()))
    assert runs.count == 2


def test_a_list_edited_to_equal_content_does_not_compile_again() -> None:
    class Model(Node):
        def __init__(self) -> None:
            self.sizes = [1000, 2000]

        def __call__(self, x: Array) -> Array:
            return x * self.sizes[0]

    model = Model()
    call, runs = counted(model)
    call()
    model.sizes[0] = int("1000")  # equal, and another object
    model.sizes = list(model.sizes)
    call()
    assert runs.count == 1


def test_a_state_that_the_function_holds_itself_is_not_exchanged_with_its_place() -> None:
    model = Total()
    held = [model.total]
    compiled = jit(lambda: model.total.value * 10 + held[0].value)
    compiled()
    model.total = HiddenState(jnp.ones(()))
    assert_close(compiled(), 10.0)


def test_a_state_that_an_object_holds_is_not_exchanged_with_its_place() -> None:
    class Optimizer:
        def __init__(self, weight: ParamState[Array]) -> None:
            self.weight = weight

        def step(self) -> None:
            self.weight.value = self.weight.value - 1

    model = Scale()
    old = model.weight
    optimizer = Optimizer(old)

    @jit
    def step(x: Array) -> Array:
        optimizer.step()
        return model(x)

    step(jnp.asarray(X))
    model.weight = ParamState(jnp.full(3, 5.0))
    assert_close(step(jnp.asarray(X)), X * 5 * 2)
    assert_close((old.value, model.weight.value), (np.full(3, -1.0), np.full(3, 5.0)))


def test_an_attribute_first_read_for_another_shape_is_guarded() -> None:
    class Model(Node):
        def __init__(self) -> None:
            self.small = 1.0
            self.large = 2.0

        def __call__(self, x: Array) -> Array:
            return x * (self.small if x.size < 3 else self.large)

    model = Model()
    compiled = jit(model)
    compiled(jnp.ones(2))
    compiled(jnp.ones(3))
    model.large = 5.0
    assert_close(compiled(jnp.ones(3)), np.full(3, 5.0))
    assert_close(compiled(jnp.ones(2)), np.ones(2))


def test_a_list_first_read_for_another_shape_is_guarded() -> None:
    class Model(Node):
        def __init__(self) -> None:
            self.gains = [2.0]

        def __call__(self, x: Array) -> Array:
            return x if x.size < 3 else x * self.gains[0]

    model = Model()
    compiled = jit(model)
    compiled(jnp.ones(2))
    compiled(jnp.ones(3))
    model.gains[0] = 5.0
    assert_close(compiled(jnp.ones(3)), np.full(3, 5.0))


def test_an_attribute_of_an_argument_first_read_for_another_shape_is_as_it_is_now() -> None:
    class Model(Node):
        def __init__(self, large: float) -> None:
            self.large = large
            self.weight = ParamState(jnp.ones(()))

        def __call__(self, x: Array) -> Array:
            return x * self.weight.value * (1.0 if x.size < 3 else self.large)

    compiled = jit(lambda model, x: model(x))
    first, second = Model(2.0), Model(3.0)
    compiled(first, jnp.ones(2))
    compiled(second, jnp.ones(2))
    first.large = 4.0
    for model, gain in ((second, 3.0), (first, 4.0), (second, 3.0)):
        assert_close(compiled(model, jnp.ones(3)), np.full(3, gain))


def test_a_nested_compilation_lets_the_outer_one_see_what_it_depends_on() -> None:
    model = Dropping()
    inner = jit(model)
    inner(jnp.asarray(X))  # compiled before: the outer trace does not run its Python code
    outer = jit(lambda x: inner(x) + 1)
    assert_close(outer(jnp.asarray(X)), X * 2 + 1)
    model.training = False
    assert_close(outer(jnp.asarray(X)), X + 1)
    with environ.context(fit=True):
        assert_close(outer(jnp.asarray(X)), X * 3 + 1)


def test_a_module_is_an_argument_of_a_first_compilation_inside_another() -> None:
    inner = jit(lambda model, x: model(x))
    model = Scale(factor=2.0)
    outer = jit(lambda x: inner(model, x) + 1)
    assert_close(outer(jnp.asarray(X)), X * 2 + 1)
    model.factor = 3.0
    model.weight.value = jnp.full(3, 2.0)
    assert_close(outer(jnp.asarray(X)), X * 6 + 1)

    def loss() -> Array:
        return jnp.sum(jit(lambda model, x: model(x))(model, jnp.asarray(X)))

    slopes = grad(loss, model.weight)
    assert_close(slopes(), X * 3)


def test_many_compilations_warn_once_and_name_the_attribute() -> None:
    model = Scale()
    call, _ = counted(model)
    with pytest.warns(UserWarning, match=r"what keeps changing: Scale\.factor\. Each") as caught:
        for factor in range(12):
            model.factor = float(factor)
            call()
    assert len(caught) == 1


def test_many_compilations_for_an_argument_name_its_attribute() -> None:
    model = Chain(Scale())
    inner = model.layers[0]
    assert isinstance(inner, Scale)
    compiled = jit(lambda model, x: model(x))
    with pytest.warns(UserWarning, match=r"compiled .*<lambda> 9 times.*: Scale\.factor\. Each"):
        for factor in range(10):
            inner.factor = float(factor)
            compiled(model, jnp.asarray(X))


def test_many_compilations_name_the_setting_that_changes() -> None:
    class Model(Node):
        def __call__(self, x: Array) -> Array:
            rate: float = environ.get("rate")
            return x * rate

    call, _ = counted(Model())
    with pytest.warns(UserWarning, match=r"changing: the setting 'rate'\..* Keep what changes"):
        for step in range(10):
            with environ.context(rate=float(step)):
                call()


def test_eight_compilations_do_not_warn() -> None:
    model = Scale()
    call, _ = counted(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for factor in range(8):
            model.factor = float(factor)
            call()


def test_a_function_that_changes_what_it_reads_is_right_at_each_call() -> None:
    class Model(Node):
        def __init__(self) -> None:
            self.calls = 0
            self.weight = ParamState(jnp.ones(3))

        def __call__(self, x: Array) -> Array:
            self.calls = self.calls + 1
            return x * self.calls * self.weight.value

    model = Model()
    compiled = jit(model)
    with pytest.warns(
        UserWarning, match=r"Model\.calls is a plain attribute and is set inside jit"
    ):
        first = compiled(jnp.asarray(X))
    assert_close((first, compiled(jnp.asarray(X))), (X, X * 2))


def test_one_dispatch_for_a_warm_call() -> None:
    model = Chain(Scale(), Counter())
    call, runs = counted(model)
    call()
    with counted_work() as work:
        call()
    assert (runs.count, work.traced, work.compiled) == (1, 0, 0)


class Last(Node):
    """Keeps the last of what came, and never looks at it."""

    def __init__(self, kind: Callable[[Array], State[Any]]) -> None:
        self.last = kind(jnp.zeros(2))

    def __call__(self, x: Array) -> Array:
        self.last.value = x[-1]
        return x


@pytest.mark.parametrize("kind", [State, HiddenState, ParamState])
@pytest.mark.parametrize("way", ["argument", "state", "list", "loop", "grad"])
def test_a_state_that_is_written_and_not_read_takes_other_shapes(
    kind: Callable[[Array], State[Any]], way: str
) -> None:
    model = Last(kind)
    of_state = jit(lambda state, x: setattr(state, "value", x[-1]))
    of_list = jit(lambda models, x: models[0](x))
    of_grad = jit(lambda m, x: grad(lambda x: m(x).sum())(x))
    of_model = jit(lambda m, x: m(x))
    calls: dict[str, Callable[[Array], object]] = {
        "argument": lambda x: of_model(model, x),
        "state": lambda x: of_state(model.last, x),
        "list": lambda x: of_list([model], x),
        "loop": lambda x: for_loop(model, x[None]),
        "grad": lambda x: of_grad(model, x),
    }
    for length in (2, 3, 4, 2):
        calls[way](jnp.full((length, 2), float(length)))
        assert model.last.value.tolist() == [length, length]


def test_a_write_of_another_structure_for_other_shapes_raises_and_changes_nothing() -> None:
    model = Last(HiddenState)
    call = jit(lambda m, x: setattr(m.last, "value", x if len(x) == 2 else {"x": x}))
    call(model, jnp.ones(2))
    with pytest.raises(StateValueError, match=r"last .*another structure(.|\n)*float32\[2\]"):
        call(model, jnp.ones(3))
    assert model.last.value.tolist() == [1, 1]
