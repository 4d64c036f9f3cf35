"""Looking at a model: what is recorded, counted and drawn."""

from contextlib import AbstractContextManager
from typing import Any, assert_type

import jax.numpy as jnp
from matplotlib.figure import Figure

from brainlite.display import notebook_repr, plot_states
from brainlite.nn import (
    History,
    LSTMCell,
    Summary,
    capture,
    check_finite,
    init_all_states,
    record,
    summary,
)
from brainlite.state import HiddenState
from brainlite.transform import for_loop

cell = init_all_states(LSTMCell(2, 3))
xs = jnp.ones((5, 2))
assert_type(summary(cell, xs[0], depth=1), Summary)
assert_type(record(cell, HiddenState), History)
assert_type(capture(cell, LSTMCell), History)
assert_type(check_finite(cell), AbstractContextManager[object])
with record(cell) as history:
    for_loop(cell, xs)
assert_type(history, History)
assert_type(history["h"], Any)
assert_type(plot_states(history, batch=0), Figure)
assert_type(notebook_repr(cell), dict[str, str])
