"""The code of an object evaluates to an equal object."""

import dataclasses
import enum
import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy
import pytest
import treescope

import brainlite
from brainlite import nn
from brainlite.display import render_to_html, to_code
from brainlite.graph import split
from brainlite.nn import init
from brainlite.random import RandomState
from brainlite.state import HiddenState, ParamState, State
from brainlite.typing import Array


class Point(NamedTuple):
    x: int
    y: Any


@dataclasses.dataclass
class Config:
    rate: float
    sizes: tuple[int, ...] = (1,)


class Color(enum.Enum):
    RED = 1


class Doubled(init.Constant):
    def __init__(self, half: float) -> None:
        super().__init__(2 * half)


class Tied(nn.Module):
    """A module with shared parts, a cycle, private attributes, arrays and a frozen parameter."""

    def __init__(self) -> None:
        self.cell = nn.GRUCell(2, 3)
        self.layers = [nn.Linear(3, 3), nn.Linear(3, 3)]
        self.tied = self.layers[0]
        self.back = {"owner": self}
        self._secret = 5
        self.frozen = nn.Linear(2, 2)
        self.frozen.requires_grad_(False)
        self.count = State(jnp.zeros((), jnp.int32), name="count", tag="seen")

    def update(self, x: Array) -> Array:
        return x


def is_initializer(kind: type[Any]) -> bool:
    return issubclass(kind, init.Initializer)


NAMES = {"brainlite": brainlite, "jax": jax, "numpy": numpy}


def back(obj: Any) -> Any:
    """Return the object that the code evaluates to, with the names of this module."""
    code = to_code(obj).replace(f"{__name__}.", "")
    return eval(code, {**globals(), **NAMES})


@pytest.mark.parametrize(
    "value",
    [
        None,
        -1.5,
        float("inf"),
        1 + 2j,
        "a\n'b'",
        b"c",
        ...,
        slice(1, None),
        range(3),
        (),
        (1,),
        [1, [2, (3, {"a": {4}})]],
        frozenset(),
        numpy.float32(1.5),
        numpy.dtype("int8"),
        jnp.dtype("bfloat16"),
        jax.nn.relu,
        jnp.sin,
        nn.functional.gelu,
        numpy.sum,
        nn.Linear,
        max,
        Point(1, [2]),
        Config(0.5),
        Color.RED,
    ],
)
def test_plain_values_come_back(value: Any) -> None:
    found = back(value)
    assert type(found) is type(value)
    assert found == value


@pytest.mark.parametrize(
    "array",
    [
        jnp.float32(0.1),
        jnp.arange(6).reshape(2, 3),
        jnp.array([jnp.nan, jnp.inf, -jnp.inf, 1e-30]),
        jnp.array([True, False]),
        jnp.array([1 + 2j]),
        jnp.full((2, 2), 0.3, jnp.bfloat16),
        jnp.zeros((0, 3)),
        numpy.linspace(0, 1, 7),
        jnp.arange(2000.0) / 7,
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_come_back_to_the_last_bit(array: Any) -> None:
    found = back(array)
    assert isinstance(found, jax.Array) == isinstance(array, jax.Array)
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    numpy.testing.assert_array_equal(numpy.asarray(found), numpy.asarray(array))


def test_random_keys_and_generators_come_back() -> None:
    generator = RandomState(3)
    assert (back(generator).value == generator.value).all()
    assert isinstance(back(RandomState()), RandomState)
    key = jax.random.key(1, impl="rbg")
    assert back(key).dtype == key.dtype


@pytest.mark.parametrize("state", [HiddenState(jnp.ones(2), "h", ["a", "b"]), State({"w": 1.0})])
def test_states_come_back(state: State[Any]) -> None:
    found = back(state)
    assert (type(found), found.name, found.tag) == (type(state), state.name, state.tag)
    assert str(found.value) == str(state.value)
    frozen = ParamState(jnp.ones(2), requires_grad=False)
    assert back(frozen).requires_grad is False


@pytest.mark.parametrize(
    "kind",
    [each for each in vars(init).values() if inspect.isclass(each) and is_initializer(each)],
)
def test_initialisers_come_back(kind: Any) -> None:
    try:
        made = kind()
    except TypeError:
        pytest.skip("it needs arguments, or is abstract")
    assert back(made) == made


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.init_all_states(Tied()),
        lambda: nn.ModuleList([nn.Linear(2, 2), nn.Dropout(0.5)]),
        lambda: nn.Sequential(nn.Conv1d((8, 2), 3, 3), nn.ReLU()).eval(),
        lambda: nn.MultiheadAttention(4, 2),
    ],
    ids=["tied", "list", "sequential", "attention"],
)
def test_models_definitions_and_states_come_back(make: Any) -> None:
    model = make()
    definition, states = split(model)
    assert back(definition) == definition
    for found in (split(back(model)), (back(definition), back(states))):
        assert found[0] == definition
        assert list(found[1]) == list(states)
        for left, right in zip(
            jax.tree.leaves(found[1].to_values()), jax.tree.leaves(states.to_values()), strict=True
        ):
            assert bool((left == right).all())


def test_sharing_and_cycles_come_back() -> None:
    model = back(Tied())
    assert model.tied is model.layers[0]
    assert model.back["owner"] is model


@pytest.mark.parametrize(
    "value", [lambda: 1, object(), [object()], nn.GRUCell(2, 3, activation=lambda x: x)]
)
def test_what_is_no_code_stands_in_brackets_and_does_not_evaluate(value: Any) -> None:
    assert "<" in to_code(value)
    with pytest.raises(SyntaxError):
        back(value)


def test_a_list_in_itself_ends() -> None:
    items: list[Any] = [1]
    items.append(items)
    assert to_code(items) == "[1, <a list inside itself>]"


def test_a_page_in_roundtrip_mode_shows_the_code() -> None:
    state = ParamState(jnp.arange(3.0))
    page = render_to_html(state, roundtrip=True, compressed=False)
    assert "jax.numpy.array([0., 1., 2.], &#x27;float32&#x27;)" in page or (
        "jax.numpy.array([0., 1., 2.], 'float32')" in page
    )
    assert "ShapedArray(float32[3])" in page


def test_treescope_marks_as_code_only_what_is() -> None:
    text = treescope.render_to_text(RandomState(3), roundtrip_mode=True)
    assert text.startswith("<"), "its key is no argument called `value`"
    assert not treescope.render_to_text(State(1), roundtrip_mode=True).startswith("<")


def test_a_class_whose_fields_are_not_its_arguments_is_no_code() -> None:
    assert to_code(Doubled(1.0)) == f"<{' '.join(repr(Doubled(1.0)).split())}>"
