"""``eval_shape``, ``make_jaxpr`` and ``named_scope``: nothing is computed, no state is changed."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import nn, random
from brainlite._jax_compat import jaxpr_as_fun
from brainlite.errors import OptionError, TransformError
from brainlite.graph import Node
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import jit
from brainlite.transform._compile._abstract import eval_shape, make_jaxpr, named_scope
from brainlite.typing import Array
from tests.transform.checks import Runs, assert_close, assert_same, values
from tests.transform.small import Counter, Fresh, Scale

X = jnp.arange(1.0, 4.0)


def struct(*shape: int) -> jax.ShapeDtypeStruct:
    make: Any = jax.ShapeDtypeStruct
    made: jax.ShapeDtypeStruct = make(shape, jnp.float32)
    return made


def kinds(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)  # pyright: ignore[reportUnknownLambdaType]


def test_result_is_that_of_jax() -> None:
    def fun(x: Array, y: Array) -> dict[str, Any]:
        return {"a": x @ y, "b": (x > 0, None), "c": 2}

    args = (jnp.ones((2, 3)), struct(3, 4))
    assert eval_shape(fun, *args) == jax.eval_shape(fun, *args)


def test_state_is_read_and_not_changed() -> None:
    model = Counter()
    assert eval_shape(model, X).shape == (3,)
    assert values(model.count) == [0]


def test_body_runs_once_and_nothing_is_computed() -> None:
    runs = Runs()
    huge = struct(10**6, 10**6)

    def fun(x: Array) -> Array:
        runs.add()
        return x @ x

    assert runs.of(lambda: eval_shape(fun, huge)) == 1
    assert eval_shape(fun, huge).shape == (10**6, 10**6)


def test_module_made_inside_comes_out_with_structs() -> None:
    before = random.DEFAULT.value
    model = eval_shape(lambda: nn.GRUCell(2, 3))
    real = nn.GRUCell(2, 3)
    assert type(model) is nn.GRUCell
    for path, state in real.states(ParamState).items():
        abstract = model.states(ParamState)[path].value
        assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in jax.tree.leaves(abstract))
        assert kinds(abstract) == kinds(state.value)
    random.seed(0)
    eval_shape(lambda: nn.GRUCell(2, 3))
    key = random.DEFAULT.value
    random.seed(0)
    assert_same(key, random.DEFAULT.value)
    assert before.dtype == key.dtype


def test_module_can_be_passed_on() -> None:
    model = eval_shape(lambda: nn.init_all_states(nn.GRUCell(2, 3), batch_size=4))
    assert eval_shape(model, struct(4, 2)).shape == (4, 3)
    assert eval_shape(lambda m, x: m(x), model, struct(4, 2)).shape == (4, 3)
    assert isinstance(model.h.value, jax.ShapeDtypeStruct)


def test_generator_is_abstract_too() -> None:
    model = eval_shape(lambda: [random.RandomState(0)])[0]
    assert jnp.issubdtype(model.value.dtype, jax.dtypes.prng_key)
    assert eval_shape(lambda: model.normal(0.0, 1.0, size=(2,))).shape == (2,)


def test_sharing_is_kept_and_arrays_in_attributes_are_structs() -> None:
    class Twice(Node):
        def __init__(self) -> None:
            self.a = Scale()
            self.b = self.a
            self.table = {"x": jnp.zeros(3), "name": "n"}

    def make() -> tuple[Twice, Array]:
        return Twice(), jnp.zeros(2)

    model, x = eval_shape(make)
    assert model.a is model.b
    assert model.table["name"] == "n"
    assert kinds(model.table["x"]) == ((3,), jnp.float32)
    assert x.shape == (2,)


def test_module_from_outside_stays_as_it_is() -> None:
    model = Scale()
    abstract = eval_shape(lambda: model)
    assert abstract is not model
    assert isinstance(abstract.weight.value, jax.ShapeDtypeStruct)
    assert isinstance(model.weight.value, jax.Array)


def test_state_made_in_a_place_is_not_left_there() -> None:
    model = Fresh()
    eval_shape(model, X)
    assert "hidden" not in vars(model)


def test_abstract_module_is_lowered_but_not_run() -> None:
    model = eval_shape(Scale)
    lower: Any = jit(model).lower
    lowered = lower(struct(3))
    assert "multiply" in lowered.as_text()
    with pytest.raises(TransformError, match="holds no value, but only its shape and dtype"):
        jit(model)(X)
    jaxpr, states = make_jaxpr(model)(X)
    assert states == (model.weight,)
    assert len(jaxpr.in_avals) == 2


def test_inside_jit() -> None:
    model = Counter()

    @jit
    def fun(x: Array) -> Array:
        return x * len(eval_shape(model, x).shape) * 3

    assert_same(fun(X), 3 * X)
    assert values(model.count) == [0]


def test_jaxpr_takes_arguments_and_states_and_returns_both() -> None:
    total, rate = State(X), State(X * 2)

    def fun(x: Array) -> Array:
        total.value = total.value + x * rate.value
        return total.value.sum()

    jaxpr, states = make_jaxpr(fun)(X)
    assert set(states) == {total, rate}
    given = [state.value for state in states]
    out, *after = jaxpr_as_fun(jaxpr)(X, *given)
    assert_close(values(total, rate), [X, X * 2])
    expected = fun(X)
    assert_close([out, *after], [expected, *(state.value for state in states)])


def test_only_written_states_come_out_on_request() -> None:
    total, rate = State(X), State(X)

    def fun(x: Array) -> None:
        total.value = rate.value * x

    jaxpr, states, shapes = make_jaxpr(fun, return_shape=True, return_only_write=True)(X)
    assert set(states) == {total, rate}
    assert len(jaxpr.out_avals) == 1
    assert shapes is None


def test_shapes_are_those_of_the_result() -> None:
    _, states, shapes = make_jaxpr(lambda x: {"y": x[:2]}, return_shape=True)(X)
    assert states == ()
    assert kinds(shapes) == {"y": ((2,), jnp.float32)}


def test_jaxpr_of_a_module_and_static_arguments() -> None:
    model = Scale()

    def fun(m: Scale, x: Array, times: int) -> Array:
        return m(x) * (times if times > 1 else 0)

    jaxpr, states = make_jaxpr(fun, static_argnums=2)(model, X, 3)
    assert states == (model.weight,)
    [out] = jaxpr_as_fun(jaxpr)(X, model.weight.value)[:1]
    assert_close(out, model(X) * 3)
    with pytest.raises(OptionError, match="does not have"):
        make_jaxpr(fun, static_argnames="power")


def test_name_is_in_the_compiled_code() -> None:
    model = Counter()

    @named_scope("my_block")
    def block(x: Array) -> Array:
        return model(x)

    @jit
    def fun(x: Array) -> Array:
        with named_scope("my_tail"):
            return jnp.sin(block(x))

    text = fun.lower(X).as_text(debug_info=True)
    assert "my_block" in text
    assert "my_tail" in text
    assert_close(fun(X), jnp.sin(X))
    assert values(model.count) == [1]


def test_named_method_keeps_its_name() -> None:
    class Model(Node):
        def __init__(self) -> None:
            self.hidden = HiddenState(X)

        @named_scope("update")
        def run(self, x: Array) -> Array:
            self.hidden.value = self.hidden.value + x
            return self.hidden.value

    model = Model()
    assert Model.run.__name__ == "run"
    assert_same(model.run(X), 2 * X)
