"""What layers share: dtypes, the check of features, any number of batch axes."""

import re
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.errors import InputError, OptionError
from brainlite.nn import Module, init
from brainlite.nn._layers.layer import Layer, batched, check_features
from brainlite.state import ParamState
from brainlite.typing import Array, DTypeLike
from tests.closeness import assert_close


class Scale(Layer):
    """Multiplies by a parameter."""

    def __init__(
        self, size: int, dtype: DTypeLike | None = None, param_dtype: DTypeLike | None = None
    ) -> None:
        self.size = size
        self._set_dtypes(dtype, param_dtype)
        self.weight = ParamState(self._make(init.Normal(), (size,)))

    def update(self, x: Array) -> Array:
        check_features(self, x, self.size)
        x, params = self._cast(x, {"weight": self.weight.value})
        out: Array = x * params["weight"]
        return out


class Model(Module):
    def __init__(self) -> None:
        self.layers = [Scale(3), Scale(2)]

    def update(self, x: Array) -> Array:
        for layer in self.layers:
            x = layer(x)
        return x


@pytest.mark.parametrize(
    ("dtype", "param_dtype", "output"),
    [
        (None, None, "float32"),
        (None, "bfloat16", "float32"),
        ("bfloat16", None, "bfloat16"),
        ("float16", "bfloat16", "float16"),
    ],
)
def test_dtype_is_that_of_the_output_and_param_dtype_that_of_the_parameters(
    dtype: str | None, param_dtype: str | None, output: str
) -> None:
    layer = Scale(3, dtype, param_dtype)
    assert layer.weight.value.dtype == (param_dtype or "float32")
    assert layer(jnp.ones(3)).dtype == output
    # An attribute that was not given is not printed.
    assert set(vars(layer)) & {"dtype", "param_dtype"} == {
        name for name, given in (("dtype", dtype), ("param_dtype", param_dtype)) if given
    }


def test_without_param_dtype_the_environment_chooses() -> None:
    with environ.context(precision=16):
        assert Scale(3).weight.value.dtype == jnp.float16
        assert Scale(3, param_dtype=jnp.float32).weight.value.dtype == jnp.float32


@pytest.mark.parametrize("name", ["dtype", "param_dtype"])
def test_a_dtype_that_is_no_float_raises(name: str) -> None:
    with pytest.raises(OptionError, match=rf"(?s)Scale.*{name} is for.*int32"):
        Scale(3, **{name: "int32"})


def test_cast_leaves_arrays_as_they_are_without_a_dtype() -> None:
    x, params = jnp.ones(2, jnp.float16), {"w": jnp.ones(2)}
    plain: Any = Scale(2)
    kept = plain._cast(x, params)
    assert kept[0] is x
    assert kept[1] is params
    half: Any = Scale(2, dtype="bfloat16")
    x, params = half._cast(x, params)
    assert {x.dtype, params["w"].dtype} == {jnp.dtype("bfloat16")}


def test_wrong_features_are_refused_with_the_path_of_the_layer() -> None:
    model = Model()
    message = (
        "Model.layers[1] (Scale): the input has the wrong number of features\n"
        "  expected: 2 in the last axis: an array of shape (..., 2)\n"
        "  got:      an array of shape (4, 3)\n"
        "  fix:      pass input with 2 features, or make the layer for 3"
    )
    with pytest.raises(InputError, match=re.escape(message)):
        model(jnp.ones((4, 3)))
    with pytest.raises(InputError, match=r"got: +an array of shape \(\)\n.*make the layer for 1"):
        Scale(2)(jnp.ones(()))


@pytest.mark.parametrize("lead", [(), (5,), (2, 1, 3), (0,), (2, 0)])
def test_batched_takes_any_number_of_batch_axes(lead: tuple[int, ...]) -> None:
    seen: list[tuple[int, ...]] = []

    def sums(x: Array) -> Array:  # (B, 4, 3) -> (B, 4)
        seen.append(x.shape)
        return x.sum(-1)

    x = jnp.asarray(np.random.RandomState(0).randn(*lead, 4, 3), jnp.float32)
    y = batched(sums, x, 2)
    assert y.shape == (*lead, 4)
    assert_close(y, np.asarray(x).sum(-1))
    assert seen == [(int(np.prod(lead)), 4, 3)]
