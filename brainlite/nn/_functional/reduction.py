"""What losses share: the checks of options and shapes, single precision at least, the reduction."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

import jax.numpy as jnp

from brainlite._given import broadcasts, check_choice, check_option
from brainlite._jax_compat import Tracer
from brainlite.errors import InputError
from brainlite.typing import Array, ArrayLike

Reduction: TypeAlias = Literal["mean", "sum", "none"]
REDUCTIONS: Final = ("mean", "sum", "none")

_RANGES: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = MappingProxyType(
    {
        "beta": (lambda x: x >= 0, "0 or more"),
        "blank": (lambda x: x >= 0, "the index of a class"),
        "delta": (lambda x: x > 0, "a positive number"),
        "ignore_index": (lambda x: -(2**31) <= x < 2**31, "a whole number of 32 bits"),
        "label_smoothing": (lambda x: 0 <= x <= 1, "a number from 0 to 1"),
        "p": (lambda x: x >= 1, "1 or more"),
    }
)


def check_ranges(where: str, **options: Any) -> None:
    """Raise for an option out of its range; those without a range are let through."""
    for name, value in options.items():
        fits, expected = _RANGES.get(name, (None, ""))
        if fits is not None and not isinstance(value, Tracer):
            check_option(where, name, value, fits(value), expected)


def check_reduction(where: str, reduction: str, known: tuple[str, ...] = REDUCTIONS) -> None:
    """Raise unless a reduction is among those that are known."""
    fix = "use 'none' for the loss of each element, and reduce it yourself"
    check_choice(where, "reduction", reduction, known, fix)


def as_floats(where: str, *arrays: ArrayLike) -> list[Array]:
    """Return arrays in the type that they promote to, in float32 at least."""
    dtype = jnp.promote_types(jnp.result_type(*arrays), jnp.float32)
    if jnp.issubdtype(dtype, jnp.floating):
        return [jnp.asarray(each, dtype) for each in arrays]
    raise InputError(
        "this is defined for real numbers",
        where=where,
        expected="real arrays",
        got=f"an array of {dtype}",
        fix="pass the real and the imaginary part, or the absolute value",
    )


def same_shape(where: str, **arrays: ArrayLike) -> list[Array]:
    """Return arrays as floats; raise unless they have one shape."""
    shapes = {name: jnp.shape(each) for name, each in arrays.items()}
    if len(set(shapes.values())) == 1:
        return as_floats(where, *arrays.values())
    raise InputError(
        f"{' and '.join(shapes)} differ in shape",
        where=where,
        expected="arrays of one shape",
        got=", ".join(f"{name} {shape}" for name, shape in shapes.items()),
        fix="reshape or broadcast one of them first: which elements belong together is not guessed",
    )


def reduce_loss(
    where: str, loss: Array, reduction: str, weight: ArrayLike | None = None, total: Any = None
) -> Array:
    """Return the mean of a loss, its sum, or the loss of each element.

    The loss is multiplied with ``weight`` first. The mean is the sum over ``total``, by default
    over the number of elements.
    """
    check_reduction(where, reduction)
    if weight is not None:
        if not broadcasts(jnp.shape(weight), loss.shape):
            raise InputError(
                "the weight does not fit the input",
                where=where,
                expected=f"a weight that broadcasts to {loss.shape}",
                got=f"a weight of shape {jnp.shape(weight)}",
                fix="give it the axes of the input, each of its size or 1",
            )
        loss = loss * jnp.asarray(weight, loss.dtype)
    if reduction == "none":
        return loss
    summed = jnp.sum(loss)
    return summed if reduction == "sum" else summed / (loss.size if total is None else total)
