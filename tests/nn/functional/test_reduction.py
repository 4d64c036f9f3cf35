import jax
import jax.numpy as jnp
import pytest

from brainlite.errors import InputError, OptionError
from brainlite.nn._functional import reduction


def test_a_loss_is_reduced_as_asked() -> None:
    loss = jnp.array([[1.0, 2.0], [3.0, 6.0]])
    assert reduction.reduce_loss("f", loss, "none") is loss
    assert reduction.reduce_loss("f", loss, "sum") == 12
    assert reduction.reduce_loss("f", loss, "mean") == 3
    assert reduction.reduce_loss("f", loss, "mean", total=6) == 2
    assert reduction.reduce_loss("f", loss, "sum", jnp.array([1.0, 0.0])) == 4
    with pytest.raises(OptionError, match=r"f: there is no such reduction(.|\n)*reduction='avg'"):
        reduction.reduce_loss("f", loss, "avg")
    with pytest.raises(InputError, match=r"f: the weight does not fit(.|\n)*shape \(1, 2, 2\)"):
        reduction.reduce_loss("f", loss, "sum", jnp.ones((1, 2, 2)))


def test_options_are_checked_where_their_values_are_known() -> None:
    reduction.check_ranges("f", beta=0, margin=-3, delta=1)
    with pytest.raises(OptionError, match=r"f: beta is out(.|\n)*beta: 0 or more(.|\n)*beta=nan"):
        reduction.check_ranges("f", beta=float("nan"))
    jax.jit(lambda beta: reduction.check_ranges("f", beta=beta))(-1.0)


def test_floats_are_single_at_least() -> None:
    half, whole = jnp.ones(2, jnp.bfloat16), jnp.ones(2, jnp.int32)
    assert [x.dtype for x in reduction.as_floats("f", half, whole)] == [jnp.float32] * 2
