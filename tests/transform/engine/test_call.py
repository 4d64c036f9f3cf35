"""A lifted call: modules and static values among the arguments are no arrays."""

import jax.numpy as jnp

from brainlite.transform._engine._call import lift_call, open_call
from brainlite.transform._engine._options import Chosen, Options
from brainlite.typing import Array
from tests.transform.checks import assert_same, values
from tests.transform.small import Counter, Scale

X = jnp.arange(1.0, 4.0)


def test_arrays_are_left_and_the_rest_is_put_back() -> None:
    scale = Scale()

    def fun(models: dict[str, Scale], x: Array, *, power: int) -> Array:
        assert models["a"] is scale
        return models["a"](x) ** power

    options = Options(Chosen((), ("power",)))
    called, (args, kwargs) = open_call(
        fun, ({"a": scale}, X), {"power": 2}, label="test", options=options
    )
    assert (args, kwargs) == (({"a": None}, X), {})
    assert_same(called(*args, **kwargs), scale(X) ** 2)


def test_lifted_call_runs_on_values() -> None:
    counter = Counter()
    call = lift_call(lambda model, x: model(x), (counter, X), {}, label="test")
    assert values(counter.count) == [0]
    assert call.lifted.reads == [counter.count]
    out, new = call.lifted(call.values(), call.arguments)
    assert_same([out, new], [X, [1]])
