"""The text of what is not opened: atoms, arrays, functions and whatever has only a ``repr``."""

import sys
from collections.abc import Callable
from enum import Enum
from types import EllipsisType, MethodType, NoneType
from typing import Any, Final

import jax
import numpy as np

from brainlite._jax_compat import Tracer

LONGEST: Final = 2000  # characters of one repr: a page of text, not a whole file
MOST_NUMBERS: Final = 32  # elements that an array may have to show its numbers


class Verbatim:
    """Stands for a value by a text that is known already."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text: str = text

    def __repr__(self) -> str:
        return self.text

    def __treescope_repr__(self, path: str | None, subtree_renderer: object) -> Any:
        from treescope import rendering_parts as parts

        return parts.build_one_line_tree_node(self.text, path)


ATOMS: Final = (
    int,
    float,
    complex,
    str,
    bytes,
    NoneType,
    EllipsisType,
    slice,
    range,
    type,
    Enum,
    np.generic,
    np.dtype,
    Verbatim,
)
"""Types whose values print on one line, by their ``repr``."""


def failure_text(value: object, error: Exception) -> str:
    """Return what stands for ``value`` when showing it has raised ``error``."""
    try:
        reason = repr(error)
    except Exception:  # an error that cannot even say what it is
        reason = type(error).__name__
    return f"<{type(value).__name__}: repr raised {_cut(reason, 200)}>"


def safe_repr(value: object) -> str:
    """Return ``repr(value)``, cut to a page, or a note on how it failed."""
    try:
        return _cut(repr(value), LONGEST)
    except Exception as error:
        return failure_text(value, error)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}... ({len(text)} characters)"


def is_array(value: object) -> bool:
    """Say whether ``value`` prints as an array: concrete, traced, of numpy or only a type."""
    return isinstance(value, (jax.Array, np.ndarray, jax.ShapeDtypeStruct))


def array_text(array: object, values: bool = False) -> str:
    """Return the type of an array, and the numbers of a small one if ``values`` is set.

    Without ``values`` nothing is read from the device.

    Examples
    --------
    >>> array_text(np.zeros((30, 20), "float32"))
    'ShapedArray(float32[30,20])'
    >>> array_text(np.arange(3), values=True)
    'ShapedArray(int64[3], [0, 1, 2])'
    """
    try:
        body = _jax_type(array) if isinstance(array, jax.Array) else _numpy_type(array)
        weak = ", weak_type=True" if getattr(array, "weak_type", False) else ""
        mark = _mark(array)
        numbers = _numbers(array) if values and not mark else None
    except Exception as error:
        return failure_text(array, error)
    if numbers is None:
        return f"ShapedArray({body}{weak}){mark}"
    if "\n" not in numbers:
        return f"ShapedArray({body}, {numbers}{weak})"
    rows = numbers.replace("\n", "\n  ")
    return f"ShapedArray(\n  {body},\n  {rows}{weak}\n)"


def _jax_type(array: jax.Array) -> str:
    # jax also writes the mesh axes of a sharded array and the kind of a random key; its mark of a
    # weak type is left to `weak_type=True`.
    return str(jax.typeof(array)).removeprefix("~")


def _numpy_type(array: Any) -> str:
    return f"{getattr(array.dtype, 'name', array.dtype)}[{','.join(map(str, array.shape))}]"


def _mark(array: object) -> str:
    if isinstance(array, Tracer):
        return " <traced>"
    return " <deleted>" if isinstance(array, jax.Array) and array.is_deleted() else ""


def _numbers(array: Any) -> str | None:
    """Return the numbers of a small array, or None where there are none to be had."""
    if isinstance(array, jax.ShapeDtypeStruct) or array.size > MOST_NUMBERS:
        return None
    try:
        # A random key has no numbers of its own, an array spread over several hosts cannot be read.
        return np.array2string(np.asarray(array), separator=", ", threshold=sys.maxsize)
    except Exception:
        return None


def leaf_text(value: object) -> str:
    """Return the text of an object that is neither atom, array, container nor displayable."""
    if isinstance(value, MethodType):
        # Its repr would print the object it is bound to, which may be the one being printed.
        return f"<bound method {getattr(value, '__qualname__', '?')}>"
    if not jax.tree_util.all_leaves([value]):
        return _pytree_text(value)
    return safe_repr(_innermost(value) if callable(value) else value)


def _innermost(function: Callable[..., Any]) -> Any:
    """Return what jax has wrapped: ``jax.nn.relu`` prints as the function that it is."""
    inner: Any = function
    while type(inner).__module__.partition(".")[0] in ("jax", "jaxlib"):
        if not hasattr(inner, "__wrapped__"):
            break
        inner = inner.__wrapped__
    return inner


def _pytree_text(value: object) -> str:
    """Return the ``repr`` of a foreign pytree, its arrays replaced by their types.

    A quantity with a unit, say: its own ``repr`` would copy the array from the device.
    """
    leaves, structure = jax.tree.flatten(value)
    texts = [Verbatim(array_text(leaf)) if is_array(leaf) else leaf for leaf in leaves]
    try:
        return _cut(repr(jax.tree.unflatten(structure, texts)), LONGEST)
    except Exception:  # a class that checks or formats what it holds
        parts = ", ".join(safe_repr(text) for text in texts)
        return _cut(f"{type(value).__name__}({parts})", LONGEST)
