"""The optimizers of torch, written again for one float64 array of numpy, as its manual has them."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]
Run: TypeAlias = Callable[..., Array]


def run(name: str, p: Array, gradients: Iterator[Array], **options: Any) -> Array:
    """Return the parameter after as many steps as there are gradients."""
    p = p.astype(np.float64)
    for update in OPTIMIZERS[name](p, gradients, **options):
        p += update  # in place: the optimizer sees it
    return p


def _decayed(g: Array, p: Array, weight_decay: float, maximize: bool) -> Array:
    return (-g if maximize else g) + weight_decay * p


def _sgd(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
) -> Iterator[Array]:
    buffer: Array | None = None
    for raw in gradients:
        g = _decayed(raw, p, weight_decay, maximize)
        if momentum:
            buffer = g.copy() if buffer is None else momentum * buffer + (1 - dampening) * g
            g = g + momentum * buffer if nesterov else buffer
        yield -lr * g


def _adam(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    amsgrad: bool = False,
    maximize: bool = False,
    decoupled: bool = False,
) -> Iterator[Array]:
    m, v, most = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    for t, raw in enumerate(gradients, 1):
        g = _decayed(raw, p, 0.0 if decoupled else weight_decay, maximize)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        most = np.maximum(most, v)
        size = np.sqrt((most if amsgrad else v) / (1 - betas[1] ** t)) + eps
        step = -lr * m / (1 - betas[0] ** t) / size
        yield step - lr * weight_decay * p if decoupled else step


def _adamw(p: Array, gradients: Iterator[Array], **options: Any) -> Iterator[Array]:
    options.setdefault("weight_decay", 1e-2)
    return _adam(p, gradients, decoupled=True, **options)


def _nadam(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum_decay: float = 4e-3,
    decoupled_weight_decay: bool = False,
) -> Iterator[Array]:
    m, v, product = np.zeros_like(p), np.zeros_like(p), 1.0
    for t, raw in enumerate(gradients, 1):
        g = _decayed(raw, p, 0.0 if decoupled_weight_decay else weight_decay, False)
        now = betas[0] * (1 - 0.5 * 0.96 ** (t * momentum_decay))
        ahead = betas[0] * (1 - 0.5 * 0.96 ** ((t + 1) * momentum_decay))
        product *= now
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        first = ahead * m / (1 - product * ahead) + (1 - now) * g / (1 - product)
        step = -lr * first / (np.sqrt(v / (1 - betas[1] ** t)) + eps)
        yield step - lr * weight_decay * p if decoupled_weight_decay else step


def _radam(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
) -> Iterator[Array]:
    m, v = np.zeros_like(p), np.zeros_like(p)
    most = 2 / (1 - betas[1]) - 1
    for t, raw in enumerate(gradients, 1):
        g = _decayed(raw, p, 0.0 if decoupled_weight_decay else weight_decay, False)
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g**2
        step = -lr * m / (1 - betas[0] ** t)
        length = most - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
        if length > 5:
            rectified = (length - 4) * (length - 2) * most
            rectified /= (most - 4) * (most - 2) * length
            step *= np.sqrt(rectified) * np.sqrt(1 - betas[1] ** t) / (np.sqrt(v) + eps)
        yield step - lr * weight_decay * p if decoupled_weight_decay else step


def _adamax(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> Iterator[Array]:
    m, largest = np.zeros_like(p), np.zeros_like(p)
    for t, raw in enumerate(gradients, 1):
        g = _decayed(raw, p, weight_decay, False)
        m = betas[0] * m + (1 - betas[0]) * g
        largest = np.maximum(betas[1] * largest, np.abs(g) + eps)
        yield -lr / (1 - betas[0] ** t) * m / largest


def _rmsprop(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0.0,
    momentum: float = 0.0,
    centered: bool = False,
) -> Iterator[Array]:
    v, mean, buffer = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    for raw in gradients:
        g = _decayed(raw, p, weight_decay, False)
        v = alpha * v + (1 - alpha) * g**2
        mean = alpha * mean + (1 - alpha) * g
        step = g / (np.sqrt(v - mean**2 if centered else v) + eps)
        buffer = momentum * buffer + step
        yield -lr * buffer


def _adagrad(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    lr_decay: float = 0.0,
    weight_decay: float = 0.0,
    initial_accumulator_value: float = 0.0,
    eps: float = 1e-10,
) -> Iterator[Array]:
    total = np.full_like(p, initial_accumulator_value)
    for t, raw in enumerate(gradients, 1):
        g = _decayed(raw, p, weight_decay, False)
        total = total + g**2
        yield -lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(total) + eps)


def _adadelta(
    p: Array,
    gradients: Iterator[Array],
    *,
    lr: float,
    rho: float = 0.9,
    eps: float = 1e-6,
    weight_decay: float = 0.0,
) -> Iterator[Array]:
    v, moved = np.zeros_like(p), np.zeros_like(p)
    for raw in gradients:
        g = _decayed(raw, p, weight_decay, False)
        v = rho * v + (1 - rho) * g**2
        delta = np.sqrt(moved + eps) / np.sqrt(v + eps) * g
        moved = rho * moved + (1 - rho) * delta**2
        yield -lr * delta


OPTIMIZERS: dict[str, Callable[..., Iterator[Array]]] = {
    "SGD": _sgd,
    "Adam": _adam,
    "AdamW": _adamw,
    "NAdam": _nadam,
    "RAdam": _radam,
    "Adamax": _adamax,
    "RMSprop": _rmsprop,
    "Adagrad": _adagrad,
    "Adadelta": _adadelta,
}
