"""A loss is looked at while it is differentiated, and computed again without a trace."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import OptionError
from brainlite.optim._loss import Loss, no_loss
from brainlite.transform import grad, jit
from tests.closeness import assert_same


def test_it_knows_what_was_read_and_what_was_there_before() -> None:
    used, unused = brainlite.ParamState(jnp.ones(2)), brainlite.ParamState(jnp.ones(2))
    count = brainlite.State(jnp.zeros(()))

    def fun() -> Any:
        count.value = count.value + 1
        return jnp.sum(brainlite.transform.for_loop(lambda x: used.value * x, jnp.arange(2.0)))

    def differentiate() -> Any:
        loss = Loss(fun, False, None)
        grad(loss, [used, unused], has_aux=True)()
        assert used in loss.read
        assert unused not in loss.read
        return loss.before[count]

    assert_same(differentiate(), jnp.zeros(()))
    assert_same(jit(differentiate)(), jnp.ones(()))
    assert float(count.value) == 2


def test_it_is_computed_again_at_other_parameters_also_in_a_loop_of_jax() -> None:
    weight, count = brainlite.ParamState(jnp.asarray(2.0)), brainlite.State(jnp.zeros(()))

    def fun() -> Any:
        count.value = count.value + 1
        return weight.value**2 + count.value

    def search() -> Any:
        loss = Loss(fun, False, None)
        grad(loss, [weight], has_aux=True)()
        again = loss.at({("w",): weight})
        at_three = jax.lax.fori_loop(0, 2, lambda _, x: again({("w",): x - x + 3.0}), 0.0)
        return at_three, again({("w",): ()}), jax.grad(lambda x: again({("w",): x}))(5.0)

    assert_same(search(), (jnp.asarray(10.0), jnp.asarray(5.0), jnp.asarray(10.0)))
    count.value = jnp.zeros(())
    assert_same(jit(search)(), (jnp.asarray(10.0), jnp.asarray(5.0), jnp.asarray(10.0)))
    assert (float(weight.value), float(count.value)) == (2, 1)


def test_a_scaled_loss_is_returned_as_it_is() -> None:
    weight = brainlite.ParamState(jnp.ones((), "float16"))
    loss = Loss(lambda: (weight.value * 3, "aside"), True, jnp.asarray(1024.0))
    [gradient], (value, aux) = grad(loss, [weight], has_aux=True)()
    assert (float(gradient), float(value), value.dtype, aux) == (3072, 3, jnp.float16, "aside")


def test_one_of_several_losses_is_not_searched_along() -> None:
    with pytest.raises(OptionError, match=r"accumulate: a line search needs the loss itself"):
        no_loss({})
