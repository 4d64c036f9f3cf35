"""Whether something is an array, and what to say where it is none."""

import reprlib
from typing import Any, NamedTuple

import jax
import numpy as np


class Remark(NamedTuple):
    """What came where an array was expected, and how to mend it."""

    got: str
    fix: str


def no_array(x: Any, *, scalar: bool = False) -> Remark | None:
    """Return what to say of something that is no array of jax or numpy; None where it is one.

    With ``scalar`` a number is one.
    """
    dtype = getattr(x, "dtype", None)
    if isinstance(x, jax.Array):
        return None
    if hasattr(x, "shape") and isinstance(dtype, np.dtype) and dtype.kind not in "OSU":
        return None  # of numpy, or what stands in for an array
    if hasattr(x, "__jax_array__") or (scalar and isinstance(x, bool | int | float | complex)):
        return None
    kind = type(x)
    torch = kind.__module__.partition(".")[0] == "torch"
    whole = kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"
    shown = "None" if x is None else f"a {whole}"
    if isinstance(x, str | bytes | int | float | complex):
        shown = f"{reprlib.repr(x)}, {shown}"
    elif dtype is not None:
        shown += f" of {dtype}"
    if x is None:
        return Remark(shown, "pass what the layer before returned, and not None")
    way = "jnp.asarray(x.numpy())" if torch else "jnp.asarray(x)"
    several = isinstance(x, tuple) and isinstance(next(iter(x), None), jax.Array)
    hint = "; of (output, last), as recurrent layers return, take `y[0]`" if several else ""
    return Remark(shown, f"make it an array of numbers first, as with `{way}`{hint}")
