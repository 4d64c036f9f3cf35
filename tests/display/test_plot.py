import io
import sys
from typing import Any

import matplotlib
import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from brainlite.display import plot_raster, plot_states
from brainlite.display._plot import INK
from brainlite.display._raster import COLOURS
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


def test_a_figure_has_the_ground_of_its_page_and_colours_that_are_read_on_any() -> None:
    for figure in (plot_states({"h": WAVE}), plot_raster({"a": WAVE, "b": WAVE})):
        pixels = picture(figure)
        assert pixels[0, 0, 3] == 0  # nothing is painted at the corner
        painted = pixels[pixels[..., 3] > 0.9][:, :3]
        assert (painted.min(axis=1) > 0.02).any()
        assert not (painted < 0.1).all(axis=1).any()  # and nothing is black
        texts = [each for axes in figure.axes for each in axes.get_xticklabels()]
        assert {to_hex(each.get_color()) for each in texts} == {INK}


@pytest.mark.parametrize("ground", ["white", "#111111"])
def test_the_colour_of_texts_is_read_on_both_grounds(ground: str) -> None:
    def light(colour: str) -> float:
        parts = np.asarray(to_rgb(colour))
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colour in (INK, *COLOURS):
        high, low = sorted([light(colour), light(ground)], reverse=True)
        assert (high + 0.05) / (low + 0.05) > 3  # WCAG 2, for graphics and large text


def test_a_style_of_the_user_stays() -> None:
    with matplotlib.rc_context({"text.color": "white", "figure.facecolor": "black"}):
        figure = plot_states({"h": WAVE})
    assert to_hex(figure.get_facecolor()) == "#000000"
    assert figure.axes[0].title.get_color() == "white"


def picture(figure: Any) -> Any:
    return matplotlib.image.imread(io.BytesIO(figure._repr_png_()))
