"""The arguments of a compiled function in one line, modules included."""

from collections.abc import Mapping, Sequence
from typing import Final

import jax

from brainlite.display._face import Verbatim, is_displayable, safe_repr
from brainlite.graph import iter_leaf
from brainlite.graph._face import dotted
from brainlite.state import State
from brainlite.state._face import AnyState, type_text

MOST: Final = 4  # states of one module that are listed


def outline_arguments(args: Sequence[object], kwargs: Mapping[str, object]) -> Verbatim:
    """Return the arguments of a call by shape and dtype: ``(float32[3], times=2)``."""
    texts = [_text(arg) for arg in args]
    texts += [f"{name}={_text(arg)}" for name, arg in kwargs.items()]
    return Verbatim(f"({', '.join(texts)})")


def outline(thing: object, values: Mapping[AnyState, object]) -> Verbatim:
    """Return the type of a module and the shapes of those of its states that have values here."""
    kind = type(thing).__name__
    if isinstance(thing, State):
        return Verbatim(
            f"{kind}({type_text(values[thing])})" if thing in values else f"{kind}(...)"
        )
    states = [(path, state) for path, state in iter_leaf(thing) if state in values]
    texts = [f"{dotted(path)}={type_text(values[s])}" for path, s in states[:MOST]]
    texts += [f"... {len(states) - MOST} more"] if len(states) > MOST else []
    return Verbatim(f"{kind}({', '.join(texts)})")


def _text(value: object) -> str:
    return str(jax.tree.map(_leaf, value))


def _leaf(leaf: object) -> Verbatim:
    if isinstance(leaf, Verbatim):
        return leaf
    if hasattr(leaf, "shape") and hasattr(leaf, "dtype"):
        return Verbatim(type_text(leaf))
    # A static argument.
    text = f"{type(leaf).__name__}(...)" if is_displayable(leaf) else safe_repr(leaf)
    return Verbatim(" ".join(text.split()))
