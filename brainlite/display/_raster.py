"""Plots of spikes, firing rates and potentials over time."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from brainlite.display._plot import matplotlib_figures, measured, shown, steps_between
from brainlite.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Each is read on white and on the dark ground of notebooks.
COLOURS = ("#3b7dd8", "#d0463a", "#2e9b57", "#9a63c4", "#b8860b", "#7a7a7a")


def plot_raster(
    history: Any, *, dt: float = 1.0, batch: int = 0, window: float | None = None
) -> "Figure":
    """Plot spikes over time: a dot for each, a band for each population; and their rates below.

    Parameters
    ----------
    history : array, or mapping from name to array, of shape (time, ..., neurons)
        Spikes: whatever is above 0. Axes between time and neurons are batches.
    dt : float
        The time of one step, in ms. Of a history that kept every n-th step it is that of a step
        of the loop.
    batch : int
        Which sequence of a batch to show, counted over all batch axes.
    window : float, optional
        Over how many ms rates are averaged, by default a fiftieth of the time.

    Returns
    -------
    matplotlib.figure.Figure
        The dots above, the mean rates of the populations in Hz below.

    Raises
    ------
    ImportError
        matplotlib is not installed.
    InputError
        There is nothing to plot, or no such sequence in the batch.

    Examples
    --------
    >>> import numpy as np
    >>> figure = brainlite.display.plot_raster({"E": np.eye(30), "I": np.eye(30)[:, :10]})
    >>> figure.axes[0].get_ylabel(), figure.axes[1].get_ylabel()
    ('neuron', 'rate (Hz)')
    """
    figures = matplotlib_figures("plot_raster")
    populations = {name: _sequence(name, value, batch) for name, value in _named(history).items()}
    steps = _steps(populations)
    between = steps_between(history)
    time = np.arange(steps) * (dt * between)
    figure: Any = figures.Figure(figsize=(8, 5), layout="constrained")
    dots, rates = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    first, ticks = 0, list[float]()
    for number, (name, values) in enumerate(populations.items()):
        colour = COLOURS[number % len(COLOURS)]
        spiking = np.nan_to_num(values) > 0
        when, who = np.nonzero(spiking)
        size = min(15.0, max(2.0, 20000 / max(len(when), 1)))
        dots.scatter(time[when], who + first, s=size, marker=".", color=colour, linewidths=0)
        rates.plot(time, _rate(spiking, dt, between, window), color=colour, label=name)
        ticks.append(first + values.shape[1] / 2)
        first += values.shape[1]
        if number + 1 < len(populations):
            dots.axhline(first - 0.5, color="0.5", linewidth=0.5)
    dots.set(ylabel="neuron", ylim=(-0.5, max(first, 1) - 0.5))
    dots.margins(x=0.01)
    if any(populations):
        beside = dots.secondary_yaxis("right")
        beside.set_yticks(ticks, list(populations))
        beside.tick_params(length=0)
        rates.legend(loc="upper right", frameon=False, ncols=len(populations))
    rates.set(xlabel="time (ms)", ylabel="rate (Hz)")
    rates.set_ylim(bottom=0)
    return shown(figure, history)


def plot_traces(
    history: Any,
    *,
    spikes: Any = None,
    dt: float = 1.0,
    batch: int = 0,
    units: int = 5,
) -> "Figure":
    """Plot potentials over time as lines, and spikes as strokes over them.

    Parameters
    ----------
    history : array, or mapping from name to array, of shape (time, ..., neurons)
        Potentials, or any other variables; each array gets axes of its own.
    spikes : array of shape (time, ..., neurons), optional
        Where the same neurons spiked: at the same steps, or at each step of the loop.
    dt : float
        The time of one step, in ms. Of a history that kept every n-th step it is that of a step
        of the loop.
    batch : int
        Which sequence of a batch to show, counted over all batch axes.
    units : int
        How many neurons to draw, the first ones.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ImportError
        matplotlib is not installed.
    InputError
        There is nothing to plot, or no such sequence in the batch, or spikes of another shape.

    Examples
    --------
    >>> import numpy as np
    >>> figure = brainlite.display.plot_traces({"V": np.zeros((30, 2))}, dt=0.5)
    >>> len(figure.axes[0].lines)
    2
    """
    figures = matplotlib_figures("plot_traces")
    variables = {name: _sequence(name, value, batch) for name, value in _named(history).items()}
    steps = _steps(variables)
    marked = None if spikes is None else np.nan_to_num(_sequence("spikes", spikes, batch)) > 0
    figure: Any = figures.Figure(figsize=(8, 1 + 2 * len(variables)), layout="constrained")
    rows = figure.subplots(len(variables), 1, sharex=True, squeeze=False)
    between = steps_between(history)
    time = np.arange(steps) * (dt * between)
    each_step = marked is not None and len(marked) != steps
    when = np.arange(len(marked)) * dt if marked is not None and each_step else time
    for axes, (name, values) in zip(rows[:, 0], variables.items(), strict=True):
        if marked is not None and (
            marked.shape[1] != values.shape[1]
            or len(marked[:: between if each_step else 1]) != len(values)
        ):
            raise InputError(
                "the spikes are not of these neurons",
                where=name,
                expected=f"spikes of shape {values.shape}"
                + (f", or of each step, of which one in {between} is kept" * (between > 1)),
                got=f"shape {marked.shape}",
                fix="record both in the same run",
            )
        for unit in range(min(units, values.shape[1])):
            colour = COLOURS[unit % len(COLOURS)]
            axes.plot(time, values[:, unit], color=colour, linewidth=1)
            if marked is not None:
                top = float(np.nanmax(values, initial=0.0, where=np.isfinite(values)))
                reach = 0.3 * float(np.ptp(values[np.isfinite(values)]) or 1.0)
                axes.vlines(when[marked[:, unit]], top, top + reach, color=colour, linewidth=1)
        axes.set(ylabel=name)
        axes.margins(x=0.01)
    rows[-1, 0].set_xlabel("time (ms)")
    return shown(figure, history)


def _named(history: Any) -> dict[str, Any]:
    items = history.items() if isinstance(history, Mapping) else [("", history)]
    names = ((".".join(map(str, k)) if isinstance(k, tuple) else str(k), v) for k, v in items)
    return dict(measured(name, value) for name, value in names)


def _sequence(name: str, value: Any, batch: int) -> Any:
    """Return one sequence, of shape (time, neurons)."""
    array = np.asarray(value, np.float64)
    array = array.reshape(len(array), 1) if array.ndim == 1 else array
    if array.ndim >= 2:
        array = array.reshape(len(array), math.prod(array.shape[1:-1]), array.shape[-1])
        if -array.shape[1] <= batch < array.shape[1]:
            return array[:, batch]
    raise InputError(
        "there is no such sequence",
        where=name or None,
        expected="an array of shape (time, ..., neurons), and a batch within it",
        got=f"shape {np.shape(value)}, batch={batch}",
        fix="pass what a loop has stacked, and count batches from 0 over all axes between",
    )


def _steps(arrays: dict[str, Any]) -> int:
    """Return the number of steps that all the recorded arrays have."""
    lengths = {len(array) for array in arrays.values()}
    if len(lengths) == 1:
        return int(lengths.pop())
    raise InputError(
        "there is nothing to plot" if not arrays else "these were recorded over different times",
        expected="arrays of one number of steps",
        got=f"{ {name: len(array) for name, array in arrays.items()} }",
        fix="pass what one run has recorded",
    )


def _rate(spiking: Any, dt: float, between: int, window: float | None) -> Any:
    """Return the mean rate of a population in Hz, averaged over a window of time."""
    steps, neurons = spiking.shape
    apart = dt * between
    wide = steps * apart / 50 if window is None else window
    count = int(min(max(round(wide / apart), 1), max(steps, 1)))
    # An entry holds the spikes of one step, also where the steps between were not kept.
    each = spiking.sum(1) / max(neurons, 1) / dt * 1000
    if not steps:
        return each
    # At both ends the window is as wide as there are steps.
    inside = np.convolve(np.ones(steps), np.ones(count), "same")
    return np.convolve(each, np.ones(count), "same") / inside
