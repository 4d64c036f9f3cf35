"""The habits of torch.nn, and what they are under jit. README.md shows this file."""

import copy
import pickle

import jax.numpy as jnp

from brainlite import nn
from brainlite.transform import grad, jit
from brainlite.typing import Array

model = nn.Sequential(nn.Linear(2, 8), nn.relu, nn.Linear(8, 1))  # sizes that clash raise
x = jnp.ones((4, 2))
print([name for name, _ in model.named_parameters()], model.num_parameters())


def loss(model: nn.Sequential[Array, Array], x: Array) -> Array:
    """Mean square of what the model returns."""
    return jnp.mean(model(x) ** 2)


# A module is an argument like any other; its gradient is that of its parameters, by path.
predict = jit(lambda model, x: model(x))
y = predict(model, x)
gradients = jit(grad(loss))(model, x)
print(sorted(gradients), predict(copy.deepcopy(model), x).shape)  # compiled once for both

# Compiled functions see every change at the next call.
with model.register_forward_hook(lambda module, args, output: output * 0):
    print(float(predict(model, x).sum()))
model.get_submodule("0").requires_grad_(False)
print(sorted(jit(grad(loss))(model, x)))

# Values travel by name. All entries are loaded, or none.
entries = model.state_dict()
model.half().float()
print(model.load_state_dict(entries))
print(bool((predict(pickle.loads(pickle.dumps(model)), x) == y).all()))
