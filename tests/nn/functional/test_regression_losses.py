import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError, OptionError
from brainlite.nn import functional
from brainlite.nn._functional import regression_losses
from tests.closeness import assert_close
from tests.nn.functional.torch_losses import check, check_live


def test_values_and_gradients_are_those_of_torch() -> None:
    check(regression_losses.__all__)


@pytest.mark.slow
def test_the_stored_results_are_those_of_torch_today() -> None:
    pytest.importorskip("torch")
    check_live(regression_losses.__all__, seed=21)


@pytest.mark.parametrize(
    "function",
    [functional.mse_loss, functional.l1_loss, functional.smooth_l1_loss, functional.huber_loss],
)
def test_shapes_that_differ_are_not_broadcast(function: object) -> None:
    assert callable(function)
    match = r"_loss: input and target differ in shape(.|\n)*input \(4, 1\), target \(4,\)"
    with pytest.raises(InputError, match=match):
        function(jnp.ones((4, 1)), jnp.ones(4))


def test_options_out_of_range_are_named() -> None:
    x = jnp.ones(3)
    with pytest.raises(OptionError, match=r"smooth_l1_loss: beta is(.|\n)*beta=-1.0"):
        functional.smooth_l1_loss(x, x, beta=-1.0)
    with pytest.raises(OptionError, match=r"huber_loss: delta is(.|\n)*a positive number"):
        functional.huber_loss(x, x, delta=0.0)
    with pytest.raises(InputError, match=r"mse_loss: this is defined for real(.|\n)*complex64"):
        functional.mse_loss(x * 1j, x)
    with pytest.raises(InputError, match=r"the variance does not fit(.|\n)*got: +shape \(2,\)"):
        functional.gaussian_nll_loss(x, x, jnp.ones(2))


def test_a_variance_may_lack_the_last_axis() -> None:
    x, y = jnp.arange(6.0).reshape(2, 3), jnp.ones((2, 3))
    var = jnp.array([0.5, 2.0])
    expected = functional.gaussian_nll_loss(x, y, jnp.repeat(var[:, None], 3, 1))
    assert functional.gaussian_nll_loss(x, y, var) == expected
    assert functional.gaussian_nll_loss(x, y, var[:, None]) == expected
    one = functional.gaussian_nll_loss(x, y, 2.0, reduction="none")
    assert_close(one, (np.log(2) + np.square(x - y) / 2) / 2)
    # Below the bound the loss is that of the bound, and so is the gradient.
    slope = jax.grad(lambda v: functional.gaussian_nll_loss(3.0, 1.0, v, eps=0.5))
    assert functional.gaussian_nll_loss(3.0, 1.0, 0.1, eps=0.5) == functional.gaussian_nll_loss(
        3.0, 1.0, 0.5
    )
    assert slope(0.1) == slope(0.5) == (1 / 0.5 - 4 / 0.25) / 2


def test_half_precision_is_computed_in_single() -> None:
    x = jnp.full((1000,), 300.0, jnp.float16)  # its square, and the sum, are beyond float16
    loss = functional.mse_loss(x, jnp.zeros_like(x), "sum")
    assert (loss.dtype, float(loss)) == (jnp.float32, 9e7)
    assert jax.grad(lambda x: functional.mse_loss(x, jnp.zeros_like(x)))(x).dtype == jnp.float16
    assert float(functional.l1_loss(jnp.array([1, 2]), jnp.array([3, 3]))) == 1.5


def test_losses_of_large_errors_have_finite_gradients() -> None:
    x = jnp.array([1e30, -1e4, 0.0])
    for function in (functional.l1_loss, functional.smooth_l1_loss, functional.huber_loss):
        value, slope = jax.value_and_grad(lambda x, f=function: f(x, jnp.zeros(3), "sum"))(x)
        assert math.isfinite(float(value)), function
        assert slope.tolist() == [1, -1, 0], function
