"""Small models to train, and training them by hand with optax."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

import brainlite
from brainlite import nn
from brainlite.transform import grad, jit
from brainlite.typing import Array


class Net(nn.Module):
    """Two layers, with parameters of rank 1 and 2."""

    def __init__(self) -> None:
        self.first = nn.Linear(3, 4)
        self.second = nn.Linear(4, 2)

    def update(self, x: Array) -> Array:
        """Run both."""
        return self.second(jnp.tanh(self.first(x)))


def make_net() -> Net:
    """Return the same net each time."""
    with brainlite.random.seed_context(7):
        return Net()


def batch(number: int = 0, size: int = 8) -> tuple[Array, Array]:
    """Return inputs and targets."""
    x = jax.random.normal(jax.random.key(number), (size, 3))
    return x, jnp.stack([x[:, 0] * x[:, 1], jnp.sin(x[:, 2])], 1)


def loss_of(net: Net, number: Any = 0, size: int = 8) -> Array:
    """Return the mean squared error."""
    x, y = batch(number, size)
    return jnp.mean((net(x) - y) ** 2)


def train_by_hand(
    net: Net,
    transformation: Any,
    steps: int,
    loss: Callable[..., Array] = loss_of,
    *,
    with_value: bool = False,
) -> Any:
    """Train with optax alone; return what it remembers."""
    params = net.states(brainlite.ParamState)
    remembered = transformation.init(params.to_values())

    @jit
    def step(remembered: Any, number: Any) -> Any:
        gradients, value = grad(lambda: loss(net, number), params, return_value=True)()
        extra = {"value": value} if with_value else {}
        updates, remembered = transformation.update(
            gradients, remembered, params.to_values(), **extra
        )
        params.assign(optax.apply_updates(params.to_values(), updates))
        return remembered

    for number in range(steps):
        remembered = step(remembered, number)
    return remembered


def values(model: nn.Module) -> Mapping[Any, Any]:
    """Return the parameters by path."""
    return model.states(brainlite.ParamState).to_values()
