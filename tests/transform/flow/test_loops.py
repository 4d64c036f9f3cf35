"""``scan`` and ``for_loop`` do what a Python loop does, with the body of a hand-written scan."""

import functools
from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import LoopStateError, StateValueError
from brainlite.graph import Node
from brainlite.random import RandomState
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import for_loop, jit, scan
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, says, values
from tests.transform.small import Counter, Fresh, Total

XS = np.arange(1.0, 5.0, dtype=np.float32)

eager_and_jitted = pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])


def maybe_jit(fun: Callable[[], Any], lifted: bool) -> Callable[[], Any]:
    return jit(fun) if lifted else fun


class Cell(Node):
    """A small recurrent cell, whose output has another shape than its state."""

    def __init__(self) -> None:
        self.weight = ParamState(jnp.full((2, 3), 0.5, jnp.float32))
        self.hidden = HiddenState(jnp.zeros(3))

    def __call__(self, x: Array) -> Array:
        self.hidden.value = jnp.tanh(x @ self.weight.value + self.hidden.value)
        return self.hidden.value.sum()


@eager_and_jitted
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("unroll", [1, 3, True])
def test_a_loop_is_a_python_loop(lifted: bool, reverse: bool, unroll: int | bool) -> None:
    cell, twin = Cell(), Cell()
    xs = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)
    ys = maybe_jit(lambda: for_loop(cell, jnp.asarray(xs), reverse=reverse, unroll=unroll), lifted)
    order = range(4)[::-1] if reverse else range(4)
    expected = {n: twin(jnp.asarray(xs[n])) for n in order}
    assert_close(ys(), np.stack([expected[n] for n in range(4)]))
    assert_close(values(cell.hidden), values(twin.hidden))


def test_the_body_has_the_equations_of_a_hand_written_scan() -> None:
    cell = Cell()
    xs = jnp.ones((4, 2))

    def by_hand(hidden: Array, weight: Array, xs: Array) -> tuple[Array, Array]:
        def body(hidden: Array, x: Array) -> tuple[Array, Array]:
            hidden = jnp.tanh(x @ weight + hidden)
            return hidden, hidden.sum()

        return jax.lax.scan(body, hidden, xs)

    ours = jit(lambda xs: for_loop(cell, xs)).trace(xs).jaxpr
    theirs = jax.make_jaxpr(by_hand)(cell.hidden.value, cell.weight.value, xs)
    [ours_body], [theirs_body] = _scan_bodies(ours), _scan_bodies(theirs)
    assert [str(e.primitive) for e in ours_body.eqns] == [
        str(e.primitive) for e in theirs_body.eqns
    ]
    # Three values go in: the weight, closed over; the state, carried; and one slice of xs.
    assert Tally(v.aval for v in ours_body.invars) == Tally(v.aval for v in theirs_body.invars)


def _scan_bodies(closed: Any) -> list[Any]:
    found: list[Any] = []
    for equation in closed.jaxpr.eqns:
        if equation.primitive.name == "scan":
            found.append(equation.params["jaxpr"].jaxpr)
        elif "jaxpr" in equation.params:
            found += _scan_bodies(equation.params["jaxpr"])
    return found


def test_scan_carries_a_value_and_the_states() -> None:
    model = Total()

    def body(carry: Array, x: Array) -> tuple[Array, tuple[Array, Array]]:
        return carry * x, (model(x), carry)

    carry, ys = scan(body, jnp.ones(()), jnp.asarray(XS))
    products = np.cumprod(XS)
    assert_close((carry, ys), (products[-1], (np.cumsum(XS), [1.0, *products[:-1]])))
    assert_close(values(model.total), [XS.sum()])


def test_several_xs_are_sliced_together() -> None:
    ys = for_loop(lambda a, b: a * b["b"], jnp.asarray(XS), {"b": jnp.asarray(XS * 2)})
    assert_close(ys, XS * XS * 2)


def test_carry_and_results_may_be_pytrees() -> None:
    def body(carry: dict[str, Any], x: tuple[Array, Array]) -> tuple[dict[str, Any], list[Any]]:
        return {"n": carry["n"] + 1, "none": None}, [x[0] + x[1], None, ()]

    xs = (jnp.asarray(XS), jnp.asarray(XS))
    carry, ys = scan(body, {"n": 0, "none": None}, xs)
    assert_same(carry, {"n": 4, "none": None})
    assert_same(ys, [XS * 2, None, ()])


def test_a_loop_without_xs_takes_a_length() -> None:
    model = Counter()
    _, ys = scan(lambda carry, _: (carry, model(jnp.ones(()))), None, length=3)
    assert_close(ys, [1.0, 2.0, 3.0])
    assert_close(for_loop(lambda: model(jnp.ones(())), length=2), [4.0, 5.0])


def test_keys_can_be_looped_over_and_carried() -> None:
    keys = jax.random.split(jax.random.key(0), 3)

    def body(carry: Array, key: Array) -> tuple[Array, Array]:
        return jax.random.fold_in(carry, 1), jax.random.normal(key)

    carry, ys = scan(body, jax.random.key(1), keys)
    assert_close(ys, [jax.random.normal(key) for key in keys])
    fold = functools.partial(jax.random.fold_in, data=1)
    assert_same(carry, fold(fold(fold(jax.random.key(1)))))


@eager_and_jitted
def test_a_loop_of_no_steps_writes_nothing(lifted: bool) -> None:
    model, fresh = Counter(), Fresh()
    fresh(jnp.ones(3))
    last = State(jnp.zeros(()))

    def body(x: Array) -> Array:
        last.value = x.sum()
        return fresh(model(x))

    loop = maybe_jit(lambda: for_loop(body, jnp.zeros((0, 3))), lifted)
    assert loop().shape == (0, 3)
    assert_same(values(model.count, last, fresh.hidden), [0, 0.0, np.ones(3)])


def test_a_loop_of_no_steps_attaches_no_state() -> None:
    model = Fresh()
    for_loop(model, jnp.zeros((0, 3)))
    assert not hasattr(model, "hidden")


def test_a_weakly_typed_carry_is_carried_in_its_own_type() -> None:
    untyped: Any = scan  # a Python float goes in, an array comes out
    carry, _ = untyped(lambda carry, x: (carry + x, None), 0.0, jnp.asarray(XS))
    assert_same(carry, np.float32(XS.sum()))
    assert carry.dtype == jnp.float32
    state = State[Any](0.0)

    def body(x: Array) -> Any:
        state.value = state.value + x
        return state.value

    assert_close(for_loop(body, jnp.asarray(XS)), np.cumsum(XS))
    assert not state.value.weak_type


def test_a_state_of_a_python_number_may_become_an_array() -> None:
    state = State[Any](1)

    def body(x: Array) -> Array:
        state.value = state.value * 2
        return x

    for_loop(body, jnp.asarray(XS))
    assert_same(values(state), [16])


def test_a_state_that_is_written_before_it_is_read_may_take_another_shape() -> None:
    last = HiddenState(jnp.zeros(()))

    def body(x: Array) -> Array:
        last.value = jnp.full(2, x)
        return last.value.sum()

    assert_close(for_loop(body, jnp.asarray(XS)), XS * 2)
    assert_close(values(last), [np.full(2, XS[-1])])


def test_each_step_draws_other_random_numbers_and_goes_on_from_there() -> None:
    generator, twin = RandomState(0), RandomState(0)
    draw = functools.partial(generator.normal, 0.0, 1.0)
    ys = for_loop(lambda _: draw(), jnp.zeros(4))
    assert_close(ys, [twin.normal(0.0, 1.0) for _ in range(4)])
    assert len(set(np.asarray(ys).tolist())) == 4
    assert_same(generator.value, twin.value)


def test_a_loop_in_a_loop_shares_its_states_with_it() -> None:
    model = Counter()

    def inner(x: Array) -> Array:
        return for_loop(model, jnp.full(3, x))

    ys = jit(lambda xs: for_loop(inner, xs))(jnp.asarray(XS))
    assert_close(ys, XS[:, None] * np.arange(1, 13).reshape(4, 3))
    assert_same(values(model.count), [12])


def test_what_the_body_closes_over_may_be_traced() -> None:
    model = Total()

    @jit
    def fun(scale: Array) -> Array:
        return for_loop(lambda x: model(x * scale), jnp.asarray(XS))

    assert_close(fun(jnp.asarray(2.0)), np.cumsum(XS) * 2)


# Errors.


class Changing(Node):
    """Writes a state of another shape than it has."""

    def __init__(self, change: Callable[[Array], Any]) -> None:
        self.change = change
        self.hidden = HiddenState(jnp.zeros(2))

    def __call__(self, x: Array) -> Array:
        self.hidden.value = self.change(self.hidden.value)
        return x


@eager_and_jitted
@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda h: jnp.concatenate([h, h]), r"float32\[4\]"),
        (lambda h: h.astype(jnp.int32), r"int32\[2\]"),
    ],
    ids=["shape", "dtype"],
)
def test_a_state_that_changes_its_type_raises_with_both(
    change: Callable[[Array], Any], got: str, lifted: bool
) -> None:
    model = Changing(change)
    loop = maybe_jit(lambda: for_loop(model, jnp.asarray(XS)), lifted)
    message = says(
        "this HiddenState changes in the body of a loop",
        where=r"Changing\.hidden \(HiddenState\)",
        expected=r"float32\[2\]",
        got=got,
        fix="reset_state",
    )
    with pytest.raises(LoopStateError, match=message):
        loop()
    assert_same(values(model.hidden), [np.zeros(2)])


def test_a_state_that_changes_its_structure_raises() -> None:
    model = Changing(lambda h: {"h": h})
    with pytest.raises(StateValueError, match=r"(?s)Changing\.hidden.*another structure"):
        for_loop(model, jnp.asarray(XS))


@pytest.mark.parametrize(
    ("init", "got"),
    [
        (np.zeros(2, np.float32), r"float32\[3\]"),
        (np.zeros(3, np.int32), r"float32\[3\]"),
        ((np.zeros(3, np.float32),), r"float32\[3\]"),
    ],
)
def test_a_carry_that_changes_raises_with_both(init: Any, got: str) -> None:
    message = says(
        "the carry of a scan changes in the body",
        expected=r"a carry like init: .*\[\d\]",
        got=got,
        fix="same structure, shapes and dtypes",
    )
    with pytest.raises(LoopStateError, match=message):
        scan(lambda _, x: (jnp.ones(3), x), init, jnp.asarray(XS))


def test_a_body_of_scan_that_returns_no_pair_raises() -> None:
    body: Any = lambda carry, _: carry  # noqa: E731
    message = says(
        "did not return a pair",
        expected=r"\(carry, y\)",
        got=r"float32\[\]",
        fix="return `carry, y`",
    )
    with pytest.raises(LoopStateError, match=message):
        scan(body, 0.0, jnp.asarray(XS))


@pytest.mark.parametrize(
    ("xs", "length"),
    [
        ((np.zeros(3), np.zeros(4)), None),
        ((np.zeros(3),), 4),
        ((np.zeros(()),), None),
        ((np.zeros(()),), 4),
        ((), None),
    ],
    ids=["two lengths", "length= differs", "no axis", "no axis but length=", "nothing"],
)
def test_a_loop_without_a_single_length_raises(xs: tuple[Any, ...], length: int | None) -> None:
    message = says(
        "for_loop has no single length",
        expected="arrays with a leading axis",
        got=(r"arrays of shapes \[.*" if xs else "no array to loop over.*")
        + ("no length" if length is None else f"length={length}"),
        fix="pass `length=",
    )
    loop: Any = for_loop
    with pytest.raises(LoopStateError, match=message):
        loop(lambda *x: x, *xs, length=length)
