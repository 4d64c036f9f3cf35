"""The width of numbers, and the dtypes that follow from it."""

import jax.numpy as jnp

from brainlite.environ._settings import get, set
from brainlite.typing import DTypeLike


def set_precision(precision: int | str) -> None:
    """Set the width of floats in bits for the process: 8, 16, 32, 64, or ``'bf16'``.

    Parameters
    ----------
    precision : int or str
        As for :func:`set`.

    Examples
    --------
    >>> brainlite.environ.set_precision("bf16")
    >>> brainlite.environ.get_precision()
    'bf16'
    >>> brainlite.environ.set_precision(32)
    """
    set(precision=precision)


def get_precision() -> int | str:
    """Return the width of floats in bits (32 if never set), or ``'bf16'``.

    Returns
    -------
    int or str

    Examples
    --------
    >>> with brainlite.environ.context(precision=16):
    ...     brainlite.environ.get_precision()
    16
    """
    precision: int | str = get("precision")
    return precision


def dftype() -> DTypeLike:
    """Return the dtype of floats at the current precision.

    Returns
    -------
    dtype

    Examples
    --------
    >>> with brainlite.environ.context(precision=16):
    ...     jnp.zeros(2, brainlite.environ.dftype()).dtype
    dtype('float16')
    """
    precision = get_precision()
    names = {8: "float8_e5m2", 16: "float16", 32: "float32", 64: "float64", "bf16": "bfloat16"}
    return jnp.dtype(names[precision])


def ditype() -> DTypeLike:
    """Return the dtype of signed integers at the current precision.

    Returns
    -------
    dtype

    Examples
    --------
    >>> jnp.zeros(2, brainlite.environ.ditype()).dtype
    dtype('int32')
    """
    precision = get_precision()
    return jnp.dtype(f"int{16 if precision == 'bf16' else precision}")


def dutype() -> DTypeLike:
    """Return the dtype of unsigned integers at the current precision.

    Returns
    -------
    dtype

    Examples
    --------
    >>> jnp.zeros(2, brainlite.environ.dutype()).dtype
    dtype('uint32')
    """
    precision = get_precision()
    return jnp.dtype(f"uint{16 if precision == 'bf16' else precision}")


def dctype() -> DTypeLike:
    """Return the dtype of complex numbers at the current precision (complex64 up to 32 bits).

    Returns
    -------
    dtype

    Examples
    --------
    >>> jnp.zeros(2, brainlite.environ.dctype()).dtype
    dtype('complex64')
    """
    return jnp.dtype("complex128" if get_precision() == 64 else "complex64")
