"""Plots of spikes, rates and potentials hold what was recorded."""

from typing import Any

import numpy as np
import pytest

from brainlite.display import plot_raster, plot_traces
from brainlite.errors import InputError

RNG = np.random.default_rng(0)
SPIKES = {"E": RNG.random((200, 8)) < 0.05, "I": RNG.random((200, 3)) < 0.2}


def dots(figure: Any) -> Any:
    return np.concatenate([np.asarray(each.get_offsets()) for each in figure.axes[0].collections])


def test_each_spike_is_a_dot_in_the_band_of_its_population() -> None:
    figure = plot_raster(SPIKES, dt=0.5)
    expected = np.concatenate(
        [np.argwhere(SPIKES["E"]) * [0.5, 1], np.argwhere(SPIKES["I"]) * [0.5, 1] + [0, 8]]
    )
    assert sorted(map(tuple, dots(figure))) == sorted(map(tuple, expected))
    assert [text.get_text() for text in figure.axes[1].get_legend().texts] == ["E", "I"]  # type: ignore[union-attr]


def test_rates_are_in_hz() -> None:
    for dt in (0.1, 2.0):
        figure = plot_raster(SPIKES, dt=dt, window=20 * dt)
        for line, spikes in zip(figure.axes[1].lines, SPIKES.values(), strict=True):
            inner = np.asarray(line.get_ydata())[50]
            expected = spikes[40:60].mean() / dt * 1000
            assert abs(inner - expected) < 1e-6 * expected
    steady = plot_raster(np.ones((10, 2)), dt=1.0)
    np.testing.assert_allclose(np.asarray(steady.axes[1].lines[0].get_ydata()), 1000.0)


def test_potentials_are_lines_with_strokes_at_spikes() -> None:
    V = RNG.normal(size=(50, 3))
    spikes = V > 1
    figure = plot_traces({"V": V, "u": V}, spikes=spikes, dt=0.1, units=2)
    [first, second] = figure.axes
    assert (len(first.lines), len(second.lines)) == (2, 2)
    np.testing.assert_array_equal(np.asarray(first.lines[1].get_ydata()), V[:, 1])
    strokes: Any = first.collections[0]
    assert len(strokes.get_segments()) == spikes[:, 0].sum()


def test_one_sequence_of_a_batch_is_shown() -> None:
    batch = np.stack([SPIKES["E"], np.zeros((200, 8))], axis=1)
    assert len(dots(plot_raster(batch))) == SPIKES["E"].sum()
    assert len(dots(plot_raster(batch, batch=1))) == 0
    with pytest.raises(InputError, match=r"no such sequence(.|\n)*batch=2"):
        plot_raster(batch, batch=2)


@pytest.mark.parametrize("plot", [plot_raster, plot_traces])
def test_nothing_nan_and_nonsense(plot: Any) -> None:
    plot(np.full((5, 2), np.nan)).savefig("/dev/null", format="png")
    plot(np.zeros((0, 2)))
    plot(np.zeros(5))
    with pytest.raises(InputError, match="there is nothing to plot"):
        plot({})
    with pytest.raises(InputError, match="over different times"):
        plot({"a": np.zeros((3, 2)), "b": np.zeros((4, 2))})
    with pytest.raises(InputError, match=r"no such sequence(.|\n)*\(\)"):
        plot(np.zeros(()))


def test_spikes_must_be_of_the_same_neurons() -> None:
    with pytest.raises(InputError, match=r"not of these neurons(.|\n)*\(5, 2\)(.|\n)*\(5, 3\)"):
        plot_traces(np.zeros((5, 2)), spikes=np.zeros((5, 3)))


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"plot_raster needs matplotlib.*brainlite\[plot\]"):
        plot_raster(np.zeros((3, 2)))
