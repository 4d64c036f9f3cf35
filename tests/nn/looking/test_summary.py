"""The table of a model: shapes, sizes and operations, without running it."""

import io
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite.errors import InputError, OptionError
from brainlite.nn import summary
from brainlite.state import State
from brainlite.transform import for_loop, jit
from brainlite.typing import Array
from tests.transform.checks import Runs

X = jax.eval_shape(lambda: jnp.ones((7, 4, 2)))  # (time, batch, features)


class Model(nn.Module):
    """Makes its states in `update`, as the models of the tutorial do."""

    runs = Runs()

    def __init__(self) -> None:
        self.cell = nn.LSTMCell(2, 3)
        self.layers = [nn.Linear(3, 3) for _ in range(5)]
        self.readout = nn.Linear(3, 1)

    def update(self, x: Array) -> Array:
        self.runs.add()
        nn.init_all_states(self, batch_size=x.shape[1])
        h = for_loop(self.cell, x)
        for layer in self.layers:
            h = layer(h)
        return for_loop(self.readout, h)


TABLE = """\
path                  type         input           output          calls  params  bytes  flops
----------------------------------------------------------------------------------------------
(model)               Model        float32[7,4,2]  float32[7,4,1]      1     136    544  8,012
cell                  LSTMCell     float32[4,2]    float32[4,3]        7      72    288  4,872
cell.W                Linear       float32[4,5]    float32[4,12]       7      72    288  3,696
layers.0 to layers.4  Linear (x5)  float32[7,4,3]  float32[7,4,3]      1      12     48    588
readout               Linear       float32[4,3]    float32[4,1]        7       4     16    196
----------------------------------------------------------------------------------------------
parameters: 136 (544 B in all states)
flops of one call: 8,012"""


def test_a_model_prints_as_a_table() -> None:
    assert repr(summary(Model(), X)) == TABLE


@pytest.mark.parametrize("container", [nn.ModuleList, nn.Sequential], ids=["list", "sequence"])
def test_equal_layers_of_a_module_list_are_one_row(container: Any) -> None:
    layers = [nn.Linear(3, 3) for _ in range(3)]
    table = repr(summary(container(*layers) if container is nn.Sequential else container(layers)))
    assert table.count("Linear") == 1
    assert "0 to 2   Linear (x3)" in table


def test_nothing_is_computed_and_nothing_changes() -> None:
    model = Model()
    states = model.states(State).to_values()
    summary(model, X)
    assert not hasattr(model.cell, "h")
    after = model.states(State).to_values()
    assert after.keys() == states.keys()
    assert all(a is b for path in states for a, b in _leaf_pairs(states[path], after[path]))


def _leaf_pairs(left: Any, right: Any) -> list[tuple[Any, Any]]:
    return list(zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True))


def test_operations_are_those_of_the_matrix_products_times_the_steps() -> None:
    by_path = {row.path: row for row in summary(Model(), X).rows}
    cell = by_path["cell", "W"]
    assert cell.flops == 7 * (2 * 4 * 5 * 12 + 4 * 12)  # x W and + b, at each of 7 steps
    whole = by_path[()].flops
    assert whole is not None
    parts = [by_path[path] for path in (("cell",), ("layers", 0), ("readout",))]
    assert whole == pytest.approx(sum(row.blocks * (row.flops or 0) for row in parts), abs=10)


def test_a_compiled_method_is_looked_into() -> None:
    class Compiled(nn.Module):
        def __init__(self) -> None:
            self.inner = nn.Linear(2, 3)

        @jit
        def update(self, x: Array) -> Array:
            return self.inner(x)

    model = Compiled()
    model(jnp.ones((4, 2)))
    rows = summary(model, jnp.ones((4, 2))).rows
    assert [(row.kind, row.calls) for row in rows] == [("Compiled", 1), ("Linear", 1)]
    assert rows[0].flops == rows[1].flops == 2 * 4 * 2 * 3 + 4 * 3


def test_shared_modules_and_parameters_count_once() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            self.a = self.b = nn.Linear(3, 3)

        def update(self, x: Array) -> Array:
            return self.b(self.a(x))

    found = summary(Shared(), jnp.ones(3))
    assert found.params == 12
    assert [(row.path, row.calls) for row in found.rows] == [((), 1), (("a",), 2)]


def test_another_shape_is_another_row() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(3, 3)

        def update(self, x: Array) -> Array:
            return self.layer(x).sum() + self.layer(x[0]).sum()

    rows = summary(Twice(), jnp.ones((2, 3))).rows
    assert [row.inputs for row in rows[1:]] == ["float32[2,3]", "float32[3]"]


def test_arguments_that_are_no_arrays_leave_operations_uncounted() -> None:
    class Named(nn.Module):
        def update(self, x: Array, how: str) -> Array:
            return x * 2 if how == "double" else x

    class Outer(nn.Module):
        def __init__(self) -> None:
            self.inner = Named()

        def update(self, x: Array) -> Array:
            return self.inner(x, how="double")

    outer, inner = summary(Outer(), jnp.ones(3)).rows
    assert outer.flops == 3
    assert inner.flops is None
    assert inner.inputs == "float32[3], how=str 'double'"


def test_depth_and_a_model_without_input() -> None:
    assert [row.path for row in summary(Model(), depth=1).rows] == [
        (),
        ("cell",),
        ("layers", 0),
        ("readout",),
    ]
    assert "flops" not in repr(summary(Model()))
    assert len(summary(Model(), depth=0).rows) == 1
    with pytest.raises(OptionError, match="no negative depth"):
        summary(Model(), depth=-1)


def test_several_models_have_a_row_each() -> None:
    one, other = nn.Linear(2, 3), nn.GRUCell(2, 3)
    found = summary([one, other])
    assert [(row.path, row.kind) for row in found.rows[:2]] == [((0,), "Linear"), ((1,), "GRUCell")]
    assert found.params == one.num_parameters() + other.num_parameters()
    assert found.flops is None
    assert summary({"a": one, "b": one}).params == 9
    assert "(x2)" in repr(summary([nn.Linear(2, 3), nn.Linear(2, 3)]))
    with pytest.raises(InputError, match=r"(?s)several models cannot be called.*one by one"):
        summary([one, other], jnp.ones(2))


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(InputError, match=r"no module to summarise(.|\n)*got: *function"):
        summary(lambda x: x)


def test_a_notebook_shows_a_table() -> None:
    page: str = summary(Model(), X)._repr_html_()  # pyright: ignore[reportPrivateUsage]  # as a notebook does
    assert page.count("<tr>") == 6
    assert "layers.0 to layers.4" in page
    assert "color:inherit" in page  # read in light and in dark mode


def test_a_deleted_parameter_still_has_its_size() -> None:
    layer = nn.Linear(3, 4)
    for leaf in layer.weight.value.values():
        leaf.delete()
    assert summary(layer).params == 16


def test_a_terminal_with_rich_draws_it_in_its_width() -> None:
    console = pytest.importorskip("rich.console", reason="rich is not installed")
    lines: dict[int, str] = {}
    for width in (120, 60):
        narrow = console.Console(width=width, file=io.StringIO())
        narrow.print(summary(Model(), X))
        lines[width] = narrow.file.getvalue()
    assert "float32[7,4,2]" in lines[120]
    assert "left out in this width: input, calls, bytes, flops" in " ".join(lines[60].split())


def test_other_text_gets_plain_text() -> None:
    found = summary(Model(), X)
    assert f"{found}" == str(found) == repr(found) == TABLE


def test_frozen_parameters_are_counted() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    assert "frozen" not in str(nn.summary(net))
    net[0].requires_grad_(False)
    assert "parameters: 26, 16 of them frozen (104 B in all states)" in str(nn.summary(net))
