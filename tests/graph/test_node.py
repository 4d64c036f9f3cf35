"""Node: attributes that hold states, and attributes while a function is traced."""

import contextlib
import copy
import functools
import pickle
import threading
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import (
    GraphError,
    RawTransformError,
    StateOverwriteError,
    TracedAttributeError,
    TransformError,
)
from brainlite.graph import Node, _node
from brainlite.graph._contents import holds_graph
from brainlite.graph._node import fields
from brainlite.graph._notes import ABSENT, ALL, Frozen
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._epoch import epoch
from brainlite.state._frame import Frame
from brainlite.transform import jit
from brainlite.typing import Array
from tests.graph.models import Bag, Linear, Net
from tests.transform.checks import says


def plain_frame(label: str = "jit") -> Frame:
    return Frame(label, hoist=False, watched=True)


def is_watched() -> bool:
    return "__getattribute__" in vars(Node)


# ----------------------------------------------------------------------------------- attributes


def test_a_subclass_need_not_call_the_base() -> None:
    class Cell(Node):
        def __init__(self, size: int) -> None:
            self.size = size

    assert Cell(3).size == 3


def test_the_repr_shows_public_attributes_in_the_order_they_were_set() -> None:
    assert repr(Bag(b=1, _hidden=2, a=State(1.0))) == (
        "Bag(\n  b=1,\n  a=State(\n    value=1.0\n  )\n)"
    )


def test_setting_and_deleting_an_attribute_advances_the_epoch() -> None:
    node = Bag()
    values = [epoch.value]
    node.size = 3
    values.append(epoch.value)
    node.size = 3
    values.append(epoch.value)
    del node.size
    values.append(epoch.value)
    assert len(set(values)) == 4


def test_a_property_advances_the_epoch_only_if_its_setter_sets_an_attribute() -> None:
    class Rated(Node):
        """With properties that write a state, an attribute, and past everything."""

        def __init__(self) -> None:
            self.held = State(jnp.zeros(()))
            self._factor = 1.0

        @property
        def rate(self) -> Array:
            return self.held.value

        @rate.setter
        def rate(self, value: float) -> None:
            self.held.value = jnp.asarray(value)

        @property
        def factor(self) -> float:
            return self._factor

        @factor.setter
        def factor(self, value: float) -> None:
            self._factor = value

        @property
        def hidden(self) -> float:
            return self._factor

        @hidden.setter
        def hidden(self, value: float) -> None:
            self.__dict__["_factor"] = value

    rated = Rated()
    multiply = jit(lambda x: x * rated.rate * rated.factor)
    assert float(multiply(1.0)) == 0.0
    before = epoch.value
    rated.rate = 2.0
    assert epoch.value == before
    assert float(multiply(1.0)) == 2.0
    rated.factor = 3.0
    assert float(multiply(1.0)) == 6.0
    rated.hidden = 4.0
    assert float(multiply(1.0)) == 8.0


@pytest.mark.parametrize(
    "array",
    [
        jnp.ones(3),
        np.ones(3),
        np.float32(1),
        1.0,
        True,
        [jnp.ones(3), 2.0],
        (1, 2),
        {"a": jnp.ones(3)},
        {1: 1.0, "a": 2.0},
        jax.random.key(0),
    ],
    ids=repr,
)
def test_an_array_assigned_over_a_state_raises_and_keeps_the_state(array: Any) -> None:
    node = Bag(weight=ParamState(jnp.ones(3)))
    before = node.weight
    with pytest.raises(StateOverwriteError, match=r"attribute 'weight' holds a ParamState"):
        node.weight = array
    assert node.weight is before


class Declared(Bag):
    h: HiddenState[Array]
    memory: "HiddenState[Array]"
    size: Array


@pytest.mark.parametrize("name", ["h", "memory"])
def test_an_array_in_the_place_of_a_state_that_is_not_made_yet_raises(name: str) -> None:
    for node in (Declared(), nn.Sequential(nn.GRUCell(2, 3))[0] if name == "h" else Declared()):
        with pytest.raises(
            StateOverwriteError, match=rf"{name!r} is to hold a Hid[\s\S]*init_all_s"
        ):
            setattr(node, name, jnp.ones(3))
        assert name not in vars(node)
    node = Declared()
    node.size = jnp.ones(2)
    node.memory = HiddenState(jnp.ones(2))
    with pytest.raises(StateOverwriteError, match="holds a HiddenState"):
        setattr(node, "memory", jnp.ones(2))


def test_the_error_of_an_overwrite_says_where_and_what_to_do() -> None:
    net = Net()
    with pytest.raises(StateOverwriteError, match="an array was assigned over it") as error:
        setattr(net.layers[1], "weight", np.ones((4, 4)))
    assert str(error.value) == (
        "Net.layers[1] (Linear): attribute 'weight' holds a ParamState, and an array was assigned "
        "over it\n"
        "  expected: a ParamState, or a write to its value\n"
        "  got:      a ndarray\n"
        "  fix:      use `.weight.value = ...` to change the value, or assign `ParamState(...)` to "
        "replace the state"
    )


@pytest.mark.parametrize(
    "replacement", [None, HiddenState(1.0), Bag(), "text", [], np.tanh, [State(1.0), 2.0]]
)
def test_anything_else_may_replace_a_state(replacement: Any) -> None:
    node = Bag(h=State(jnp.ones(3)))
    node.h = replacement
    assert node.h is replacement


def test_an_array_may_replace_an_array() -> None:
    node = Bag(table=np.ones(3))
    node.table = np.zeros(3)
    assert node.table.sum() == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (State(1.0), True),
        (Bag(), True),
        ([1, (2, {"a": Bag()})], True),
        ([1, (2, {"a": "b"})], False),
        ({"a": State(1.0)}, True),
        ({State: 1}, False),
        ("text", False),
        (jnp.ones(3), False),
    ],
)
def test_containers_hold_a_graph_if_something_in_them_is_of_it(value: Any, expected: bool) -> None:
    assert holds_graph(value) is expected


def pickled(node: Any) -> Any:
    return pickle.loads(pickle.dumps(node))


@pytest.mark.parametrize("copied", [copy.deepcopy, pickled])
def test_deep_copies_keep_sharing_and_cycles(copied: Callable[[Any], Any]) -> None:
    shared = ParamState(jnp.ones(2))
    root = Bag(tied=shared, child=Bag(weight=shared, size=3), pair=[shared, {"a": shared}])
    root.child.parent = root
    twin = copied(root)
    assert twin is not root
    assert twin.child.parent is twin
    assert twin.tied is twin.child.weight is twin.pair[0] is twin.pair[1]["a"]
    twin.tied.value = jnp.zeros(2)
    assert shared.value.tolist() == [1, 1]


def test_a_deep_copy_in_a_frame_is_of_what_the_frame_sees() -> None:
    node = Bag(h=State(1.0))
    with plain_frame():
        node.h.value = 2.0
        node.child = Bag()
        twin = copy.deepcopy(node)
        assert twin.h.value == 2.0
        assert isinstance(twin.child, Bag)


# -------------------------------------------------------- states and nodes set in a traced function


def test_a_state_set_in_a_frame_is_seen_there_only() -> None:
    node = Bag(h=HiddenState(1.0))
    before = node.h
    with plain_frame():
        node.h = HiddenState(2.0)
        node.new = [Bag(size=1)]
        assert node.h.value == 2.0
        assert node.new[0].size == 1
        assert list(fields(node)) == ["h", "new"]
    assert node.h is before
    assert not hasattr(node, "new")


def test_an_inner_frame_sees_what_the_outer_one_has_set() -> None:
    node = Bag(h=HiddenState(1.0))
    with plain_frame("jit"):
        node.h = HiddenState(2.0)
        with plain_frame("scan"):
            assert node.h.value == 2.0
            node.h = HiddenState(3.0)
            assert node.h.value == 3.0
        assert node.h.value == 2.0


@pytest.mark.parametrize("replacement", [None, HiddenState(1.0), Bag(), [State(1.0)], "text"])
def test_an_exception_leaves_replaced_states_as_they_were(replacement: Any) -> None:
    node = Bag(h=HiddenState(1.0))
    before = node.h

    def body() -> None:
        with plain_frame():
            node.h = replacement
            assert node.h is replacement
            raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        body()
    assert node.h is before


def test_a_plain_value_set_after_a_state_was_dropped_stays_in_the_frame() -> None:
    node = Bag(h=HiddenState(1.0))
    before = node.h
    with plain_frame():
        node.h = None
        node.h = 3
        assert node.h == 3
        with plain_frame():
            node.h = 4
            assert node.h == 4
        assert node.h == 3
    assert node.h is before


def test_an_array_assigned_over_a_state_raises_in_a_frame_as_well() -> None:
    net = Bag(cell=Bag(h=HiddenState(jnp.zeros(3))))

    def body(x: Array) -> Array:
        with plain_frame():
            net.cell.h = x
            return x

    with pytest.raises(StateOverwriteError, match=r"^Bag\.cell \(Bag\): attribute 'h' holds a"):
        jax.make_jaxpr(body)(jnp.ones(3))


def test_an_array_assigned_over_a_state_that_the_frame_has_set_raises() -> None:
    node = Bag()
    with plain_frame():
        node.h = HiddenState(1.0)
        with pytest.raises(StateOverwriteError, match="attribute 'h' holds a HiddenState"):
            node.h = 2.0


@pytest.mark.parametrize("make", [HiddenState[Any], lambda x: [Bag(h=HiddenState[Any](x))]])
def test_a_state_set_in_a_plain_transform_inside_ours_raises(make: Callable[[Any], Any]) -> None:
    net = Bag(cell=Bag())

    def lane(x: Any) -> Any:
        net.cell.h = make(x)
        return x

    with (
        plain_frame("grad") as frame,
        pytest.raises(RawTransformError, match=r"^Bag\.cell \(Bag\): attribute 'h'") as error,
    ):
        jax.vmap(lane)(jnp.ones(2))
    assert "is set inside a plain jax transform that runs inside grad" in str(error.value)
    assert "got:      an assignment under BatchTrace" in str(error.value)
    assert not frame.attributes


@pytest.mark.parametrize("held", [HiddenState(1.0), Bag(), [Bag()]])
def test_deleting_a_state_or_a_node_in_a_frame_raises(held: Any) -> None:
    net = Bag(cell=Bag(h=held))
    with (
        plain_frame("for_loop"),
        pytest.raises(TransformError, match=r"^Bag\.cell \(Bag\): attribute 'h', which") as error,
    ):
        del net.cell.h
    assert "deleted inside for_loop" in str(error.value)
    assert "set it to None here (`self.h = None`)" in str(error.value)
    assert net.cell.h is held


def test_a_node_made_in_the_frame_is_free() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with plain_frame() as frame:
            node = Bag(h=HiddenState(1.0), size=3)
            node.size = 4
            node.h = None
            del node.size
    assert not frame.attributes
    assert not frame.notes
    assert fields(node) == {"h": None}


class Rescaled(Node):
    """Keeps what its properties are set to in attributes of other names."""

    @property
    def cell(self) -> Any:
        return self._cells[0]

    @cell.setter
    def cell(self, value: Any) -> None:
        self._cells = [value]

    @property
    def percent(self) -> float:
        return self._rate * 100

    @percent.setter
    def percent(self, value: float) -> None:
        self._rate = value / 100

    def cells(self) -> list[Any]:
        return self._cells


def test_the_setter_of_a_property_runs_in_a_frame() -> None:
    node = Rescaled()
    first, second = Bag(), Bag()
    node.cell, node.percent = first, 50.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with plain_frame():
            node.cell, node.percent = second, 50.0
            assert node.cell is second
            assert node.cells() == [second]
    assert node.cells() == [first]
    assert node.percent == 50.0


def test_the_dict_of_a_node_in_a_frame_is_a_copy_of_what_the_frame_sees() -> None:
    node = Bag(size=3)
    with plain_frame() as frame:
        node.h = HiddenState(1.0)
        assert set(vars(node)) == {"size", "h"}
        vars(node)["size"] = 4
        assert node.size == 3
        made = Bag()
        vars(made)["size"] = 4
        assert made.size == 4
    assert vars(node) == {"size": 3}
    assert {name for _, name in frame.notes} == {ALL, "size"}


def test_a_cached_property_keeps_no_traced_value() -> None:
    class Scaled(Node):
        def __init__(self) -> None:
            self.weight = State(jnp.ones(3))

        @functools.cached_property
        def twice(self) -> Array:
            return self.weight.value * 2

    node = Scaled()

    def body(x: Array) -> Array:
        with Frame("jit", hoist=True):
            return x * node.twice

    jax.make_jaxpr(body)(1.0)
    assert list(vars(node)) == ["weight"]
    assert node.twice.tolist() == [2, 2, 2]
    assert list(vars(node)) == ["weight", "twice"]


def test_a_copy_starts_without_compiled_functions() -> None:
    node = Bag(size=3)
    node.__compiled__["jit"] = lambda: 1  # cannot be pickled
    for twin in (copy.copy(node), copy.deepcopy(node), pickled(node)):
        assert twin.__compiled__ == {}
        assert twin.size == 3


# ------------------------------------------------------------ plain values set in a traced function


HOLDERS: list[Callable[[Array], Any]] = [
    lambda x: x,
    lambda x: [1, (x,)],
    lambda x: {"a": x, 1: 2},
    lambda x: [State(1.0), x],
]


@pytest.mark.parametrize("hold", HOLDERS)
def test_a_traced_value_in_a_plain_attribute_raises(hold: Callable[[Array], Any]) -> None:
    net = Bag(cell=Bag(rate=0.5))

    def body(x: Array) -> Array:
        with plain_frame("grad"):
            net.cell.rate = hold(x)
            return x

    with pytest.raises(
        TracedAttributeError, match="was set to a traced value inside grad"
    ) as error:
        jax.make_jaxpr(body)(1.0)
    text = str(error.value)
    assert text.startswith("Bag.cell (Bag): attribute 'rate'")
    assert "expected: a State for a value that changes while the model runs" in text
    assert "`self.rate = brainlite.State(...)` in __init__" in text
    assert net.cell.rate == 0.5


def test_a_plain_write_in_a_frame_warns_once_where_it_is_written() -> None:
    class Counter(Node):
        def __init__(self) -> None:
            self.calls = 0
            self.table = np.zeros(3)

    def count() -> None:
        for _ in range(2):
            with plain_frame():
                node.calls += 1
                node.calls += 1

    node = Counter()
    with pytest.warns(UserWarning, match=r"^Counter\.calls is a plain attribute.* jit") as caught:
        count()
    [warning] = caught
    assert warning.filename == __file__
    assert warning.lineno in [line for _, _, line in count.__code__.co_lines()]
    assert node.calls == 4
    with plain_frame(), pytest.warns(UserWarning, match=r"^Counter\.table is a plain attribute"):
        node.table = np.zeros(3)


def test_a_plain_write_of_an_equal_value_does_not_warn() -> None:
    node = Bag(mode="train", sizes=(1, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with plain_frame():
            node.mode = "train"
            node.sizes = (1, 2)


# ----------------------------------------------------------------------------------- watching


def test_reads_in_a_frame_are_noted_with_what_was_read() -> None:
    state = State(1.0)
    node = Bag(size=3, layers=[state, {"a": 1}], unread=1)
    with plain_frame() as frame:
        _ = node.size, node.layers
        assert not hasattr(node, "missing")
    assert {name: value for (_, name), (_, value) in frame.notes.items()} == {
        "size": 3,
        "layers": Frozen(list, None, (state, Frozen(dict, ("a",), (1,)))),
        "missing": ABSENT,
    }
    assert all(owner is node for owner, _ in frame.notes.values())


def read_until_unwatched(limit: int) -> int:
    """Return how many reads it takes, outside any frame, until the class is let alone."""
    node = Bag(size=1)
    for count in range(limit):
        if not is_watched():
            return count
        assert node.size == 1
    return limit


def test_the_class_is_let_alone_after_some_reads_outside_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read_until_unwatched(2_000_000)
    monkeypatch.setattr(_node, "_reads_granted", 50)
    for granted in (100, 200, 400):  # each time twice as long, so that the class seldom changes
        with plain_frame():
            assert is_watched()
            read_in_frame = Bag(size=1)
            for _ in range(1000):
                assert read_in_frame.size == 1
        assert is_watched()
        assert read_until_unwatched(10_000) == granted


def test_the_class_changes_a_few_times_however_many_frames_and_reads_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each change costs a millisecond and, on Python 3.13, one of a thousand version tags.
    changes = 0
    read_until_unwatched(2_000_000)
    monkeypatch.setattr(_node, "_reads_granted", 50)
    node = Bag(size=1)
    watched = False
    for _ in range(300):
        with plain_frame():
            assert node.size == 1
        for _ in range(150):
            assert node.size == 1
        changes += watched != is_watched()
        watched = is_watched()
    assert changes <= 3
    read_until_unwatched(2_000_000)


def test_reads_in_a_frame_of_another_thread_are_noted_while_this_one_reads_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_node, "_reads_granted", 10)
    node, other = Bag(size=1), Bag(size=2)
    inside, outside = threading.Event(), threading.Event()
    noted: list[str] = []

    def trace() -> None:
        with plain_frame() as frame:
            inside.set()
            outside.wait()
            assert node.size == 1
            noted.extend(name for _, name in frame.notes)

    thread = threading.Thread(target=trace)
    thread.start()
    inside.wait()
    for _ in range(1000):
        assert other.size == 2
    outside.set()
    thread.join()
    assert noted == ["size"]


def test_watching_ends_after_an_exception() -> None:
    def body() -> None:
        with plain_frame(), plain_frame():
            raise ArithmeticError("on purpose")

    with pytest.raises(ArithmeticError, match="on purpose"):
        body()
    assert read_until_unwatched(2_000_000) < 2_000_000


def test_watching_ends_when_the_last_of_many_threads_is_done() -> None:
    node = Linear()
    errors: list[BaseException] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        try:
            for _ in range(200):
                with plain_frame() as frame:
                    assert node.size == 2
                    assert [name for _, name in frame.notes] == ["size"]
                    assert is_watched()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert read_until_unwatched(2_000_000) < 2_000_000


def test_a_thread_without_a_frame_sees_what_was_there_before() -> None:
    node = Bag(h=HiddenState(1.0))
    before = node.h
    seen: list[Any] = []
    with plain_frame() as frame:
        node.h = HiddenState(2.0)
        thread = threading.Thread(target=lambda: seen.append(node.h))
        thread.start()
        thread.join()
    assert seen == [before]
    assert not frame.notes


def test_a_watched_class_behaves_like_any_other() -> None:
    class Base(Node):
        rate = 0.5

        def __init__(self) -> None:
            self.size = 2

        @property
        def double(self) -> int:
            return self.size * 2

        def triple(self) -> int:
            return self.size * 3

    class Fallback(Base):
        def __getattr__(self, name: str) -> str:
            return f"no {name}"

    with plain_frame() as frame:
        node = Base()
        outside = Fallback()
    for node in (Base(), outside, Fallback()):
        with plain_frame() as frame:
            assert (node.size, node.double, node.triple(), node.rate) == (2, 4, 6, 0.5)
            assert node.__class__ is type(node)
        assert {name for _, name in frame.notes} == {"size", "double", "triple", "rate"}
    with plain_frame():
        assert outside.anything == "no anything"
        with pytest.raises(AttributeError, match="'Base' object has no attribute 'anything'"):
            _ = getattr(Base(), "anything")  # noqa: B009 - not declared


# --------------------------------------------------------------- what would hide states, or leak


def _in_a_set(item: Any) -> Any:
    return {item}


def _in_a_frozenset(item: Any) -> Any:
    return frozenset([item])


def _in_a_deque(item: Any) -> Any:
    return deque([item])


@pytest.mark.parametrize("make", [_in_a_set, _in_a_frozenset, _in_a_deque])
def test_a_container_that_no_graph_is_looked_for_in_is_refused(make: Callable[[Any], Any]) -> None:
    node: Any = Node()
    message = says(
        "attribute 'states' was set to a .* that holds a State",
        where="Node",
        expected="states and modules in attributes, lists, tuples, dicts or dataclasses",
        got="of 1 items",
        fix="use a list",
    )
    with pytest.raises(GraphError, match=message):
        node.states = make(State(jnp.zeros(())))
    assert not hasattr(node, "states")
    node.states = make(1)  # of plain values it is welcome
    assert 1 in node.states


@pytest.mark.parametrize("slots", ["weight", ("weight",), ["weight", "bias"]])
def test_slots_are_refused(slots: Any) -> None:
    message = says(
        "has __slots__; what is in a slot would be no part of the graph",
        expected="ordinary attributes",
        got="weight",
        fix="leave __slots__ out",
    )
    with pytest.raises(GraphError, match=message):
        type("Slotted", (Node,), {"__slots__": slots})


@pytest.mark.parametrize(
    "transform",
    [
        lambda f: jax.jit(f)(jnp.ones(2)),
        lambda f: jax.vmap(f)(jnp.ones(2)),
        lambda f: jax.grad(lambda x: f(x).sum())(jnp.ones(2)),
        lambda f: jax.lax.map(f, jnp.ones(2)),
    ],
)
@pytest.mark.parametrize("value", [State, lambda x: [State(x)], lambda x: x, lambda x: {"k": x}])
def test_a_plain_transform_leaves_nothing_of_its_trace(
    transform: Callable[[Any], Any], value: Callable[[Any], Any]
) -> None:
    node: Any = Node()

    def f(x: Any) -> Any:
        node.h = value(x)
        return x

    message = says(
        "attribute 'h' is set inside a plain jax transform",
        where="Node",
        expected="an assignment outside, or inside a transform of brainlite",
        got="set under",
        fix="use brainlite.transform.jit",
    )
    with pytest.raises(RawTransformError, match=message):
        transform(f)
    assert not hasattr(node, "h")


def test_a_node_made_inside_a_plain_transform_is_free() -> None:
    def f(x: Any) -> Any:
        node: Any = Node()
        node.h = State(x)
        node.h.value = node.h.value * 2
        node.plain = x
        return node.h.value + node.plain

    assert float(jax.jit(f)(2.0)) == 6.0


@pytest.mark.parametrize("layer", [lambda: nn.Recurrent(nn.GRUCell(2, 3)), lambda: nn.GRU(2, 3)])
def test_a_recurrent_layer_under_plain_jax_raises_or_leaves_no_traced_value(
    layer: Callable[[], Any],
) -> None:
    made = layer()
    with contextlib.suppress(RawTransformError):
        jax.jit(made)(jnp.ones((4, 5, 2)))
    copy.deepcopy(made)
    pickle.dumps(made)
    made.half()


def test_the_class_of_a_node_cannot_change_while_it_is_traced() -> None:
    class Other(Node):
        pass

    node: Any = Node()
    message = says(
        "the class of an object is changed inside jit",
        where="Node",
        expected="objects that keep their class",
        got="__class__ = Other",
        fix="change it outside",
    )
    with pytest.raises(TransformError, match=message):
        jit(lambda: setattr(node, "__class__", Other))()
    assert type(node) is Node
