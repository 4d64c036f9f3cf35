"""Pure functions that are compiled where nothing else compiles them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import jax

from brainlite._jax_compat import is_eager
from brainlite.errors import BrainliteError

__all__ = ["kernel"]

P = ParamSpec("P")
R = TypeVar("R")


def kernel(*static: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function of arrays be one dispatch, and not one for each of its operations.

    Called eagerly it is compiled for the shapes that come and for the values of the arguments named
    ``static``. Within a trace it is called as it is, so that what is compiled there has the same
    operations as if they were written in place.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        names = list(inspect.signature(function).parameters)
        places = [(names.index(name), name) for name in static]
        compiled: Any = jax.jit(function, static_argnames=static)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if not is_eager() or any(
                isinstance(args[n] if n < len(args) else kwargs.get(name), jax.Array)
                for n, name in places
            ):
                return function(*args, **kwargs)  # an array is no static value
            try:
                found: R = compiled(*args, **kwargs)
            except BrainliteError:
                pass
            else:
                return found
            return function(*args, **kwargs)  # raises the same without the frames of jax

        return run

    return wrap
