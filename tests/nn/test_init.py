import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import OptionError, SizeError
from brainlite.nn import init
from brainlite.state import ParamState
from brainlite.typing import Array


def test_none_stays_none_where_it_is_allowed() -> None:
    assert init.param(None, 3) is None
    with pytest.raises(OptionError, match=r"got:      NoneType None"):
        init.param(None, 3, allow_none=False)


def test_a_function_is_called_with_the_shape() -> None:
    seen: list[tuple[int, ...]] = []

    def make(shape: tuple[int, ...]) -> Array:
        seen.append(shape)
        return jnp.ones(shape)

    assert init.param(make, 3).shape == (3,)
    assert init.param(make, [2, 3], batch_size=4).shape == (4, 2, 3)
    assert seen == [(3,), (4, 2, 3)]
    assert init.param(init.Constant(2.0), 3, 0).shape == (0, 3)


@pytest.mark.parametrize("value", [2.0, 2, np.float64(2), jnp.asarray(2.0), [2.0] * 3, [[2.0]]])
def test_arrays_and_numbers_fill_the_shape(value: Any) -> None:
    given = np.array(value) if isinstance(value, list) else value
    made = init.param(given, 3) if np.size(given) > 1 else init.param(given, (1, 3))
    assert made.shape in ((3,), (1, 3))
    assert made.dtype == jnp.float32
    assert (made == 2).all()
    assert init.param(jnp.arange(3.0), 3, batch_size=2).tolist() == [[0.0, 1.0, 2.0]] * 2


def test_arrays_keep_their_dtype() -> None:
    assert init.param(jnp.ones(3, jnp.bfloat16), 3).dtype == jnp.bfloat16
    assert init.param(np.array([True, False]), 2).dtype == bool


def test_an_array_that_fits_is_handed_on() -> None:
    array = jnp.ones((2, 3))
    assert init.param(array, (2, 3)) is array
    assert init.param(array, 3, batch_size=2) is array


@pytest.mark.parametrize(
    ("value", "batch_size"), [(np.ones(4), None), (np.ones((2, 3)), None), (np.ones((2, 3)), 4)]
)
def test_an_array_of_another_shape_is_refused(value: Any, batch_size: int | None) -> None:
    with pytest.raises(SizeError, match=r"expected: \((4, )?3,?\)\n  got:      \((4,|2, 3)\)"):
        init.param(value, 3, batch_size)


def test_a_function_that_forgets_the_shape_is_refused() -> None:
    with pytest.raises(SizeError, match=r"expected: \(3,\)\n  got:      \(2,\)\n.*told the shape"):
        init.param(lambda shape: jnp.ones(2), 3)


def test_numbers_can_be_forbidden() -> None:
    for scalar in (2.0, np.float32(2), jnp.ones(())):
        with pytest.raises(OptionError, match=r"a function of the shape, or an array\n"):
            init.param(scalar, 3, allow_scalar=False)


@pytest.mark.parametrize("value", ["zeros", [1.0, 2.0], {}])
def test_what_makes_no_array_is_refused(value: Any) -> None:
    with pytest.raises(OptionError, match=rf"got:      {type(value).__name__} .*\n.*ZeroInit"):
        init.param(value, 2)


def test_a_state_stays_a_state() -> None:
    state = ParamState(jnp.arange(3.0), name="tau")
    assert init.param(state, 3) is state
    batched = init.param(state, 3, batch_size=2)
    assert type(batched) is ParamState
    assert batched.name == "tau"
    assert batched.value.shape == (2, 3)
    assert state.value.shape == (3,)
    with pytest.raises(SizeError, match=r"expected: \(4,\)\n  got:      \(3,\)"):
        init.param(state, 4)


def test_param_works_under_jit() -> None:
    assert jax.jit(lambda x: init.param(x, 3))(2.0).tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("linear", 1),
        ("conv2d", 1),
        ("conv_transpose3d", 1),
        ("sigmoid", 1),
        ("tanh", 5 / 3),
        ("relu", math.sqrt(2)),
        ("selu", 3 / 4),
        ("leaky_relu", math.sqrt(2 / (1 + 0.01**2))),
    ],
)
def test_gains_are_those_of_torch(name: str, gain: float) -> None:
    assert init.calculate_init_gain(name) == gain


def test_the_gain_of_leaky_relu_depends_on_its_slope() -> None:
    assert init.calculate_init_gain("leaky_relu", 0.2) == math.sqrt(2 / 1.04)
    for slope in (True, "a"):
        with pytest.raises(OptionError, match=rf"a float\n  got:      \w+ {slope!r}"):
            init.calculate_init_gain("leaky_relu", slope)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_an_unknown_gain_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'relu', .*'leaky_relu'\n  got:      'softplus'"):
        init.calculate_init_gain("softplus")
