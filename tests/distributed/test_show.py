"""Pictures of who holds what."""

from typing import Any

import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from brainlite import nn
from brainlite.distributed import batch, mesh, place, show
from brainlite.distributed._show import grid_of
from brainlite.errors import InputError

pytestmark = pytest.mark.devices(8)
P: Any = PartitionSpec


@pytest.mark.parametrize(
    ("spec", "grid"),
    [
        ((), [["0-7"]]),
        (("data",), [["0-1"], ["2-3"], ["4-5"], ["6-7"]]),
        ((None, "model"), [["0,2,4,6"], ["1,3,5,7"]]),
        (("data", "model"), [["0", "1"], ["2", "3"], ["4", "5"], ["6", "7"]]),
        (("model", "data"), [["0", "2", "4", "6"], ["1", "3", "5", "7"]]),
        ((("data", "model"),), [[str(n)] for n in range(8)]),
    ],
)
def test_a_grid_shows_the_devices_of_each_part(spec: Any, grid: list[list[str]]) -> None:
    array = batch(jnp.zeros((8, 8)), mesh(data=4, model=2), P(*spec))
    assert grid_of(array) == grid


def test_a_model_is_drawn_array_by_array() -> None:
    layer = nn.Linear(2, 4)
    assert repr(show(layer)).splitlines()[:2] == ["weight.bias  float32[4]  on one device", "  0"]
    place(layer, mesh(data=4, model=2), [(..., {"weight": P(None, "data")})])
    assert repr(show(layer)).splitlines() == [
        "weight.bias  float32[4]  P()",
        "  0-7",
        "weight.weight  float32[2,4]  P(None, 'data')",
        "  0-1",
        "  2-3",
        "  4-5",
        "  6-7",
    ]
    html = show(layer)._repr_html_()  # pyright: ignore[reportPrivateUsage]  # as a notebook calls it
    assert html.count("<td>") == 5
    with pytest.raises(InputError, match="nothing to draw"):
        show(nn.ReLU())


def test_an_array_of_three_cut_axes_is_drawn_too() -> None:
    where = mesh(a=2, b=2, c=2)
    array = batch(jnp.zeros((2, 2, 2)), where, P("a", "b", "c"))
    assert grid_of(array) == [["0; 1", "2; 3"], ["4; 5", "6; 7"]]
    assert repr(show(array)).splitlines()[0] == "float32[2,2,2]  P('a', 'b', 'c')"
