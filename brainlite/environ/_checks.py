"""Whether a setting is one that the library knows what to do with."""

import math
from typing import Any

import jax
import numpy as np

from brainlite._jax_compat import Tracer
from brainlite.environ._store import is_numeric
from brainlite.errors import OptionError

_PRECISIONS: tuple[int | str, ...] = (8, 16, 32, 64, "bf16")


def checked(settings: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose values the library knows, where it reads them itself."""
    if "precision" in settings:
        settings["precision"] = checked_precision(settings["precision"])
    if "dt" in settings:
        _check_dt(settings["dt"])
    fit = settings.get("fit")
    if fit is None or isinstance(fit, bool) or str(getattr(fit, "dtype", "")) == "bool":
        return settings
    raise OptionError(
        "the environment does not know whether this means training",
        expected="fit=True, fit=False, or fit=None to say nothing",
        got=f"fit={fit!r}",
        fix="pass True to train, and False to evaluate",
    )


def _check_dt(dt: object) -> None:
    """Raise for a time step with which nothing moves, or time runs backwards."""
    if dt is None or (isinstance(dt, float) and 0 < dt < math.inf):
        return
    leaves: list[Any] = jax.tree.leaves(dt)
    if len(leaves) == 1 and is_numeric(leaves[0]) and not isinstance(leaves[0], bool | np.bool_):
        if isinstance(leaves[0], Tracer):
            return
        numbers = np.asarray(leaves[0])
        if numbers.size and bool((numbers > 0).all()) and bool(np.isfinite(numbers).all()):
            return
    raise OptionError(
        "this is no time step",
        expected="dt: a number above 0, with a unit of time or without",
        got=f"dt={dt!r}",
        fix="pass the time of one step of the simulation in ms, such as dt=0.1",
    )


def checked_precision(precision: object) -> int | str:
    """Return a precision that there is, or raise."""
    known = precision if precision in _PRECISIONS else None
    if known is None and isinstance(precision, str) and precision.isdecimal():
        known = int(precision)
    if isinstance(known, int | str) and not isinstance(known, bool) and known in _PRECISIONS:
        return known
    raise OptionError(
        "the environment has no such precision",
        expected=f"one of {', '.join(map(repr, _PRECISIONS))}",
        got=repr(precision),
        fix="pass the width of floats in bits",
    )
