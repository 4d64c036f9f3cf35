"""The table of what rules will do."""

from typing import Any

import pytest
from jax.sharding import AbstractMesh, PartitionSpec

from brainlite import nn
from brainlite.distributed import fsdp, plan
from brainlite.errors import OptionError

P: Any = PartitionSpec
MESH = AbstractMesh((250, 4), ("data", "model"))


def make() -> nn.Linear:
    return nn.Linear(4000, 1000)


@pytest.mark.parametrize("model", [make, make()], ids=["a function", "a model"])
def test_a_plan_for_a_thousand_devices_needs_none(model: Any) -> None:
    rules: Any = [(..., {"weight": P("data", "model")})]
    table = plan(model, MESH, rules)
    assert (table.bytes, table.largest) == (4 * (4_000_000 + 1000), 16_000_000)
    assert table.device_bytes == 4 * (4000 + 1000)
    assert table.specs() == {"weight.bias": "P()", "weight.weight": "P('data', 'model')"}
    text = repr(table)
    assert "mesh: data=250, model=4 (1000 devices)" in text
    assert "all arrays: 16 MB; on one device: 20 KB" in text
    assert f"{table}" == text


def test_nothing_is_computed_for_a_plan() -> None:
    table = plan(lambda: nn.Linear(10**5, 10**5, b_init=None), MESH, [(..., fsdp(MESH, "data"))])
    assert table.bytes == 4 * 10**10
    assert table.device_bytes == 4 * 10**10 // 250


def test_a_plan_finds_what_would_go_wrong() -> None:
    with pytest.raises(OptionError, match=r"(?s)rule 0: a rule selects nothing.*weight"):
        plan(make, MESH, [("nothing", P())])
