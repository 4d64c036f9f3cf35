"""What the table says of a layer; one file of this folder for each family lists its layers."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from brainlite.errors import BrainliteError
from brainlite.nn import Module

__all__ = ["Bad", "Described", "floats"]


def floats(*shape: int, seed: int = 0) -> Any:
    """Return an array of this shape, the same on every machine."""
    return jnp.asarray(np.random.RandomState(seed).randn(*shape), jnp.float32)


@dataclass(frozen=True)
class Bad:
    """A mistake: what is called, which error it raises, and what a user reads there."""

    call: Callable[[], Any]
    error: type[BrainliteError]
    match: str


@dataclass(frozen=True)
class Described:
    """A layer with input, and what is special about it.

    Parameters
    ----------
    name : str
        What the test is called by.
    make : callable
        Returns a new layer.
    inputs : tuple
        What it is called with: arrays, of one sample, without any batch axis.
    batch : bool
        Whether the arrays may have any number of further axes in front, each sample for itself.
    mode : bool
        Whether it asks for a mode; then it is run in training and in evaluation.
    draws : bool
        Whether it draws random numbers in training.
    differentiable : bool
        Whether its output has a gradient with respect to the first input.
    slope : bool
        Whether its gradients are slopes; some layers leave out a part on purpose.
    dtypes : tuple of str
        What its input may be cast to; empty where that is not a float.
    bad : tuple of Bad
        Mistakes in making and in calling it.
    """

    name: str
    make: Callable[[], Module]
    inputs: tuple[Any, ...]
    batch: bool = True
    mode: bool = False
    draws: bool = False
    differentiable: bool = True
    slope: bool = True
    dtypes: tuple[str, ...] = ("float32", "bfloat16", "float16")
    bad: tuple[Bad, ...] = field(default=())
