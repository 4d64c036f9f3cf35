"""What devices tell each other, counted in compiled programs and in excerpts of others."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from brainlite import nn
from brainlite.distributed import Exchanges, batch, exchanges, mesh, place, rules
from brainlite.errors import InputError
from brainlite.state import ParamState
from brainlite.transform import eval_shape, grad, jit

P: Any = PartitionSpec


class Program:
    """A compiled program of which only the text is known."""

    def __init__(self, *lines: str, others: str = "") -> None:
        body = "\n".join(f"  {line}" for line in lines)
        head = "HloModule jit_step, num_partitions=8"
        self.text = f"{head}\n{others}\nENTRY %main (x: f32[8]) -> f32[8] {{\n{body}\n}}\n"

    def as_text(self) -> str:
        return self.text


def loop(trips: str) -> Program:
    body = "%body.1 (c: f32[4]) -> f32[4] {\n  %r = f32[4]{0} all-reduce(%c), replica_groups={}\n}"
    line = "%w = f32[4] while(%t), condition=%cond.1, body=%body.1"
    return Program(line + trips, others=body)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        # Two thirds around a ring and back: 2 (n - 1) / n of 400 bytes.
        (
            "%a = f32[100]{0} all-reduce(%x), replica_groups={{0,1,2,3},{4,5,6,7}}",
            ("all-reduce", 4, 1, 600),
        ),
        (
            "%a = (bf16[10,10], s8[8]) all-reduce(%x, %y), replica_groups=[4,2]<=[8]",
            ("all-reduce", 2, 1, 208),
        ),
        (
            "%a = c64[8,2] all-gather(%x), replica_groups=mesh['a'=4,'b'=2] {'a','b'}, d={0}",
            ("all-gather", 8, 1, 112),
        ),
        (
            "%a = f32[8] all-gather(%x), replica_groups=mesh['a'=8] {'a':(1)2}, dimensions={0}",
            ("all-gather", 2, 1, 16),
        ),
        (
            "%a = (f32[2], f32[16]) all-gather-start(%x), replica_groups=[1,8]<=[8]",
            ("all-gather", 8, 1, 56),
        ),
        (
            "%a = f32[2]{0} reduce-scatter(%x), replica_groups={{0,1,2,3,4,5,6,7}}",
            ("reduce-scatter", 8, 1, 56),
        ),
        (
            "%a = (f32[1], f32[1]) all-to-all(%x, %y), replica_groups={{0,1},{2,3}}",
            ("all-to-all", 2, 1, 4),
        ),
        (
            "%p = f32[5] collective-permute(%x), source_target_pairs={{0,1},{1,2}}",
            ("collective-permute", 8, 1, 20),
        ),
        (
            "%p = (f32[5], f32[5], u32[], u32[]) collective-permute-start(%x), "
            "source_target_pairs={{0,1}}",
            ("collective-permute", 8, 1, 20),
        ),
    ],
)
def test_an_exchange_has_its_devices_and_bytes(line: str, wanted: tuple[Any, ...]) -> None:
    found = exchanges(Program(line))
    assert [tuple(row) for row in found.rows] == [wanted]
    assert found.bytes == wanted[-1]


def test_what_is_in_a_loop_or_called_counts_as_often_as_it_runs() -> None:
    found = exchanges(loop(', backend_config={"known_trip_count":{"n":"5"}}'))
    assert [tuple(row) for row in found.rows] == [("all-reduce", 8, 5, 5 * 28)]
    unknown = exchanges(loop(""))
    assert ([row.times for row in unknown.rows], unknown.bounded) == ([1], False)
    assert "unknown length" in repr(unknown)
    inside = "%f.1 (c: f32[4]) -> f32[4] {\n  %r = f32[4] all-reduce(%c), replica_groups={}\n}"
    called = Program("%y = f32[4] call(%x), to_apply=%f.1", "%z = f32[4] copy(%y)", others=inside)
    assert [row.times for row in exchanges(called).rows] == [1]
    branches = Program(
        "%y = f32[4] conditional(%x), branch_computations={%f.1, %f.1}", others=inside
    )
    assert [row.times for row in exchanges(branches).rows] == [2]


def test_a_group_of_one_exchanges_nothing() -> None:
    found = exchanges(Program("%a = f32[4] all-reduce(%x), replica_groups={{0},{1}}"))
    assert (found.rows, found.bytes) == ([], 0)


@pytest.mark.parametrize("given", [None, jit(lambda: jnp.zeros(2)), "ENTRY"])
def test_what_is_not_compiled_is_refused(given: Any) -> None:
    with pytest.raises(InputError, match=r"compiled program(.|\n)*lower\(\*args\)\.compile\(\)"):
        exchanges(given)


def of_gradients(layer: Any, x: Any) -> Exchanges:
    def step(layer: Any, x: jax.Array) -> Any:
        def loss() -> jax.Array:
            total: jax.Array = (jax.tree.leaves(layer(x))[0] ** 2).sum()
            return total

        return grad(loss, layer.states(ParamState))()

    return exchanges(jit(step).lower(layer, x).compile())


@pytest.mark.devices(8)
def test_the_gradients_of_a_cut_batch_are_summed_once() -> None:
    where = mesh(data=4, model=2)
    layer = place(nn.Linear(16, 32, b_init=None), where)
    [row] = of_gradients(layer, batch(jnp.ones((8, 16)), where)).rows
    assert tuple(row) == ("all-reduce", 4, 1, 2 * 4 * 16 * 32 * 3 // 4)


@pytest.mark.devices(8)
def test_a_model_that_is_not_there_tells_as_much_as_one_that_is() -> None:
    where = mesh(data=4, model=2)
    layer = place(eval_shape(lambda: nn.Linear(16, 32)), where, [(..., rules.row("model"))])
    x: Any = jax.ShapeDtypeStruct((8, 16), "float32", sharding=NamedSharding(where, P("data")))  # type: ignore[no-untyped-call]
    there = place(nn.Linear(16, 32), where, [(..., rules.row("model"))])
    found = of_gradients(layer, x)
    assert found.rows == of_gradients(there, batch(jnp.ones((8, 16)), where)).rows
    assert found.bytes > 0
    assert "a device sends" in repr(found)


@pytest.mark.devices(8)
@pytest.mark.slow
@pytest.mark.parametrize("kind", [nn.LRU, nn.MinGRU])
def test_the_parts_of_a_sequence_tell_each_other_the_same_however_long_they_are(kind: Any) -> None:
    where = mesh(time=8)
    layer = place(kind(4, 8, parts=8), where)
    sent = [
        of_gradients(layer, batch(jnp.ones((steps, 2, 4)), where, "time")).rows
        for steps in (64, 256)
    ]
    assert sent[0] == sent[1]
