"""Recurrent cells: equations, states, batches, errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import (
    InputError,
    OptionError,
    SizeError,
    StateMissingError,
    StateOverwriteError,
    StateValueError,
)
from brainlite.nn import (
    GRUCell,
    LSTMCell,
    MGUCell,
    Module,
    RNNCell,
    URLSTMCell,
    ValinaRNNCell,
    VanillaRNNCell,
    init_all_states,
    reset_all_states,
)
from brainlite.transform import for_loop, grad, jit, vmap
from brainlite.typing import Array
from tests.closeness import assert_close

Made = Callable[..., RNNCell]
CELLS: list[Made] = [ValinaRNNCell, GRUCell, MGUCell, LSTMCell, URLSTMCell]
Numbers = np.ndarray[Any, np.dtype[np.float64]]


def sigmoid(x: Numbers) -> Numbers:
    return np.asarray(1 / (1 + np.exp(-x)))


def affine(state: Any, x: Numbers) -> Numbers:
    params = {name: np.asarray(value, np.float64) for name, value in state.value.items()}
    return np.asarray(x @ params["weight"] + params.get("bias", 0.0))


def step_in_numpy(cell: Any, x: Numbers, h: Numbers, c: Numbers) -> tuple[Numbers, Numbers]:
    """Return (h, c) after one step, from the papers' equations, in float64."""
    joined = np.concatenate([x, h], axis=-1)
    if isinstance(cell, ValinaRNNCell):
        return np.maximum(affine(cell.W.weight, joined), 0), c
    if isinstance(cell, GRUCell):
        r, z = np.split(sigmoid(affine(cell.Wrz.weight, joined)), 2, -1)
        new = np.tanh(affine(cell.Wh.weight, np.concatenate([x, r * h], axis=-1)))
        return (1 - z) * h + z * new, c
    if isinstance(cell, MGUCell):
        f = sigmoid(affine(cell.Wf.weight, joined))
        new = np.tanh(affine(cell.Wh.weight, np.concatenate([x, f * h], axis=-1)))
        return (1 - f) * h + f * new, c
    if isinstance(cell, LSTMCell):
        i, g, f, o = np.split(affine(cell.W.weight, joined), 4, -1)
        c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
        return sigmoid(o) * np.tanh(c), c
    assert isinstance(cell, URLSTMCell)
    f, r, u, o = np.split(affine(cell.W.weight, joined), 4, -1)
    bias = np.asarray(cell.bias.value, np.float64)
    f, r = sigmoid(f + bias), sigmoid(r - bias)
    g = 2 * r * f + (1 - 2 * r) * f**2
    c = g * c + (1 - g) * np.tanh(u)
    return sigmoid(o) * np.tanh(c), c


@pytest.mark.parametrize("batch", [None, 4])
@pytest.mark.parametrize("make", CELLS)
def test_a_step_follows_the_equations_of_the_paper(make: Made, batch: int | None) -> None:
    brainlite.random.seed(1)
    cell: Any = init_all_states(make(3, 5), batch_size=batch)
    lead = () if batch is None else (batch,)
    xs = np.asarray(brainlite.random.randn(6, *lead, 3), np.float64)
    h = c = np.zeros((*lead, 5))
    for x in xs:
        h, c = step_in_numpy(cell, x, h, c)
        out = cell(jnp.asarray(x, jnp.float32))
        assert_close(out, h)
        assert_close(cell.h.value, h)
    if hasattr(cell, "c"):
        assert_close(cell.c.value, c)


@pytest.mark.parametrize("make", CELLS)
def test_eager_jit_and_loop_take_the_same_steps(make: Made) -> None:
    cell = make(3, 5)
    xs = brainlite.random.randn(4, 3)

    def eager() -> Array:
        return jnp.stack([cell(x) for x in xs])

    outs: list[Array] = []
    for run in (eager, lambda: for_loop(cell, xs), jit(lambda: for_loop(cell, xs))):
        init_all_states(cell)
        outs += [run(), cell.h.value]
    for out, h in zip(outs[2::2], outs[3::2], strict=True):
        assert_close(out, outs[0])
        assert_close(h, outs[1])


@pytest.mark.parametrize("make", CELLS)
def test_gradient_agrees_with_finite_differences(make: Made) -> None:
    cell = make(2, 3)
    xs = brainlite.random.randn(5, 2)
    params = cell.states(brainlite.ParamState)

    def loss() -> Array:
        init_all_states(cell)
        return (for_loop(cell, xs) ** 2).sum()

    gradient = grad(loss, params)()
    before = params.to_values()
    direction = jax.tree.map(lambda v: jnp.sign(v) + 0.5, before)
    step = 1e-2
    ends: list[float] = []
    for sign in (1, -1):
        params.assign(jax.tree.map(lambda v, d, s=sign: v + s * step * d, before, direction))
        ends.append(float(loss()))
    params.assign(before)
    expected = (ends[0] - ends[1]) / (2 * step)
    slopes = jax.tree.map(lambda g, d: (g * d).sum(), gradient, direction)
    found = float(sum(jax.tree.leaves(slopes)))
    assert found == pytest.approx(expected, rel=2e-2, abs=2e-2)


def test_vanilla_is_the_same_class_under_its_well_spelt_name() -> None:
    assert VanillaRNNCell is ValinaRNNCell


@pytest.mark.parametrize("make", CELLS)
def test_weights_and_biases_have_the_documented_shapes(make: Made) -> None:
    shapes = {
        ValinaRNNCell: {"W": 5},
        GRUCell: {"Wrz": 10, "Wh": 5},
        MGUCell: {"Wf": 5, "Wh": 5},
        LSTMCell: {"W": 20},
        URLSTMCell: {"W": 20},
    }
    cell: Any = make(3, 5)
    for name, out in shapes[type(cell)].items():
        params = getattr(cell, name).weight.value
        assert params["weight"].shape == (8, out)
        assert "bias" not in params or not params["bias"].any()


def test_activation_may_be_a_function_of_the_user() -> None:
    cell = init_all_states(ValinaRNNCell(2, 3, activation=lambda v: v * 2))
    x = jnp.asarray([0.3, -0.2])
    expected = 2 * affine(cell.W.weight, np.concatenate([np.asarray(x, np.float64), np.zeros(3)]))
    assert_close(cell(x), expected)


def test_an_activation_that_reads_a_state_is_never_stale() -> None:
    scale = brainlite.State(jnp.asarray(1.0))
    cell = ValinaRNNCell(2, 3, activation=lambda v: v * scale.value)
    x = jnp.ones(2)
    first = init_all_states(cell)(x)
    scale.value = jnp.asarray(2.0)
    assert_close(init_all_states(cell)(x), 2 * first)


def test_layer_of_a_cell_may_be_replaced() -> None:
    class Doubled(brainlite.nn.Linear):
        def update(self, x: Array) -> Array:
            return 2 * super().update(x)

    cell = ValinaRNNCell(2, 3, activation="tanh")
    cell.W = Doubled(5, 3)
    x = jnp.asarray([0.3, -0.2])
    joined = np.concatenate([np.asarray(x, np.float64), np.zeros(3)])
    expected = np.tanh(2 * affine(cell.W.weight, joined))
    assert_close(init_all_states(cell)(x), expected)


def test_state_init_fills_the_hidden_state() -> None:
    cell = init_all_states(GRUCell(2, 3, state_init=brainlite.nn.init.Constant(0.5)), batch_size=2)
    assert cell.h.value.tolist() == [[0.5] * 3] * 2


def test_user_cell_brings_its_own_update() -> None:
    class Leaky(RNNCell):
        def __init__(self, size: int) -> None:
            self.size = size

        def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
            self.h = brainlite.HiddenState(jnp.zeros(self.size))

        def update(self, x: Array) -> Array:
            self.h.value = 0.5 * self.h.value + x
            return self.h.value

    cell = init_all_states(Leaky(2))
    assert for_loop(cell, jnp.ones((3, 2)))[-1].tolist() == [1.75, 1.75]


def test_cell_maps_over_lanes_with_states_of_their_own() -> None:
    cell = init_all_states(GRUCell(2, 3), batch_size=4)
    x = brainlite.random.randn(4, 2)
    batched = cell(x)
    reset_all_states(cell, batch_size=4)
    lanes = vmap(cell, in_states=cell.states(brainlite.HiddenState))(x)
    assert_close(lanes, batched)
    assert_close(cell.h.value, batched)


class Net(Module):
    def __init__(self, cell: RNNCell) -> None:
        self.cells = [cell]

    def update(self, x: Array) -> Array:
        return self.cells[0](x)


@pytest.mark.parametrize("make", CELLS)
def test_call_before_init_all_states_says_to_call_it(make: Made) -> None:
    net = Net(make(2, 3))
    kind = type(net.cells[0]).__name__
    text = rf"(?s)Net\.cells\[0\] \({kind}\).*has not been made.*brainlite\.nn\.init_all_states"
    with pytest.raises(StateMissingError, match=text):
        net(jnp.ones(2))
    assert not hasattr(net.cells[0], "h")


@pytest.mark.parametrize("run", [lambda net: net, jit])
def test_wrong_number_of_features_names_the_path_and_both_sizes(run: Any) -> None:
    net = init_all_states(Net(GRUCell(2, 3)))
    before = net.cells[0].h.value
    text = r"(?s)Net\.cells\[0\] \(GRUCell\).*expected: 2 in the last axis.*got: .*\(7,\).*fix:"
    with pytest.raises(InputError, match=text):
        run(net)(jnp.ones(7))
    assert net.cells[0].h.value is before


def test_wrong_batch_against_the_hidden_state_names_both_shapes() -> None:
    net = init_all_states(Net(LSTMCell(2, 3)), batch_size=4)
    before = net.cells[0].h.value
    text = r"(?s)Net\.cells\[0\].*shape \(4, 2\).*hidden state of shape \(4, 3\).*got: .*\(5, 2\)"
    with pytest.raises(InputError, match=text + r".*init_all_states\(model, batch_size=5\)"):
        net(jnp.ones((5, 2)))
    assert net.cells[0].h.value is before


def test_batched_input_to_an_unbatched_state_says_how_to_batch_it() -> None:
    cell = init_all_states(GRUCell(2, 3))
    with pytest.raises(InputError, match=r"init_all_states\(model, batch_size=5\)"):
        cell(jnp.ones((5, 2)))


@pytest.mark.parametrize("make", CELLS)
@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((-1, 3), r"num_in.*(?s:.*)got: +-1"),
        ((2, "3"), r"num_out.*(?s:.*)got: .*'3'"),
        ((2, 2.5), r"num_out.*(?s:.*)got: .*2\.5"),
    ],
)
def test_a_bad_size_is_named(make: Made, sizes: Any, text: str) -> None:
    with pytest.raises(SizeError, match=text):
        make(*sizes)


@pytest.mark.parametrize("make", CELLS)
def test_an_unknown_activation_suggests_a_near_one(make: Made) -> None:
    with pytest.raises(OptionError, match=r"(?s)got: +'tahn'.*use 'tanh'"):
        make(2, 3, activation="tahn")


def test_an_array_assigned_over_a_parameter_is_refused() -> None:
    cell = GRUCell(2, 3)
    weight = cell.Wh.weight
    text = r"(?s)Linear.*'weight' holds a ParamState.*\.weight\.value = \.\.\."
    with pytest.raises(StateOverwriteError, match=text):
        cell.Wh.weight = jnp.ones((5, 3))  # type: ignore[assignment]  # the mistake under test
    assert cell.Wh.weight is weight


def test_a_wrong_shape_written_into_a_parameter_names_the_path() -> None:
    net = Net(GRUCell(2, 3))
    cell: Any = net.cells[0]
    before = cell.Wh.weight.value
    text = r"(?s)Net\.cells\[0\]\.Wh\.weight \(ParamState\).*float32\[5,3\].*got: .*float32\[2,2\]"
    with pytest.raises(StateValueError, match=text):
        cell.Wh.weight.value = {"weight": jnp.ones((2, 2)), "bias": jnp.zeros(3)}
    assert cell.Wh.weight.value is before
