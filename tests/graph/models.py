"""Small graphs for the tests of this room: nodes and states, and nothing of ``nn``."""

from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from brainlite.graph import Node
from brainlite.state import BatchState, HiddenState, ParamState


class Bag(Node):
    """A node with whatever attributes it is given."""

    def __init__(self, **attributes: Any) -> None:
        for name, value in attributes.items():
            setattr(self, name, value)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...


class Linear(Node):
    """Two parameters and a plain size."""

    def __init__(self, size: int = 2) -> None:
        self.size = size
        self.weight = ParamState(jnp.ones((size, size)))
        self.bias = ParamState(jnp.zeros(size), tag="bias")


class Net(Node):
    """Nodes and states of several kinds, in attributes, a list and a dict."""

    def __init__(self) -> None:
        self.encoder = Linear(2)
        self.layers = [Linear(3), Linear(4)]
        self.heads = {"policy": Linear(1), 7: Linear(1)}
        self.h = HiddenState(jnp.zeros(2), tag=["slow", "memory"])
        self.mean = BatchState(jnp.zeros(2))


def chain(length: int, *, states_every: int = 1) -> Bag:
    """Return nodes that hold one another, each ``states_every``-th of them a state as well."""
    root = node = Bag()
    for number in range(length):
        if number % states_every == 0:
            node.state = ParamState(float(number))
        node.next = Bag()
        node = node.next
    return root
