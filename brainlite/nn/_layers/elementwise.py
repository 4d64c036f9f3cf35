"""The base of layers that work element by element, and the one that does nothing."""

from brainlite.nn._modules.module import Module
from brainlite.typing import Array


class ElementWiseBlock(Module):
    """Marks the layers that keep the shape of their input: activations and dropout.

    Parameters
    ----------
    name, in_size, out_size
        As for :class:`Module`; a class of one's own may take others.

    Examples
    --------
    >>> isinstance(brainlite.nn.ReLU(), brainlite.nn.ElementWiseBlock)
    True
    """

    __display_compact__ = True

    _keeps_shape = True


class Identity(ElementWiseBlock):
    """Returns its input as it is, of whatever shape.

    Parameters
    ----------
    name : str, optional
        A name of its own.

    Examples
    --------
    >>> brainlite.nn.Identity()(jnp.ones(2))
    Array([1., 1.], dtype=float32)
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name

    def update(self, x: Array) -> Array:
        """Return ``x``."""
        return x
