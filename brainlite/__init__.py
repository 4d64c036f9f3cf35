"""brainlite: eager, typed neural-network modules for JAX, with states that transforms find.

>>> import brainlite
>>> import jax.numpy as jnp
>>> model = brainlite.nn.Linear(2, 3)
>>> brainlite.transform.jit(model)(jnp.ones((4, 2))).shape
(4, 3)

Every example in a docstring takes the two imports as given.
"""

import typing as _typing
from importlib.metadata import PackageNotFoundError as _PackageNotFoundError
from importlib.metadata import version as _version

from brainlite import display, environ, errors, graph, random, state, transform, typing
from brainlite._given import later as _later
from brainlite.errors import BatchAxisError, BrainStateError
from brainlite.graph import catch_new_states
from brainlite.random import RandomState
from brainlite.state import (
    BatchState,
    DelayState,
    HiddenState,
    LongTermState,
    ParamState,
    ShortTermState,
    State,
    check_state_value_tree,
    maybe_state,
)

# What not every program uses is imported when it is first asked for.
if _typing.TYPE_CHECKING:
    from brainlite import checkpoint, distributed, interop, metrics, nn, optim, surrogate, util
else:
    __getattr__, __dir__ = _later(
        __name__,
        {".": "checkpoint distributed interop metrics nn optim surrogate util"},
    )

# The version of the installed distribution.
try:
    __version__: str = _version("brainlite")
except _PackageNotFoundError:  # a source tree that is not installed
    __version__ = "0.2.0"

__all__ = [
    "BatchAxisError",
    "BatchState",
    "BrainStateError",
    "DelayState",
    "HiddenState",
    "LongTermState",
    "ParamState",
    "RandomState",
    "ShortTermState",
    "State",
    "__version__",
    "catch_new_states",
    "check_state_value_tree",
    "checkpoint",
    "display",
    "distributed",
    "environ",
    "errors",
    "graph",
    "interop",
    "maybe_state",
    "metrics",
    "nn",
    "optim",
    "random",
    "state",
    "surrogate",
    "transform",
    "typing",
    "util",
]
