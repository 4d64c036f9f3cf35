"""``cond``, ``switch`` and ``ifelse``: the branch that is taken happens, the others do not."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import BranchError
from brainlite.random import RandomState
from brainlite.state import HiddenState, State
from brainlite.transform import cond, for_loop, ifelse, jit, switch
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, says, values
from tests.transform.small import Counter, Fresh, Total

X = np.arange(1.0, 4.0, dtype=np.float32)

eager_and_jitted = pytest.mark.parametrize("lifted", [False, True], ids=["eager", "jitted"])


def maybe_jit(fun: Callable[..., Any], lifted: bool) -> Callable[..., Any]:
    return jit(fun) if lifted else fun


@eager_and_jitted
def test_only_the_branch_that_is_taken_writes(lifted: bool) -> None:
    first, second, read = Counter(), Counter(), State(jnp.full((), 10.0))

    def otherwise(x: Array) -> Array:
        return second(x) * read.value

    fun = maybe_jit(lambda pred, x: cond(pred, first, otherwise, x), lifted)
    assert_close(fun(True, jnp.asarray(X)), X)
    assert_same(values(first.count, second.count), [1, 0])
    assert_close(fun(False, jnp.asarray(X)), X * 10)
    assert_close(fun(False, jnp.asarray(X)), X * 20)
    assert_same(values(first.count, second.count), [1, 2])


@pytest.mark.parametrize(
    "pred", [True, 1, np.bool_(True), jnp.asarray(True), jnp.asarray(2), np.float32(0.5)]
)
def test_a_predicate_may_be_any_number(pred: Any) -> None:
    assert_close(cond(pred, lambda: 1.0, lambda: 2.0), 1.0)


def test_a_state_that_both_branches_write_has_the_value_of_the_one_that_is_taken() -> None:
    state = State(jnp.zeros(()))

    def write(value: float) -> Callable[[], None]:
        def branch() -> None:
            state.value = jnp.full((), value)

        return branch

    branches = [write(1.0), write(2.0), write(3.0)]
    for index in (2, 0, 1):
        switch(index, branches)
        assert_same(values(state), [index + 1.0])


@eager_and_jitted
def test_switch_clamps_its_index(lifted: bool) -> None:
    fun = maybe_jit(lambda n: switch(n, [lambda: 0.0, lambda: 1.0, lambda: 2.0]), lifted)
    assert [float(fun(n)) for n in (-5, 0, 1, 2, 7)] == [0.0, 0.0, 1.0, 2.0, 2.0]


INDICES = [
    *[np.array(n, "int64") for n in (2**32 + 1, -(2**32) + 1, 2**63 - 1)],
    *[jnp.asarray(n, "uint32") for n in (1, 2**31 + 5, 2**32 - 1)],
    *[jnp.asarray(n, "int8") for n in (-128, 2, 127)],
    *[jnp.asarray(n, "uint8") for n in (2, 200)],
    *[True, -1, 2, 7],
]


@pytest.mark.parametrize("index", INDICES, ids=lambda n: f"{n}-{getattr(n, 'dtype', 'int')}")
@pytest.mark.parametrize("way", ["eager", "jitted", "disabled"])
def test_an_index_of_any_type_is_clamped_and_never_wraps(index: Any, way: str) -> None:
    branches = [lambda: jnp.float32(0), lambda: jnp.float32(1), lambda: jnp.float32(2)]
    expected = min(max(int(index), 0), 2)
    if way == "jitted" and not isinstance(index, np.ndarray):  # 64 bits do not go in
        assert float(jit(lambda i: switch(i, branches))(index)) == expected
    with jax.disable_jit(way == "disabled"):
        assert float(switch(index, branches)) == expected


@eager_and_jitted
def test_ifelse_takes_the_first_that_holds(lifted: bool) -> None:
    counters = [Counter() for _ in range(3)]
    fun = maybe_jit(lambda a, b: ifelse([a, b], counters, jnp.ones(())), lifted)
    for conditions in ((True, True), (False, True), (False, False), (True, False)):
        fun(*conditions)
    assert_same(values(*(c.count for c in counters)), [2, 1, 1])


def test_ifelse_with_a_condition_for_each_branch_falls_back_on_the_last() -> None:
    taken = [float(ifelse([a, b], [lambda: 1.0, lambda: 2.0])) for a, b in ((1, 1), (0, 1), (0, 0))]
    assert taken == [1.0, 2.0, 2.0]


def test_operands_and_results_may_be_pytrees() -> None:
    def swap(pair: dict[str, Array]) -> dict[str, Array]:
        return {"a": pair["b"], "b": pair["a"]}

    pair = {"a": jnp.zeros(2), "b": jnp.ones(3)}
    same: Callable[[dict[str, Array]], dict[str, Array]] = lambda p: {"a": p["a"], "b": p["b"]}  # noqa: E731
    assert_same(cond(False, same, same, pair), pair)
    square = {"a": jnp.zeros(2), "b": jnp.ones(2)}
    assert_same(cond(True, swap, same, square), {"a": np.ones(2), "b": np.zeros(2)})


def test_python_numbers_of_one_branch_fit_arrays_of_the_other() -> None:
    assert_close(cond(True, lambda: 1.0, lambda: jnp.zeros(())), 1.0)


def test_only_the_branch_that_is_taken_draws() -> None:
    generator, twin = RandomState(0), RandomState(0)
    draw = lambda: generator.normal(0.0, 1.0)  # noqa: E731
    assert_close(cond(False, draw, lambda: jnp.zeros(())), 0.0)
    assert_same(generator.value, twin.value)
    assert_close(cond(True, draw, lambda: jnp.zeros(())), twin.normal(0.0, 1.0))
    assert_same(generator.value, twin.value)


def test_a_branch_in_a_loop_decides_at_each_step() -> None:
    up, down = Counter(), Counter()
    fun = jit(lambda xs: for_loop(lambda x: cond(x > 2, up, down, x), xs))
    assert_close(fun(jnp.arange(5.0)), [0.0, 2.0, 6.0, 3.0, 8.0])
    assert_same(values(up.count, down.count), [2, 3])


def test_a_state_made_in_one_branch_goes_into_the_one_that_is_there() -> None:
    model = Fresh()
    model(jnp.zeros(3))
    resident = model.hidden
    fun = jit(lambda pred, x: cond(pred, model, lambda x: x, x))
    assert_close(fun(False, jnp.asarray(X)), X)
    assert_close(values(resident), [X * 0])
    assert_close(fun(True, jnp.asarray(X)), X * 2)
    assert model.hidden is resident
    assert_close(values(resident), [X])


def test_a_state_made_in_both_branches_is_one() -> None:
    model = Fresh()
    model(jnp.zeros(3))
    cond(True, model, lambda x: model(x * 10), jnp.asarray(X))
    assert_close(values(model.hidden), [X])
    cond(False, model, lambda x: model(x * 10), jnp.asarray(X))
    assert_close(values(model.hidden), [X * 10])


# Errors.


def test_a_state_made_where_none_was_raises() -> None:
    model = Fresh()
    message = says(
        "a branch of cond makes a HiddenState that may not come to be",
        expected="a state that exists before",
        got="a new state at attribute 'hidden'",
        fix="make the state before",
    )
    with pytest.raises(BranchError, match=message):
        cond(True, model, lambda x: x, jnp.asarray(X))
    assert not hasattr(model, "hidden")


@pytest.mark.parametrize(
    ("other", "got"),
    [
        (lambda x: x[:2], r"float32\[2\]"),
        (lambda x: x.astype(jnp.int32), r"int32\[3\]"),
        (lambda x: (x, x), r"\(float32\[3\], float32\[3\]\)"),
    ],
    ids=["shape", "dtype", "structure"],
)
def test_branches_with_different_results_raise(other: Callable[[Array], Any], got: str) -> None:
    message = says(
        "branch 1 returns another type than branch 0",
        expected="the same structure, shapes and dtypes",
        got=rf"float32\[3\] from branch 0, {got} from branch 1",
        fix="return the same from each",
    )
    with pytest.raises(BranchError, match=message):
        switch(0, [lambda x: x, other], jnp.asarray(X))


def test_branches_that_leave_a_state_of_different_types_raise() -> None:
    model = Total()

    def grow(x: Array) -> Array:
        model.total.value = jnp.zeros(2)
        return x

    message = says(
        "this HiddenState has different types after the branches",
        where=r"Total\.total \(HiddenState\)",
        expected=r"float32\[\]",
        got=r"float32\[2\]",
        fix="keep structure",
    )
    with pytest.raises(BranchError, match=message):
        jit(lambda model, pred: cond(pred, grow, lambda x: x, model.total.value))(model, True)
    assert_same(values(model.total), [0.0])


def test_a_switch_without_branches_raises() -> None:
    message = says(
        "switch was given no branch", expected="at least one", got="empty", fix="pass the branches"
    )
    with pytest.raises(BranchError, match=message):
        switch(0, [])


@pytest.mark.parametrize(("conditions", "branches"), [(1, 3), (3, 2), (0, 0)])
def test_conditions_that_do_not_fit_raise(conditions: int, branches: int) -> None:
    message = says(
        "the conditions do not fit the branches",
        expected="as many conditions as branches",
        got=f"{conditions} conditions and {branches} branches",
        fix="let the last branch",
    )
    with pytest.raises(BranchError, match=message):
        ifelse([True] * conditions, [lambda: 1.0] * branches)


def test_a_hidden_state_may_be_reset_in_a_branch() -> None:
    hidden = HiddenState(jnp.ones(3))

    def reset() -> None:
        hidden.value = jnp.zeros(3)

    cond(True, reset, lambda: None)
    assert_same(values(hidden), [np.zeros(3)])
