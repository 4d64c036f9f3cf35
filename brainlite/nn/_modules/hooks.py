"""Hooks: functions that run before or after each call of a module.

A call of a module is its ``update`` and nothing else, so that it costs nothing. The first hook on
a module therefore gives its class a ``__call__`` that looks for hooks. The other instances of
the class then pay for that look, some 100 ns a call; all other classes pay nothing.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, Self

from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.nn._modules.habits import not_called
from brainlite.state._face import epoch


class _Fields(NamedTuple):
    kind: type[Any]
    function: Callable[..., Any]
    before: bool
    with_kwargs: bool


class Hook(_Fields):
    """A hook on an instance of a class. To make one, in whatever way, prepares the class.

    So the hooks of a module that is copied, merged or unpickled run, in another process, too.
    """

    __slots__ = ()

    def __new__(
        cls, kind: type[Any], function: Callable[..., Any], before: bool, with_kwargs: bool
    ) -> Self:
        _prepare(kind)
        return super().__new__(cls, kind, function, before, with_kwargs)


class RemovableHandle:
    """What registering a hook returns: it removes the hook again, or ``with`` does.

    Examples
    --------
    >>> layer = brainlite.nn.Linear(2, 3)
    >>> with layer.register_forward_hook(lambda module, args, output: output.shape):
    ...     layer(brainlite.random.rand(2))
    (3,)
    """

    __slots__ = ("_hook", "_module")

    def __init__(self, module: "Hookable", hook: Hook) -> None:
        self._module: Hookable = module
        self._hook: Hook = hook

    def remove(self) -> None:
        """Remove the hook. A second time does nothing."""
        self._module.__unhook__(self._hook)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.remove()


class Hookable(Node):
    """A node on whose calls hooks can be set.

    Under ``jit`` a hook is part of the compiled function, which sees that it was added or
    removed: it runs when the function is traced, so what it keeps must go into a State.
    """

    _forward_hooks: tuple[Hook, ...] = ()

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Run ``hook(module, args)`` before each call.

        Parameters
        ----------
        hook : callable
            What it returns, a tuple or a single argument, replaces the arguments, unless it is
            None.
        prepend : bool
            Whether it runs before the hooks that are there.
        with_kwargs : bool
            Whether it is called as ``hook(module, args, kwargs)`` and returns a pair of both.

        Returns
        -------
        RemovableHandle
        """
        return self.__hook__(Hook(type(self), hook, True, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Run ``hook(module, args, output)`` after each call.

        Parameters
        ----------
        hook : callable
            What it returns replaces the output, unless it is None.
        prepend : bool
            Whether it runs before the hooks that are there.
        with_kwargs : bool
            Whether it is called as ``hook(module, args, kwargs, output)``.

        Returns
        -------
        RemovableHandle
        """
        return self.__hook__(Hook(type(self), hook, False, with_kwargs), prepend)

    def __hook__(self, hook: Hook, prepend: bool) -> RemovableHandle:
        self._forward_hooks = (
            (hook, *self._forward_hooks) if prepend else (*self._forward_hooks, hook)
        )
        return RemovableHandle(self, hook)

    def __unhook__(self, hook: Hook) -> None:
        left = tuple(each for each in self._forward_hooks if each is not hook)
        if len(left) < len(self._forward_hooks):
            self._forward_hooks = left


_prepared: set[type[Any]] = set()


def _prepare(kind: type[Any]) -> None:
    """Let calls of the instances of a class, but not of its subclasses, look for hooks."""
    if kind in _prepared:
        return
    plain = next(
        (vars(each)["__call__"] for each in kind.__mro__ if "__call__" in vars(each)), None
    )
    if plain is None or plain is not_called:
        raise OptionError(
            f"a {kind.__name__} is never called, so that a hook on it would never run",
            expected="a module with `update`",
            got=f"a {kind.__name__}",
            fix="set the hook on the modules inside it",
        )

    @functools.wraps(plain, updated=())
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        bound = plain.__get__(self, kind)
        hooks: tuple[Hook, ...] = self._forward_hooks if type(self) is kind else ()
        return _run(self, bound, hooks, args, kwargs) if hooks else bound(*args, **kwargs)

    type.__setattr__(kind, "__call__", call)
    _prepared.add(kind)
    epoch.advance_calls()


def _run(
    module: Any, update: Any, hooks: tuple[Hook, ...], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """Run the hooks before a call, the call, and the hooks after it."""
    for hook in hooks:
        if not hook.before:
            continue
        if hook.with_kwargs:
            changed = hook.function(module, args, kwargs)
            args, kwargs = (args, kwargs) if changed is None else changed
        else:
            changed = hook.function(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
    output = update(*args, **kwargs)
    for hook in hooks:
        if not hook.before:
            given = (args, kwargs, output) if hook.with_kwargs else (args, output)
            changed = hook.function(module, *given)
            output = output if changed is None else changed
    return output
