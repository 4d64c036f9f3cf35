"""Options of ``jit``: donation and shardings."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.transform import jit
from brainlite.transform._engine._options import Chosen, Options
from brainlite.typing import Array
from tests.transform.checks import assert_same, says, values

ROOT = Path(__file__).parents[3]
SIZE = (64, 64)


class Adder(Node):
    """Adds to one state what another holds."""

    def __init__(self) -> None:
        self.total = State(jnp.zeros(SIZE))
        self.step = State(jnp.ones(SIZE))

    def __call__(self, x: Array | float) -> Array:
        self.total.value = self.total.value + x * self.step.value
        return self.total.value.sum()


def test_a_donated_argument_is_gone_after_the_call() -> None:
    x, y = jnp.ones(SIZE), jnp.ones(SIZE)
    assert_same(jit(lambda x, y: x + y, donate_argnums=0)(x, y), jnp.full(SIZE, 2.0))
    assert x.is_deleted()
    assert not y.is_deleted()
    jit(lambda x, y: x + y, donate_argnames="y")(jnp.ones(SIZE), y=y)
    assert y.is_deleted()


def test_a_name_stands_for_a_number_when_donating() -> None:
    x = jnp.ones(SIZE)
    jit(lambda x: x + 1, donate_argnames="x")(x)
    assert x.is_deleted()


def test_a_donated_module_gives_up_the_values_that_are_replaced() -> None:
    model = Adder()
    add = jit(lambda model, x: model(x), donate_argnums=0)
    for _ in range(3):
        before, step = model.total.value, model.step.value
        add(model, 1.0)
        assert before.is_deleted()
        assert not step.is_deleted()
    assert_same(values(model.total, model.step), [jnp.full(SIZE, 3.0), jnp.ones(SIZE)])


def test_other_modules_keep_their_values() -> None:
    first, second = Adder(), Adder()
    before = [first.total.value, second.total.value]
    jit(lambda a, b: a(1.0) + b(1.0), donate_argnums=1)(first, second)
    assert [each.is_deleted() for each in before] == [False, True]


def test_states_of_a_closure_are_donated_when_asked_for() -> None:
    model = Adder()
    add = jit(model, donate_states=True)
    for _ in range(2):
        before = model.total.value
        add(2.0)
        assert before.is_deleted()
    assert_same(model.total.value, jnp.full(SIZE, 4.0))


def test_states_that_share_a_buffer_can_be_donated() -> None:
    model, other = Adder(), Adder()
    other.total.value = other.step.value = model.total.value

    def fun(x: Array) -> Array:
        return model(x) + other(1.0)

    jit(fun, donate_states=True)(jnp.ones(SIZE))
    assert_same(values(model.total, other.total), [jnp.ones(SIZE), jnp.zeros(SIZE)])
    assert_same(values(other.step), [jnp.zeros(SIZE)])


def test_an_argument_that_shares_the_buffer_of_a_state_can_be_donated() -> None:
    model = Adder()
    add = jit(lambda x: (model(x), x + 1), donate_argnums=0)
    add(model.total.value)
    assert_same(values(model.total), [jnp.zeros(SIZE)])


def test_random_keys_can_be_donated() -> None:
    key = State(jax.random.key(0))

    def draw() -> Array:
        key.value, used = jax.random.split(key.value)
        return jax.random.normal(used)

    donating = jit(draw, donate_states=True)
    drawn = [donating(), donating()]
    key.value = jax.random.key(0)
    assert_same(drawn, [draw(), draw()])


def test_an_error_while_tracing_gives_nothing_up() -> None:
    model = Adder()
    with pytest.raises((TypeError, ValueError), match="shapes"):
        jit(model, donate_states=True)(jnp.ones(3))
    assert_same(values(model.total), [jnp.zeros(SIZE)])


def test_lower_tells_what_is_donated() -> None:
    model = Adder()
    lowered = jit(model, donate_states=True).lower(1.0)
    donated = [info.donated for info in jax.tree.leaves(lowered.args_info)]
    assert sorted(donated) == [False, False, True]


@pytest.mark.parametrize("options", [{"donate_argnums": 2}, {"donate_argnames": "z"}])
def test_a_donated_argument_that_is_not_there_raises(options: dict[str, Any]) -> None:
    message = says(
        "jit got donate_argnums or donate_argnames that the function does not have",
        expected=r"among \['x', 'y'\]",
        got=r"\[(2|'z')\]",
        fix="use donate_argnames with names from the signature",
    )
    with pytest.raises(OptionError, match=message):
        jit(lambda x, y: x + y, **options)


def test_a_static_argument_cannot_be_donated() -> None:
    message = says(
        "jit was given arguments that are both static and donated",
        expected="arrays to donate",
        got=r"argument \[1\]",
        fix="take them out of static_argnums or out of donate_argnums",
    )
    with pytest.raises(OptionError, match=message):
        jit(lambda x, y: x + y, static_argnums=1, donate_argnums=(0, 1))


def test_chosen_arguments_are_found_among_those_that_were_passed() -> None:
    chosen = Chosen((0, 2), ("a", "c"))
    assert chosen.among([1, 2], {"b": 3, "c": 4}) == {0: 1, "c": 4}
    assert Options().plain
    assert not Options(static=chosen).plain


SHARDINGS = """
import jax, jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec as P
from brainlite.state import State
from brainlite.transform import jit
from tests.transform.engine.test_options import Adder
mesh = jax.make_mesh((4,), ("x",))
rows, columns = NamedSharding(mesh, P("x")), NamedSharding(mesh, P(None, "x"))
model = Adder()
model.total.value = jax.device_put(model.total.value, columns)
model.step.value = jax.device_put(model.step.value, columns)

def fun(model, x, n):
    model(n)
    return x * n, model.total.value
x = jax.device_put(jnp.ones((64, 64)), rows)
run = jit(fun, static_argnums=2, in_shardings=(None, rows), out_shardings=(rows, None))
for n in (1, 1, 2):
    y, total = run(model, x, n)
    assert y.sharding == rows, y.sharding
    assert model.total.value.sharding == columns, model.total.value.sharding
assert float(model.total.value.mean()) == 4.0 and float(y.mean()) == 2.0
one = jit(lambda x, y: x + y, in_shardings=rows)
assert one.lower(jnp.ones(8), jnp.ones(8)).compile().input_shardings[0][-1] == rows
"""


def test_arguments_and_results_are_laid_out_over_devices_and_states_stay_as_they_are() -> None:
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, "-c", SHARDINGS],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def one_device() -> NamedSharding:
    spec: Any = PartitionSpec  # untyped in jax
    return NamedSharding(jax.make_mesh((1,), ("x",)), spec("x"))


def test_shardings_for_another_number_of_arguments_raise() -> None:
    message = says(
        "in_shardings of a jit function does not fit its arguments",
        expected="one sharding, or a tuple of 2",
        got="a tuple of 1",
        fix="give one for each argument that is not static",
    )
    fun = jit(lambda x, y: x + y, in_shardings=(one_device(),))
    with pytest.raises(OptionError, match=message):
        fun(jnp.ones(2), jnp.ones(2))


def test_shardings_and_keyword_arguments_raise() -> None:
    message = says(
        "a jit function with in_shardings was called with keyword arguments",
        expected="positional arguments only",
        got=r"the keywords \['y'\]",
        fix="pass them by position",
    )
    with pytest.raises(OptionError, match=message):
        jit(lambda x, y: x + y, in_shardings=one_device())(jnp.ones(2), y=jnp.ones(2))
