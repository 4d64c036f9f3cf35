"""What is done with every module of a model: making and resetting its states."""

import difflib
import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from typing_extensions import TypeVar

from brainlite.errors import GraphError, OptionError
from brainlite.graph import Node, Not, nodes
from brainlite.graph._face import dotted
from brainlite.typing import Filter

M = TypeVar("M")
F = TypeVar("F", bound=Callable[..., Any])
# What code that trains any model may pass: models without such states ignore it.
_FOR_ALL = frozenset({"batch_size", "max_length"})
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


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


def stands_for(name: str) -> Callable[[F], F]:
    """Say of a method that another one, of this name, is meant where a class doesn't define it."""

    def mark(method: F) -> F:
        method.stands_for = name  # type: ignore[attr-defined]  # as above
        return method

    return mark


def _method(owner: Any, name: str) -> Any:
    """Return a method of a module or of a class, or the one that it stands for."""
    found = getattr(owner, name)
    return getattr(owner, getattr(found, "stands_for", name))


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
        ``fn_if_not_exist`` is none of these, or nothing in the model takes a keyword.
    GraphError
        The target is no model.

    Examples
    --------
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
    if not found and not isinstance(target, Node | list | tuple | dict) and not nodes(target):
        raise GraphError(
            f"{fn_name} was to be called on each module of something that holds none",
            expected="a module, or a container of modules",
            got=f"{target!r}, of type {type(target).__name__}",
            fix="pass the model",
        )
    _check_keywords(list(found.values()), fn_name, kwargs or {})
    positional = args if isinstance(args, tuple | list) else (args,)
    lacking = {path: node for path, node in found.items() if not hasattr(node, fn_name)}
    if fn_if_not_exist == "warn":
        for path, node in lacking.items():
            where = f"{dotted(path) or 'the model'}, a {type(node).__name__}"
            warnings.warn(f"{where}, has no method {fn_name!r} to call", stacklevel=2)
    methods = [
        _method(node, fn_name)
        for path, node in found.items()
        if fn_if_not_exist == "raise" or path not in lacking
    ]
    for method in sorted(methods, key=lambda each: getattr(each, "call_order", -math.inf)):
        method(*positional, **(kwargs or {}))
    return target


def _check_keywords(found: list[Node], fn_name: str, kwargs: Mapping[str, Any]) -> None:
    """Raise if no method takes a keyword by name, and none that is not the library's may read it.

    Methods take `**kwargs` so that one call serves modules that know different keywords; a
    misspelt one would go by all of them.
    """
    unknown = set(kwargs) - _FOR_ALL
    if not unknown:
        return
    methods = {_method(type(node), fn_name) for node in found if hasattr(type(node), fn_name)}
    parameters = [each for method in methods for each in _parameters(method)]
    named = _FOR_ALL | {each.name for each, _ in parameters if each.kind in _NAMED}
    others = [own for each, own in parameters if each.kind is each.VAR_KEYWORD and not own]
    for name in sorted(unknown - named):
        near = difflib.get_close_matches(name, named, n=1, cutoff=0.8)
        if near or not others:
            raise OptionError(
                f"no {fn_name} in this model takes the keyword {name!r}",
                expected=f"one of {', '.join(sorted(named))}",
                got=f"{name}={kwargs[name]!r}",
                fix=f"did you mean {near[0]!r}?" if near else "leave it out",
            )


def _parameters(method: Any) -> list[tuple[inspect.Parameter, bool]]:
    """Return the parameters of a method but its first, and whether the method is the library's."""
    own = str(getattr(method, "__module__", "")).partition(".")[0] == __name__.partition(".")[0]
    try:
        parameters = list(inspect.signature(method).parameters.values())[1:]
    except (TypeError, ValueError):  # made in C: it may take anything
        parameters = [inspect.Parameter("kwargs", inspect.Parameter.VAR_KEYWORD)]
    return [(each, own) for each in parameters]


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

    Raises
    ------
    OptionError
        No ``init_state`` in the model takes one of the keywords.
    GraphError
        The target holds no module.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.LSTMCell(2, 3), batch_size=4)
    >>> cell.h.value.shape
    (4, 3)
    """
    return call_all_fns(target, "init_state", args, kwargs, node_to_exclude, "pass")


def reset_all_states(
    target: M, *args: object, node_to_exclude: Filter = None, **kwargs: object
) -> M:
    """Set the states of every module in a model back, by calling each ``reset_state``.

    Of a module that does not define one, the states are made anew by its ``init_state``.

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

    Raises
    ------
    OptionError
        No ``reset_state`` in the model takes one of the keywords.
    GraphError
        The target holds no module.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> brainlite.nn.reset_all_states(cell, batch_size=4).h.value.shape
    (4, 3)
    """
    return call_all_fns(target, "reset_state", args, kwargs, node_to_exclude, "pass")
