"""What is done with every module of a model: making and resetting its states."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import TypeVar

from brainlite.errors import OptionError
from brainlite.graph import Not, nodes
from brainlite.nn._modules.tree import dotted
from brainlite.typing import Filter

__all__ = ["call_all_fns", "call_order", "init_all_states", "reset_all_states"]

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])


def call_order(level: int = 0, check_order_boundary: bool = True) -> Callable[[F], F]:
    """Say when a method is called among those of the same name in a model.

    Parameters
    ----------
    level : int
        Methods of a lower level come first, and before them those without any level.
    check_order_boundary : bool
        Whether the level must be one of 0 to 9.

    Returns
    -------
    A decorator that returns the method itself.

    Raises
    ------
    OptionError
        The level is none of those.

    Examples
    --------
    >>> import brainlite
    >>> class Late(brainlite.nn.Module):
    ...     @brainlite.nn.call_order(1)
    ...     def init_state(self, *args, **kwargs):
    ...         self.ready = True
    """
    if check_order_boundary and level not in range(10):
        raise OptionError(
            "call_order does not know this level",
            expected="a whole number from 0 to 9",
            got=repr(level),
            fix="pass a lower one, or check_order_boundary=False",
        )

    def mark(method: F) -> F:
        method.call_order = level  # type: ignore[attr-defined]  # an attribute of our own on a function
        return method

    return mark


def call_all_fns(
    target: M,
    fn_name: str,
    args: Sequence[Any] | Any = (),
    kwargs: Mapping[str, Any] | None = None,
    node_to_exclude: Filter = None,
    fn_if_not_exist: str = "raise",
) -> M:
    """Call the method ``fn_name`` of every module in a model, a parent before its children.

    Parameters
    ----------
    target : Module, or a container of modules
        The model.
    fn_name : str
        The method.
    args, kwargs
        What to call it with.
    node_to_exclude : Filter
        Modules to leave out.
    fn_if_not_exist : {'raise', 'pass', 'none', 'warn'}
        What to do where a module has no such method; 'none' is 'pass', and 'warn' passes, too.

    Returns
    -------
    The model.

    Raises
    ------
    OptionError
        ``fn_if_not_exist`` is none of these.

    Examples
    --------
    >>> import brainlite
    >>> cell = brainlite.nn.call_all_fns(brainlite.nn.GRUCell(2, 3), "init_state")
    >>> cell.h.value.shape
    (3,)
    """
    if fn_if_not_exist not in ("raise", "pass", "none", "warn"):
        raise OptionError(
            "call_all_fns does not know this value of fn_if_not_exist",
            expected="'raise', 'pass', 'none' or 'warn'",
            got=repr(fn_if_not_exist),
            fix="use 'pass' to skip modules without the method",
        )
    found = nodes(target, Not(node_to_exclude))
    positional = args if isinstance(args, tuple | list) else (args,)
    lacking = {path: node for path, node in found.items() if not hasattr(node, fn_name)}
    if fn_if_not_exist == "warn":
        for path, node in lacking.items():
            where = f"{dotted(path) or 'the model'}, a {type(node).__name__}"
            warnings.warn(f"{where}, has no method {fn_name!r} to call", stacklevel=2)
    methods = [
        getattr(node, fn_name)
        for path, node in found.items()
        if fn_if_not_exist == "raise" or path not in lacking
    ]
    for method in sorted(methods, key=lambda each: getattr(each, "call_order", -math.inf)):
        method(*positional, **(kwargs or {}))
    return target


def init_all_states(
    target: M, *args: object, node_to_exclude: Filter = None, **kwargs: object
) -> M:
    """Make the states of every module in a model, by calling each ``init_state``.

    Parameters
    ----------
    target : Module, or a container of modules
        The model.
    *args, **kwargs
        Passed to each ``init_state``; ``batch_size`` gives hidden states a leading batch axis.
    node_to_exclude : Filter
        Modules to leave out.

    Returns
    -------
    The model.

    Examples
    --------
    >>> import brainlite
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.LSTMCell(2, 3), batch_size=4)
    >>> cell.h.value.shape
    (4, 3)
    """
    return call_all_fns(target, "init_state", args, kwargs, node_to_exclude, "pass")


def reset_all_states(
    target: M, *args: object, node_to_exclude: Filter = None, **kwargs: object
) -> M:
    """Set the states of every module in a model back, by calling each ``reset_state``.

    Parameters
    ----------
    target : Module, or a container of modules
        The model.
    *args, **kwargs
        Passed to each ``reset_state``; ``batch_size`` gives hidden states a new batch axis.
    node_to_exclude : Filter
        Modules to leave out.

    Returns
    -------
    The model.

    Examples
    --------
    >>> import brainlite
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> brainlite.nn.reset_all_states(cell, batch_size=4).h.value.shape
    (4, 3)
    """
    return call_all_fns(target, "reset_state", args, kwargs, node_to_exclude, "pass")
