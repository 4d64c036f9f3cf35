import sys
from typing import Any

import numpy as np
import pytest

from brainlite.display import plot_states
from brainlite.errors import InputError
from tests.closeness import assert_close

WAVE = np.sin(np.arange(30.0))[:, None] * np.arange(1, 5)  # (time, units)


def drawn(history: Any, **options: Any) -> dict[str, Any]:
    """The array that each heat map shows, by title."""
    axes = plot_states(history, **options).axes
    return {each.get_title(): each.images[0].get_array() for each in axes if each.get_title()}


def test_each_state_is_a_heat_map_of_units_over_time() -> None:
    maps = drawn({"cell.h": WAVE, ("cell", "c"): -WAVE})
    assert list(maps) == ["cell.h", "cell.c"]
    assert_close(maps["cell.h"], WAVE.T)
    assert_close(maps["cell.c"], -WAVE.T)


def test_each_array_of_a_dict_or_tuple_is_drawn() -> None:
    maps = drawn({"lstm": (WAVE, (2 * WAVE, None)), "x": {"a": [3 * WAVE]}})
    assert list(maps) == ["lstm[0]", "lstm[1][0]", "x['a'][0]"]
    assert_close(maps["lstm[1][0]"], 2 * WAVE.T)


def test_zero_is_in_the_middle_of_the_colours() -> None:
    image = plot_states({"h": WAVE + 3}).axes[0].images[0]
    low, high = image.get_clim()
    assert low == -high
    assert high == pytest.approx(np.abs(WAVE + 3).max())


def test_one_sequence_of_a_batch_is_shown() -> None:
    batch = np.stack([WAVE, WAVE * 2], axis=1)  # (time, batch, units)
    assert_close(drawn({"h": batch}, batch=1)["h"], WAVE.T * 2)
    with pytest.raises(InputError, match=r"no such sequence.*\n.*batch below 2"):
        plot_states({"h": batch}, batch=2)


def test_a_dict_of_arrays_is_a_heat_map_for_each() -> None:
    assert list(drawn({"cell": {"v": WAVE, "w": WAVE}})) == ["cell['v']", "cell['w']"]


def test_a_number_over_time_is_one_unit() -> None:
    assert drawn({"rate": np.arange(5.0)})["rate"].shape == (1, 5)


def test_an_empty_history_says_how_to_record_one() -> None:
    with pytest.raises(InputError, match=r"nothing to plot(.|\n)*brainlite\.nn\.record"):
        plot_states({})


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install brainlite\[plot\]"):
        plot_states({"h": WAVE})


def test_a_notebook_shows_the_figure_without_pyplot() -> None:
    show: Any = plot_states({"h": WAVE})
    assert show._repr_png_().startswith(b"\x89PNG")
