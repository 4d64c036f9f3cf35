"""What runs around each call of a dynamical model, and what it is called with."""

from collections.abc import Callable
from typing import Any, TypeVar

from brainlite.nn._modules.module import Module

F = TypeVar("F", bound=Callable[..., Any])
_INPUT, _NO_OUTPUT = "_receive_update_input", "_not_receive_update_output"


def receive_update_input(fun: F) -> F:
    """Let a function or class, as a before-update, be called with the input of the update.

    Parameters
    ----------
    fun : callable
        A function, or a class whose objects are called.

    Returns
    -------
    callable
        The same.

    Examples
    --------
    >>> neurons = brainlite.nn.LIF(3)
    >>> @brainlite.nn.receive_update_input
    ... def look(x):
    ...     print("input", x)
    >>> neurons.add_before_update("look", look)
    >>> _ = brainlite.nn.init_all_states(neurons)
    >>> with brainlite.environ.context(dt=1.0):
    ...     spikes = neurons(2.0)
    input 2.0
    """
    setattr(fun, _INPUT, True)
    return fun


def not_receive_update_input(fun: F) -> F:
    """Let a before-update be called with nothing, as is the rule; undoes the opposite.

    Parameters
    ----------
    fun : callable
        A function, or a class whose objects are called.

    Returns
    -------
    callable
        The same.

    Examples
    --------
    >>> @brainlite.nn.not_receive_update_input
    ... def look():
    ...     print("a step begins")
    """
    setattr(fun, _INPUT, False)
    return fun


def not_receive_update_output(fun: F) -> F:
    """Let a function or class, as an after-update, be called with nothing.

    Parameters
    ----------
    fun : callable
        A function, or a class whose objects are called.

    Returns
    -------
    callable
        The same.

    Examples
    --------
    >>> @brainlite.nn.not_receive_update_output
    ... def look():
    ...     print("a step is done")
    """
    setattr(fun, _NO_OUTPUT, True)
    return fun


def receive_update_output(fun: F) -> F:
    """Let an after-update be called with the output, as is the rule; undoes the opposite.

    Parameters
    ----------
    fun : callable
        A function, or a class whose objects are called.

    Returns
    -------
    callable
        The same.

    Examples
    --------
    >>> @brainlite.nn.receive_update_output
    ... def look(spikes):
    ...     print("spikes", spikes.sum())
    """
    setattr(fun, _NO_OUTPUT, False)
    return fun


def takes_input(fun: Any) -> bool:
    """Say whether a before-update is called with the input."""
    return _is_marked(fun, _INPUT)


def takes_no_output(fun: Any) -> bool:
    """Say whether an after-update is called with nothing."""
    return _is_marked(fun, _NO_OUTPUT)


def _is_marked(fun: Any, mark: str) -> bool:
    # Of a module its class is asked: to ask for an attribute that it lacks would be noted.
    return bool(getattr(type(fun) if isinstance(fun, Module) else fun, mark, False))
