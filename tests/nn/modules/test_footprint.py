import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite.nn._modules.footprint import footprint, in_bytes, numbers
from brainlite.state import HiddenState, State
from brainlite.transform import jit


class Shared(nn.Module):
    def __init__(self) -> None:
        self.a = self.b = nn.Linear(3, 4)
        self.h = HiddenState(jnp.zeros(5, "int8"))
        self.unset = State[object](None)


def test_each_state_counts_once_by_its_dtype() -> None:
    assert footprint(Shared()) == (16, 16 * 4 + 5)
    assert numbers(Shared()) == 5


def test_to_look_is_no_read_that_a_transform_would_see() -> None:
    layer = nn.Linear(3, 4)

    @jit
    def run() -> None:
        footprint(layer)

    assert not run.trace().jaxpr.jaxpr.invars


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1 KB"), (5e15, "5e+03 TB")]
)
def test_bytes_print_in_units_of_a_thousand(size: float, text: str) -> None:
    assert in_bytes(size) == text
