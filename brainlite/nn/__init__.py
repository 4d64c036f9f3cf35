"""Modules: layers, cells, and what is done with a whole model."""

from brainlite.nn import functional, init
from brainlite.nn._cells import (
    GRUCell,
    LSTMCell,
    MGUCell,
    RNNCell,
    URLSTMCell,
    ValinaRNNCell,
    VanillaRNNCell,
)
from brainlite.nn._collective import call_all_fns, call_order, init_all_states, reset_all_states
from brainlite.nn._linear import Linear
from brainlite.nn._module import Module

__all__ = [
    "GRUCell",
    "LSTMCell",
    "Linear",
    "MGUCell",
    "Module",
    "RNNCell",
    "URLSTMCell",
    "ValinaRNNCell",
    "VanillaRNNCell",
    "call_all_fns",
    "call_order",
    "functional",
    "init",
    "init_all_states",
    "reset_all_states",
]
