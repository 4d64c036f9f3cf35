"""Who holds what: a picture of the arrays of a model and the devices that their parts are on."""

import html
from typing import Any

import jax
import numpy as np

from brainlite.errors import InputError
from brainlite.graph._face import dotted
from brainlite.nn._face import iter_places
from brainlite.state._face import spec_text, type_text

_MOST = 8  # rows and columns of a grid that are drawn; of more, the first


class Picture:
    """What :func:`show` returns: prints as text, in a notebook as tables.

    Attributes
    ----------
    arrays : list of (name, array)
        What is drawn.
    """

    def __init__(self, arrays: list[tuple[str, jax.Array]]) -> None:
        self.arrays: list[tuple[str, jax.Array]] = arrays

    def __repr__(self) -> str:
        return "\n".join(_text(name, array) for name, array in self.arrays)

    def _repr_html_(self) -> str:
        return "".join(_html(name, array) for name, array in self.arrays)


def show(model: Any) -> Picture:
    """Draw who holds what: for each array, the grid of its parts with the devices of each.

    Parameters
    ----------
    model : Module, or other graph
        The model, placed or not; an array does, too.

    Returns
    -------
    Picture
        Prints as text, in a notebook as tables. A row of the grid is a part along the first axis
        that is cut, a column one along the second.

    Raises
    ------
    InputError
        There are no arrays in it.

    Examples
    --------
    >>> from brainlite import distributed
    >>> model = distributed.place(brainlite.nn.Linear(2, 3, b_init=None), distributed.mesh(data=1))
    >>> distributed.show(model)
    weight.weight  float32[2,3]  P()
      0
    """
    found = [("", model)] if isinstance(model, jax.Array) else _arrays(model)
    if not found:
        raise InputError(
            "there is nothing to draw",
            where="show",
            expected="a model, or something else with arrays in states",
            got=type(model).__name__,
            fix="pass the model itself",
        )
    return Picture(found)


def _arrays(model: Any) -> list[tuple[str, jax.Array]]:
    """Return the arrays of a model by dotted name; a state with two places once."""
    found: list[tuple[str, jax.Array]] = []
    seen: set[int] = set()
    for path, state in iter_places(model):
        if id(state) not in seen:
            seen.add(id(state))
            for inside, leaf in jax.tree_util.tree_leaves_with_path(state.value):
                name = jax.tree_util.keystr(inside, simple=True, separator=".")
                if isinstance(leaf, jax.Array):
                    found.append((".".join(filter(None, [dotted(path), name])), leaf))
    return found


def grid_of(array: jax.Array) -> list[list[str]]:
    """Return the devices of each part of an array, in rows and columns."""
    holders: dict[tuple[int, ...], list[int]] = {}
    parts: dict[Any, Any] = dict(array.sharding.devices_indices_map(array.shape))
    for device, index in parts.items():
        starts = tuple(part.start or 0 for part in index or ())
        holders.setdefault(starts, []).append(device.id)
    steps = [sorted({starts[n] for starts in holders}) for n in range(array.ndim)]
    cut = [n for n, each in enumerate(steps) if len(each) > 1][:2]
    rows, columns = ([*cut, *[None] * 2])[:2]
    grid = np.full(
        (
            len(steps[rows]) if rows is not None else 1,
            len(steps[columns]) if columns is not None else 1,
        ),
        "",
        object,
    )
    for starts, devices in sorted(holders.items()):
        row = 0 if rows is None else steps[rows].index(starts[rows])
        column = 0 if columns is None else steps[columns].index(starts[columns])
        grid[row, column] += ("; " if grid[row, column] else "") + _numbers(sorted(devices))
    return [list(row) for row in grid]


def _numbers(devices: list[int]) -> str:
    """Return numbers of devices, those in a row as from-to: ``0-3,8``."""
    runs: list[list[int]] = []
    for number in devices:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs)


def _shortened(grid: list[list[str]]) -> list[list[str]]:
    rows = [row[:_MOST] + ["..."] * (len(row) > _MOST) for row in grid[:_MOST]]
    return rows + [["..."]] * (len(grid) > _MOST)


def _title(name: str, array: jax.Array) -> str:
    spec = spec_text(array.sharding) if hasattr(array.sharding, "spec") else "on one device"
    return "  ".join(filter(None, [name, type_text(array), spec]))


def _text(name: str, array: jax.Array) -> str:
    grid = _shortened(grid_of(array))
    width = max(len(cell) for row in grid for cell in row)
    rows = ["  " + " | ".join(cell.ljust(width) for cell in row).rstrip() for row in grid]
    return "\n".join([_title(name, array), *rows])


def _html(name: str, array: jax.Array) -> str:
    cells = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in _shortened(grid_of(array))
    )
    return f"<p><code>{html.escape(_title(name, array))}</code></p><table>{cells}</table>"
