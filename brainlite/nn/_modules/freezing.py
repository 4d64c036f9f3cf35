"""Freezing parameters: which of them are trained for now."""

from typing import Any, Self

from brainlite.graph import Node, iter_leaf
from brainlite.state import ParamState
from brainlite.typing import Path


def is_trainable(path: Path, value: Any) -> bool:
    """Select the parameters that are not frozen: a filter.

    Parameters
    ----------
    path : tuple
        Not looked at.
    value : State or Node
        What is to be selected or not.

    Returns
    -------
    bool

    Examples
    --------
    >>> model = brainlite.nn.GRUCell(2, 3)
    >>> frozen = model.Wh.requires_grad_(False)
    >>> list(model.states(brainlite.nn.is_trainable))
    [('Wrz', 'weight')]
    """
    del path
    return isinstance(value, ParamState) and value.requires_grad


class Freezable(Node):
    """A node whose parameters can be frozen."""

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say whether the parameters of this module and all below are trained.

        The mark is on each parameter (``weight.requires_grad``), which remains the same object
        and can still be written. Select what is trained with the filter
        :func:`brainlite.nn.is_trainable`.

        Parameters
        ----------
        requires_grad : bool
            False freezes them.

        Returns
        -------
        The module.
        """
        for _, state in iter_leaf(self):
            if isinstance(state, ParamState) and state.requires_grad is not requires_grad:
                state.requires_grad = requires_grad
        return self
