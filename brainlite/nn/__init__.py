"""Modules: layers, cells, and what is done with a whole model."""

from brainlite.nn import functional, init
from brainlite.nn._attention.multihead import MultiheadAttention
from brainlite.nn._layers.linear import Linear
from brainlite.nn._looking.finite import check_finite
from brainlite.nn._looking.summary import Summary, summary
from brainlite.nn._looking.watch import History, capture, record
from brainlite.nn._modules.assign import assign_state_values
from brainlite.nn._modules.collective import (
    call_all_fns,
    call_order,
    init_all_states,
    reset_all_states,
)
from brainlite.nn._modules.containers import ModuleDict, ModuleList, ParameterDict, ParameterList
from brainlite.nn._modules.counting import count_bytes, count_parameters
from brainlite.nn._modules.freezing import is_trainable
from brainlite.nn._modules.hooks import RemovableHandle
from brainlite.nn._modules.lanes import (
    vmap_call_all_fns,
    vmap_init_all_states,
    vmap_reset_all_states,
)
from brainlite.nn._modules.mapped import Map, Vmap
from brainlite.nn._modules.module import Module
from brainlite.nn._modules.sequential import Sequential
from brainlite.nn._modules.state_dict import IncompatibleKeys
from brainlite.nn._modules.surroundings import EnvironContext
from brainlite.nn._recurrent.cells import (
    GRUCell,
    LSTMCell,
    MGUCell,
    RNNCell,
    URLSTMCell,
    ValinaRNNCell,
    VanillaRNNCell,
)
from brainlite.nn._recurrent.lengths import pad_sequences
from brainlite.nn._recurrent.linear_recurrence import MinGRU
from brainlite.nn._recurrent.recurrent import Recurrent
from brainlite.nn._recurrent.torch_rnn import GRU, LSTM, RNN
from brainlite.nn.functional import (
    celu,
    elu,
    gelu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    prelu,
    relu,
    relu6,
    rrelu,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    soft_sign,
    softmax,
    softmin,
    softplus,
    sparse_plus,
    sparse_sigmoid,
    squareplus,
    standardize,
    swish,
    tanh,
    tanh_shrink,
)

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "EnvironContext",
    "GRUCell",
    "History",
    "IncompatibleKeys",
    "LSTMCell",
    "Linear",
    "MGUCell",
    "Map",
    "MinGRU",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "ParameterDict",
    "ParameterList",
    "RNNCell",
    "Recurrent",
    "RemovableHandle",
    "Sequential",
    "Summary",
    "URLSTMCell",
    "ValinaRNNCell",
    "VanillaRNNCell",
    "Vmap",
    "assign_state_values",
    "call_all_fns",
    "call_order",
    "capture",
    "celu",
    "check_finite",
    "count_bytes",
    "count_parameters",
    "elu",
    "functional",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "init",
    "init_all_states",
    "is_trainable",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "pad_sequences",
    "prelu",
    "record",
    "relu",
    "relu6",
    "reset_all_states",
    "rrelu",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "soft_sign",
    "softmax",
    "softmin",
    "softplus",
    "sparse_plus",
    "sparse_sigmoid",
    "squareplus",
    "standardize",
    "summary",
    "swish",
    "tanh",
    "tanh_shrink",
    "vmap_call_all_fns",
    "vmap_init_all_states",
    "vmap_reset_all_states",
]
