"""How large a model is."""

from typing import Any

import jax
import jax.numpy as jnp

from brainlite.graph import Node, iter_leaf, to_predicate
from brainlite.state import ParamState
from brainlite.typing import Filter

__all__ = ["Counted", "count_bytes", "count_parameters"]


def count_parameters(target: Any, which: Filter = ParamState) -> int:
    """Return the number of elements of the parameters of a model, tied ones counted once.

    Parameters
    ----------
    target : Module, or a container of modules
        The model.
    which : Filter
        Which states; :func:`brainlite.nn.is_trainable` leaves out those that are frozen.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.nn.count_parameters(brainlite.nn.Linear(2, 3))
    9
    """
    return sum(jnp.size(leaf) for leaf in _leaves(target, which))


def count_bytes(target: Any, which: Filter = ParamState) -> int:
    """Return the bytes that the parameters of a model take; arguments as above.

    Examples
    --------
    >>> import brainlite
    >>> brainlite.nn.count_bytes(brainlite.nn.Linear(2, 3).half())
    18
    """
    return sum(jnp.size(leaf) * _itemsize(leaf) for leaf in _leaves(target, which))


def _leaves(target: Any, which: Filter) -> list[Any]:
    selects = to_predicate(which)
    found = [state.value for path, state in iter_leaf(target) if selects(path, state)]
    return jax.tree.leaves(found)


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
