"""What is given to ``update``: brought into form, or refused with the path of the metric."""

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import whole
from brainlite._jax_compat import Tracer
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike, Shape


def to_real(metric: object, name: str, given: ArrayLike) -> Array:
    """Return an array in float32 at least, or raise."""
    array = jnp.asarray(given)
    if jnp.issubdtype(array.dtype, jnp.floating) or jnp.can_cast(array.dtype, jnp.float64):
        return array.astype(jnp.promote_types(array.dtype, jnp.float32))
    raise refused(
        metric,
        f"{name} are no real numbers",
        expected="an array of floats, whole numbers or booleans",
        got=f"an array of {array.dtype}",
        fix="pass the real part, or the absolute value",
    )


def to_mask(metric: object, mask: ArrayLike | None, shape: Shape) -> Array | None:
    """Return which elements of an array of this shape count, None for all, or raise."""
    if mask is None:
        return None
    mask = jnp.asarray(mask)
    if mask.dtype != bool:
        raise refused(
            metric,
            "the mask says by True and False what counts",
            expected="an array of booleans",
            got=f"an array of {mask.dtype}",
            fix="pass `mask != 0`; weights that are numbers go to weights= of an AverageMetric",
        )
    return to_leading_axes(metric, "mask", mask, shape)


def to_leading_axes(metric: object, name: str, given: Array, shape: Shape) -> Array:
    """Return an array broadcast to a shape whose leading axes it has, or raise."""
    pairs = zip(given.shape, shape, strict=False)
    if given.ndim > len(shape) or not all(size in (1, other) for size, other in pairs):
        raise refused(
            metric,
            f"{name} does not fit the batch",
            expected=f"an array of shape {shape}, or of its first axes",
            got=f"an array of shape {given.shape}",
            fix="pass values for each element that it names (a loss with reduction='none'), or "
            "update this metric by itself, without it",
        )
    if given.shape == shape:
        return given
    trailing = (1,) * (len(shape) - given.ndim)
    return jnp.broadcast_to(given.reshape((*given.shape, *trailing)), shape)


def to_classes(metric: object, name: str, given: ArrayLike, shape: Shape | None = None) -> Array:
    """Return an array of classes as whole numbers, or raise."""
    array = whole(given)
    fits = array.dtype == bool or jnp.issubdtype(array.dtype, jnp.integer)
    if fits and shape in (None, array.shape):
        return array.astype(jnp.promote_types(array.dtype, jnp.int32))
    raise refused(
        metric,
        f"{name} do not fit",
        expected=f"classes, whole numbers, of shape {'(...)' if shape is None else shape}",
        got=f"an array of {array.dtype} of shape {array.shape}",
        fix="pass the class of each sample: `logits.argmax(-1)`, `probability > 0.5`, or "
        "`labels.astype(int)`",
    )


def check_known(
    metric: object, name: str, classes: Array, counts: Array | None, number: int
) -> Array:
    """Return which of those that count are classes; raise for others where it can be seen."""
    known: Array
    known, strange = _sort(classes, counts, number)
    if not isinstance(strange, Tracer) and np.any(strange):
        raise refused(
            metric,
            f"{name} are outside of the classes",
            expected=f"classes from 0 to {number - 1}",
            got=f"{np.asarray(classes)[np.asarray(strange)][:5].tolist()} among them",
            fix="count classes from 0; leave out what does not count by mask=(labels != -100)",
        )
    return known


@jax.jit
def _sort(classes: Array, counts: Array | None, number: int) -> tuple[Array, Array]:
    inside = (classes >= 0) & (classes < number)
    return (inside, ~inside) if counts is None else (inside & counts, ~inside & counts)
