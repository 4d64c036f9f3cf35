"""The rules themselves: each as torch computes it, where torch has it."""

import math
from dataclasses import dataclass

import jax.numpy as jnp

from brainlite.optim._rule import Rule, Slots
from brainlite.typing import Array

StepTaken = tuple[Array, Slots]


def _mean(old: Array, new: Array, decay: float) -> Array:
    return decay * old + (1 - decay) * new


def _left(decay: float, t: Array) -> Array:
    """Return ``1 - decay**t`` without the loss of digits of that: what a running mean has seen."""
    return -jnp.expm1(t * math.log(decay)) if decay else jnp.ones_like(t)


@dataclass(frozen=True)
class SGDRule(Rule):
    """Gradient descent with momentum."""

    momentum: float
    dampening: float
    nesterov: bool

    def first(self, p: Array) -> Slots:
        return {"momentum_buffer": jnp.zeros_like(p)} if self.momentum else {}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        if not self.momentum:
            return -rate * g, slots
        taken = jnp.where(t == 1, 1.0, 1.0 - self.dampening)
        buffer = self.momentum * slots["momentum_buffer"] + taken * g
        direction = g + self.momentum * buffer if self.nesterov else buffer
        return -rate * direction, {"momentum_buffer": buffer}


@dataclass(frozen=True)
class AdamRule(Rule):
    """Running means of gradients and of their squares."""

    betas: tuple[float, float]
    eps: float
    amsgrad: bool

    def first(self, p: Array) -> Slots:
        names = ["exp_avg", "exp_avg_sq", *(["max_exp_avg_sq"] if self.amsgrad else [])]
        return {name: jnp.zeros_like(p) for name in names}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        slots = {**slots, **self._means(g, slots)}
        second = slots["exp_avg_sq"]
        if self.amsgrad:
            second = slots["max_exp_avg_sq"] = jnp.maximum(slots["max_exp_avg_sq"], second)
        return -rate * self._direction(slots["exp_avg"], second, t), slots

    def _means(self, g: Array, slots: Slots) -> Slots:
        return {
            "exp_avg": _mean(slots["exp_avg"], g, self.betas[0]),
            "exp_avg_sq": _mean(slots["exp_avg_sq"], g * g, self.betas[1]),
        }

    def _direction(self, first: Array, second: Array, t: Array) -> Array:
        size = jnp.sqrt(second / _left(self.betas[1], t)) + self.eps
        return first / _left(self.betas[0], t) / size


@dataclass(frozen=True)
class NAdamRule(AdamRule):
    """Adam that looks a step ahead."""

    momentum_decay: float

    def first(self, p: Array) -> Slots:
        return {**super().first(p), "mu_product": jnp.ones((), p.dtype)}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        means = self._means(g, slots)
        now, ahead = self._momentum(t), self._momentum(t + 1)
        product = slots["mu_product"] * now
        first = ahead * means["exp_avg"] / (1 - product * ahead) + (1 - now) * g / (1 - product)
        size = jnp.sqrt(means["exp_avg_sq"] / _left(self.betas[1], t)) + self.eps
        return -rate * first / size, {**means, "mu_product": product}

    def _momentum(self, t: Array) -> Array:
        return self.betas[0] * (1 - 0.5 * 0.96 ** (t * self.momentum_decay))


@dataclass(frozen=True)
class RAdamRule(AdamRule):
    """Adam whose size of steps counts once it is known well enough."""

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        means = self._means(g, slots)
        decay = self.betas[1]
        first = means["exp_avg"] / _left(self.betas[0], t)
        most = 2 / (1 - decay) - 1
        length = self._length(t, most)
        known = length > 5
        safe = jnp.where(known, length, 6.0)
        part = (safe - 4) * (safe - 2) / safe * most / ((most - 4) * (most - 2))
        size = jnp.sqrt(means["exp_avg_sq"]) + self.eps
        sized = jnp.sqrt(part) * jnp.sqrt(_left(decay, t)) / size
        return -rate * first * jnp.where(known, sized, 1.0), means

    def _length(self, t: Array, most: float) -> Array:
        """Return ``most - 2 t decay**t / (1 - decay**t)``, about t, a difference of thousands."""
        if not self.betas[1]:
            return jnp.full_like(t, most)
        x = -math.log(self.betas[1])
        y = t * x
        little = y / 2 - y**2 / 12 + y**4 / 720 - y**6 / 30240
        much = 1 - y / jnp.expm1(jnp.maximum(y, 0.1))
        return most - 2 / x + 2 / x * jnp.where(y < 0.5, little, much)


@dataclass(frozen=True)
class AdamaxRule(Rule):
    """Adam with the largest gradient in place of the mean square."""

    betas: tuple[float, float]
    eps: float

    def first(self, p: Array) -> Slots:
        return {"exp_avg": jnp.zeros_like(p), "exp_inf": jnp.zeros_like(p)}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        first = _mean(slots["exp_avg"], g, self.betas[0])
        largest = jnp.maximum(self.betas[1] * slots["exp_inf"], jnp.abs(g) + self.eps)
        update = -rate * first / _left(self.betas[0], t) / largest
        return update, {"exp_avg": first, "exp_inf": largest}


@dataclass(frozen=True)
class RMSpropRule(Rule):
    """Gradients over the root of the running mean of their squares."""

    alpha: float
    eps: float
    momentum: float
    centered: bool

    def first(self, p: Array) -> Slots:
        names = {"square_avg": True, "grad_avg": self.centered, "momentum_buffer": self.momentum}
        return {name: jnp.zeros_like(p) for name, kept in names.items() if kept}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        square = _mean(slots["square_avg"], g * g, self.alpha)
        slots = {**slots, "square_avg": square}
        if self.centered:
            slots["grad_avg"] = _mean(slots["grad_avg"], g, self.alpha)
            square = jnp.maximum(square - slots["grad_avg"] ** 2, 0)  # rounding may take it below
        direction = g / (jnp.sqrt(square) + self.eps)
        if self.momentum:
            direction = self.momentum * slots["momentum_buffer"] + direction
            slots["momentum_buffer"] = direction
        return -rate * direction, slots


@dataclass(frozen=True)
class AdagradRule(Rule):
    """Gradients over the root of the sum of all their squares."""

    lr_decay: float
    initial_accumulator_value: float
    eps: float

    def first(self, p: Array) -> Slots:
        return {"sum": jnp.full_like(p, self.initial_accumulator_value)}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        total = slots["sum"] + g * g
        rate = rate / (1 + (t - 1) * self.lr_decay)
        return -rate * g / (jnp.sqrt(total) + self.eps), {"sum": total}


@dataclass(frozen=True)
class AdadeltaRule(Rule):
    """Steps whose size comes from that of the steps before."""

    rho: float
    eps: float

    def first(self, p: Array) -> Slots:
        return {"square_avg": jnp.zeros_like(p), "acc_delta": jnp.zeros_like(p)}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        square = _mean(slots["square_avg"], g * g, self.rho)
        delta = jnp.sqrt(slots["acc_delta"] + self.eps) / jnp.sqrt(square + self.eps) * g
        moved = _mean(slots["acc_delta"], delta * delta, self.rho)
        return -rate * delta, {"square_avg": square, "acc_delta": moved}


@dataclass(frozen=True)
class LionRule(Rule):
    """The signs of a running mean."""

    betas: tuple[float, float]

    def first(self, p: Array) -> Slots:
        return {"exp_avg": jnp.zeros_like(p)}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        sign = jnp.sign(_mean(slots["exp_avg"], g, self.betas[0]))
        return -rate * sign, {"exp_avg": _mean(slots["exp_avg"], g, self.betas[1])}


@dataclass(frozen=True)
class LambRule(AdamRule):
    """Adam, each array's step as long as the array is."""

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        means = self._means(g, slots)
        direction = self._direction(means["exp_avg"], means["exp_avg_sq"], t)
        direction = direction + self.weight_decay * p
        return -rate * _trust(p, direction) * direction, means

    def update(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        return self.step(-g if self.maximize else g, p, slots, t, rate)


@dataclass(frozen=True)
class LARSRule(Rule):
    """Momentum, each array's gradient as long as a part of the array is."""

    momentum: float
    trust_coefficient: float
    eps: float

    def first(self, p: Array) -> Slots:
        return {"momentum_buffer": jnp.zeros_like(p)}

    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> StepTaken:
        scaled = rate * _trust(p, g, self.trust_coefficient, self.eps) * g
        buffer = self.momentum * slots["momentum_buffer"] + scaled
        return -buffer, {"momentum_buffer": buffer}


def _trust(p: Array, direction: Array, coefficient: float = 1.0, eps: float = 0.0) -> Array:
    """Return how long an array is beside a step, times a coefficient; 1 where either is zero."""
    own, step = (jnp.sqrt(jnp.sum(x * x)) for x in (p, direction))
    either = (own == 0) | (step == 0)
    return jnp.where(either, 1.0, coefficient * own / (jnp.where(either, 1.0, step) + eps))
