"""The plain jax transforms, each as a function that runs another one inside it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

Body = Callable[[Any], Any]


def run_jit(body: Body) -> None:
    jax.jit(body)(1.0)


def run_grad(body: Body) -> None:
    jax.grad(body)(1.0)


def run_jvp(body: Body) -> None:
    jax.jvp(body, (1.0,), (1.0,))


def run_vmap(body: Body) -> None:
    jax.vmap(body)(jnp.ones(2))


def run_scan(body: Body) -> None:
    jax.lax.scan(lambda carry, x: (carry, body(x)), 0.0, jnp.ones(2))


def run_while_loop(body: Body) -> None:
    jax.lax.while_loop(lambda carry: carry < 0.0, body, 1.0)


def run_cond(body: Body) -> None:
    jax.lax.cond(True, body, body, 1.0)


def run_checkpoint(body: Body) -> None:
    jax.checkpoint(body)(1.0)


def run_eval_shape(body: Body) -> None:
    jax.eval_shape(body, 1.0)


TRANSFORMS = [
    run_jit,
    run_grad,
    run_jvp,
    run_vmap,
    run_scan,
    run_while_loop,
    run_cond,
    run_checkpoint,
    run_eval_shape,
]

# Those that trace a program: what is read there is a constant of the program.
STAGING = [run_jit, run_scan, run_while_loop, run_cond]
# Those that run the function itself at each call: what is read there is the value of now.
RUNNING = [run_grad, run_jvp, run_vmap]
