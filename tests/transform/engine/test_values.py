"""What cannot go into a transform or come out of it raises with its place in the arguments."""

import functools
from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import (
    ArgumentError,
    BranchError,
    GradError,
    LoopStateError,
    OptionError,
    ResultError,
)
from brainlite.graph import Node
from brainlite.state import HiddenState, State
from brainlite.transform import (
    bounded_while_loop,
    checkpoint,
    checkpointed_for_loop,
    checkpointed_scan,
    cond,
    eval_shape,
    for_loop,
    grad,
    ifelse,
    jit,
    scan,
    switch,
    vmap,
    while_loop,
)
from brainlite.transform import (
    map as map_slices,
)
from tests.transform.checks import says

X = jnp.ones(())
XS = jnp.ones(3)
MODEL = brainlite.nn.Linear(3, 2)
OBJECT = object()
TEXT: Any = "a"


def never(_: Any) -> bool:
    return False


def same(x: Any) -> Any:
    return x


def eval_shape_of(f: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: eval_shape(f, *args)


Run: TypeAlias = tuple[Callable[[Callable[[Any], Any]], Any], str]
COMPILED: dict[str, Run] = {  # these can return modules and states
    "jit": (lambda f: jit(f)(X), "result"),
    "vmap": (lambda f: vmap(f)(XS), "result"),
    "jit of grad": (lambda f: jit(grad(lambda x: (x, f(x)), has_aux=True))(X), r"result\[1\]"),
}
RUNS: dict[str, Run] = {
    "for_loop": (lambda f: for_loop(f, XS), "result"),
    "scan": (lambda f: scan(lambda c, x: (c, f(x)), X, XS), r"result\[1\]"),
    "the carry": (lambda f: scan(lambda c, x: (f(c), x), X, XS), r"result\[0\]"),
    "while_loop": (lambda f: while_loop(lambda c: True, f, X), "result"),
    "cond": (lambda f: cond(True, f, f, X), "result"),
    "checkpoint": (lambda f: checkpoint(f)(X), "result"),
}
GRAPH = {"module": (MODEL, "a Linear"), "state": (MODEL.weight, "a ParamState")}
OTHERS = {
    "string": ("text", "'text'"),
    "object": (OBJECT, "an object"),
    "function": (len, "a builtin_function_or_method"),
}
CASES = [
    pytest.param(run, *what, id=f"{name}-{kind}")
    for runs, values in ((RUNS, {**GRAPH, **OTHERS}), (COMPILED, OTHERS))
    for name, run in runs.items()
    for kind, what in values.items()
]


@pytest.mark.parametrize(("run", "value", "got"), CASES)
def test_what_is_no_array_cannot_be_returned(run: Run, value: Any, got: str) -> None:
    transformed, where = run
    count = State(jnp.zeros(()))

    def body(x: Any) -> Any:
        count.value = count.value + 1
        return {"a": [x, value]}

    message = says(
        "returns something that is no array",
        where=rf"{where}\['a'\]\[1\]",
        expected="arrays and numbers.*",
        got=got,
        fix="return (its values|arrays).*",
    )
    with pytest.raises(ResultError, match=message):
        transformed(body)
    assert float(count.value) == 0.0


def test_numbers_and_numpy_arrays_may_be_returned() -> None:
    out = jit(lambda x: (1, 2.5, True, np.ones(2), None, {"a": x}, jax.random.key(0)))(X)
    assert jax.tree.map(jnp.shape, out[:4]) == ((), (), (), (2,))


ARGUMENTS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "a string under jit": (lambda: jit(lambda x: x)("a"), "argument x", "'a'"),
    "an object in a dict": (lambda: jit(lambda d: d)({"k": OBJECT}), r"argument d\['k'\]", "an o"),
    "an object by keyword": (lambda: jit(lambda x: x)(x=OBJECT), "argument x", "an object"),
    "a carry": (lambda: scan(lambda c, x: (c, x), "a", XS), "argument init", "'a'"),
    "a sequence": (lambda: for_loop(lambda x: x, "abc"), r"argument xs\[0\]", "'abc'"),
    "of a branch": (lambda: cond(True, lambda x: x, lambda x: x, "a"), "argument x", "'a'"),
    "of while_loop": (
        lambda: while_loop(never, same, "a"),
        "argument init_val",
        "'a'",
    ),
    "of a lane": (lambda: vmap(lambda x, s: x)(XS, "a"), "argument s", "'a'"),
    "a module by keyword": (
        lambda: vmap(lambda x, model: model(x))(jnp.ones((4, 3)), model=MODEL),
        "argument model",
        "a Linear",
    ),
    "a module in a dict": (
        lambda: vmap(lambda d: d["m"](d["x"]))({"m": MODEL, "x": jnp.ones((4, 3))}),
        r"argument d\['m'\]",
        "a Linear",
    ),
}


@pytest.mark.parametrize("case", ARGUMENTS.values(), ids=list(ARGUMENTS))
def test_what_is_no_array_cannot_be_passed(case: tuple[Callable[[], Any], str, str]) -> None:
    run, where, got = case
    message = says("cannot take this argument", where=where, expected="arrays.*", got=got, fix="")
    with pytest.raises(ArgumentError, match=message):
        run()


DECISIONS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "cond by a string": (lambda: cond(TEXT, X.sum, X.sum), "argument pred", "'a'"),
    "cond by a vector": (lambda: cond(XS > 0, X.sum, X.sum), "argument pred", r"bool\[3\]"),
    "ifelse": (lambda: ifelse([True, XS], [X.sum, X.sum]), r"conditions\[1\]", r"float32\[3\]"),
    "switch by a float": (lambda: switch(1.5, [X.sum, X.sum]), "argument index", r"float 1\.5"),
    "switch by a vector": (lambda: switch(XS, [X.sum, X.sum]), "argument index", r"float32\[3\]"),
    "while_loop": (
        lambda: while_loop(lambda c: c > 0, lambda c: c, XS),
        "the result of cond_fun",
        r"bool\[3\]",
    ),
}


@pytest.mark.parametrize("case", DECISIONS.values(), ids=list(DECISIONS))
def test_one_number_decides(case: tuple[Callable[[], Any], str, str]) -> None:
    run, where, got = case
    message = says("cannot decide by this", where=where, expected="one .*", got=got, fix="reduce.*")
    with pytest.raises(ArgumentError, match=message):
        run()


@pytest.mark.parametrize("pred", [True, 1, 0.5, np.float32(2), np.array(True), jnp.ones((), int)])
def test_numbers_and_truth_values_decide(pred: Any) -> None:
    assert float(cond(pred, lambda: X, lambda: -X)) == 1.0


class Cell(Node):
    def __init__(self, lanes: int) -> None:
        self.h = HiddenState(jnp.zeros((lanes, 2)))

    def __call__(self, x: Any) -> Any:
        self.h.value = self.h.value + x
        return self.h.value


LANES: dict[str, tuple[Callable[[], Any], str]] = {
    "two arguments": (
        lambda: vmap(lambda x, y: x + y)(XS, jnp.ones(4)),
        "3 in argument x, 4 in argument y",
    ),
    "inside an argument": (
        lambda: vmap(lambda d: d["a"])({"a": XS, "b": jnp.ones(4)}),
        r"3 in argument d\['a'\], 4 in argument d\['b'\]",
    ),
    "axes of their own": (
        lambda: vmap(lambda x, y: x, in_axes=(0, 1))(XS, jnp.ones((3, 5))),
        "3 in argument x, 5 in argument y",
    ),
    "by keyword": (
        lambda: vmap(lambda x, *, y: x)(XS, y=jnp.ones(4)),
        "3 in argument x, 4 in argument y",
    ),
    "axis_size": (
        lambda: vmap(lambda x: x, axis_size=5)(XS),
        "5 in axis_size, 3 in argument x",
    ),
    "any number of arguments": (
        lambda: vmap(lambda *xs: xs[0])(XS, jnp.ones(4)),
        "3 in argument 0, 4 in argument 1",
    ),
}


@pytest.mark.parametrize("case", LANES.values(), ids=list(LANES))
def test_lanes_are_of_one_number(case: tuple[Callable[[], Any], str]) -> None:
    run, got = case
    message = says("differs in the number", expected="one size.*", got=got, fix="pass arrays.*")
    with pytest.raises(ArgumentError, match=message):
        run()


def test_a_state_of_another_number_of_lanes_is_named() -> None:
    cell = Cell(4)
    with pytest.raises(ArgumentError, match=r"got: +5 in argument x, 4 in Cell\.h \(HiddenState\)"):
        vmap(cell, in_states=cell.h)(jnp.ones((5, 2)))
    with pytest.raises(ArgumentError, match=r"got: +5 in argument x, 4 in Cell\.h \(HiddenState\)"):
        vmap(lambda x, cell: cell(x))(jnp.ones((5, 2)), cell)
    assert cell.h.value.shape == (4, 2)


@pytest.mark.parametrize(("axis", "axes"), [(0, 1), (1, 2), (-2, 2)])
def test_an_argument_without_the_axis_is_named(axis: int, axes: int) -> None:
    value = jnp.ones((1,) * (axes - 1))
    message = says(
        f"has no axis {axis} to map over",
        where="argument x",
        expected=f"at least {axes} axes",
        got=r"float32\[.*\]",
        fix="pass None.*",
    )
    with pytest.raises(ArgumentError, match=message):
        vmap(lambda x: x, in_axes=axis)(value)


def test_a_lane_needs_something_to_map_over() -> None:
    with pytest.raises(ArgumentError, match=r"vmap has nothing to map over\n.*\n.*\n.*axis_size"):
        vmap(lambda: 1.0)()
    with pytest.raises(ArgumentError, match="nothing to map over"):
        vmap(lambda x: x, in_axes=None)(XS)
    assert vmap(lambda: X, axis_size=2)().shape == (2,)


@pytest.mark.parametrize("length", [-1, 1.5, "3"])
def test_the_length_of_a_loop_is_a_whole_number(length: Any) -> None:
    with pytest.raises(
        LoopStateError, match=rf"so many steps\n.*whole number.*\n.*length={length!r}"
    ):
        for_loop(lambda: X, length=length)


# ------------------------------------------------- numbers in states, whose type jax has to say

NUMBERS: list[Any] = [0.0, 3, np.float64(1), np.int64(2), np.zeros(3), [np.arange(3), 2.0]]


def step(state: State[Any]) -> Any:
    state.value = jax.tree.map(lambda leaf: leaf + 1, state.value)
    return X


@pytest.mark.parametrize("value", NUMBERS, ids=repr)
@pytest.mark.parametrize(
    "run",
    [
        lambda s: for_loop(lambda _: step(s), XS),
        lambda s: while_loop(lambda c: c < 3, lambda c: (step(s), c + 1)[1], 0),
        lambda s: cond(True, lambda: step(s), lambda: X),
        lambda s: jit(lambda: step(s))(),
    ],
    ids=["for_loop", "while_loop", "cond", "jit"],
)
def test_a_state_may_begin_as_a_number_of_python_or_numpy(
    run: Callable[[State[Any]], Any], value: Any
) -> None:
    state = State(value)
    run(state)
    run(state)
    first, begun = (np.ravel(jax.tree.leaves(each)[0])[0] for each in (state.value, value))
    plain = State(value)
    for _ in range(int(first - begun)):
        step(plain)
    jax.tree.map(np.testing.assert_allclose, state.value, plain.value)
    assert first - begun in (2, 6)


UNKNOWN = {
    "texts": (np.array(["a", "b"]), "<U1"),
    "objects": (np.array([None, 1]), "object"),
    "dates": (np.array(["2020-01-01"], "datetime64[D]"), "datetime64"),
    "records": (np.zeros(2, [("a", "f4")]), "'a'"),
}
TAKES: dict[str, Callable[[Any], Any]] = {
    "jit": lambda x: jit(same)(x),
    "vmap": lambda x: vmap(same)(x),
    "for_loop": lambda x: for_loop(same, x),
    "scan": lambda x: scan(lambda c, x: (c, x), 0.0, x),
    "the carry": lambda x: scan(lambda c, x: (c, x), x, XS),
    "while_loop": lambda x: while_loop(never, same, x),
    "bounded_while_loop": lambda x: bounded_while_loop(never, same, x, max_steps=2),
    "map": lambda x: map_slices(same, x, batch_size=1),
    "checkpointed_for_loop": lambda x: checkpointed_for_loop(
        lambda one, two: one, jnp.ones(2), x, base=2
    ),
    "cond": lambda x: cond(True, same, same, x),
    "checkpoint": lambda x: checkpoint(same)(x),
}


@pytest.mark.parametrize("name", TAKES)
@pytest.mark.parametrize(("value", "got"), UNKNOWN.values(), ids=list(UNKNOWN))
def test_an_array_of_a_type_that_jax_does_not_have_is_refused(
    name: str, value: Any, got: str
) -> None:
    expected = rf"(?s)argument \w+.*cannot take this.*\n  got: +an array of .*{got}"
    with pytest.raises(ArgumentError, match=expected):
        TAKES[name](value)
    with pytest.raises(ResultError, match=rf"(?s)result: .*no array.*an array of .*{got}"):
        jit(lambda: value)()


@pytest.mark.parametrize("dtype", ["bfloat16", "float8_e4m3fn", "int4", "bool", "complex64"])
def test_arrays_of_numpy_that_jax_knows_are_taken(dtype: str) -> None:
    x = np.asarray(jnp.ones(2).astype(dtype))
    assert jit(same)(x).dtype == dtype
    assert for_loop(same, x).dtype == dtype


@pytest.mark.parametrize("compiled", [jit, checkpoint, eval_shape_of], ids=lambda f: f.__name__)
def test_a_dict_whose_keys_have_no_order_is_refused(compiled: Any) -> None:
    with pytest.raises(ArgumentError, match=r"(?s)keys cannot be sorted.*got: .*1: 1.0, 'a'"):
        compiled(same)({1: 1.0, "a": 2.0})
    with pytest.raises(ResultError, match=r"(?s)result: .*keys cannot be sorted"):
        jit(lambda: {1: 1.0, "a": 2.0})()


CONDITIONS: dict[str, tuple[Any, str]] = {
    "a number": (lambda c: c - 3.0, r"a number is not(.|\n)*float32\[\](.|\n)*compare: `x > 0`"),
    "a whole number": (lambda c: jnp.int32(1), r"a number is not(.|\n)*int32\[\]"),
    "an array": (lambda c: jnp.ones(2) > c, r"cannot decide(.|\n)*bool\[2\]"),
    "nothing": (lambda c: None, r"cannot decide(.|\n)*a NoneType"),
    "a tuple": (lambda c: (c < 3,), r"cannot decide(.|\n)*a tuple"),
}


@pytest.mark.parametrize("disabled", [False, True])
@pytest.mark.parametrize("bounded", [False, True])
@pytest.mark.parametrize(("condition", "match"), CONDITIONS.values(), ids=list(CONDITIONS))
def test_a_condition_of_a_loop_that_is_no_truth_value_is_refused(
    condition: Any, match: str, bounded: bool, disabled: bool
) -> None:
    loop: Any = functools.partial(bounded_while_loop, max_steps=3) if bounded else while_loop
    with jax.disable_jit(disabled), pytest.raises(ArgumentError, match=match):
        loop(condition, lambda c: c + 1, 1.0)


BAD: Any = None
ANY: Any = 3
NOT_CALLABLE: dict[str, Callable[[], Any]] = {
    "cond_fun": lambda: while_loop(BAD, same, 1.0),
    "body_fun": lambda: while_loop(never, BAD, 1.0),
    "a bounded body": lambda: bounded_while_loop(never, BAD, 1.0, max_steps=2),
    "a branch": lambda: cond(True, BAD, same, 1.0),
    "another branch": lambda: cond(True, same, BAD, 1.0),
    "one of many": lambda: switch(0, [same, BAD], 1.0),
    "an alternative": lambda: ifelse([True], [same, BAD], 1.0),
    "the body of a scan": lambda: scan(BAD, 0.0, XS),
    "a checkpointed body": lambda: checkpointed_scan(BAD, 0.0, XS),
    "a policy": lambda: checkpoint(same, policy=ANY),
}


@pytest.mark.parametrize("call", NOT_CALLABLE.values(), ids=list(NOT_CALLABLE))
def test_what_is_to_be_called_must_be_callable(call: Callable[[], Any]) -> None:
    match = r"cannot be called\n +expected: a function(.|\n)*got: +(None|3), of type"
    with pytest.raises(ArgumentError, match=match):
        call()


TEXT_OR_HALF: list[Any] = ["x", 1.5, [0, "x"], [1.5]]


@pytest.mark.parametrize("numbers", TEXT_OR_HALF, ids=repr)
@pytest.mark.parametrize("option", ["static_argnums", "donate_argnums"])
def test_arguments_are_chosen_by_whole_numbers(option: str, numbers: Any) -> None:
    untyped: Any = jit
    with pytest.raises(OptionError, match=rf"(?s){option} that do not choose.*got: .*x|1\.5"):
        untyped(same, **{option: numbers})


@pytest.mark.parametrize("option", ["static_argnames", "donate_argnames"])
@pytest.mark.parametrize("names", [3, [3], 1.5], ids=repr)
def test_arguments_are_chosen_by_names(option: str, names: Any) -> None:
    untyped: Any = jit
    with pytest.raises(OptionError, match=rf"(?s){option} that do not choose.*the name of"):
        untyped(same, **{option: names})


@pytest.mark.parametrize("numbers", TEXT_OR_HALF, ids=repr)
def test_what_to_differentiate_is_chosen_by_whole_numbers(numbers: Any) -> None:
    with pytest.raises(GradError, match=r"(?s)argnums does not say.*got: +argnums=.*(x|1\.5)"):
        grad(same, argnums=numbers)


NO_FLOATS: dict[str, tuple[Any, str]] = {
    "a whole number": (1, r"argument 0: .*grad cannot differentiate(.|\n)*got: +int 1"),
    "a truth value": (True, r"argument 0: (.|\n)*got: +bool True"),
    "an array of ints": (jnp.arange(3), r"argument 0: (.|\n)*got: +int32\[3\]"),
    "an int in a list": ([1.0, 2], r"argument 0\[1\]: (.|\n)*got: +int 2"),
    "a text": ("a", r"argument 0: (.|\n)*got: +.*a"),
}


@pytest.mark.parametrize(("value", "match"), NO_FLOATS.values(), ids=list(NO_FLOATS))
@pytest.mark.parametrize("compiled", [False, True])
def test_only_floats_are_differentiated(value: Any, match: str, compiled: bool) -> None:
    gradient: Any = grad(lambda x: jnp.sum(jnp.asarray(jax.tree.leaves(x)[0])) * 1.0)
    if compiled and not isinstance(value, str):
        with pytest.raises(GradError, match=r"grad cannot differentiate this argument"):
            jit(gradient)(value)
        return
    with pytest.raises(GradError, match=match):
        gradient(value)


def test_a_complex_result_has_no_gradient() -> None:
    with pytest.raises(GradError, match=r"(?s)result: .*got: +complex64.*holomorphic"):
        grad(lambda x: x * 1j)(1.0)


def test_a_loop_runs_forwards_or_backwards() -> None:
    backwards: Any = "backwards"
    with pytest.raises(LoopStateError, match=r"(?s)True or False.*reverse='backwards'"):
        for_loop(same, XS, reverse=backwards)


def test_branches_are_a_sequence() -> None:
    one: Any = same
    with pytest.raises(BranchError, match=r"(?s)a list or tuple of at least one.*<function same"):
        switch(0, one, 1.0)
