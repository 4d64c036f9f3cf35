"""Rules of updating one array at a time: what the optimizers with names are made of."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from brainlite.errors import OptionError
from brainlite.typing import Array

Slots: TypeAlias = dict[str, Array]  # what is remembered of one array, by name


@dataclass(frozen=True)
class Rule(ABC):
    """How an array is updated. Called with a learning rate, it is a transformation.

    Equal rules are equal, so that optimizers made alike share a compilation; none of them needs
    optax. What they compute and remember has single precision at least, whatever the parameter's
    is: the square of a small gradient is nothing in half precision.

    Attributes
    ----------
    weight_decay : float
        Pulls parameters to 0: through the gradient, where that of ``weight_decay / 2`` times the
        squares of the parameters is added to it, or beside it.
    decoupled_weight_decay : bool
        Beside it: in proportion to the learning rate alone.
    maximize : bool
        Whether to go uphill.
    """

    weight_decay: float
    decoupled_weight_decay: bool
    maximize: bool

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, list):  # which cannot be hashed
                value = tuple(value)
                object.__setattr__(self, field.name, value)
            _check_value(type(self).__name__.removesuffix("Rule"), field.name, value)

    @abstractmethod
    def first(self, p: Array) -> Slots:
        """Return what is remembered of an array before the first step."""

    @abstractmethod
    def step(self, g: Array, p: Array, slots: Slots, t: Array, rate: Array) -> tuple[Array, Slots]:
        """Return what is added to the array ``p`` in step ``t``, from 1, and what is remembered."""

    def __call__(self, rate: Any) -> "Ruled":
        """Return the transformation of this learning rate."""
        return Ruled(self, rate)

    def update(
        self, g: Array, p: Array, slots: Slots, t: Array, rate: Array
    ) -> tuple[Array, Slots]:
        """Return the update of an array, weight decay included, and what is remembered."""
        g = -g if self.maximize else g
        if self.weight_decay and not self.decoupled_weight_decay:
            g = g + self.weight_decay * p
        update, slots = self.step(g, p, slots, t, rate)
        if self.weight_decay and self.decoupled_weight_decay:
            update = update - rate * self.weight_decay * p
        return update, slots


def _check_value(rule: str, name: str, value: Any) -> None:
    """Raise for an option that is no number, or outside of where it makes sense."""
    numbers: Any = value if isinstance(value, tuple) else (value,)
    most = 1.0 if name in _BELOW_ONE else math.inf
    kind = bool if name in _FLAGS else int | float
    if len(numbers) == 1 + (name == "betas") and all(
        isinstance(number, kind) and 0 <= number < most for number in numbers
    ):
        return
    expected = "two numbers" if name == "betas" else "a number"
    raise OptionError(
        "an option of this optimizer makes no sense",
        where=f"{rule}, {name}",
        expected="True or False"
        if name in _FLAGS
        else f"{expected} of 0 or more" + (", below 1" if most == 1 else ""),
        got=f"{name}={value!r}",
        fix="leave it out for the default",
    )


_BELOW_ONE = frozenset({"betas", "rho", "alpha"})
_FLAGS = frozenset({"maximize", "decoupled_weight_decay", "amsgrad", "nesterov", "centered"})


class Ruled(NamedTuple):
    """A rule with a learning rate: the transformation."""

    rule: Rule
    rate: Any

    def init(self, params: Any) -> Any:
        """Return what is remembered of parameters: trees by name of slot, and how many steps."""
        return {"step": jnp.zeros((), "int32"), **_by_slot(params, self._first)}

    def update(self, gradients: Any, remembered: Any, params: Any) -> tuple[Any, Any]:
        """Return the updates, and what is remembered after them."""
        step = remembered["step"] + 1
        slots = {name: tree for name, tree in remembered.items() if name != "step"}
        structure: Any
        leaves, structure = jax.tree.flatten(gradients)
        values = structure.flatten_up_to(params)
        trees = {name: structure.flatten_up_to(tree) for name, tree in slots.items()}
        updates: list[Any] = []
        for number, (gradient, value) in enumerate(zip(leaves, values, strict=True)):
            of_leaf = {name: tree[number] for name, tree in trees.items()}
            update, new = self.rule.update(
                _as_real(gradient), _as_real(value), of_leaf, step.astype("float32"), self.rate
            )
            updates.append(_as_number(update, value))
            for name, slot in new.items():
                trees[name][number] = slot
        kept = {name: structure.unflatten(tree) for name, tree in trees.items()}
        return structure.unflatten(updates), {"step": step, **kept}

    def _first(self, value: Any) -> Slots:
        return self.rule.first(_as_real(value))


def _by_slot(params: Any, first: Any) -> dict[str, Any]:
    """Return a tree like the parameters for each slot that ``first`` makes of an array."""
    structure: Any
    leaves, structure = jax.tree.flatten(params)
    made = [first(leaf) for leaf in leaves]
    return {name: structure.unflatten([slots[name] for slots in made]) for name in made[0]}


def _as_real(value: Array) -> Array:
    """Return floats in single precision at least; complex numbers as pairs, as torch does."""
    if jnp.iscomplexobj(value):
        value = jnp.stack([value.real, value.imag], -1)
    return value.astype(jnp.promote_types(value.dtype, jnp.float32))


def _as_number(update: Array, like: Array) -> Array:
    return jax.lax.complex(update[..., 0], update[..., 1]) if jnp.iscomplexobj(like) else update
