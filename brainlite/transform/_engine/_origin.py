"""Whose code is traced: the user's function and its arguments, for the messages of jax.

Where code asks for the value of something that is traced (``if loss > 1``), jax raises, and says
where that comes from. It knows only what it was given: a function of the engine. So the engine
passes its functions under the name and signature of the user's, and puts the paths of states into
the message.
"""

import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, NamedTuple

import jax

from brainlite._jax_compat import PyTreeDef
from brainlite.state import State
from brainlite.state._face import Frame, locate
from brainlite.typing import PyTree


class Origin(NamedTuple):
    """A function as the user wrote it, with what it is called with.

    The arguments have the leaves of those that the engine passes, in the same order.
    """

    fun: object
    args: Sequence[object]
    kwargs: Mapping[str, object]
    within: int = 0  # how many containers around its result are the engine's

    def by_name(self) -> dict[str, object]:
        """Return the arguments by name; by number where the signature does not tell."""
        signature = _signature(_function(self.fun), self.fun)
        try:
            names = [] if signature is None else [*signature.bind_partial(*self.args).arguments]
        except TypeError:
            names = []
        if len(names) != len(self.args):  # *args are one name for all
            names = [str(number) for number in range(len(self.args))]
        return {**dict(zip(names, self.args, strict=True)), **self.kwargs}


class Each:
    """The body of a ``for_loop`` as that of a ``scan``: without a carry."""

    def __init__(self, fun: Callable[..., object]) -> None:
        self.fun: Callable[..., object] = fun

    def __call__(self, carry: None, x: PyTree) -> tuple[None, object]:
        return carry, self.fun(*x)


def origin_of(body: object, carry: object, x: PyTree) -> Origin:
    """Return the user's function in the body of a loop."""
    if isinstance(body, Each):
        return Origin(body.fun, x, {}, within=1)
    return Origin(body, (carry, x), {})


def under_its_name(
    run: Callable[..., object], args: object, kwargs: object, origin: Origin
) -> Callable[..., object]:
    """Return ``run`` as a function with the name and the arguments of ``origin``."""
    structure: PyTreeDef = jax.tree.structure((args, kwargs))

    def traced(*args: object, **kwargs: object) -> object:
        return run(*structure.unflatten(jax.tree.leaves((args, kwargs))))

    found = _function(origin.fun)
    untyped: Any = traced
    untyped.__wrapped__ = found
    # Where there is none, jax calls the arguments args[0], args[1] and so on.
    untyped.__signature__ = _signature(found, origin.fun)
    return traced


def _function(fun: object) -> object:
    """Return the function that runs when ``fun`` is called."""
    while isinstance(fun, functools.partial):
        fun = fun.func
    if isinstance(fun, FunctionType | MethodType):
        return inspect.unwrap(fun)
    wrapped = inspect.getattr_static(fun, "__wrapped__", None)
    if wrapped is not None:
        return _function(wrapped)
    for name in ("update", "__call__"):  # a module says in `update` what a call does
        method = getattr(type(fun), name, None)
        if isinstance(method, FunctionType):
            return MethodType(method, fun)
    return fun


def _signature(function: Any, fun: object) -> inspect.Signature | None:
    try:
        return inspect.signature(fun if isinstance(fun, functools.partial) else function)
    except (TypeError, ValueError):
        return None


_READ = re.compile(
    r"  operation (?:(?!\n\n).)*?state_read\[\s*slot=(\d+)(?:(?!\n\n).)*(?=\n)", re.DOTALL
)


_FUNCTION = re.compile(r"(while tracing the function .+) for \w+\. This")


def explain(error: Exception, frame: Frame, label: str) -> None:
    """Let the message of jax name the transform and the states whose values were asked for."""

    def path(read: "re.Match[str]") -> str:
        slot = frame.reads[int(read[1])].slot
        outside = frame.stand_ins.get(slot, slot)
        own = slot.name if isinstance(slot, State) else None
        name = locate(slot, error) or locate(outside) or own or f"a {type(slot).__name__}"
        return f"  the value of {name}"

    if "_explained" not in vars(error):
        vars(error)["_explained"] = True  # the transforms around know less
        text = _FUNCTION.sub(rf"\1 for {label}. This", str(error))
        error.args = (_READ.sub(path, text), *error.args[1:])
