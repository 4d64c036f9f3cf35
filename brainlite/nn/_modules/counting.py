"""How large a model is."""

from typing import Any, Literal, overload

import jax
import jax.numpy as jnp

from brainlite.display._face import Table
from brainlite.graph import Node, iter_leaf, to_predicate
from brainlite.graph._face import dotted
from brainlite.state import ParamState
from brainlite.typing import Filter, Path


@overload
def count_parameters(
    target: Any, which: Filter = ..., precision: int = ..., return_table: Literal[False] = False
) -> int: ...
@overload
def count_parameters(
    target: Any, which: Filter = ..., precision: int = ..., *, return_table: Literal[True]
) -> tuple[str, int]: ...
def count_parameters(
    target: Any, which: Filter = ParamState, precision: int = 2, return_table: bool = False
) -> int | tuple[str, int]:
    """Return the number of elements of the parameters of a model, tied ones counted once.

    Parameters
    ----------
    target : Module, or a container of modules
        The model.
    which : Filter
        Which states; :func:`brainlite.nn.is_trainable` leaves out those that are frozen.
    precision : int
        The decimals in the table.
    return_table : bool
        Whether to return a table of the states before the number. Nothing is printed.

    Returns
    -------
    int, or (str, int) with ``return_table``

    Raises
    ------
    FilterError
        ``which`` is no filter.

    Examples
    --------
    >>> brainlite.nn.count_parameters(brainlite.nn.Linear(2, 3))
    9
    >>> print(brainlite.nn.count_parameters(brainlite.nn.GRUCell(100, 9), return_table=True)[0])
    state       parameters
    ----------------------
    Wrz.weight       1.98K
    Wh.weight          990
    ----------------------
    total: 2.97K
    """
    counts = {path: sum(map(jnp.size, leaves)) for path, leaves in _leaves(target, which).items()}
    total = sum(counts.values())
    if not return_table:
        return total
    rows = [[dotted(path), _short(n, precision)] for path, n in counts.items()]
    footer = [f"total: {_short(total, precision)}"]
    return Table(["state", "parameters"], rows, footer, right=[1]).text(), total


def count_bytes(target: Any, which: Filter = ParamState) -> int:
    """Return the bytes that the parameters of a model take; arguments as above.

    Parameters
    ----------
    target, which
        As for :func:`count_parameters`.

    Returns
    -------
    int

    Raises
    ------
    FilterError
        ``which`` is no filter.

    Examples
    --------
    >>> brainlite.nn.count_bytes(brainlite.nn.Linear(2, 3).half())
    18
    """
    leaves = [leaf for each in _leaves(target, which).values() for leaf in each]
    return sum(jnp.size(leaf) * _itemsize(leaf) for leaf in leaves)


def _leaves(target: Any, which: Filter) -> dict[Path, list[Any]]:
    selects = to_predicate(which)
    found = {path: state for path, state in iter_leaf(target) if selects(path, state)}
    return {path: jax.tree.leaves(state.value) for path, state in found.items()}


def _short(number: int, precision: int) -> str:
    for size, unit in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if number >= size:
            return f"{number / size:.{precision}f}{unit}"
    return str(number)


def _itemsize(leaf: Any) -> int:
    return int(jax.dtypes.result_type(leaf).itemsize)


class Counted(Node):
    """A node that knows its size."""

    def num_parameters(self) -> int:
        """Return the number of elements of all parameters, tied ones counted once."""
        return count_parameters(self)

    def num_bytes(self) -> int:
        """Return how many bytes all parameters take, tied ones counted once."""
        return count_bytes(self)
