"""Names bound anew are seen by compiled functions."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import graph
from brainlite.errors import EscapedTracerError
from brainlite.graph import Node
from brainlite.state import ParamState, State
from brainlite.transform import for_loop, jit
from brainlite.typing import Array
from tests.transform.checks import assert_close
from tests.transform.compile.stories import (
    Story,
    Way,
    as_an_argument,
    as_the_function,
    inside_other_transforms,
    look_at_nothing,
    play,
)
from tests.transform.small import Scale

held = Scale()


held_values = {"weight": ParamState(jnp.ones(3))}


def global_name_is_bound_to_another_module() -> Story:
    global held
    held = Scale()
    yield lambda x: held(x)
    held = Scale(3.0)
    yield lambda x: held(x)


def global_name_is_bound_to_other_states() -> Story:
    global held_values
    held_values = {"weight": ParamState(jnp.ones(3))}
    yield lambda x: x * held_values["weight"].value
    held_values = {"weight": ParamState(jnp.full(3, 4.0))}
    yield lambda x: x * held_values["weight"].value


def variable_of_a_closure_is_bound_to_another_collection() -> Story:
    model = Scale()
    params = graph.states(model)
    yield lambda x: x * params["weight",].value
    model = Scale(5.0)
    params = graph.states(model)
    yield lambda x: x * params["weight",].value


def variable_is_bound_to_another_function() -> Story:
    scale: Callable[[Array], Array] = lambda x: x * 2  # noqa: E731
    yield lambda x: scale(x)
    scale = functools.partial(jnp.multiply, 3.0)
    yield lambda x: scale(x)


def variable_is_bound_to_another_number() -> Story:
    rate = 0.1
    yield lambda x: x * rate
    rate = 0.2
    yield lambda x: x * rate


def variable_is_bound_to_another_array() -> Story:
    data = np.ones(3, np.float32)
    yield lambda x: x * data
    data = np.full(3, 2.0, np.float32)
    yield lambda x: x * data


def module_in_a_list_of_a_closure_is_replaced_in_place() -> Story:
    layers = [Scale()]
    yield lambda x: layers[0](x)
    layers[0] = Scale(7.0)
    yield lambda x: layers[0](x)


def field_of_a_plain_object_is_bound_to_another_module() -> Story:
    class Trainer:
        def __init__(self) -> None:
            self.model = Scale()
            self.rate = 1.0

        def step(self, x: Array) -> Array:
            return self.model(x) * self.rate

    trainer = Trainer()
    yield trainer.step
    trainer.model = Scale(3.0)
    yield trainer.step
    trainer.rate = 2.0
    yield trainer.step


gain = 2.0


def used_by_methods(x: Array) -> Array:
    return x * gain


class Gaining(Node):
    """Reads global names in its methods, and in functions that it holds."""

    def __init__(self) -> None:
        self.holder = Holding()
        self.act: Callable[[Array], Array] = lambda x: x * gain

    def __call__(self, x: Array) -> Array:
        return self.other(x) + self.holder.go(x) + self.act(x) + used_by_methods(x)

    def other(self, x: Array) -> Array:
        return x * gain * self.doubled

    @property
    def doubled(self) -> float:
        return gain * 2


class Holding:
    """A plain object whose method reads its field."""

    def __init__(self) -> None:
        self.rate = 1.0

    def go(self, x: Array) -> Array:
        return x * self.rate


def global_name_that_methods_read_is_bound_anew() -> Story:
    global gain
    gain = 2.0
    model = Gaining()
    yield lambda x: model(x)
    gain = 3.0
    yield lambda x: model(x)


def global_name_that_methods_of_an_argument_read_is_bound_anew() -> Story:
    global gain
    gain = 2.0
    model = Gaining()
    yield model
    gain = 3.0
    yield model


def field_that_a_method_of_a_plain_object_reads_is_set() -> Story:
    holder = Holding()
    yield lambda x: holder.go(x)
    holder.rate = 4.0
    yield lambda x: holder.go(x)


def function_that_a_method_calls_is_defined_anew() -> Story:
    names: dict[str, Any] = {"Node": Node, "__name__": "cells"}
    exec("def act(x): return x * 2", names)
    exec("class Net(Node):\n    def __call__(self, x): return act(x)\nnet = Net()", names)
    exec("f = lambda x: net(x)", names)
    yield names["f"]
    exec("def act(x): return x * 3", names)
    yield names["f"]


# What a function finds in variables: modules that are its arguments are none.
OF_VARIABLES: list[Callable[[], Story]] = [
    global_name_is_bound_to_another_module,
    global_name_is_bound_to_other_states,
    variable_of_a_closure_is_bound_to_another_collection,
    variable_is_bound_to_another_function,
    variable_is_bound_to_another_number,
    variable_is_bound_to_another_array,
    module_in_a_list_of_a_closure_is_replaced_in_place,
    field_of_a_plain_object_is_bound_to_another_module,
    global_name_that_methods_read_is_bound_anew,
    field_that_a_method_of_a_plain_object_reads_is_set,
    function_that_a_method_calls_is_defined_anew,
]


@pytest.mark.parametrize("way", [as_the_function, inside_other_transforms])
@pytest.mark.parametrize("story", OF_VARIABLES)
def test_jit_is_not_stale_when(story: Callable[[], Story], way: Way) -> None:
    assert_close(play(story, way), play(story, lambda model: model))


@pytest.mark.parametrize("way", [as_the_function, as_an_argument])
def test_jit_sees_names_that_methods_of_its_argument_read(way: Way) -> None:
    story = global_name_that_methods_of_an_argument_read_is_bound_anew
    assert_close(play(story, way), play(story, lambda model: model))


@pytest.mark.parametrize("story", OF_VARIABLES)
def test_without_its_guards_jit_is_stale_when(
    story: Callable[[], Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = play(story, lambda model: model)
    look_at_nothing(monkeypatch)
    stale = play(story, as_the_function)
    assert any(not np.allclose(s, e) for s, e in zip(stale, expected, strict=True))


def test_a_function_of_no_module_is_compiled_with_what_it_finds_in_its_globals() -> None:
    names: dict[str, Any] = {"count": State(jnp.zeros(()))}  # as in code that is run from a string
    exec("def step():\n    count.value = count.value + 1\n    return count.value", names)
    assert names["step"].__module__ is None or names["step"].__module__ == "builtins"
    run = jit(names["step"])
    assert [float(run()) for _ in range(3)] == [1, 2, 3]


# ------------------------------------------------------------- code that stands at unusual places

SCALE = 1.0


def scaled(x: Any) -> Any:
    return x * SCALE


def described_by(function: Callable[..., Any]) -> Any:
    """Return a descriptor of one's own around a function."""

    class Descriptor:
        def __get__(self, owner: Any, kind: Any = None) -> Any:
            return functools.partial(function, owner)

    return Descriptor()


class Meta(type):
    def scaled(cls, x: Any) -> Any:
        return x * SCALE


class Made(metaclass=Meta):
    table: ClassVar[dict[str, Callable[..., Any]]] = {"scaled": lambda x: x * SCALE}
    described: Any = described_by(lambda self, x: x * SCALE)
    held: Any

    class Inner:
        def scaled(self, x: Any) -> Any:
            return x * SCALE

    @staticmethod
    def static(x: Any) -> Any:
        return x * SCALE

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * SCALE

    @functools.partialmethod
    def partial(self, x: Any) -> Any:
        return x * SCALE


Made.held = Made.Inner()


@dataclasses.dataclass
class Record:
    factor: float = 1.0

    def scaled(self, x: Any) -> Any:
        return x * SCALE * self.factor


class Pair(NamedTuple):
    first: float = 1.0

    def scaled(self, x: Any) -> Any:
        return x * SCALE * self.first


class Several(list[float]):
    def scaled(self, x: Any) -> Any:
        return x * SCALE


class Layer(Node):
    """A module with the same ways to get at code."""

    Inner = Made.Inner
    table = Made.table
    described: Any = described_by(lambda self, x: x * SCALE)

    def __init__(self, way: Callable[["Layer", Any], Any], held: Any = None) -> None:
        self.way = way
        self.held = held

    @staticmethod
    def static(x: Any) -> Any:
        return x * SCALE

    @classmethod
    def of_class(cls, x: Any) -> Any:
        return x * SCALE

    def __call__(self, x: Any) -> Any:
        return self.way(self, x)


made, record, pair, several = Made(), Record(), Pair(), Several()
PLACES: dict[str, Callable[[Any], Any]] = {
    "static method": lambda x: Made.static(x),
    "class method": lambda x: Made.of_class(x),
    "static method of an object": lambda x: made.static(x),
    "nested class": lambda x: Made.Inner().scaled(x),
    "method of a metaclass": lambda x: Made.scaled(x),
    "table of a class": lambda x: Made.table["scaled"](x),
    "object of a class": lambda x: Made.held.scaled(x),
    "descriptor": lambda x: made.described(x),
    "partial method": lambda x: made.partial(x),
    "dataclass": lambda x: record.scaled(x),
    "named tuple": lambda x: pair.scaled(x),
    "subclass of list": lambda x: several.scaled(x),
    "static method of a module": Layer(lambda self, x: self.static(x)),
    "class method of a module": Layer(lambda self, x: self.of_class(x)),
    "nested class of a module": Layer(lambda self, x: self.Inner().scaled(x)),
    "table of a module": Layer(lambda self, x: self.table["scaled"](x)),
    "descriptor of a module": Layer(lambda self, x: self.described(x)),
    "dataclass in a module": Layer(lambda self, x: self.held.scaled(x), Record()),
    "named tuple in a module": Layer(lambda self, x: self.held.scaled(x), Pair()),
    "list in a module": Layer(lambda self, x: self.held.scaled(x), Several()),
}
RUNS: dict[str, Callable[[Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "jit": jit,
    "jit of a loop": lambda f: jit(lambda x: for_loop(f, x[None])[0]),
    "a loop": lambda f: lambda x: for_loop(f, x[None])[0],
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("place", PLACES)
def test_a_global_name_is_seen_wherever_the_code_stands(
    place: str, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = RUNS[run](PLACES[place])
    for scale in (1.0, 2.0, 3.0):
        monkeypatch.setitem(globals(), "SCALE", scale)
        assert call(jnp.float32(2)) == 2 * scale


def test_a_traced_value_that_a_static_method_leaves_behind_is_noticed() -> None:
    left: list[Any] = []

    class Keeper:
        @staticmethod
        def keep(x: Any) -> Any:
            left.append(x)
            return x

    with pytest.raises(EscapedTracerError, match=r"keep: a traced value was left in .*'left'"):
        jit(lambda x: Keeper.keep(x))(jnp.float32(1))
    assert left == []
