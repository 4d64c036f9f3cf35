"""Losses in half precision, scaled up so that small gradients are not lost."""

from typing import NamedTuple

import jax.numpy as jnp

from brainlite.errors import OptionError
from brainlite.typing import Array

# Beyond these no gradient of half precision is helped, and 0 and infinity are far away.
_LEAST, _MOST = 2.0**-24, 2.0**32


class LossScale(NamedTuple):
    """How a loss is scaled up for its gradients in half precision, and how the scale adapts.

    A step whose scaled gradients overflow is skipped and divides the scale by ``growth``; after
    ``every`` steps without one it is multiplied by it.

    Parameters
    ----------
    initial : float
        The first scale.
    growth : float
        More than 1.
    every : int
        1 or more.

    References
    ----------
    Micikevicius et al., "Mixed precision training", ICLR 2018.

    Examples
    --------
    >>> import optax
    >>> from brainlite import optim
    >>> model = brainlite.nn.Linear(2, 3).half()
    >>> optimizer = optim.Optimizer(
    ...     model, optax.sgd(0.1), loss_scale=optim.LossScale(every=500)
    ... )
    >>> float(optimizer.loss_scale)
    32768.0
    """

    initial: float = 2.0**15
    growth: float = 2.0
    every: int = 2000

    def check(self) -> None:
        """Raise if these numbers make no sense."""
        if 0 < self.initial < _MOST and 1 < self.growth < _MOST and self.every >= 1:
            return
        raise OptionError(
            "a loss cannot be scaled like this",
            where="loss_scale",
            expected="0 < initial < 2**32, growth > 1 and every >= 1",
            got=repr(self),
            fix="leave them out: LossScale()",
        )

    def after(self, scale: Array, good: Array, finite: Array) -> tuple[Array, Array]:
        """Return the scale after a step, and how many steps in a row were finite since it rose."""
        good = jnp.where(finite, good + 1, 0)
        rises = good >= self.every
        risen = jnp.where(rises, scale * self.growth, scale)
        new = jnp.where(finite, risen, scale / self.growth)
        return jnp.clip(new, _LEAST, _MOST), jnp.where(rises, 0, good)
