"""Plots of what happened in a model over time."""

import functools
import io
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from brainlite.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


INK: Final = "#7f7f7f"  # contrast 4.0 on white, 4.7 on the dark of notebooks


def plot_states(history: Mapping[Any, Any], *, batch: int = 0, cmap: str = "RdBu_r") -> "Figure":
    """Plot states over time as heat maps: a row for each unit, a column for each step.

    Parameters
    ----------
    history : mapping from path to array, shape (time, ..., units)
        What :func:`brainlite.nn.record` has recorded; axes between time and units are batches.
        A value of shape (time,) is one unit. Of dicts and tuples, as ``brainlite.nn.capture`` has
        them of a layer that returns several arrays, each array is drawn; its first axis is taken
        for time. The axis of time counts steps of the loop, also where the record kept every n-th.
    batch : int
        Which sequence of a batch to show, counted over all batch axes.
    cmap : str
        The colour map of matplotlib. Zero is in its middle.

    Returns
    -------
    matplotlib.figure.Figure
        One heat map below the other, under the name of the model of a history. A notebook shows
        it, on whatever ground its page has; ``figure.savefig`` keeps it.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    InputError
        There is nothing to plot, or no such sequence in the batch.

    Examples
    --------
    >>> import numpy as np
    >>> figure = plot_states({"cell.h": np.zeros((30, 8))})
    >>> figure.axes[0].get_title()
    'cell.h'
    """
    figures = matplotlib_figures("plot_states")
    maps = {name: _units(name, leaf, batch) for name, leaf in _arrays(history)}
    if not maps:
        raise InputError(
            "there is nothing to plot",
            expected="a history with one array or more",
            got=f"{len(history)} entries",
            fix="run the model in `with brainlite.nn.record(model) as history:`, in a loop",
        )
    figure: Any = figures.Figure(figsize=(8, 1 + 2 * len(maps)), layout="constrained")
    rows = figure.subplots(len(maps), 1, sharex=True, squeeze=False)
    for axes, (name, values) in zip(rows[:, 0], maps.items(), strict=True):
        most = float(np.nanmax(np.abs(values), initial=0, where=np.isfinite(values))) or 1.0
        (steps, units), wide = values.shape, steps_between(history)
        axes.imshow(
            values.T,
            aspect="auto",
            cmap=cmap,
            vmin=-most,
            vmax=most,
            interpolation="nearest",
            extent=(-0.5 * wide, (steps - 0.5) * wide, units - 0.5, -0.5),
        )
        axes.set(title=name, ylabel="unit")
        axes.yaxis.get_major_locator().set_params(integer=True)
        figure.colorbar(axes.images[0], ax=axes)
    rows[-1, 0].set_xlabel("time step")
    return shown(figure, history)


def shown(figure: Any, history: Any) -> "Figure":
    """Return a figure as a notebook shows it, with the model of a history as its title.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, drawn.
    history : mapping or array
        What it was drawn from.

    Returns
    -------
    matplotlib.figure.Figure
    """
    model = getattr(history, "title", None)
    if isinstance(model, str):
        figure.suptitle(model)
    _follow_the_page(figure)
    # A notebook shows it also where pyplot, which keeps every figure, was not imported.
    figure._repr_png_ = functools.partial(png, figure)
    shown: Figure = figure
    return shown


def _follow_the_page(figure: Any) -> None:
    """Draw what is black on white in a grey that is read on light and dark, and no ground.

    Where a style of matplotlib says otherwise, such as ``dark_background``, it stays.
    """
    matplotlib: Any = import_module("matplotlib")
    ours = {"figure.facecolor": "none", "axes.facecolor": "none"}
    ours |= {f"{part}.color": INK for part in ("text", "xtick", "ytick")}
    ours |= {"axes.edgecolor": INK, "axes.labelcolor": INK}
    default = matplotlib.rcParamsDefault
    if any(matplotlib.rcParams[name] != default[name] for name in ours):
        return
    figure.set_facecolor("none")
    for axes in figure.axes:
        axes.set_facecolor("none")
        axes.tick_params(colors=INK)
        for axis in (axes, *axes.child_axes):
            axis.tick_params(colors=INK)
        for spine in axes.spines.values():
            spine.set_edgecolor(INK)
    for text in figure.findobj(import_module("matplotlib.text").Text):
        text.set_color(INK)


def measured(name: str, value: Any) -> tuple[str, Any]:
    """Return a name and numbers; of a quantity, its unit is said in the name."""
    if hasattr(value, "unit") and hasattr(value, "mantissa"):
        return f"{name} ({value.unit})".lstrip(), value.mantissa
    return name, value


def steps_between(history: Any) -> int:
    """Return how many steps of its loop lie between two entries of a record."""
    steps: int = getattr(history, "every", 1)
    return steps


def png(figure: Any) -> bytes:
    """Return a figure as a picture."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def matplotlib_figures(who: str) -> Any:
    """Return matplotlib's figures, or raise and say who needs them."""
    try:
        return import_module("matplotlib.figure")
    except ImportError as error:
        raise ImportError(
            f"{who} needs matplotlib, which is not installed: pip install brainlite[plot]"
        ) from error


def _arrays(history: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """Return every array with its name: a value may be a dict or a tuple of arrays."""
    found: list[tuple[str, Any]] = []
    for path, value in history.items():
        name = ".".join(map(str, path)) if isinstance(path, tuple) else str(path)
        found += _leaves(name, value)
    return found


def _leaves(name: str, value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        parts = [(f"{name}[{key!r}]", part) for key, part in value.items()]
    elif isinstance(value, tuple | list):
        parts = [(f"{name}[{number}]", part) for number, part in enumerate(value)]
    else:
        return [] if value is None else [measured(name, value)]
    return [leaf for each in parts for leaf in _leaves(*each)]


def _units(name: str, value: Any, batch: int) -> Any:
    """Return the array of one sequence, of shape (time, units)."""
    array = np.asarray(value, np.float32)
    array = array.reshape(len(array), 1) if array.ndim < 2 else array
    array = array.reshape(len(array), -1, array.shape[-1])
    if -array.shape[1] <= batch < array.shape[1]:
        return array[:, batch]
    raise InputError(
        "there is no such sequence in the batch",
        where=name,
        expected=f"batch below {array.shape[1]}",
        got=f"batch={batch}",
        fix="count from 0 over all axes between time and units",
    )
