"""Hidden states over time and outputs of layers, compared with a loop written in Python."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import display, environ, nn
from brainlite.errors import InputError, OptionError
from brainlite.nn import History, capture, record
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import (
    checkpointed_for_loop,
    cond,
    for_loop,
    grad,
    jit,
    remat,
    scan,
    value_and_grad,
    vmap,
)
from brainlite.typing import Array
from tests.closeness import assert_close
from tests.transform.checks import Runs

X = jax.random.normal(jax.random.key(0), (7, 2))


class Model(nn.Module):
    """Reads a sequence, and starts anew at each, as the models of the tutorial do."""

    runs = Runs()

    def __init__(self) -> None:
        self.cell = nn.LSTMCell(2, 3)
        self.readout = nn.Linear(3, 1)

    def update(self, x: Array) -> Array:
        self.runs.add()
        nn.init_all_states(self)
        return self.readout(for_loop(self.cell, x))


@pytest.fixture(scope="module")
def model() -> Model:
    return nn.init_all_states(Model())


@pytest.fixture(scope="module")
def expected(model: Model) -> dict[str, Any]:
    """The states after each step, taken in Python, and the outputs."""
    nn.init_all_states(model)
    steps: list[tuple[Array, Array]] = []
    for x in X:
        model.cell(x)
        steps.append((model.cell.c.value, model.cell.h.value))
    c, h = map(jnp.stack, zip(*steps, strict=True))
    return {"cell.c": c, "cell.h": h, "cell": h, "readout": model.readout(h)}


def assert_history(history: History, expected: dict[str, Any], *paths: str) -> None:
    assert set(history) == set(paths)
    for path in paths:
        assert_close(history[path], expected[path])


def test_hidden_states_are_recorded_at_each_step(model: Model, expected: dict[str, Any]) -> None:
    with record(model) as history:
        model(X)
    assert_history(history, expected, "cell.c", "cell.h")


def test_a_compiled_model_is_recorded_and_found_again(
    model: Model, expected: dict[str, Any]
) -> None:
    run = jit(model)
    run(X)
    history = record(model)
    for _ in range(2):
        with history:
            run(X)
        assert_history(history, expected, "cell.c", "cell.h")
    run(X)
    text = repr(run)
    assert text.count("Compilation(") == 2  # without and with the recording
    assert "raised" not in text


def test_states_are_chosen_by_a_filter(model: Model) -> None:
    with record(model, lambda path, _: path[-1] == "c") as history:
        model(X)
    assert list(history) == ["cell.c"]
    with record(model, ParamState) as history:  # which no step writes
        model(X)
    assert len(history) == 0


def test_lanes_of_a_vmap_come_first(model: Model, expected: dict[str, Any]) -> None:
    lanes = jnp.stack([X, X + 1])
    run = vmap(model, out_states=model.states(HiddenState))
    with record(model) as history, capture(model, nn.LSTMCell) as outputs:
        run(lanes)
    assert history["cell.h"].shape == outputs["cell"].shape == (2, 7, 3)
    assert_close(history["cell.h"][0], expected["cell.h"])
    nn.init_all_states(model)


def test_a_loop_in_a_loop_keeps_both_axes(model: Model, expected: dict[str, Any]) -> None:
    with record(model) as history, capture(model, nn.Linear) as outputs:
        for_loop(model, jnp.stack([X, X]))
    assert_close(history["cell.h"][1], expected["cell.h"])
    assert_close(outputs["readout"][1], expected["readout"])


@pytest.mark.parametrize("how", ["remat", "checkpointed", "compiled step", "value_and_grad"])
def test_it_composes_with_other_transforms(
    model: Model, expected: dict[str, Any], how: str
) -> None:
    nn.init_all_states(model)
    cell = model.cell

    def loss(x: Array) -> Array:
        return for_loop(cell, x).sum()

    ways: dict[str, Any] = {
        "remat": lambda x: for_loop(remat(cell), x),
        "checkpointed": lambda x: checkpointed_for_loop(cell, x),
        "compiled step": lambda x: for_loop(jit(cell), x),
        "value_and_grad": jit(value_and_grad(loss, cell.states(ParamState))),
    }
    with record(model) as history, capture(model, nn.LSTMCell) as outputs:
        ways[how](X)
    assert_history(history, expected, "cell.c", "cell.h")
    assert_history(outputs, expected, "cell")


def test_a_progress_bar_changes_nothing() -> None:
    pytest.importorskip("tqdm")
    cell = nn.init_all_states(nn.GRUCell(2, 3))
    with record(cell) as history:
        ys = for_loop(cell, X, pbar=3)
    np.testing.assert_array_equal(history["h"], ys)


@pytest.mark.parametrize("how", ["eager", "jit", "grad"])
def test_outputs_of_layers_are_captured(model: Model, expected: dict[str, Any], how: str) -> None:
    def loss(x: Array) -> Array:
        return model(x).sum()

    run: Any = {"eager": loss, "jit": jit(loss), "grad": grad(loss, model.states(ParamState))}[how]
    run(X)
    with capture(model) as outputs:
        run(X)
    assert_history(
        outputs,
        {**expected, "": expected["readout"], "cell.W": outputs["cell.W"]},
        "",
        "cell",
        "cell.W",
        "readout",
    )
    assert outputs["cell.W"].shape == (7, 12)


def test_nothing_is_left_behind(model: Model) -> None:
    update = nn.LSTMCell.__call__
    before = model.states(State).to_values()
    with pytest.raises(RuntimeError, match="stop"), capture(model):
        raise RuntimeError("stop")
    assert nn.LSTMCell.__call__ is update
    assert model.states(State).to_values().keys() == before.keys()
    with capture(model) as outputs:
        pass
    model(X)
    assert dict(outputs) == {}


def test_other_models_of_the_class_are_not_captured(model: Model) -> None:
    other = nn.Linear(2, 1)
    with capture(model, nn.Linear) as outputs:
        other(X)
    assert dict(outputs) == {}


def test_calls_in_a_branch_are_left_out() -> None:
    layer = nn.Linear(2, 2)
    with capture(layer) as outputs:
        cond(True, layer, lambda x: x, X)
    assert dict(outputs) == {}


def test_a_history_prints_as_shapes(model: Model) -> None:
    with record(model) as history:
        model(X)
    assert repr(history) == (
        "History of Model({\n  'cell.c': ShapedArray(float32[7,3]),\n"
        "  'cell.h': ShapedArray(float32[7,3])\n})"
    )


class Leak(nn.Dynamics):
    """Its call is that of Dynamics."""

    def update(self, x: Any) -> Array:
        return 2.0 * jnp.asarray(x)


def test_a_call_that_is_inherited_is_captured() -> None:
    layers = nn.Sequential(Leak(2), Leak(2))
    with capture(layers, Leak) as outputs:
        layers(jnp.ones(2))
    assert {path: out.tolist() for path, out in outputs.items()} == {
        "0": [2.0, 2.0],
        "1": [4.0, 4.0],
    }


def test_what_was_compiled_before_is_seen_without_a_loop_in_it() -> None:
    layer = nn.Linear(2, 3)
    run = jit(layer)
    y = run(X)
    with capture(layer) as outputs:
        run(X)
    np.testing.assert_array_equal(outputs[""], y)


def test_layers_of_a_cell_are_seen_in_a_single_eager_step() -> None:
    cell = nn.init_all_states(nn.GRUCell(2, 3))
    cell(X[0])  # keeps a kernel, in which the layers are not called
    with capture(cell, nn.Linear) as outputs:
        cell(X[0])
    assert set(outputs) == {"Wrz", "Wh"}
    seen: list[Any] = []
    cell.Wh.register_forward_hook(lambda *call: seen.append(call))
    cell(X[0])
    assert len(seen) == 1


# Layers that run whole sequences.

KINDS = [nn.RNN, nn.GRU, nn.LSTM]
SEQUENCE = jnp.asarray(np.random.RandomState(0).randn(6, 2, 3), jnp.float32)  # (T, B, I)


def by_prefixes(layer: Any, xs: Array, **marks: Any) -> list[Any]:
    """The last hidden states of each beginning of a sequence."""
    lasts = [layer(xs[: n + 1], **{k: v[: n + 1] for k, v in marks.items()})[1] for n in range(6)]
    return [[each] if not isinstance(each, tuple) else list(each) for each in lasts]


@pytest.mark.parametrize(
    ("kind", "marks"),
    [
        (nn.LSTM, ""),
        (nn.GRU, "mask"),
        *(pytest.param(k, m, marks=pytest.mark.slow) for k in KINDS for m in ("", "mask", "reset")),
    ],
)
def test_hidden_states_in_layers_are_those_after_each_beginning(kind: Any, marks: str) -> None:
    layer = kind(3, 4, num_layers=2)
    given = {marks: jnp.asarray(np.random.RandomState(1).rand(6, 2) > 0.4)} if marks else {}
    with record(layer) as history:
        out, _ = layer(SEQUENCE, **given)
    expected = by_prefixes(layer, SEQUENCE, **given)
    names = [f"{name}_l{n}" for n in range(2) for name in layer.hidden_names]
    assert list(history) == names
    for number, name in enumerate(layer.hidden_names):
        for n in range(2):
            steps = jnp.stack([each[number][n] for each in expected])
            assert_close(history[f"{name}_l{n}"], steps)
    assert_close(layer(SEQUENCE, **given)[0], out)


def test_each_direction_has_a_name_and_a_projection_its_width() -> None:
    layer = nn.LSTM(3, 4, bidirectional=True, proj_size=2, batch_first=True)
    with record(layer) as history:
        out, _ = layer(SEQUENCE.swapaxes(0, 1))
    assert list(history) == ["h_l0", "c_l0", "h_l0_reverse", "c_l0_reverse"]
    assert history["c_l0"].shape == (6, 2, 4)
    both = jnp.concatenate([history["h_l0"], history["h_l0_reverse"]], -1)
    assert_close(both.swapaxes(0, 1), out)


@pytest.mark.parametrize("kind", [nn.GRU, pytest.param(nn.LSTM, marks=pytest.mark.slow)])
def test_they_are_seen_through_transforms_and_nothing_else_changes(kind: Any) -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            self.inner = [kind(3, 4)]

        def update(self, xs: Array) -> Any:
            return self.inner[0](xs)[0].sum()

    model = Reader()
    with record(model) as plain:
        model(SEQUENCE)
    name = "inner.0.h_l0"
    assert plain[name].shape == (6, 2, 4)
    ways: dict[str, Any] = {
        "jit": jit(model),
        "grad": grad(model),
        "jit of grad": jit(value_and_grad(model)),
        "checkpoint": remat(model),
    }
    for run in ways.values():
        alone = run(SEQUENCE)
        with record(model) as history:
            seen = run(SEQUENCE)
        assert_close(history[name], plain[name])
        assert_close(seen, alone)
        with record(model) as history:
            run(SEQUENCE)
        assert_close(history[name], plain[name])
    with record(model) as history:
        vmap(model, in_axes=1)(SEQUENCE)
    assert_close(history[name], plain[name].swapaxes(0, 1))
    with record(model) as history:
        for_loop(model, jnp.stack([SEQUENCE, 2 * SEQUENCE]))
    assert history[name].shape == (2, 6, 2, 4)
    assert_close(history[name][0], plain[name])


def test_filters_choose_among_them_too() -> None:
    layer = nn.LSTM(3, 4)
    for select, names in (
        (ParamState, []),
        (HiddenState, ["h_l0", "c_l0"]),
        (lambda path, _: path[-1] == "c_l0", ["c_l0"]),
    ):
        chosen: Any = select
        with record(layer, chosen) as history:
            layer(SEQUENCE[:, 0])
        assert list(history) == names
        assert all(values.shape == (6, 4) for values in history.values())
    with record(nn.Linear(2, 2)) as history:
        layer(SEQUENCE)
    assert list(history) == []


@pytest.mark.parametrize("how", ["eager", "jit"])
def test_units_that_are_chosen_are_kept_alone(how: str) -> None:
    cell, xs = nn.LSTMCell(2, 5), jnp.ones((7, 3, 2))
    run: Any = jit(lambda: for_loop(cell, xs))
    if how == "eager":
        run = run.fun
    nn.init_all_states(cell, batch_size=3)
    with nn.record(cell) as everything:
        run()
    nn.init_all_states(cell, batch_size=3)
    with nn.record(cell, units=[4, -5]) as some:
        run()
    assert {path: values.shape for path, values in some.items()} == {"c": (7, 3, 2), "h": (7, 3, 2)}
    for path in everything:
        assert_close(some[path], everything[path][..., [4, 0]])


def test_a_unit_that_is_not_there_is_refused() -> None:
    cell = nn.init_all_states(nn.GRUCell(2, 5))
    with (
        pytest.raises(InputError, match=r"^h: there is no such unit(.|\n)*0 to 4(.|\n)*5"),
        nn.record(cell, units=[0, 5]),
    ):
        for_loop(cell, jnp.ones((7, 2)))


def test_units_are_chosen_of_them_too() -> None:
    layer = nn.GRU(3, 4)
    with record(layer) as whole:
        layer(SEQUENCE)
    with record(layer, units=[2, 0]) as some:
        layer(SEQUENCE)
    assert_close(some["h_l0"], whole["h_l0"][..., jnp.array([2, 0])])
    with pytest.raises(InputError, match=r"h_l0: there is no such unit"), record(layer, units=[4]):
        layer(SEQUENCE)


# Every n-th step.

LOOPS: dict[str, Any] = {
    "for_loop": lambda cell, xs: for_loop(cell, xs),
    "jit": jit(lambda cell, xs: for_loop(cell, xs)),
    "reverse": lambda cell, xs: for_loop(cell, xs, reverse=True),
    "checkpointed": lambda cell, xs: checkpointed_for_loop(cell, xs, base=4),
    "progress": lambda cell, xs: for_loop(cell, xs, pbar=4),
    "progress, reverse": lambda cell, xs: for_loop(cell, xs, pbar=4, reverse=True),
}


def recorded(loop: str, steps: int, plain: bool, **options: Any) -> tuple[History, Any]:
    cell = nn.init_all_states(nn.GRUCell(2, 3, w_init=nn.init.Constant(0.3)))
    with jax.disable_jit(plain), record(cell, **options) as history:
        ys = LOOPS[loop](cell, jnp.sin(jnp.arange(2.0 * steps)).reshape(steps, 2))
    return history, ys


@pytest.mark.parametrize("plain", [False, True], ids=["traced", "step by step"])
@pytest.mark.parametrize("loop", LOOPS)
def test_every_nth_step_is_what_a_slice_of_all_is(loop: str, plain: bool) -> None:
    if "progress" in loop:
        pytest.importorskip("tqdm")
    for steps in (1, 11, 12):
        whole, out = recorded(loop, steps, plain)
        np.testing.assert_allclose(whole["h"], out, rtol=1e-6)
        for every in (2, 3, 100):
            some, ys = recorded(loop, steps, plain, every=every, units=[2, 0])
            assert_close(some["h"], whole["h"][::every, jnp.array([2, 0])])
            assert_close(ys, out)


def test_steps_are_counted_in_the_inner_loop_in_each_lane_and_from_the_start_of_a_piece() -> None:
    cell, xs = nn.GRUCell(2, 3), jnp.stack([X, X + 1, X + 2])

    def run(xs: Array) -> Array:
        nn.init_all_states(cell)
        return for_loop(cell, xs)

    ways: list[Any] = [for_loop, lambda run, xs: vmap(run)(xs)]
    for way in ways:
        with record(cell) as whole:
            way(run, xs)
        with record(cell, every=3) as some:
            way(run, xs)
        assert some["h"].shape == (3, 3, 3)
        assert_close(some["h"], whole["h"][:, ::3])
    out, pieces, history = run(X), [], record(cell, every=2)
    nn.init_all_states(cell)
    for piece in (X[:4], X[4:]):
        with history:
            for_loop(cell, piece)
        pieces.append(history["h"])
    assert_close(jnp.concatenate(pieces), out[::2])


def test_a_loss_of_what_was_kept_has_its_gradient() -> None:
    cell = nn.GRUCell(2, 3)

    def loss(every: int) -> Array:
        nn.init_all_states(cell)
        with record(cell, every=every) as history:
            for_loop(cell, X)
        kept: Array = history["h"][:: 3 // every]
        return (kept**2).sum()

    weights = cell.states(ParamState)
    jax.tree.map(assert_close, grad(lambda: loss(3), weights)(), grad(lambda: loss(1), weights)())


def test_two_records_of_one_run_keep_their_own_steps() -> None:
    cell = nn.init_all_states(nn.LSTMCell(2, 3))
    with record(cell, every=2) as some, record(cell) as all_of_it, record(cell, every=5) as few:
        for_loop(cell, X)
    for path, values in all_of_it.items():
        assert_close(some[path], values[::2])
        assert_close(few[path], values[::5])


def test_every_nth_step_of_a_layer_that_runs_a_sequence() -> None:
    layer = nn.LSTM(3, 4)
    with record(layer) as whole:
        layer(SEQUENCE)
    with record(layer, every=4) as some:
        layer(SEQUENCE)
    with record(layer, every=4) as looped:
        for_loop(lambda xs: layer(xs)[0], jnp.stack([SEQUENCE] * 5))
    for path, values in whole.items():
        assert_close(some[path], values[::4])
        assert_close(looped[path], jnp.stack([values[::4]] * 5))


def test_memory_is_that_of_the_steps_that_are_kept() -> None:
    cell = nn.init_all_states(nn.GRUCell(2, 3))
    sizes = set[tuple[int, int]]()

    def step(total: Array, _: None) -> tuple[Array, None]:
        return total + cell(X[0]).sum(), None

    for steps in (1_000, 100_000):
        run = jit(lambda steps=steps: scan(step, jnp.zeros(()), length=steps)[0])
        with record(cell, every=steps // 100) as history:
            used: Any = run.lower().compile().memory_analysis()
            sizes.add((used.temp_size_in_bytes, used.output_size_in_bytes))
            run()
        assert history["h"].shape == (100, 3)
    assert len(sizes) == 1


@pytest.mark.parametrize("every", [0, -2, 1.5, True, "2"])
def test_a_step_between_must_be_a_whole_number(every: Any) -> None:
    with pytest.raises(
        OptionError, match=rf"keep such steps(.|\n)*1 or more(.|\n)*every={every!r}"
    ):
        record(nn.GRUCell(2, 3), every=every)


def test_no_steps_keep_nothing_and_give_what_the_loop_gives() -> None:
    cell = nn.init_all_states(nn.GRUCell(2, 3))
    for plain, every in ((False, 1), (True, 1), (False, 3), (True, 3)):
        with jax.disable_jit(plain), record(cell, every=every) as history:
            assert for_loop(cell, X[:0]).shape == (0, 3)
        assert len(history) == 0


def test_plots_show_the_time_of_the_loop() -> None:
    pytest.importorskip("matplotlib")
    neurons = nn.init_all_states(nn.LIF(3, V_th=0.5))
    with environ.context(dt=0.5), record(neurons, every=4) as history:
        spikes = for_loop(lambda: neurons(jnp.array([0.0, 1.0, 2.0])), length=22)
    assert history["V"].shape == (6, 3)
    heat: Any = display.plot_states(history).axes[0].images[0]
    assert heat.get_extent() == [-2.0, 22.0, 2.5, -0.5]
    for marks in (None, spikes, spikes[::4]):
        axes: Any = display.plot_traces(history, spikes=marks, dt=0.5).axes[0]
        np.testing.assert_allclose(axes.lines[0].get_xdata(), [0, 2, 4, 6, 8, 10])
        strokes = [x for each in axes.collections for [(x, _), _] in each.get_segments()]
        when = 0.5 if marks is spikes else 2.0
        expected = [] if marks is None else [when * t for t, _ in np.argwhere(marks)]
        assert sorted(strokes) == sorted(expected)
    with pytest.raises(InputError, match=r"\(6, 3\), or of each step, of which one in 4 is kept"):
        display.plot_traces(history, spikes=spikes[:8], dt=0.5)
    raster: Any = display.plot_raster(history, dt=0.5, window=6.0)
    [rates] = raster.axes[1].lines
    np.testing.assert_allclose(rates.get_xdata(), [0, 2, 4, 6, 8, 10])
    inner = (np.asarray(history["V"]) > 0)[1:4].mean() / 0.5 * 1000
    np.testing.assert_allclose(rates.get_ydata()[2], inner)


def test_a_figure_of_a_history_is_titled_by_its_model(model: Model) -> None:
    with record(model) as history:
        model(X)
    for figure in (display.plot_states(history), display.plot_traces(history)):
        assert figure.get_suptitle() == "Model"
    assert display.plot_states(dict(history)).get_suptitle() == ""
