"""Each guard of the engine, by the wrong result that its absence gives."""

import gc
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, graph
from brainlite.errors import BranchError, GradError, GraphError, LoopStateError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import cond, for_loop, grad, jit, scan, while_loop
from brainlite.transform._compile import _jit
from brainlite.transform._engine import _eager
from brainlite.transform._engine._lift import lift
from brainlite.typing import Array
from tests.transform.checks import assert_same, counted_work, values
from tests.transform.small import Scale

ONE = jnp.ones(())
TWO, THREE = jnp.ones(2), jnp.ones(3)


class Holder(Node):
    """Holds what a test puts into it."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)


# ------------------------------------------------------------------ other shapes, other effects


def test_a_setting_that_is_read_for_some_shapes_only_is_seen() -> None:
    @jit
    def fun(x: Array) -> Array:
        return x * environ.get("scale", 1.0) if x.size > 2 else x

    assert_same(fun(TWO), TWO)
    with environ.context(scale=5.0):
        assert_same(fun(THREE), 5 * THREE)
    assert_same(fun(THREE), THREE)
    with environ.context(scale=7.0):
        assert_same(fun(THREE), 7 * THREE)


def test_another_state_may_be_written_for_other_shapes() -> None:
    small, large = State(ONE), State(ONE)

    @jit
    def fun(x: Array) -> None:
        (large if x.size > 2 else small).value = x.sum()

    for _ in range(2):
        fun(TWO)
        fun(THREE)
        assert values(small, large) == [2.0, 3.0]
        small.value = large.value = ONE


def test_another_place_may_be_set_for_other_shapes() -> None:
    class Chooser(Node):
        def __call__(self, x: Array) -> None:
            if x.size > 2:
                self.large = HiddenState(x.sum())
            else:
                self.small = HiddenState(x.sum())

    chooser: Any = Chooser()
    fun = jit(chooser)
    fun(TWO)
    assert not hasattr(chooser, "large")
    fun(THREE)
    assert values(chooser.small, chooser.large) == [2.0, 3.0]


def test_another_module_may_be_returned_for_other_shapes() -> None:
    made = jit(lambda x: Scale(4.0) if x.size > 2 else Holder(weight=State(x)))
    kinds = [type(made(x)) for x in (TWO, THREE, TWO)]
    assert kinds == [Holder, Scale, Holder]


# ---------------------------------------------------------------------- arguments, and who else


@pytest.mark.parametrize("reads_first", [True, False])
def test_an_argument_that_the_function_holds_as_well_is_one_object(reads_first: bool) -> None:
    held: Any = Holder(count=State(jnp.zeros(())))

    @jit
    def fun(model: Any, x: Array) -> Any:
        before = held.count.value if reads_first else 0.0
        model.count.value = model.count.value + x
        return before + held.count.value

    total = 0.0
    for x in (1.0, 2.0):
        expected = (total if reads_first else 0.0) + total + x
        total += x
        assert_same(fun(held, jnp.float32(x)), jnp.float32(expected))
    other = Holder(count=State(jnp.zeros(())))
    assert_same(fun(other, ONE), jnp.float32(6.0 if reads_first else 3.0))


class Config:
    """Whose attributes are watched neither by name nor by value: they are those of a class."""

    scale: Any = 0.0


@pytest.mark.parametrize("where", ["a field", "a class", "the environment"])
def test_a_compilation_that_closes_over_another_trace_is_used_once(where: str) -> None:
    config, name = Config(), "scale"
    owner: Any = Config if where == "a class" else config

    @jit
    def inner(x: Array) -> Any:
        scale = environ.get(name) if where == "the environment" else getattr(owner, name)
        return x * scale

    @jit
    def outer(y: Array) -> Any:
        if where == "the environment":
            with environ.context(scale=y):
                return inner(ONE)
        owner.scale = y
        try:
            return inner(ONE)
        finally:
            owner.scale = 0.0

    for y in (2 * ONE, 3 * TWO, 4 * THREE):
        assert_same(outer(y), y)


def test_an_array_of_a_state_is_weakly_typed_or_not() -> None:
    lifted = lift(lambda x: x + jnp.ones((), "bfloat16"), (1.0,), label="jit")
    kind: Any = lifted.out_types
    assert kind.dtype == "bfloat16"
    assert lifted.fits([], ((2.0,), {}))
    assert not lifted.fits([], ((jnp.float32(2.0),), {}))


# ------------------------------------------------------------------------------- what is kept


def alive(references: list[weakref.ref[Any]]) -> int:
    gc.collect()
    return sum(reference() is not None for reference in references)


def test_models_that_a_variable_held_before_are_let_go_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_jit, "_STALE", 2)
    model: Any = None
    fun = jit(lambda x: model(x))
    seen: list[weakref.ref[Any]] = []
    for _ in range(10):
        model = Scale()
        seen.append(weakref.ref(model))
        fun(jnp.ones(3))
    assert alive(seen) <= 4  # the one there is, two of before, and the one used last


def test_static_values_that_were_not_used_for_long_are_let_go_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Static:
        """Hashed by identity."""

    monkeypatch.setattr(_jit, "_KINDS", 3)
    monkeypatch.setattr(_jit, "_BINDINGS", 3)
    fun = jit(lambda x, _: x, static_argnums=1)
    seen: list[weakref.ref[Any]] = []

    def call() -> None:
        static = Static()
        seen.append(weakref.ref(static))
        fun(ONE, static)

    for _ in range(8):
        call()
    assert alive(seen) <= 3


def test_pairs_of_modules_that_were_not_used_for_long_are_let_go_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_jit, "_BINDINGS", 3)
    fun = jit(lambda one, other, x: one(x) + other(x))
    first = Scale()
    seen: list[weakref.ref[Any]] = []

    def call() -> None:
        other = Scale()
        seen.append(weakref.ref(other))
        fun(first, other, jnp.ones(3))

    for _ in range(8):
        call()
    assert alive(seen) <= 4  # and the first, which the compilation was made for


def test_eager_bodies_that_were_not_used_for_long_are_let_go_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_eager, "_MOST", 3)
    kept: OrderedDict[Any, Any] = OrderedDict()
    monkeypatch.setattr(_eager, "_compiled", kept)
    xs = jnp.ones(3)

    def run(number: float) -> None:
        assert_same(for_loop(lambda x: x * number, xs), xs * number)

    for number in (1.0, 2.0, 3.0, 1.0, 4.0):
        run(number)
    assert len(kept) == 3
    with counted_work() as work:
        run(1.0)  # it was used after the second
    assert work.compiled == 0
    with counted_work() as work:
        run(2.0)
    assert work.compiled == 1


# ------------------------------------------------------------------------- states and places


def shift(model: Any, x: Array) -> None:
    model.old = model.new
    model.new = State(x)


SHIFTS: dict[str, Callable[[Any, Array], Any]] = {
    "as it is": shift,
    "an argument": jit(shift),
    "in a closure": lambda model, x: jit(lambda x: shift(model, x))(x),
    "in a branch": lambda model, x: cond(
        True, lambda x: shift(model, x), lambda x: shift(model, x), x
    ),
}


@pytest.mark.parametrize("way", SHIFTS.values(), ids=list(SHIFTS))
def test_a_state_that_moves_is_not_the_one_that_takes_its_place(
    way: Callable[[Any, Array], Any],
) -> None:
    model: Any = Holder(new=State(ONE))
    for x in (2.0, 3.0):
        way(model, jnp.float32(x))
    assert values(model.old, model.new) == [2.0, 3.0]
    assert model.old is not model.new


def test_a_state_that_is_put_into_another_place_is_taken_over_by_nobody() -> None:
    shared = State(5 * ONE)

    class Setter(Node):
        def __call__(self, x: Array) -> None:
            self.made = State(x)
            self.shared = shared

    setter: Any = Setter()
    fun = jit(setter)
    fun(ONE)
    setter.made = shared  # now it sits where the function makes one
    fun(2 * ONE)
    assert_same(shared.value, 5 * ONE)
    assert_same(setter.made.value, 2 * ONE)
    assert setter.shared is shared


@pytest.mark.parametrize("other", [ParamState(7 * ONE), State(7 * ONE, tag="x"), State([7 * ONE])])
def test_a_state_of_another_kind_in_a_place_is_replaced(other: State[Any]) -> None:
    class Setter(Node):
        def __call__(self, x: Array) -> None:
            self.made = State(x)

    setter: Any = Setter()
    setter.made = other
    before = jax.tree.leaves(other.value)
    jit(setter)(2 * ONE)
    assert type(setter.made) is State
    assert setter.made.tag is None
    assert_same(setter.made.value, 2 * ONE)
    assert setter.made is not other
    assert_same(jax.tree.leaves(other.value), before)


@pytest.mark.parametrize("where", ["variable", "module"])
def test_a_state_that_is_held_elsewhere_stays_what_it_is(where: str) -> None:
    old = State(ONE)
    keeper: Any = Holder(kept=old if where == "module" else None)

    class Setter(Node):
        def __call__(self, x: Array) -> Array:
            before = keeper.kept.value if where == "module" else old.value
            self.made = State(x)
            return before

    setter: Any = Setter()
    setter.made = old
    fun = jit(setter)
    assert_same(fun(2 * ONE), ONE)
    assert_same(old.value, ONE)
    assert setter.made is not old
    assert_same(setter.made.value, 2 * ONE)
    assert_same(fun(3 * ONE), ONE)
    assert_same(old.value, ONE)


def test_a_state_that_was_found_apart_stays_apart_at_the_next_call() -> None:
    class Setter(Node):
        """Makes a state where an alike one sits, which it keeps under another name."""

        made: State[Array]

        def __call__(self, x: Array) -> None:
            self.kept, self.made = self.made, State(x)

    setter: Any = Setter()
    setter.made = State(ONE)
    fun = jit(setter)
    for x in (2.0, 3.0, 4.0):
        before = setter.made
        fun(jnp.float32(x))
        assert setter.kept is before
        assert setter.made is not before
        assert values(setter.kept, setter.made) == [x - 1, x]


def test_what_sits_in_a_place_where_a_state_is_made_is_found_again() -> None:
    class Setter(Node):
        def __call__(self, x: Array) -> None:
            self.made = State(x)

    setter: Any = Setter()
    setter.made = State(ONE)
    fun = jit(setter)
    fun(2 * ONE)
    later = setter.made = State(ONE)
    fun(3 * ONE)
    assert setter.made is later
    assert_same(later.value, 3 * ONE)
    setter.made = replaced = ParamState(ONE)
    fun(4 * ONE)
    assert type(setter.made) is State
    assert_same([setter.made.value, replaced.value], [4 * ONE, ONE])


# ------------------------------------------------------------------------- loops and branches


def test_a_loop_whose_first_step_asks_for_a_state_makes_it_once() -> None:
    class Lazy(Node):
        def __call__(self, x: Array) -> Array:
            if not hasattr(self, "total"):
                self.total = HiddenState(jnp.zeros(()))
            self.total.value = self.total.value + x
            return self.total.value

    for way in (for_loop, lambda f, xs: jit(lambda xs: for_loop(f, xs))(xs)):
        assert_same(way(Lazy(), jnp.ones(4)), jnp.arange(1.0, 5.0))


WRONG_STEPS: dict[str, Callable[[State[Any]], Callable[[Array], None]]] = {
    "shape": lambda state: lambda x: setattr(state, "value", state.value[None]),
    "dtype": lambda state: lambda x: setattr(state, "value", state.value.astype("int32")),
    "a carry of another shape": lambda state: lambda x: setattr(state, "value", state.value + x),
}


@pytest.mark.parametrize("step", WRONG_STEPS.values(), ids=list(WRONG_STEPS))
@pytest.mark.parametrize("way", ["for_loop", "while_loop"])
def test_a_loop_keeps_the_type_of_a_state(
    step: Callable[[State[Any]], Callable[[Array], None]], way: str
) -> None:
    state: State[Any] = State(ONE)
    body = step(state)

    def again(count: Array) -> Array:
        body(jnp.ones(2))
        return count + 1

    with pytest.raises(LoopStateError, match=r"changes(.|\n)*expected(.|\n)*float32\[\]"):
        _ = (
            for_loop(body, jnp.ones((3, 2)))
            if way == "for_loop"
            else while_loop(lambda count: count < 3, again, jnp.zeros((), "int32"))
        )
    assert_same(state.value, ONE)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_loop_of_no_steps_writes_and_makes_nothing(compiled: bool) -> None:
    class Body(Node):
        count: State[Array]

        def __call__(self, carry: Array, x: Array) -> tuple[Array, Array]:
            self.count.value = self.count.value + 1
            self.made = HiddenState(x)
            return carry + 1, x

    body: Any = Body()
    body.count = State(jnp.zeros(()))

    def run() -> Any:
        return scan(body, ONE, jnp.ones(0))

    carry, ys = (jit(run) if compiled else run)()
    assert_same(carry, ONE)
    assert ys.shape == (0,)
    assert_same(body.count.value, jnp.zeros(()))
    assert not hasattr(body, "made")


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("way", ["cond", "while_loop"])
def test_what_may_not_run_sets_no_plain_attribute(way: str, compiled: bool) -> None:
    model: Any = Holder(steps=0)

    def branch(x: Array) -> Array:
        model.steps = model.steps + 1
        return x

    def run() -> Array:
        if way == "while_loop":
            return while_loop(lambda x: x < 0, branch, ONE)
        return cond(jnp.asarray(False), branch, lambda x: x, ONE)

    with pytest.raises(Exception, match="may not run"):
        (jit(run) if compiled else run)()
    assert model.steps == 0


def one_state(model: Any, x: Array) -> None:
    model.states = [State(x)]


def shared_state(model: Any, x: Array) -> None:
    made = State(x)
    model.states = [made, made]


def test_branches_that_share_states_differently_are_told_apart() -> None:
    model: Any = Holder()

    def run(flag: Any) -> None:
        cond(flag, lambda: one_state(model, ONE), lambda: shared_state(model, ONE))

    for each in (run, jit(run)):
        with pytest.raises(BranchError, match="states"):
            each(jnp.asarray(True))
        assert not hasattr(model, "states")


# ------------------------------------------------------------------------------ graphs


def definitions(*roots: Any) -> list[Any]:
    return [graph.split(root)[0] for root in roots]


class Labelled(State[Array]):
    """A state that may have a field of its own."""

    def __init__(self, value: Array, **fields: str) -> None:
        super().__init__(value)
        for name, field_value in fields.items():
            setattr(self, name, field_value)


PAIRS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "roots that share": lambda: ([s := State(ONE)], [s, s]),
    "kinds of roots": lambda: ([State(ONE)], (State(ONE),)),
    "names at the root": lambda: ({"a": State(ONE)}, {"b": State(ONE)}),
    "names in an attribute": lambda: (Holder(d={"a": State(ONE)}), Holder(d={"b": State(ONE)})),
    "names inside": lambda: (Holder(d=[{"a": State(ONE)}]), Holder(d=[{"b": State(ONE)}])),
    "numbers in a list": lambda: (Holder(d=[State(ONE), 1]), Holder(d=[State(ONE), 2])),
    "fields of states": lambda: ([Labelled(ONE)], [Labelled(ONE, label="a")]),
    "values of fields": lambda: ([Labelled(ONE, label="b")], [Labelled(ONE, label="a")]),
    "what is frozen": lambda: (
        Holder(w=ParamState(ONE)),
        Holder(w=ParamState(ONE, requires_grad=False)),
    ),
}


@pytest.mark.parametrize("make", PAIRS.values(), ids=list(PAIRS))
def test_definitions_differ_in(make: Callable[[], tuple[Any, Any]]) -> None:
    one, other = definitions(*make())
    again, _ = definitions(*make())
    assert one != other
    assert one == again


def test_of_two_parameters_one_may_be_frozen() -> None:
    model: Any = Holder(a=ParamState(ONE), b=ParamState(ONE, requires_grad=False))
    twin = graph.clone(model)
    assert [twin.a.requires_grad, twin.b.requires_grad] == [True, False]
    assert [s.requires_grad for s in graph.split(model, ParamState)[1].values()] == [True, False]


def test_a_record_inside_itself_is_refused() -> None:
    @dataclass
    class Ring:
        state: Any = field(default_factory=lambda: State(ONE))
        again: Any = None

    ring = Ring()
    ring.again = ring
    with pytest.raises(GraphError, match="contains itself"):
        graph.split(Holder(ring=ring))


def test_a_copy_made_while_compiling_depends_on_what_it_copied() -> None:
    model: Any = Scale(1.0, factor=2.0)
    ways: list[Callable[[], Any]] = [
        lambda: graph.merge(*graph.split(model)),
        lambda: graph.clone(model),
    ]
    for copy in ways:
        model.factor = 2.0
        fun = jit(lambda x, copy=copy: copy()(x))
        assert_same(fun(THREE), 2 * THREE)
        model.factor = 3.0
        assert_same(fun(THREE), 3 * THREE)


def test_freezing_is_seen_by_what_asks_for_it() -> None:
    weight = ParamState(2 * ONE)
    fun = jit(lambda x: x * weight.value if weight.requires_grad else x)
    for frozen in (False, True, False, True):
        weight.requires_grad = not frozen
        assert_same(fun(ONE), ONE if frozen else 2 * ONE)


def frozen_targets() -> Iterator[Any]:
    model: Any = Holder(a=ParamState(ONE), b=ParamState(3 * ONE, requires_grad=False))

    def loss() -> Any:
        return model.a.value * model.b.value

    yield lambda: grad(loss, model.b)()
    yield lambda: grad(loss, [model.a, model.b])()
    yield lambda: jit(lambda: grad(loss, graph.states(model, ParamState))())()


@pytest.mark.parametrize("call", list(frozen_targets()))
def test_no_gradient_is_asked_of_what_is_frozen(call: Callable[[], Any]) -> None:
    with pytest.raises(GradError, match=r"frozen(.|\n)*requires_grad=False"):
        call()


def test_the_gradient_of_a_module_leaves_out_what_is_frozen() -> None:
    model: Any = Holder(a=ParamState(ONE), b=ParamState(3 * ONE, requires_grad=False))
    gradient = grad(lambda m: m.a.value * m.b.value, argnums=0)(model)
    assert list(gradient) == [("a",)]
    assert_same(gradient["a",], 3 * ONE)


def test_numbers_that_look_alike_are_told_apart() -> None:
    model: Any = Holder(sign=0.0, weight=State(ONE))
    fun = jit(lambda x: model.weight.value * np.copysign(1.0, model.sign) * x)
    assert float(fun(ONE)) == 1.0
    model.sign = -0.0
    assert float(fun(ONE)) == -1.0
