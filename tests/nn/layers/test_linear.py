"""Linear: the affine map, its parameters, its errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError, SizeError
from brainlite.nn import Linear, init
from brainlite.transform import grad
from tests.closeness import assert_close


def test_maps_the_last_axis_as_numpy_does() -> None:
    brainlite.random.seed(0)
    layer = Linear(4, 3, b_init=init.Normal())
    x = brainlite.random.randn(2, 5, 4)
    weight, bias = (np.asarray(layer.weight.value[k], np.float64) for k in ("weight", "bias"))
    assert_close(layer(x), np.asarray(x, np.float64) @ weight + bias)


def test_without_bias_there_is_no_bias_parameter() -> None:
    layer = Linear(4, 3, b_init=None)
    assert set(layer.weight.value) == {"weight"}
    assert not layer(jnp.zeros(4)).any()


def test_weight_and_bias_may_be_given_as_arrays() -> None:
    layer = Linear(2, 2, w_init=jnp.eye(2), b_init=jnp.asarray([1.0, 2.0]))
    assert layer(jnp.asarray([3.0, 4.0])).tolist() == [4.0, 6.0]


def test_mask_removes_weights_and_their_gradients() -> None:
    mask = jnp.asarray([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    layer = Linear(3, 2, w_mask=mask)
    x = jnp.ones(3)
    expected = np.asarray(layer.weight.value["weight"] * mask).sum(0)
    assert_close(layer(x), expected)
    gradient = grad(lambda: layer(x).sum(), layer.weight)()
    np.testing.assert_array_equal(gradient["weight"], mask)


def test_sizes_of_several_axes_must_agree_but_for_the_last() -> None:
    assert Linear((7, 4), (7, 3))(jnp.ones((7, 4))).shape == (7, 3)
    with pytest.raises(SizeError, match=r"(?s)in_size=\(7, 4\), out_size=\(6, 3\).*fix:"):
        Linear((7, 4), (6, 3))


def test_wrong_number_of_features_names_both_sizes() -> None:
    layer = Linear(4, 3)
    with pytest.raises(InputError, match=r"(?s)Linear.*\(\.\.\., 4\).*got: .*\(2, 5\)"):
        layer(jnp.ones((2, 5)))
    with pytest.raises(InputError, match=r"got: .*shape \(\)"):
        layer(jnp.asarray(1.0))


def test_in_a_trace_the_equations_are_those_of_plain_jax() -> None:
    layer = Linear(4, 3)

    params = layer.weight.value
    x = jnp.ones(4)
    lifted = brainlite.transform.jit(lambda x: layer(x)).trace(x).jaxpr
    plain = jax.make_jaxpr(lambda x: jnp.dot(x, params["weight"]) + params["bias"])(x)
    assert [e.primitive for e in lifted.eqns] == [e.primitive for e in plain.eqns]


def test_param_type_chooses_the_kind_of_state() -> None:
    class Slow(brainlite.ParamState[dict[str, jax.Array]]):
        pass

    assert type(Linear(2, 2, param_type=Slow).weight) is Slow


def test_dtype_is_that_of_the_computation_and_param_dtype_that_of_the_parameters() -> None:
    layer = Linear(4, 3, dtype="bfloat16", param_dtype="float16")
    assert {value.dtype for value in layer.weight.value.values()} == {jnp.dtype("float16")}
    assert layer(jnp.ones(4)).dtype == jnp.bfloat16
    assert Linear(4, 3)(jnp.ones(4, jnp.bfloat16)).dtype == jnp.float32
