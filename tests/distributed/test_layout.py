"""From rules to specs. A mesh need not be there for that."""

from typing import Any

import jax.numpy as jnp
import pytest
from jax.sharding import AbstractMesh, PartitionSpec

from brainlite import nn
from brainlite.distributed import batch, make, mesh, place, plan
from brainlite.distributed._layout import Rules, fsdp, lay_out
from brainlite.errors import InputError, OptionError, ShardingError
from brainlite.graph import PathContains
from brainlite.state import HiddenState, ParamState
from brainlite.transform import eval_shape

P: Any = PartitionSpec
MESH = AbstractMesh((4, 2), ("data", "model"))


class Net(nn.Module):
    def __init__(self) -> None:
        self.up = nn.Linear(8, 16)
        self.down = nn.Linear(16, 8)
        self.tied = self.up.weight


def specs(rules: Rules) -> dict[str, Any]:
    layout = lay_out(eval_shape(Net), MESH, rules)
    return {each.name: each.where.spec for each in layout.arrays}


def test_the_first_rule_that_selects_a_state_counts_and_each_state_is_met_once() -> None:
    found = specs(
        [
            (PathContains("up"), {"weight": P(None, "model"), "bias": P("model")}),
            (ParamState, lambda name, leaf: P("data") if leaf.ndim > 1 else None),
        ]
    )
    assert found == {
        "up.weight.bias": P("model"),
        "up.weight.weight": P(None, "model"),
        "down.weight.bias": P(),
        "down.weight.weight": P("data"),
    }
    assert specs([(PathContains("down"), {"weight": P(("data", "model"))})]) == {
        "up.weight.bias": P(),
        "up.weight.weight": P(),
        "down.weight.bias": P(),
        "down.weight.weight": P(("data", "model")),
    }
    assert set(specs([]).values()) == {P()}
    assert set(specs([(..., None)]).values()) == {P()}


def test_fsdp_cuts_the_longest_axis_that_divides_and_nothing_small() -> None:
    layer = eval_shape(lambda: nn.Linear(6, 256))
    found = lay_out(layer, MESH, [(..., fsdp(MESH, "data", min_size=100))]).arrays
    assert {each.name: each.where.spec for each in found} == {
        "weight.bias": P("data"),
        "weight.weight": P(None, "data"),
    }
    cut = fsdp(MESH, "data")
    small: Any = eval_shape(lambda: nn.Linear(8, 16).weight.value["weight"])
    assert cut("weight", small) == P()  # 128 numbers
    odd: Any = eval_shape(lambda: nn.Linear(101, 1003).weight.value["weight"])
    assert cut("weight", odd) == P()
    with pytest.raises(OptionError, match=r"no such axis\n.*one of 'data', 'model'\n.*'tensor'"):
        fsdp(MESH, "tensor")


MISTAKES: dict[str, tuple[Any, type[Exception], str]] = {
    "no such axis": (
        [(PathContains("down"), {"bias": P(("data", "model", "x"))})],
        OptionError,
        r"down.weight.bias.*no such axis\n.*'data', 'model'",
    ),
    "too many axes": (
        [(..., P(None, "model"))],
        ShardingError,
        r"up.weight.bias: a rule cannot be applied.*at most 1 axes\n.*P\(None, 'model'\) of 2 for "
        r"float32\[16\], by rule 0",
    ),
    "selects nothing": (
        [(PathContains("upp"), P("data"))],
        OptionError,
        r"rule 0: a rule selects nothing\n.*up.weight, down.weight.*PathContains\('upp'\)",
    ),
    "no such kind": ([(..., None), (HiddenState, P())], OptionError, "rule 1: .*HiddenState"),
    "no such array": (
        [(..., {"wieght": P("data")})],
        OptionError,
        r"rule 0.*names of arrays called 'bias', 'weight'\n.*'wieght'",
    ),
    "no spec": ([(..., "model")], OptionError, r"up.weight.bias.*no PartitionSpec.*'model'"),
}


@pytest.mark.parametrize(("rules", "error", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_rule_is_named(rules: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"(?s){message}.*fix:"):
        specs(rules)


def test_an_axis_that_does_not_divide_is_named() -> None:
    layer = eval_shape(lambda: nn.Linear(8, 30))
    message = (
        r"(?s)weight.weight: a rule cannot be applied to this array; nothing was placed\n"
        r".*axis 1 in 4 equal parts\n.*P\(None, 'data'\).*float32\[8,30\], by rule 0\n.*fix:"
    )
    with pytest.raises(ShardingError, match=message):
        lay_out(layer, MESH, [(..., {"weight": P(None, "data")})])


def wrong(given: object) -> Any:
    """Return what a type checker would refuse."""
    return given


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: make(wrong(nn.Linear(2, 2)), m), r"make: .*by what makes it(.|\n)*`lambda: Net"),
        (lambda m: make(lambda: 3, m), r"nothing that could be placed(.|\n)*without arguments"),
        (lambda m: place(None, m), r"nothing that could be placed(.|\n)*got: *a NoneType"),
        (
            lambda m: place(nn.Linear(2, 2), wrong(8)),
            r"devices are given as a mesh(.|\n)*got: *a int",
        ),
        (lambda m: batch(jnp.ones(8), wrong(None)), r"batch: devices are given as a mesh"),
        (lambda m: fsdp(wrong("data"), m), r"fsdp: devices are given as a mesh(.|\n)*got: *a str"),
        (lambda m: plan(nn.Linear(2, 2), m, wrong([P("data")])), r"pairs of a filter and a spec"),
        (lambda m: plan(nn.Linear(2, 2), m, wrong((..., P()))), r"pairs of a filter and a spec"),
    ],
)
def test_what_cannot_be_placed_says_what_to_pass(call: Any, message: str) -> None:
    with pytest.raises((InputError, OptionError), match=message):
        call(mesh(data=1))


def test_a_module_without_arrays_can_be_placed() -> None:
    assert isinstance(place(nn.ReLU(), mesh(data=1)), nn.ReLU)
