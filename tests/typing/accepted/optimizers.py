"""Optimizers, known to the checkers."""

from functools import partial
from typing import Any, assert_type

import jax.numpy as jnp
import optax

from brainlite import ParamState, nn, optim
from brainlite.graph import PathContains, StateDict
from brainlite.transform import grad, jit
from brainlite.typing import Array, Path

X = jnp.ones((2, 3))
model = nn.Linear(3, 1)


def loss() -> Array:
    return jnp.mean(model(X) ** 2)


optim.Optimizer(model, optax.adam(1e-3))
optim.Optimizer(model, optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)))
optim.Optimizer(model, partial(optax.adamw, weight_decay=0.1), learning_rate=jnp.asarray(0.1))
optim.Optimizer(model, lambda rate: optax.adam(rate, 0.5), learning_rate=lambda step: 0.1 / step)
optim.Optimizer([model, nn.Linear(2, 2)], optax.adam(1e-3), wrt=PathContains(0))
optim.Optimizer({"w": ParamState(X)}, optax.sgd, learning_rate=0.1)
groups = [optim.Group(PathContains("weight"), optax.sgd, 0.1), optim.Group(..., optax.adam(0.1))]
assert_type(optim.Optimizer(model, groups).groups, tuple[optim.Part, ...])

optimizer = optim.Optimizer(
    model.states(ParamState),
    optax.adam,
    learning_rate=1e-3,
    clip_norm=1.0,
    accumulate=2,
    skip_nonfinite=True,
    average=0.999,
    loss_scale=optim.LossScale(every=500),
    master_dtype="float32",
)
assert_type(optimizer.params, StateDict[ParamState[Array]])
assert_type(optimizer.minimize(loss), Array)
assert_type(optimizer.minimize(lambda: (loss(), "beside"), has_aux=True), tuple[Array, str])
assert_type(jit(lambda: optimizer.minimize(loss))(), Array)
gradients, value = grad(loss, optimizer.params, return_value=True)()
assert_type(gradients, dict[Path, Array])
assert_type(value, Array)
optimizer.update(gradients, value=value)
optimizer.update({"weight": X})
assert_type(optimizer.learning_rate, Array)
optimizer.learning_rate = 1e-4
optimizer.learning_rate *= 0.5
assert_type(optimizer.step, Array)
assert_type(optimizer.grad_norm, Array)
assert_type(optimizer.skipped, Array)
assert_type(optimizer.loss_scale, Array)
assert_type(optimizer.groups[0].params, dict[str, ParamState[Any]])
assert_type(optimizer.groups[0].slots, dict[str, dict[str, optim.OptimState[Any]]])
assert_type(optimizer.groups[0].learning_rate, Array)
with optimizer.averaged():
    pass

adam = optim.Adam(lr=1e-3, betas=(0.9, 0.99), clip_norm=1.0).register_trainable_weights(model)
assert_type(adam, optim.Adam)
assert_type(adam.minimize(loss), Array)
assert_type(adam.lr, Array)
adam.lr = 0.1
optim.LBFGS(line_search_fn="strong_wolfe", history_size=5)
optim.RMSProp(lambda step: 0.1, momentum=0.9, average=None)
assert_type(optim.OptimState(X).value, Array)
several = [
    optim.AdamW(1e-3, weight_decay=0.1, amsgrad=True),
    optim.NAdam(1e-3, momentum_decay=0.01),
    optim.RAdam(1e-3, decoupled_weight_decay=True),
    optim.Adamax(1e-3, (0.9, 0.99)),
    optim.SGD(0.1, momentum=0.9, nesterov=True, maximize=True),
    optim.Adagrad(0.1, lr_decay=0.1, accumulate=2),
    optim.Adadelta(rho=0.8),
    optim.Lion(1e-4, weight_decay=0.1),
    optim.Lamb(eps=1e-5),
    optim.LARS(trust_coefficient=0.01),
]
for each in several:
    assert_type(each.register_trainable_weights(model.states(ParamState)).minimize(loss), Array)


def halve(step: Array) -> Array:
    return 0.1 * 0.5**step


schedule: optim.Schedule = halve
rate: optim.Rate = schedule
factory: optim.Factory = optax.adam
transformation: optim.Transformation = factory(0.1)
