"""What makes no sense is refused, with what was expected."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import BrainliteError
from brainlite.nn import functional
from brainlite.state import ParamState

BYTES: Any = [jnp.ones(2, "uint8"), jnp.ones(3, "uint8")]
WHOLE: Any = [jnp.ones(2, "int32"), jnp.ones(3, "int32")]


def _write_none() -> None:
    layer: Any = nn.Linear(2, 3)
    layer.weight.value = None


NONSENSE: dict[str, tuple[Callable[[], Any], str]] = {
    "negative variance": (
        lambda: functional.gaussian_nll_loss(jnp.ones(2), jnp.ones(2), jnp.array([1.0, -2.0])),
        r"a variance is negative(.|\n)*-2\.0",
    ),
    "a parameter of None": (_write_none, r"expected: (.|\n)*weight(.|\n)*got: +None"),
    "a mode": (lambda: nn.Linear(2, 3).train("yes"), r"no mode(.|\n)*'yes'"),  # type: ignore[arg-type]  # wrong on purpose
    "no state dict": (lambda: nn.Linear(2, 3).load_state_dict(None), r"mapping(.|\n)*None"),  # type: ignore[arg-type]  # wrong on purpose
    "half in whole numbers": (
        lambda: nn.pad_sequences(WHOLE, padding_value=0.5),
        r"whole number(.|\n)*int32(.|\n)*0\.5",
    ),
    "negative bytes": (
        lambda: nn.pad_sequences(BYTES, padding_value=-1),
        r"from 0 to 255(.|\n)*=-1",
    ),
}


@pytest.mark.parametrize(("call", "match"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused(call: Callable[[], Any], match: str) -> None:
    with pytest.raises(BrainliteError, match=match):
        call()


def test_a_negative_variance_is_nan_where_it_cannot_be_seen() -> None:
    loss = jax.jit(functional.gaussian_nll_loss)
    assert np.isnan(loss(jnp.ones(2), jnp.ones(2), jnp.array([1.0, -2.0])))


@pytest.mark.parametrize("make", [lambda: nn.MinGRU(2, 3), lambda: nn.Recurrent(nn.GRUCell(2, 3))])
def test_lengths_may_be_a_list(make: Callable[[], Any]) -> None:
    layer, x = make(), jnp.ones((6, 2, 2))
    found = layer(x, lengths=[6, 3])[0]
    np.testing.assert_array_equal(found, layer(x, lengths=jnp.array([6, 3]))[0])
    with pytest.raises(BrainliteError, match=r"lengths do not fit(.|\n)*7"):
        layer(x, lengths=[7, 3])


def test_a_parameter_that_was_never_set_takes_any_value() -> None:
    state = ParamState[Any](None)
    state.value = jnp.ones(3)
    assert state.value.tolist() == [1, 1, 1]


def test_tied_weights_that_hold_nan_can_be_loaded() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    first.weight.value = {name: each * jnp.nan for name, each in first.weight.value.items()}
    saved = {name: np.array(each) for name, each in model.state_dict().items()}
    assert not any(model.load_state_dict(saved))
