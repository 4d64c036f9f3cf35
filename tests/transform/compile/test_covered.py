"""A loop that is not traced again is never stale: what guards do not see is traced at each call."""

import dataclasses
import enum
import functools
import gc
import itertools
import operator
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import for_loop, jit, scan
from brainlite.transform._compile._covered import is_covered, is_safe
from brainlite.typing import Array
from tests.transform.checks import assert_close, counted_work

XS = np.arange(1.0, 4.0, dtype=np.float32)

GAIN = 2.0
GAINS = [2.0]
TABLE = {"gain": 2.0}
NUMBERS = np.array([2.0], np.float32)
ARRAY = jnp.array(2.0)
PAIR = (1.0, [2.0])
CALLS: list[int] = []
MODULE = types.ModuleType("settings_of_the_user")
COUNTER = itertools.count(1)


class Plain:
    """An object of the user's."""

    gain = 2.0

    def __init__(self) -> None:
        self.own = 2.0
        self.calls = 0

    def __call__(self, x: Array) -> Array:
        return x * self.own


class Slots:
    __slots__ = ("gain",)

    def __init__(self) -> None:
        self.gain = 2.0


class Mode(enum.Enum):
    ONCE = 1
    TWICE = 2


@dataclasses.dataclass
class Config:
    gain: float = 2.0


class Meters(float):
    """A number with a method."""

    def scaled(self) -> float:
        return self * TABLE["gain"]


class Pair(NamedTuple):
    a: float
    b: float

    def scaled(self) -> float:
        return self.a * TABLE["gain"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    a: float

    def scaled(self) -> float:
        return self.a * TABLE["gain"]


class Level(enum.Enum):
    HIGH = 3.0

    def scaled(self) -> float:
        return float(self.value) * TABLE["gain"]


class Clipped(State[Array]):
    def scaled(self) -> Array:
        return self.value * TABLE["gain"]


METERS, NAMED, RECIPE, LEVEL = Meters(3.0), Pair(3.0, 1.0), Recipe(3.0), Level.HIGH
CLIPPED = Clipped(jnp.array(3.0))
PLAIN = Plain()
SLOTS = Slots()
CONFIG = Config()
MODE = Mode.ONCE


def helper(x: Array) -> Array:
    return x * GAIN


def other_helper(x: Array) -> Array:
    return x + 7.0


def with_default(x: Array, gains: list[float] = GAINS) -> Array:
    return x * gains[0]


def with_attribute(x: Array) -> Array:
    return x * float(vars(with_attribute)["gain"])


function: Any = with_attribute
noted: Any = lambda: None  # noqa: E731  # a function with attributes


def reads_attribute(x: Array) -> Array:
    return x * float(noted.gain)


function.gain = noted.gain = 2.0
remembered = functools.lru_cache(lambda: GAINS[0])
compiled_helper = jit(lambda x: x * GAIN)


class Of(nn.Module):
    """A module whose method is a function of itself and the input."""

    def __init__(self, fun: Callable[[Any, Array], Array], **fields: Any) -> None:
        super().__init__()
        self.fun: Callable[[Any, Array], Array] = fun
        for name, value in fields.items():
            setattr(self, name, value)

    def update(self, x: Array) -> Array:
        return self.fun(self, x)


class Base(nn.Module):
    factor = 2.0
    offset = jnp.array(1.0)

    def __init__(self) -> None:
        super().__init__()
        self.w: ParamState[Array] = ParamState(jnp.array(3.0))

    def scaled(self, x: Array) -> Array:
        return x * self.factor * self.w.value

    @staticmethod
    def still(x: Array) -> Array:
        return x

    @property
    def gain(self) -> float:
        return GAIN

    def update(self, x: Array) -> Array:
        return self.still(self.scaled(x)) * self.gain


class Child(Base):
    def scaled(self, x: Array) -> Array:
        return super().scaled(x) + 1.0


class Parent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.children_: list[Base] = [Base(), Child()]

    def update(self, x: Array) -> Array:
        for child in self.children_:
            x = child(x)
        return x


Change = Callable[[Any, pytest.MonkeyPatch], Any]


def changes(name: str, value: object) -> Change:
    """Return a change of a global name."""
    return lambda _, patch: patch.setitem(globals(), name, value)


def fields(**values: object) -> Change:
    """Return a change of attributes of the module."""

    def change(model: Any, _: pytest.MonkeyPatch) -> None:
        for name, value in values.items():
            setattr(model, name, value)

    return change


def of_class(kind: type, name: str, value: object) -> Change:
    return lambda _, patch: patch.setattr(kind, name, value, raising=False)


def of_items(container: Any, key: Any, value: object) -> Change:
    return lambda _model, _patch: operator.setitem(container, key, value)


def edit(change: Callable[[Any], object]) -> Change:
    return lambda model, _: change(model)


# What is looped over, and what is changed between two calls.
STORIES: list[tuple[str, Callable[[], Any], Change]] = [
    ("a global number", lambda: Of(lambda _, x: x * GAIN), changes("GAIN", 5.0)),
    ("a global array", lambda: Of(lambda _, x: x * ARRAY), changes("ARRAY", jnp.array(5.0))),
    ("a global list", lambda: Of(lambda _, x: x * GAINS[0]), of_items(GAINS, 0, 5.0)),
    ("a global dict", lambda: Of(lambda _, x: x * TABLE["gain"]), of_items(TABLE, "gain", 5.0)),
    ("an array of numpy", lambda: Of(lambda _, x: x * NUMBERS[0]), of_items(NUMBERS, 0, 5.0)),
    ("a list in a tuple", lambda: Of(lambda _, x: x * PAIR[1][0]), of_items(PAIR[1], 0, 5.0)),
    ("a global of a helper", lambda: Of(lambda _, x: helper(x)), changes("GAIN", 5.0)),
    ("a helper", lambda: Of(lambda _, x: helper(x)), changes("helper", other_helper)),
    ("a compiled helper", lambda: Of(lambda _, x: compiled_helper(x)), changes("GAIN", 5.0)),
    ("a default", lambda: Of(lambda _, x: with_default(x)), of_items(GAINS, 0, 5.0)),
    (
        "an attribute of a function",
        lambda: Of(lambda _, x: reads_attribute(x)),
        lambda _, patch: patch.setattr(noted, "gain", 5.0),
    ),
    (
        "vars of a function",
        lambda: Of(lambda _, x: with_attribute(x)),
        lambda _, patch: patch.setattr(with_attribute, "gain", 5.0),
    ),
    (
        "a field of an object",
        lambda: Of(lambda _, x: x * PLAIN.own),
        lambda _, patch: patch.setattr(PLAIN, "own", 5.0),
    ),
    (
        "a field of an object that is called",
        lambda: Of(lambda _, x: PLAIN(x)),
        lambda _, patch: patch.setattr(PLAIN, "own", 5.0),
    ),
    (
        "a field of an object in an attribute",
        lambda: Of(lambda m, x: m.act(x), act=PLAIN),
        lambda _, patch: patch.setattr(PLAIN, "own", 5.0),
    ),
    (
        "a slot",
        lambda: Of(lambda _, x: x * SLOTS.gain),
        lambda _, patch: patch.setattr(SLOTS, "gain", 5.0),
    ),
    (
        "a dataclass",
        lambda: Of(lambda _, x: x * CONFIG.gain),
        lambda _, patch: patch.setattr(CONFIG, "gain", 5.0),
    ),
    (
        "a dataclass in an attribute",
        lambda: Of(lambda m, x: x * m.config.gain, config=Config()),
        edit(lambda m: vars(m.config).update(gain=5.0)),
    ),
    ("a class as a namespace", lambda: Of(lambda _, x: x * Plain.gain), of_class(Plain, "gain", 5)),
    (
        "a module of Python",
        lambda: Of(lambda _, x: x * MODULE.gain),
        lambda _, patch: patch.setattr(MODULE, "gain", 5.0, raising=False),
    ),
    (
        "a name that is looked up by a string",
        lambda: Of(lambda m, x: x * getattr(m, "factor"), factor=2.0),  # noqa: B009
        fields(factor=5.0),
    ),
    (
        "an object by a string",
        lambda: Of(lambda _, x: x * operator.attrgetter("own")(PLAIN)),
        lambda _, patch: patch.setattr(PLAIN, "own", 5.0),
    ),
    ("globals by a string", lambda: Of(lambda _, x: x * globals()["GAIN"]), changes("GAIN", 5.0)),
    ("an enum", lambda: Of(lambda _, x: x * MODE.value), changes("MODE", Mode.TWICE)),
    (
        "a partial",
        lambda: Of(functools.partial(lambda g, _, x: x * g[0], GAINS)),
        of_items(GAINS, 0, 5.0),
    ),
    (
        "a number in an attribute",
        lambda: Of(lambda m, x: x * m.factor, factor=2.0),
        fields(factor=5.0),
    ),
    (
        "a list in an attribute",
        lambda: Of(lambda m, x: x * m.factors[0], factors=[2.0]),
        edit(lambda m: operator.setitem(m.factors, 0, 5.0)),
    ),
    (
        "a dict in an attribute",
        lambda: Of(lambda m, x: x * m.factors["a"], factors={"a": 2.0}),
        edit(lambda m: operator.setitem(m.factors, "a", 5.0)),
    ),
    (
        "an array of numpy in an attribute",
        lambda: Of(lambda m, x: x * m.factors[0], factors=np.array([2.0], np.float32)),
        edit(lambda m: operator.setitem(m.factors, 0, 5.0)),
    ),
    (
        "an array in an attribute",
        lambda: Of(lambda m, x: x * m.factor, factor=jnp.array(2.0)),
        fields(factor=jnp.array(5.0)),
    ),
    (
        "a function in an attribute",
        lambda: Of(lambda m, x: m.g(x), g=helper),
        fields(g=other_helper),
    ),
    ("a global of that function", lambda: Of(lambda m, x: m.g(x), g=helper), changes("GAIN", 5.0)),
    ("a method", Base, of_class(Base, "scaled", lambda self, x: x - self.w.value)),
    ("the method that is called", Base, of_class(Base, "update", lambda self, x: x - self.w.value)),
    ("a static method", Base, of_class(Base, "still", staticmethod(lambda x: x - 1.0))),
    ("a property", Base, of_class(Base, "gain", property(lambda self: 7.0))),
    ("a global of a property", Base, changes("GAIN", 5.0)),
    ("an attribute of a class", Base, of_class(Base, "factor", 5.0)),
    (
        "a method of the class before",
        Child,
        of_class(Base, "scaled", lambda self, x: x - self.w.value),
    ),
    ("a method that was inherited", Child, of_class(Child, "update", lambda self, x: x - 1.0)),
    ("an attribute that was inherited", Child, of_class(Child, "factor", 5.0)),
    ("a method of a submodule", Parent, of_class(Child, "scaled", lambda self, x: x - 1.0)),
    ("a submodule", Parent, edit(lambda m: operator.setitem(m.children_, 0, Child()))),
    ("a list of submodules", Parent, edit(lambda m: m.children_.append(Base()))),
    (
        "the class of a submodule",
        Parent,
        edit(lambda m: setattr(m.children_[0], "__class__", Child)),
    ),
    ("a state made anew", Base, fields(w=ParamState(jnp.array(9.0)))),
    ("a value", Base, edit(lambda m: setattr(m.w, "value", jnp.array(9.0)))),
    ("a hook", Base, edit(lambda m: m.register_forward_hook(lambda _m, _a, y: y - GAIN))),
    (
        "a setting",
        lambda: Of(lambda _, x: x * environ.get("gain", 2.0)),
        edit(lambda _: environ.set(gain=5.0)),
    ),
    *[
        (
            f"what a method of {type(thing).__name__} looks up, {where}",
            functools.partial(Of, fun, **named),
            of_items(TABLE, "gain", 5.0),
        )
        for thing, global_one in [
            (METERS, lambda _, x: x * METERS.scaled()),
            (NAMED, lambda _, x: x * NAMED.scaled()),
            (RECIPE, lambda _, x: x * RECIPE.scaled()),
            (LEVEL, lambda _, x: x * LEVEL.scaled()),
            (CLIPPED, lambda _, x: x * CLIPPED.scaled()),
        ]
        for where, fun, named in [
            ("in a variable", global_one, dict[str, Any]()),
            ("in an attribute", lambda m, x: x * m.thing.scaled(), dict[str, Any](thing=thing)),
            ("in a list", lambda m, x: x * m.things[0].scaled(), dict[str, Any](things=[thing])),
        ]
    ],
    (
        "a number of numpy's",
        lambda: Of(lambda _, x: x * np.random.rand(0).size),
        changes("GAIN", 5.0),
    ),
]


def check_loops(model: Any) -> None:
    """Compare loops over a module and its method with the Python loops."""
    xs = jnp.asarray(XS)
    for body in (model, model.update):
        expected = np.stack([np.asarray(body(x)) for x in xs])
        assert_close(for_loop(body, xs), expected)
        assert_close(for_loop(body, xs, reverse=True), expected)


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Give what was edited in place its content back."""
    before = environ.all()
    vars(MODULE)["gain"] = 2.0
    yield
    environ.reset()
    environ.set(**before)
    NUMBERS[0] = GAINS[0] = PAIR[1][0] = TABLE["gain"] = 2.0


@pytest.mark.parametrize(("make", "change"), [s[1:] for s in STORIES], ids=[s[0] for s in STORIES])
def test_what_changes_between_two_loops_is_seen(
    make: Callable[[], Any], change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make()
    check_loops(model)
    check_loops(model)
    change(model, monkeypatch)
    check_loops(model)
    monkeypatch.undo()
    check_loops(model)


class Counts(nn.Module):
    """Does something beside computing at each call."""

    def __init__(self, effect: Callable[["Counts"], object]) -> None:
        super().__init__()
        self.effect: Callable[[Counts], object] = effect
        self.times: int = 0
        self.seen: list[int] = []

    def update(self, x: Array) -> Array:
        self.effect(self)
        return x + 1.0


def count_in_a_list(_: Counts) -> None:
    CALLS.append(1)


def count_in_a_global(_: Counts) -> None:
    global total_of_calls
    total_of_calls = total_of_calls + 1


def count_in_a_field(_: Counts) -> None:
    PLAIN.calls = PLAIN.calls + 1


def count_in_an_attribute(model: Counts) -> None:
    model.times += 1


def note_in_an_attribute(model: Counts) -> None:
    model.times = 1


def append_in_an_attribute(model: Counts) -> None:
    model.seen.append(1)


def count_by_an_iterator(_: Counts) -> None:
    CALLS.extend([next(COUNTER)])


total_of_calls = 0
EFFECTS: list[tuple[Callable[[Counts], object], Callable[[Counts], int]]] = [
    (count_in_a_list, lambda _: len(CALLS)),
    (count_in_a_global, lambda _: total_of_calls),
    (count_in_a_field, lambda _: PLAIN.calls),
    (count_in_an_attribute, lambda model: model.times),
    (append_in_an_attribute, lambda model: len(model.seen)),
    (count_by_an_iterator, lambda _: len(CALLS)),
]


@pytest.mark.filterwarnings("ignore:.*is a plain attribute")
@pytest.mark.parametrize(("effect", "total"), EFFECTS, ids=[e[0].__name__ for e in EFFECTS])
def test_python_code_that_does_more_than_compute_runs_at_each_loop(
    effect: Callable[[Counts], object], total: Callable[[Counts], int]
) -> None:
    model = Counts(effect)
    counted = [total(model)]
    for _ in range(4):
        for_loop(model, jnp.asarray(XS))
        counted.append(total(model))
    assert all(np.diff(counted) >= 1), counted


@pytest.mark.filterwarnings("ignore:.*is a plain attribute")
def test_an_attribute_that_is_set_at_each_loop_is_set_again() -> None:
    model = Counts(note_in_an_attribute)
    for _ in range(3):
        model.times = 0
        for_loop(model, jnp.asarray(XS))
        assert model.times == 1


def test_a_print_is_printed_at_each_loop(capsys: pytest.CaptureFixture[str]) -> None:
    def tells(_: object, x: Array) -> Array:
        print("step")
        return x

    model = Of(tells)
    for _ in range(3):
        for_loop(model, jnp.asarray(XS))
        assert "step" in capsys.readouterr().out


def traced(run: Callable[[], object]) -> int:
    with counted_work() as work:
        run()
    return work.traced


class Cells(nn.Module):
    """A usual module of the user's."""

    def __init__(self) -> None:
        super().__init__()
        self.first: nn.GRUCell = nn.GRUCell(2, 3)
        self.second: nn.GRUCell = nn.GRUCell(3, 3)
        self.total: HiddenState[Array] = HiddenState(jnp.zeros(3))

    def update(self, x: Array) -> Array:
        parts = [self.first(x)]
        for cell in (self.second,):
            parts.append(cell(parts[-1]))
        self.total.value = self.total.value + sum(parts)
        return jax.nn.relu(jnp.concatenate(parts)) * GAIN

    def step(self, carry: Array, x: Array) -> tuple[Array, Array]:
        y = self.update(x)
        return carry + y.sum(), y


INPUTS = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)


@pytest.mark.parametrize(
    "run",
    [
        lambda model: for_loop(model, jnp.asarray(INPUTS)),
        lambda model: for_loop(model.update, jnp.asarray(INPUTS)),
        lambda model: for_loop(model, jnp.asarray(INPUTS), reverse=True),
        lambda model: scan(model.step, jnp.zeros(()), jnp.asarray(INPUTS)),
    ],
    ids=["module", "method", "reverse", "scan"],
)
def test_the_second_loop_over_a_module_of_the_user_traces_nothing(
    run: Callable[[Cells], object],
) -> None:
    model = nn.init_all_states(Cells())
    states = model.states(HiddenState)
    first = run(model)
    after_first = states.to_values()
    nn.reset_all_states(model)
    model.total.value = jnp.zeros(3)
    again: list[object] = []
    assert traced(lambda: again.append(run(model))) == 0
    assert_close(again[0], first)
    assert_close(states.to_values(), after_first)


class Shaped(nn.Module):
    """Does something else for other shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.a: HiddenState[Array] = HiddenState(jnp.zeros(()))
        self.b: HiddenState[Array] = HiddenState(jnp.zeros(()))
        self.factor: float = 0.0

    def update(self, x: Array) -> Array:
        if x.ndim > 0:
            self.a.value = self.a.value + x.sum()
        else:
            self.b.value = self.b.value + x
        return x * self.factor


def test_a_module_that_does_something_else_for_other_shapes() -> None:
    model = Shaped()
    for _ in range(3):
        for xs in (XS, XS[:, None]):
            before = float(model.a.value), float(model.b.value)
            for_loop(model, jnp.asarray(xs))
            after = float(model.a.value), float(model.b.value)
            assert np.subtract(after, before).tolist() == [6.0 * (xs.ndim > 1), 6.0 * (xs.ndim < 2)]


@pytest.mark.parametrize("kind", [Of, Shaped])
def test_a_loop_in_which_a_number_changes_at_each_call_is_traced_in_the_end(kind: Any) -> None:
    model: Any = Shaped()
    if kind is Shaped:
        for_loop(model, jnp.asarray(XS[:, None]))
    else:
        model = Of(lambda m, x: x * m.factor, factor=0.0)
    for number in range(20):
        model.factor = float(number)
        assert_close(for_loop(model, jnp.asarray(XS)), XS * number)
    assert traced(lambda: for_loop(model, jnp.asarray(XS))) > 0


def test_other_lengths_and_types_are_told_apart() -> None:
    model = Of(lambda _, x: x * 2)
    for xs in (XS, XS[:2], XS.astype(np.int32), XS[:, None], XS.astype(np.float16)):
        for _ in range(2):
            ys = for_loop(model, jnp.asarray(xs))
            assert ys.dtype == xs.dtype
            assert_close(ys, xs * 2)


def test_states_are_as_before_when_a_loop_raises() -> None:
    class Stops(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.h: HiddenState[Array] = HiddenState(jnp.zeros(()))

        def update(self, x: Array) -> Array:
            self.h.value = self.h.value + 1.0
            if x.ndim > 0:
                raise ValueError("no such rank")
            return x

    model = Stops()
    for_loop(model, jnp.asarray(XS))
    with pytest.raises(ValueError, match="no such rank"):
        for_loop(model, jnp.ones((3, 2)))
    assert float(model.h.value) == 3.0


def test_models_that_were_looped_over_are_let_go_of() -> None:
    model = nn.init_all_states(Cells())
    gone = weakref.ref(model)
    for_loop(model, jnp.asarray(INPUTS))
    for_loop(model.update, jnp.asarray(INPUTS))
    del model
    gc.collect()
    assert gone() is None


def test_a_loop_over_a_module_that_compares_by_its_fields() -> None:
    @dataclasses.dataclass
    class Equal(nn.Module):
        gain: float = 2.0

        def update(self, x: Array) -> Array:
            return x * self.gain

    check_loops(Equal())


def test_random_numbers_of_numpy_and_files_are_looked_up_at_each_loop(tmp_path: Path) -> None:
    file = tmp_path / "gain.npy"
    np.save(file, 2.0)
    reads = Of(lambda m, x: x * np.load(m.file), file=str(file))
    draws = Of(lambda _, x: x * np.random.rand())
    draws_by_attribute = Of(lambda m, x: x * m.np.random.rand(), np=np)
    for model in (draws, draws_by_attribute):
        found = {float(for_loop(model, jnp.asarray(XS))[0]) for _ in range(4)}
        assert len(found) == 4
    for gain in (2.0, 3.0, 4.0):
        np.save(file, gain)
        assert_close(for_loop(reads, jnp.asarray(XS)), XS * np.float32(gain))


T = TypeVar("T")


class Annotated(Node, Generic[T]):
    """What a class says of its types is no code."""

    scale: State[Array]
    names: ClassVar[tuple[str, ...]] = ("scale",)

    def __init__(self) -> None:
        self.scale = State(jnp.ones(2))

    def __call__(self, x: Array) -> Array:
        return x * self.scale.value


def test_annotations_keep_no_module_from_being_covered() -> None:
    model: Annotated[Array] = Annotated()
    assert is_covered((model, None))


def test_what_is_covered() -> None:
    state = State(jnp.ones(2))
    assert is_covered(lambda x: jnp.tanh(x) * GAIN + state.value)
    assert not is_covered(lambda x: x * NUMBERS[0])
    assert not is_covered(lambda x: x * ARRAY)  # another one at each call is no reason to compile
    assert is_safe(ARRAY)
    assert is_safe(("a", 1.0, jax.nn.relu, state))
    assert not is_safe(NUMBERS)
    assert not is_safe(iter(GAINS))
