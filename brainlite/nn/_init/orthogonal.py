"""Initialisers made of orthogonal matrices, which keep the length of what they map."""

import math
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from brainlite.errors import SizeError
from brainlite.nn._init.initializer import UNITLESS, Multiplier, RandomInitializer
from brainlite.random import RandomState
from brainlite.typing import Array, ArrayLike, DTypeLike, SeedOrKey, Shape


@dataclass(frozen=True, eq=False, repr=False)
class Orthogonal(RandomInitializer):
    """Matrices with orthonormal rows or columns, whichever are fewer, uniformly drawn.

    Parameters
    ----------
    scale : array_like
        The factor.
    axis : int
        The axis of the outputs; the others are taken together as the inputs.

    Raises
    ------
    SizeError
        At the call: the shape has no such axis.

    References
    ----------
    Saxe, McClelland and Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks", arXiv 1312.6120, 2013.

    Examples
    --------
    >>> w = brainlite.nn.init.Orthogonal()((2, 5))
    >>> (w @ w.T).diagonal().round(3)
    Array([1., 1.], dtype=float32)
    """

    scale: ArrayLike = 1.0
    axis: int = -1
    seed: SeedOrKey | None = None
    unit: Multiplier = UNITLESS

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        """Draw a matrix of orthonormal rows or columns, by a QR decomposition."""
        return _orthogonal(self._rng, shape, self.axis, dtype) * jnp.asarray(self.scale, dtype)


@dataclass(frozen=True, eq=False, repr=False)
class DeltaOrthogonal(RandomInitializer):
    """Convolution kernels that are an orthogonal matrix at the centre and 0 elsewhere.

    Parameters
    ----------
    scale : array_like
        The factor.
    axis : int
        The axis of the outputs in the matrix.

    Raises
    ------
    SizeError
        At the call: the shape is not (*kernel, in, out) with one to three kernel axes, or there
        are more inputs than outputs.

    References
    ----------
    Xiao, Bahri, Sohl-Dickstein, Schoenholz and Pennington, "Dynamical isometry and a mean field
    theory of CNNs", ICML 2018.

    Examples
    --------
    >>> w = brainlite.nn.init.DeltaOrthogonal()((3, 2, 2))
    >>> [bool(tap.any()) for tap in w]
    [False, True, False]
    """

    scale: ArrayLike = 1.0
    axis: int = -1
    seed: SeedOrKey | None = None
    unit: Multiplier = UNITLESS

    def _make(self, shape: Shape, dtype: DTypeLike) -> Array:
        """Put an orthogonal matrix at the center of a kernel of zeros."""
        if len(shape) not in (3, 4, 5) or shape[-2] > shape[-1]:
            raise SizeError(
                "DeltaOrthogonal makes the kernels of convolutions that widen",
                expected="(*kernel, in, out) with one to three kernel axes and in <= out",
                got=f"{shape}",
                fix="use Orthogonal for matrices, and where the outputs are fewer",
            )
        matrix = _orthogonal(self._rng, shape[-2:], self.axis, dtype)
        center = tuple((size - 1) // 2 for size in shape[:-2])
        return jnp.zeros(shape, dtype).at[center].set(matrix * jnp.asarray(self.scale, dtype))


def _orthogonal(rng: RandomState, shape: Shape, axis: int, dtype: DTypeLike) -> Array:
    """Draw from the Haar measure: QR of a normal matrix, with the signs of R taken out."""
    if not -len(shape) <= axis < len(shape):
        raise SizeError(
            "an orthogonal initialiser was asked for a shape without its axis",
            expected=f"a shape with an axis {axis}",
            got=f"{shape}",
            fix="pass the axis of the outputs as axis=",
        )
    outs = shape[axis]
    ins = math.prod(np.delete(shape, axis).tolist())
    # There is no QR in half precision.
    wide = jnp.promote_types(dtype, jnp.float32)
    q, r = jnp.linalg.qr(rng.normal(size=(max(outs, ins), min(outs, ins)), dtype=wide))
    q = q * jnp.sign(jnp.diagonal(r))[None]
    if outs < ins:
        q = q.T
    q = q.reshape(outs, *np.delete(shape, axis).tolist())
    return jnp.moveaxis(q, 0, axis).astype(dtype)
