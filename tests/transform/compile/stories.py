"""Stories: what is changed between calls of a compiled function, and the ways to compile it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.transform import for_loop, jit
from brainlite.transform._compile import _warm
from brainlite.typing import Array

X = np.arange(1.0, 4.0, dtype=np.float32)


# A story yields its module, and changes it in between: at each yield a compiled function must do
# what the module does. It may yield a context that is to hold for this call, too.
Told = Callable[[Array], Array] | tuple[Callable[[Array], Array], AbstractContextManager[Any]]


Story = Iterator[Told]


Way = Callable[[Callable[[Array], Array]], Callable[[Array], Array]]


def as_the_function(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    return jit(model)


def as_an_argument(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    compiled = jit(lambda model, x: model(x))
    return lambda x: compiled(model, x)


def inside_other_transforms(model: Callable[[Array], Array]) -> Callable[[Array], Array]:
    inner = jit(lambda x: model(x))
    return jit(lambda x: for_loop(inner, x[None])[0])


WAYS: list[Way] = [as_the_function, as_an_argument, inside_other_transforms]


def look_at_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every compiled function take for granted that nothing has changed."""
    monkeypatch.setattr(_warm.Checks, "unchanged", lambda _: True)
    monkeypatch.setattr(_warm, "_changed", lambda _form: ["False"])
    monkeypatch.setattr(_warm, "maker", _warm.maker.__wrapped__)  # keeps nothing for others


def play(story: Callable[[], Story], way: Way) -> list[Any]:
    compiled: Callable[[Array], Array] | None = None
    results: list[Any] = []
    for told in story():
        model, context = told if isinstance(told, tuple) else (told, nullcontext())
        compiled = compiled or way(model)
        with context:
            results.append(np.asarray(compiled(jnp.asarray(X))))
    return results
