"""Checks of values that are known only at run time: ``jit_error_if``, ``checkify``, ``check``."""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import checkify as _checkify
from jax.typing import ArrayLike
from typing_extensions import ParamSpec, TypeVar

from brainlite.errors import OptionError
from brainlite.transform._engine._call import lift_call
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute
from brainlite.transform._engine._effects import commit
from brainlite.transform._engine._lift import Body
from brainlite.transform._engine._reports import report_where
from brainlite.transform._engine._transformed import Transformed
from brainlite.typing import Array, PyTree

P = ParamSpec("P")
R = TypeVar("R")

Errors = frozenset[type[Any]]

user_checks: Errors = _checkify.user_checks
"""What :func:`check` says."""
nan_checks: Errors = _checkify.nan_checks
"""Results that are NaN."""
index_checks: Errors = _checkify.index_checks
"""Indices outside of an array."""
div_checks: Errors = _checkify.div_checks
"""Divisions by zero."""
float_checks: Errors = _checkify.float_checks
"""NaN and divisions by zero."""
automatic_checks: Errors = _checkify.automatic_checks
"""All that is looked for without being asked: floats and indices."""
all_checks: Errors = _checkify.all_checks
"""Everything."""


def jit_error_if(
    pred: ArrayLike, error: Callable[..., object] | str, *args: PyTree, **kwargs: object
) -> None:
    """Raise an error if ``pred`` holds, also from inside compiled code.

    Parameters
    ----------
    pred : bool, or array of bool
        The condition; of an array, any element.
    error : str or callable
        The text of the :class:`ValueError`, which may have fields as in :meth:`str.format`; or a
        function that raises, or an exception class.
    *args, **kwargs
        What to format the text with, or to call ``error`` with; arrays come as numpy arrays.

    Raises
    ------
    ValueError
        With the text; or whatever ``error`` raises. From compiled code it comes as a
        :class:`jax.errors.JaxRuntimeError` whose message ends with it, when the result is waited
        for.
    OptionError
        ``error`` is neither a text nor callable.

    See Also
    --------
    checkify : the same without calls back from the device, which also sees NaNs.

    Examples
    --------
    >>> rate = jnp.asarray(2.0)
    >>> jit_error_if(rate > 1, "the rate is {:.1f}, more than {most}", rate, most=1)
    Traceback (most recent call last):
    ValueError: the rate is 2.0, more than 1
    """
    if not isinstance(error, str) and not callable(error):
        raise OptionError(
            "jit_error_if does not know what to raise",
            expected="error: a text, a function that raises, or an exception class",
            got=f"{type(error).__name__} {error!r}",
            fix="pass a text, such as 'the rate is {}', and then its values",
        )
    report_where(jnp.any(jnp.asarray(pred, bool)), _Failed(error), args, kwargs)


@dataclass(frozen=True)
class _Failed:
    """Raises; equal to another for the same error, so that a compiled loop is found again."""

    error: Callable[..., object] | str

    def __call__(
        self, failed: Array, args: tuple[object, ...], kwargs: Mapping[str, object], /
    ) -> None:
        if failed:
            named = {name: _to_numpy(value) for name, value in kwargs.items()}
            _raise(self.error, [_to_numpy(value) for value in args], named)


def _raise(
    error: Callable[..., object] | str, args: Sequence[PyTree], kwargs: dict[str, object]
) -> NoReturn:
    """Raise what the user gave for a failed check."""
    problem: object
    if isinstance(error, str):
        problem = ValueError(error.format(*args, **kwargs) if args or kwargs else error)
    else:
        problem = error(*args, **kwargs)
    if isinstance(problem, BaseException):
        raise problem
    name = getattr(error, "__name__", type(error).__name__)
    raise ValueError(f"the condition of jit_error_if holds, and {name} raised nothing")


def _to_numpy(value: object) -> PyTree:
    def convert(leaf: object) -> PyTree:
        plain = isinstance(leaf, jax.Array) and not jnp.issubdtype(leaf.dtype, jax.dtypes.extended)
        return np.asarray(leaf) if plain else leaf

    return jax.tree.map(convert, value)


def check(
    pred: ArrayLike, msg: str, *fmt_args: object, debug: bool = False, **fmt_kwargs: object
) -> None:
    """Record an error unless ``pred`` holds, in a function under :func:`checkify`.

    Outside it raises at once, and cannot be compiled.

    Parameters
    ----------
    pred : bool or array of shape ()
        What must hold.
    msg : str
        The message; it may have fields as in :meth:`str.format`.
    *fmt_args, **fmt_kwargs
        Arrays for these fields.
    debug : bool
        Whether to drop the check, instead of an error, where there is no ``checkify``.

    Examples
    --------
    >>> def root(x):
    ...     check(x >= 0, "no root of {x}", x=x)
    ...     return x**0.5
    >>> error, _ = checkify(root)(-1.0)
    >>> error.get()
    'no root of -1.0 (`check` failed)'
    """
    untyped: Any = _checkify.check
    untyped(pred, msg, *fmt_args, debug=debug, **fmt_kwargs)


def checkify(
    fun: Callable[P, R], errors: Errors = user_checks
) -> Callable[P, tuple[_checkify.Error, R]]:
    """Return a function that returns the first error of ``fun`` beside its result.

    Parameters
    ----------
    fun : callable
        A function, a method or a module. It may read and write states.
    errors : set of kinds of errors
        What to look for: ``user_checks`` (what :func:`check` says), ``nan_checks``,
        ``div_checks``, ``index_checks``, ``float_checks``, ``automatic_checks`` or
        ``all_checks`` of this module, or several, joined by ``|``.

    Returns
    -------
    callable
        With the arguments of ``fun`` and the result ``(error, out)``. ``error.throw()`` raises
        if there was one, ``error.get()`` returns its message or None. States get their new values
        in either case.

    Raises
    ------
    OptionError
        ``errors`` is no set of kinds.

    Examples
    --------
    >>> error, y = checkify(lambda x: jnp.log(x), brainlite.transform.nan_checks)(-1.0)
    >>> error.get()
    'nan generated by primitive: log.'
    """
    given = dict(locals())
    kinds: Any = errors
    if not isinstance(kinds, Set) or not all(isinstance(kind, type) for kind in kinds):
        raise OptionError(
            "checkify does not know what to look for",
            expected="errors: one of the sets of this module, such as `float_checks`, or several",
            got=f"errors={errors!r}",
            fix="pass `nan_checks | div_checks`, say, or leave it out for what `check` says",
        )

    def checked(*args: P.args, **kwargs: P.kwargs) -> tuple[_checkify.Error, R]:
        call = lift_call(fun, args, kwargs, label="checkify")
        with exclusive(call.lifted.effects.states):
            error, (out, new) = execute(
                _run, [call.lifted], frozenset(errors), call.values(), call.arguments
            )
            commit(call.lifted.effects, new)
        return error, out

    return Transformed(checkify, fun, checked, given)


def _run(bodies: Sequence[Body], errors: Errors, values: list[PyTree], arguments: object) -> PyTree:
    """Run the function on values alone."""

    def pure(values: list[PyTree], arguments: object) -> PyTree:
        return bodies[0](values, arguments)

    return _checkify.checkify(pure, errors)(values, arguments)
