"""Pure functions that are compiled where nothing else compiles them."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, get_args

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import no_array
from brainlite._jax_compat import is_eager
from brainlite.errors import BrainliteError, InputError
from brainlite.typing import Array, ArrayLike

P = ParamSpec("P")
R = TypeVar("R")


def of_arrays(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function say which of its arguments is no array, should it fail.

    Looked at are those that are annotated as arrays, and only when something was raised.
    """
    parameters = inspect.signature(function).parameters
    wanted = [
        (place, name, type(None) in get_args(parameter.annotation))
        for place, (name, parameter) in enumerate(parameters.items())
        if parameter.annotation is Array or _takes_arrays(parameter.annotation)
    ]

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            for place, name, optional in wanted:
                if place >= len(args) and name not in kwargs:
                    continue
                x = args[place] if place < len(args) else kwargs[name]
                remark = None if x is None and optional else no_array(x, scalar=True)
                if remark is not None:
                    raise InputError(
                        f"{name} is no array",
                        where=function.__name__,
                        expected="an array of jax or numpy",
                        got=remark.got,
                        fix=remark.fix,
                    ) from error
            raise

    return run


def _takes_arrays(annotation: Any) -> bool:
    return set(get_args(ArrayLike)) <= set(get_args(annotation))


def broadcasting(function: Callable[P, R]) -> Callable[P, R]:
    """Let a function of ours stretch arrays over missing axes where jax forbids it to users.

    ``jax_numpy_rank_promotion`` looks for slips in a program. A bias is added to each row on
    purpose.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if jax.config.values["jax_numpy_rank_promotion"] == "allow":
            return function(*args, **kwargs)
        with jax.numpy_rank_promotion("allow"):
            return function(*args, **kwargs)

    return run


def kernel(*static: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function of arrays be one dispatch, and not one for each of its operations.

    Called eagerly it is compiled for the shapes that come and for the values of the arguments named
    ``static``. Within a trace it is called as it is, so that what is compiled there has the same
    operations as if they were written in place. It gets arrays of jax always: one of numpy cannot
    be indexed by what is traced.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        function = broadcasting(function)
        taking_any: Callable[..., R] = function
        names = list(inspect.signature(function).parameters)
        places = [(names.index(name), name) for name in static]
        compiled: Any = jax.jit(function, static_argnames=static)

        def called(*args: Any, **kwargs: Any) -> R:
            return taking_any(*map(_of_jax, args), **{n: _of_jax(x) for n, x in kwargs.items()})

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            if not is_eager() or any(
                isinstance(args[n] if n < len(args) else kwargs.get(name), jax.Array)
                for n, name in places
            ):
                return called(*args, **kwargs)  # an array is no static value
            try:
                found: R = compiled(*args, **kwargs)
            except BrainliteError:
                pass
            else:
                return found
            return called(*args, **kwargs)  # raises the same without the frames of jax

        return run

    return wrap


def _of_jax(value: object) -> Any:
    return jnp.asarray(value) if isinstance(value, np.ndarray | np.generic) else value


def compiled_for(make: Callable[P, Callable[..., R]]) -> Callable[P, Callable[..., R]]:
    """Let a function that makes kernels, from what they are specialised to, make each one once.

    The kernel is compiled at its first call for each combination of shapes. Within a trace it is a
    call inside the compiled whole. What a kernel is made from must be hashable; it costs a look-up
    in a table, against 3 microseconds for a static argument of jax.
    """

    @functools.lru_cache(maxsize=256)
    def made(*args: Any, **kwargs: Any) -> Callable[..., R]:
        compiled: Callable[..., R] = jax.jit(broadcasting(make(*args, **kwargs)))
        return compiled

    kernels: Any = functools.update_wrapper(made, make)
    typed: Callable[P, Callable[..., R]] = kernels
    return typed
