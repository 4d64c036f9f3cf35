"""What modules say to the habits of those who come from torch: options, ``forward``, attributes."""

import inspect
from typing import Any, Self

from brainlite._given import OF_MODULES, Doubt, ask, instead, warn_once
from brainlite.errors import UnknownOptionError, UpdateMissingError
from brainlite.graph import Node
from brainlite.state._face import locate


class FromTorch(Node):
    """A node that looks at what it is made with before it is made.

    What follows concerns classes of this library alone, whose options are known; a subclass has
    options of its own, and is asked where it passes them on.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if _is_ours(_init_of(cls)):
            _check_options(cls, kwargs)
            doubt = cls._doubt(*args, **kwargs)
            if doubt is not None:
                ask(cls, doubt)
        return super().__new__(cls)

    @classmethod
    def _doubt(cls, *_args: Any, **_kwargs: Any) -> Doubt | None:
        """Return what in the options, as they are written, may be meant as torch means it."""
        return None


def _init_of(kind: Any) -> Any:
    return kind.__init__


def _is_ours(thing: object) -> bool:
    # What `exec` defines may have no module.
    return str(getattr(thing, "__module__", None)).startswith("brainlite.")


def _check_options(kind: type, given: dict[str, Any]) -> None:
    """Raise for an option that has another name here; Python refuses what nobody knows."""
    for option, value in given.items():
        known = instead(kind, option)
        if known is None or option in inspect.signature(kind).parameters:
            continue
        raise UnknownOptionError(
            f"there is no option {option!r}, which torch has",
            where=kind.__name__,
            expected=f"an option of {kind.__name__}, as `help` lists them",
            got=f"{option}={value!r}"[:80],
            fix=f"write {known}" if known[:5] != "leave" else known,
        )


def check_forward(kind: type, update: Any) -> None:
    """Warn of a class that defines ``forward`` over an ``update`` that knows nothing of it."""
    if "forward" not in vars(kind) or "update" in vars(kind) or update is None:
        return
    code = getattr(inspect.unwrap(update), "__code__", None)
    if not _is_ours(update) or (code is not None and "forward" in code.co_names):
        return
    warn_once(
        f"{kind.__module__}.{kind.__qualname__}.forward",
        f"{kind.__name__} defines `forward`, which a call does not run: `model(x)` runs `update`, "
        f"here that of {update.__qualname__.partition('.')[0]}. Rename `forward` to `update`, or "
        "give it another name if it is not meant to be called.",
    )


def not_called(module: Node, *_args: Any, **_kwargs: Any) -> Any:
    """Refuse a call: what ``__call__`` is until a class defines ``update``, which takes its place.

    Raises
    ------
    UpdateMissingError
    """
    raise _no_update(module)


def _no_update(module: Node) -> UpdateMissingError:
    """Return the error for a module that is called and has no ``update``."""
    kind = type(module)
    call = f"a call of a {kind.__name__}"
    if callable(getattr(kind, "forward", None)):
        lines = ("`forward` is defined, and a call runs `update`", "`def forward`")
        fix = "rename it: `def update(self, x): ...`; the call stays `model(x)`"
    elif hasattr(kind, "__getitem__"):
        lines = (
            "this holds layers, and is none that can be called",
            call,
        )
        fix = "call its items (`for layer in layers: x = layer(x)`), or use nn.Sequential"
    else:
        lines = (
            "there is no `update`, which says what a call does",
            call,
        )
        fix = "define `def update(self, x): ...`"
    return UpdateMissingError(
        lines[0],
        where=locate(module) or kind.__name__,
        expected="a module with `update`",
        got=lines[1],
        fix=fix,
    )


def advice(kind: type, name: str) -> str | None:
    """Return what mends an attribute that is not there, as far as it is a habit of torch's."""
    known = OF_MODULES.get(name)
    if known is not None:
        return f"torch's `{name}` is here: {known}"
    base = next((each for each in kind.__mro__ if "__init__" in vars(each)), kind)
    code = getattr(_init_of(base), "__code__", None)
    layer = next(filter(_is_ours, kind.__mro__), kind)
    if _is_ours(base) or code is None or {"super", "__init__"} & {*code.co_names}:
        return None
    if _init_of(layer).__qualname__ in ("Module.__init__", "object.__init__"):
        return None
    return (
        f"`__init__` of {base.__name__} does not call that of {layer.__name__}, which sets what "
        "the layer needs: call `super().__init__(...)` first"
    )
