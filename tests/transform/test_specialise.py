"""A compiled function is never stale, and compiles no more often than it has to."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, graph
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, ShortTermState, State
from brainlite.transform import for_loop, jit
from brainlite.transform._specialise import Binding
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, counted_work
from tests.transform.small import Chain, Counter, Dropping, Fresh, Scale, Total

X = np.arange(1.0, 4.0, dtype=np.float32)

# A story yields its module, which it changes between: at each yield a compiled function must do what
# the module does.
Story = Iterator[Callable[[Array], Array]]


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
            found = graph.states(self, ParamState)
            return x * len(found) + sum(state.value.sum() for state in found.values())

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
    with environ.context(fit=True):
        yield model
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
    with environ.context(dt=jnp.ones(())):
        yield model
    with environ.context(dt=jnp.full((), 2.0)):
        yield model


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


STORIES: list[Callable[[], Story]] = [
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
    setting_is_an_array,
    class_attribute_is_shadowed_and_shows_again,
    method_is_shadowed,
    attribute_asked_for_by_hasattr_appears,
    attribute_asked_for_with_a_default_appears,
    place_where_a_state_is_made_is_emptied,
]


def in_a_closure(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return jit(lambda x: model(x))


def as_the_function(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return jit(model)


def as_an_argument(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    compiled = jit(lambda model, x: model(x))
    return lambda x: compiled(model, x)


def in_an_inner_jit(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    inner = jit(model)
    return jit(lambda x: inner(x) * 1.0)


def in_a_loop(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return jit(lambda x: for_loop(model, x[None])[0])


WAYS: list[Callable[[Callable[[Array], Array]], Callable[[Array], Array]]] = [
    in_a_closure,
    as_the_function,
    as_an_argument,
    in_an_inner_jit,
    in_a_loop,
]


def play(
    story: Callable[[], Story], way: Callable[[Callable[[Array], Array]], Callable[[Array], Array]]
) -> list[Any]:
    compiled: Callable[[Array], Array] | None = None
    results: list[Any] = []
    for model in story():
        compiled = compiled or way(model)
        results.append(np.asarray(compiled(jnp.asarray(X))))
    return results


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("story", STORIES)
def test_jit_is_not_stale_when(
    story: Callable[[], Story],
    way: Callable[[Callable[[Array], Array]], Callable[[Array], Array]],
) -> None:
    assert_close(play(story, way), play(story, lambda model: model))


@pytest.mark.parametrize("story", STORIES)
def test_without_its_guards_jit_is_stale_when(
    story: Callable[[], Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = play(story, lambda model: model)
    monkeypatch.setattr(Binding, "holds", lambda _: True)
    stale = play(story, as_the_function)
    assert any(not np.allclose(s, e) for s, e in zip(stale, expected, strict=True))
