"""What a function does to states: whatever it makes anew, moves or puts somewhere, as in Python."""

import copy
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn, transform
from brainlite.errors import BranchError, LoopStateError, TransformError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import (
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    checkpointed_scan,
    cond,
    for_loop,
    grad,
    ifelse,
    jit,
    scan,
    switch,
    vjp,
    vmap,
    while_loop,
)
from tests.transform.checks import assert_close, says
from tests.transform.small import Total

STEPS = 4


class Open(Node):
    """A node with any attributes."""

    a: Any
    b: Any
    c: Any
    d: Any
    h: Any
    cells: Any
    w: Any
    factor: Any


class Remade(Node):
    """Reads its state, makes it anew, and writes on: a running sum."""

    def __init__(self) -> None:
        self.h = HiddenState(jnp.zeros(()))

    def __call__(self, x: Any) -> Any:
        before = self.h.value
        self.h = HiddenState(jnp.zeros(()))
        self.h.value = before + x
        return self.h.value


class RemadeInDict(Node):
    """The same, with the state in a dict."""

    def __init__(self) -> None:
        self.d = {"h": HiddenState(jnp.zeros(()))}

    def __call__(self, x: Any) -> Any:
        self.d["h"] = HiddenState(self.d["h"].value + x)
        return self.d["h"].value


class RemadeWhole(Node):
    """The same, with a whole module made anew."""

    def __init__(self) -> None:
        self.total = Total()

    def __call__(self, x: Any) -> Any:
        before = self.total.total.value
        self.total = Total()
        self.total.total.value = before + x
        return self.total.total.value


class Lazy(Node):
    """Makes its state at the first step."""

    h: HiddenState[Any]

    def __call__(self, x: Any) -> Any:
        if not hasattr(self, "h"):
            self.h = HiddenState(jnp.zeros_like(x))
        self.h.value = self.h.value + x
        return self.h.value


class LazyList(Node):
    """Fills a list at the first step."""

    def __init__(self) -> None:
        self.states: list[HiddenState[Any]] = []

    def __call__(self, x: Any) -> Any:
        if not self.states:
            self.states.append(HiddenState(jnp.zeros_like(x)))
        self.states[0].value = self.states[0].value + x
        return self.states[0].value


class LazyModule(Node):
    """Makes a whole module at the first step."""

    total: Total | None = None

    def __call__(self, x: Any) -> Any:
        if self.total is None:
            self.total = Total()
        return self.total(x)


def by_for_loop(model: Callable[[Any], Any], xs: Any) -> Any:
    return for_loop(model, xs)


def by_for_loop_backwards(model: Callable[[Any], Any], xs: Any) -> Any:
    return for_loop(model, xs[::-1], reverse=True)[::-1]


def by_scan(model: Callable[[Any], Any], xs: Any) -> Any:
    return scan(lambda carry, x: (carry, model(x)), 0.0, xs)[1]


def by_checkpointed_scan(model: Callable[[Any], Any], xs: Any) -> Any:
    return checkpointed_scan(lambda carry, x: (carry, model(x)), 0.0, xs, base=2)[1]


def by_checkpointed_for_loop(model: Callable[[Any], Any], xs: Any) -> Any:
    return checkpointed_for_loop(model, xs, base=2)


def by_map(model: Callable[[Any], Any], xs: Any) -> Any:
    return transform.map(model, xs)


LOOPS = [
    by_for_loop,
    by_for_loop_backwards,
    by_scan,
    by_checkpointed_scan,
    by_checkpointed_for_loop,
    by_map,
]
MODELS: list[Callable[[], Any]] = [Remade, RemadeInDict, RemadeWhole, Lazy, LazyList, LazyModule]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", MODELS)
def test_a_loop_does_what_python_does(make: Callable[[], Any], loop: Callable[..., Any]) -> None:
    xs = jnp.arange(1.0, 1.0 + STEPS)
    sums = np.cumsum(np.arange(1.0, 1.0 + STEPS))
    model = make()
    assert_close(loop(model, xs), sums)
    assert_close(loop(model, xs), sums + sums[-1])  # it goes on where it was


@pytest.mark.parametrize("make", MODELS)
def test_a_loop_under_jit_and_grad_does_what_python_does(make: Callable[[], Any]) -> None:
    xs = jnp.ones(STEPS)
    model = make()
    slope = jit(lambda x: grad(lambda x: for_loop(model, xs * x).sum())(x))
    assert float(slope(2.0)) == sum(range(1, STEPS + 1))
    # The sum goes on: the second call adds what the first has left, which does not depend on x.
    assert float(slope(2.0)) == sum(range(1, STEPS + 1))


@pytest.mark.parametrize("make", [Remade, RemadeInDict, RemadeWhole])
def test_a_loop_of_unknown_length_carries_a_state_made_anew(make: Callable[[], Any]) -> None:
    def bounded(body: Callable[[Any], Any]) -> Any:
        return bounded_while_loop(lambda n: n < STEPS, body, 0, max_steps=STEPS)

    def unbounded(body: Callable[[Any], Any]) -> Any:
        return while_loop(lambda n: n < STEPS, body, 0)

    for loop in (bounded, unbounded):
        model = make()

        def body(n: Any, model: Any = model) -> Any:
            model(1.0)
            return n + 1

        loop(body)
        [state] = [s for _, s in nn.Sequential(model).states().items()]
        assert float(state.value) == STEPS


def test_recurrent_layers_restart_inside_a_loop_as_outside() -> None:
    looped = nn.init_all_states(nn.Recurrent(nn.GRUCell(2, 3), stateful=True), batch_size=1)
    stepped = copy.deepcopy(looped)
    xs = jnp.linspace(-1.0, 1.0, STEPS * 5 * 2).reshape(STEPS, 5, 1, 2)
    reset = jnp.asarray([[[False], [False], [True], [False], [False]]] * STEPS)
    ys = for_loop(lambda x, r: looped(x, reset=r), xs, reset)
    steps = [stepped(x, reset=r) for x, r in zip(xs, reset, strict=True)]
    assert_close(ys, jax.tree.map(lambda *ys: jnp.stack(ys), *steps))


def test_a_state_where_only_some_lanes_restart_is_carried() -> None:
    cell = nn.GRUCell(2, 3)
    nn.init_all_states(cell, batch_size=2)
    xs = jnp.ones((STEPS, 2, 2))
    first = jnp.asarray([[True, True], [False, True], [False, False], [True, False]])

    def step(x: Any, first: Any) -> Any:
        before = cell.h.value
        nn.init_all_states(cell, batch_size=2)
        cell.h.value = jnp.where(first[:, None], cell.h.value, before)
        return cell(x)

    ys = for_loop(step, xs, first)
    nn.init_all_states(cell, batch_size=2)
    h = cell.h.value
    for x, begins, y in zip(xs, first, ys, strict=True):
        cell.h.value = jnp.where(begins[:, None], 0.0, h)
        h = cell(x)
        assert_close(y, h)


# ------------------------------------------------------------------ models that start themselves


class Starting(nn.Module):
    """Makes its hidden state at each call, then loops."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.VanillaRNNCell(1, 2, activation="tanh")

    def update(self, xs: Any) -> Any:
        nn.init_all_states(self)
        return for_loop(self.cell, xs)


def under_grad(model: Starting, xs: Any) -> Any:
    return grad(lambda: model(xs).sum(), model.cell.W.weight)()


def under_vjp(model: Starting, xs: Any) -> Any:
    return vjp(lambda: model(xs).sum(), grad_states=model.cell.W.weight)[0]


def under_checkpoint(model: Starting, xs: Any) -> Any:
    return checkpoint(lambda: model(xs).sum())()


def under_map(model: Starting, xs: Any) -> Any:
    return transform.map(lambda scale: model(xs * scale).sum(), jnp.ones(2))


def under_cond(model: Starting, xs: Any) -> Any:
    return cond(xs.sum() > 0, lambda: model(xs).sum(), lambda: 0.0)


def under_jit(model: Starting, xs: Any) -> Any:
    return jit(lambda xs: model(xs))(xs)


INNER = [under_grad, under_vjp, under_checkpoint, under_map, under_cond, under_jit]


@pytest.mark.parametrize("inner", INNER)
@pytest.mark.parametrize("way", ["argument", "closure", "made anew before", "replaced before"])
def test_a_model_that_starts_itself_leaves_its_hidden_state(
    inner: Callable[[Starting, Any], Any], way: str
) -> None:
    model, xs = nn.init_all_states(Starting()), jnp.ones((3, 1))
    model(xs)
    expected = np.asarray(model.cell.h.value)
    assert (expected != 0).all()
    by_argument, by_closure = jit(inner), jit(lambda xs: inner(model, xs))
    for _ in range(3):
        if way == "made anew before":
            nn.init_all_states(model)
        elif way == "replaced before":
            model.cell.h = HiddenState(jnp.zeros(2))
        else:
            model.cell.h.value = jnp.zeros(2)
        if way == "argument":
            by_argument(model, xs)
        else:
            by_closure(xs)
        assert_close(model.cell.h.value, expected)


def test_the_parameters_may_come_from_a_closure_and_the_model_as_an_argument() -> None:
    model, xs = nn.init_all_states(Starting()), jnp.ones((3, 1))
    weight = model.cell.W.weight
    step = jit(lambda model: grad(lambda: model(xs).sum(), weight)())
    assert_close(step(model), grad(lambda: model(xs).sum(), weight)())
    model.cell.h.value = jnp.zeros(2)
    step(model)
    assert bool((model.cell.h.value != 0).all())


# -------------------------------------------------------------------------------------- branches


def restart(model: Open, x: Any) -> Any:
    model.h = HiddenState(jnp.zeros(()))
    return x


def step(model: Open, x: Any) -> Any:
    model.h.value = model.h.value + x
    return x


def by_cond(done: bool, model: Open) -> None:
    cond(done, lambda x: restart(model, x), lambda x: step(model, x), 1.0)


def by_switch(done: bool, model: Open) -> None:
    switch(jnp.asarray(done, int), [lambda x: step(model, x), lambda x: restart(model, x)], 1.0)


def by_ifelse(done: bool, model: Open) -> None:
    ifelse([done], [lambda x: restart(model, x), lambda x: step(model, x)], 1.0)


@pytest.mark.parametrize("branch", [by_cond, by_switch, by_ifelse])
@pytest.mark.parametrize("compiled", [False, True])
def test_one_branch_makes_a_state_anew_and_another_writes_it(
    branch: Callable[[Any, Open], None], compiled: bool
) -> None:
    model = Open()
    model.h = HiddenState(jnp.zeros(()))
    found: list[float] = []

    def run(done: Any) -> None:
        branch(done, model)

    if compiled:
        run = jit(run)
    for done in (False, False, True, False):
        run(done)
        found.append(float(model.h.value))
    assert found == [1.0, 2.0, 0.0, 1.0]


def test_branches_make_and_write_crosswise() -> None:
    model = Open()
    model.a, model.b = State(jnp.asarray(1.0)), State(jnp.asarray(2.0))

    def one() -> None:
        model.a = State(model.b.value * 10)
        model.b.value = jnp.asarray(5.0)

    def other() -> None:
        model.b = State(model.a.value * 100)
        model.a.value = jnp.asarray(7.0)

    cond(True, one, other)
    assert (float(model.a.value), float(model.b.value)) == (20.0, 5.0)
    cond(False, one, other)
    assert (float(model.a.value), float(model.b.value)) == (7.0, 2000.0)


def test_branches_in_a_loop_make_and_write() -> None:
    model = Open()
    model.h = HiddenState(jnp.zeros(()))

    def body(done: Any) -> Any:
        cond(done, lambda: restart(model, 0.0), lambda: step(model, 1.0) * 0)
        return model.h.value

    ys = for_loop(body, jnp.asarray([False, False, True, False]))
    assert ys.tolist() == [1.0, 2.0, 0.0, 1.0]


def test_an_attribute_that_one_branch_sets_raises() -> None:
    model = Open()
    model.a, model.b, model.factor = State(jnp.ones(())), State(jnp.ones(())), 1.0

    def share() -> None:
        model.a = model.b

    def plain() -> None:
        model.factor = 2.0

    def also_plain(n: Any) -> Any:
        plain()
        return n + 1

    message = says(
        "does not do to attribute 'a' what branch 0 does",
        where="Open",
        expected="the same change in each branch",
        got="a State that one branch sets",
        fix="write their values in the branches",
    )
    with pytest.raises(BranchError, match=message):
        cond(True, share, lambda: None)
    message = says(
        "attribute 'factor' is set in code that may not run",
        where="Open",
        expected="a State for what a branch or a while loop changes",
        got="a plain attribute set to 2.0",
        fix="use a state",
    )
    with pytest.raises(TransformError, match=message):
        cond(False, plain, lambda: None)
    with pytest.raises(TransformError, match=message):
        while_loop(lambda n: n < 1, also_plain, 0)
    assert model.factor == 1.0
    assert model.a is not model.b


def test_each_branch_may_do_the_same_to_an_attribute() -> None:
    model = Open()
    model.a, model.b = State(jnp.asarray(1.0)), State(jnp.asarray(2.0))

    def share() -> Any:
        model.a = model.b
        return model.a.value

    assert float(cond(True, share, lambda: share() * 2)) == 2.0
    assert model.a is model.b


# ------------------------------------------------------------------ states that change places


def three() -> Open:
    model = Open()
    model.a, model.b, model.c = (State(jnp.asarray(n)) for n in (1.0, 2.0, 3.0))
    model.cells = [State(jnp.asarray(n)) for n in (1.0, 2.0, 3.0)]
    return model


def exchange(model: Open) -> Any:
    model.a, model.b = model.b, model.a
    return model.a.value


def rotate(model: Open) -> Any:
    model.cells = model.cells[1:] + model.cells[:1]
    return model.cells[0].value


def come_and_go(model: Open) -> Any:
    model.a = None if model.a is not None else State(jnp.zeros(()))
    return jnp.zeros(())


def grow(model: Open) -> Any:
    model.cells.append(State(jnp.zeros(())))
    return model.cells[0].value


@pytest.mark.parametrize("body", [exchange, rotate, come_and_go, grow])
def test_a_loop_whose_states_change_places_raises_and_leaves_them(
    body: Callable[[Open], Any],
) -> None:
    model = three()
    before = dict(vars(model)), list(model.cells), model.a.value
    message = says(
        "the body of a loop puts something else into attribute '(a|cells)' at each step",
        where="Open",
        expected="stay where they are after the first step",
        got="that is set again after the first step",
        fix="exchange the values of the states",
    )
    with pytest.raises(LoopStateError, match=message):
        for_loop(lambda x: body(model), jnp.zeros(3))
    assert (dict(vars(model)), list(model.cells), model.a.value) == before


@pytest.mark.parametrize("body", [exchange, rotate, come_and_go, grow])
def test_jit_changes_places_at_each_call_as_python_does(body: Callable[[Open], Any]) -> None:
    one, other = three(), three()
    compiled = jit(lambda: body(one))
    for _ in range(3):
        assert_close(compiled(), body(other))
        names = [name for name in ("a", "b", "c") if getattr(other, name) is not None]
        assert [float(getattr(one, n).value) for n in names] == [
            float(getattr(other, n).value) for n in names
        ]
        assert [float(s.value) for s in one.cells] == [float(s.value) for s in other.cells]


def test_two_places_that_come_to_share_a_state_share_it_in_the_loop() -> None:
    model = three()

    def body(x: Any) -> Any:
        model.a = model.b
        model.b.value = model.b.value + x
        return model.a.value

    assert for_loop(body, jnp.ones(3)).tolist() == [3.0, 4.0, 5.0]
    assert model.a is model.b


def test_a_state_that_sits_elsewhere_too_stays_what_it_is() -> None:
    """Made anew in one of the places that shared a state, a state is one of its own."""
    model = three()
    model.a = model.b
    held = model.b

    def f() -> Any:
        model.a = State(model.a.value * 10)
        return model.b.value

    compiled = jit(f)
    assert float(compiled()) == 2.0
    assert (float(model.a.value), float(model.b.value)) == (20.0, 2.0)
    assert model.b is held
    assert float(compiled()) == 2.0
    assert (float(model.a.value), float(model.b.value)) == (200.0, 2.0)


def test_a_state_that_the_function_holds_itself_stays_what_it_is() -> None:
    model = three()
    old = model.a

    def f() -> Any:
        model.a = State(jnp.asarray(9.0))
        return old.value

    compiled = jit(f)
    assert [float(compiled()) for _ in range(2)] == [1.0, 1.0]
    assert (float(model.a.value), float(old.value)) == (9.0, 1.0)


def test_a_state_made_anew_with_other_tags_takes_no_place() -> None:
    model = three()

    def f() -> None:
        model.a = State(jnp.asarray(9.0), tag="new")

    before = model.a
    jit(f)()
    assert model.a is not before
    assert model.a.tag == {"new"}


def test_lanes_write_a_declared_state_that_they_make_anew() -> None:
    model = Open()
    model.h = HiddenState(jnp.arange(3.0))

    def lane(x: Any) -> Any:
        before = model.h.value
        model.h = HiddenState(before * 2 + x)
        return model.h.value

    ys = vmap(lane, in_states=model.h)(jnp.ones(3))
    assert ys.tolist() == [1.0, 3.0, 5.0]
    assert model.h.value.tolist() == [1.0, 3.0, 5.0]


def test_a_parameter_made_anew_is_differentiated() -> None:
    model = Open()
    model.w = ParamState(jnp.asarray(3.0))

    def loss() -> Any:
        model.w = ParamState(model.w.value * 2)
        return model.w.value**2

    before = model.w
    assert float(grad(loss, model.w)()) == 2 * 6.0 * 2
    assert model.w is before
    assert float(model.w.value) == 6.0


def test_an_exception_gives_lists_and_dicts_their_content_back() -> None:
    model = three()
    model.d = {"k": State(jnp.ones(()))}
    kept, inner = list(model.cells), dict(model.d)

    def f(x: Any) -> Any:
        model.cells.append(State(x))
        model.cells[0] = State(x)
        del model.d["k"]
        raise ValueError("in the middle")

    def looped(x: Any) -> Any:
        return for_loop(f, jnp.ones(3))

    runs: list[Callable[[Any], Any]] = [jit(f), grad(f), looped]
    for run in runs:
        with pytest.raises(ValueError, match="in the middle"):
            run(jnp.ones(()))
        assert model.cells == kept
        assert model.d == inner


def test_plain_jax_agrees_on_a_loop_that_remakes_its_state() -> None:
    model, xs = Remade(), jnp.linspace(0.1, 1.0, 5)

    def reference(xs: Any) -> Any:
        return jax.lax.scan(lambda h, x: (h + x, h + x), 0.0, xs)[1]

    assert_close(for_loop(model, xs), reference(xs))
    model.h.value = jnp.zeros(())
    slope = grad(lambda xs: (for_loop(model, xs) ** 2).sum())(xs)
    assert_close(slope, jax.grad(lambda xs: (reference(xs) ** 2).sum())(xs))
