"""Modules: layers, cells, and what is done with a whole model.

The words
---------
module
    A node with an ``update``, which a call runs. Its parameters, hidden states and statistics are
    states in its attributes.
layer
    A module that maps an array to an array.
cell, sequence layer
    A module that takes one step of a recurrent network, with its hidden state in itself; and one
    that takes whole sequences, and keeps a state only if it is asked to (``stateful=True``).
mode
    Whether a module trains or is evaluated: ``train()``, ``eval()``, or the setting ``fit``.
kernel
    A pure function of arrays, compiled where nothing else compiles it.

The invariant
-------------
*What has torch's or brainstate's name has their meaning*: parameters, layouts, defaults, results.
A layer is an ordinary object. It threads nothing, knows of no transform, and is right under each.

The rooms, each below the next
------------------------------
- ``functional`` and ``_functional``: functions of arrays, without states.
- ``init`` and ``_init``: initialisers, which are values that make arrays.
- ``_modules``: ``Module`` and what every module can do (modes, casts, freezing, hooks, state dicts,
  counting), a class for each; containers.
- ``_layers``: one family in each file. What a family shares is in a file of its own
  (``convolution``, ``normalization``, ``window``, ``spatial``).
- ``_recurrent``: cells, ``Recurrent``, and layers over sequences, whose loop is ``recurrence``.
- ``_attention``: attention and transformers, with caches for writing step by step.
- ``_dynamics``: models that move with time: neurons, synapses, delays, connections of spikes.
- ``_looking``: summaries, costs, watching, the search for the first NaN.

The cases it guards
-------------------
- Input that does not fit raises with the path of the layer, before anything is computed.
- What pads a sequence or is masked meets no weight: NaN there reaches no result and no gradient.
- Half precision is summed in float32; whole numbers are widened before they are compared.
- An empty batch has a result and changes no statistics.
"""

import typing as _typing

from brainlite._given import later as _later

# Few programs use every layer: each name is imported when it is first asked for.
if _typing.TYPE_CHECKING:
    from brainlite.metrics import (
        AccuracyMetric,
        AverageMetric,
        ConfusionMatrix,
        F1ScoreMetric,
        Metric,
        MetricState,
        MultiMetric,
        PrecisionMetric,
        RecallMetric,
        WelfordMetric,
    )
    from brainlite.nn import functional, init
    from brainlite.nn._attention.decoder import TransformerDecoder, TransformerDecoderLayer
    from brainlite.nn._attention.encoder import TransformerEncoder, TransformerEncoderLayer
    from brainlite.nn._attention.multihead import MultiheadAttention
    from brainlite.nn._data.batches import Batches, batches
    from brainlite.nn._data.progress import Progress, progress
    from brainlite.nn._dynamics.connections import (
        EventFixedNumConn,
        EventFixedProb,
        EventLinear,
        FixedNumConn,
    )
    from brainlite.nn._dynamics.delay import Delay, DelayAccess
    from brainlite.nn._dynamics.dynamics import Dynamics
    from brainlite.nn._dynamics.integrate import exp_euler_step
    from brainlite.nn._dynamics.interpolation import InterpolationRegistry
    from brainlite.nn._dynamics.neuron import Neuron
    from brainlite.nn._dynamics.neurons import ALIF, IF, LIF, Izhikevich, LIFRef
    from brainlite.nn._dynamics.prefetch import (
        OutputDelayAt,
        Prefetch,
        PrefetchDelayAt,
        StateWithDelay,
    )
    from brainlite.nn._dynamics.projections import COBA, CUBA, AlignPostProj, CurrentProj, DeltaProj
    from brainlite.nn._dynamics.readout import LeakyRateReadout, PoissonEncoder
    from brainlite.nn._dynamics.synapses import STD, STP, Alpha, DualExpon, Expon, Synapse
    from brainlite.nn._dynamics.updates import (
        not_receive_update_input,
        not_receive_update_output,
        receive_update_input,
        receive_update_output,
    )
    from brainlite.nn._layers.activations import (
        CELU,
        ELU,
        GELU,
        GLU,
        SELU,
        Hardshrink,
        Hardsigmoid,
        Hardswish,
        Hardtanh,
        LeakyReLU,
        LogSigmoid,
        LogSoftmax,
        Mish,
        PReLU,
        ReLU,
        ReLU6,
        RReLU,
        Sigmoid,
        SiLU,
        Softmax,
        Softmax2d,
        Softmin,
        Softplus,
        Softshrink,
        Softsign,
        Tanh,
        Tanhshrink,
        Threshold,
    )
    from brainlite.nn._layers.adaptive_pool import (
        AdaptiveAvgPool1d,
        AdaptiveAvgPool2d,
        AdaptiveAvgPool3d,
        AdaptiveMaxPool1d,
        AdaptiveMaxPool2d,
        AdaptiveMaxPool3d,
    )
    from brainlite.nn._layers.batch_norm import BatchNorm0d, BatchNorm1d, BatchNorm2d, BatchNorm3d
    from brainlite.nn._layers.conv import (
        Conv1d,
        Conv2d,
        Conv3d,
    )
    from brainlite.nn._layers.conv_transpose import (
        ConvTranspose1d,
        ConvTranspose2d,
        ConvTranspose3d,
    )
    from brainlite.nn._layers.dropout import (
        AlphaDropout,
        Dropout,
        Dropout1d,
        Dropout2d,
        Dropout3d,
        DropoutFixed,
        FeatureAlphaDropout,
    )
    from brainlite.nn._layers.elementwise import ElementWiseBlock, Identity
    from brainlite.nn._layers.embedding import Embedding
    from brainlite.nn._layers.layer_norm import GroupNorm, InstanceNorm, LayerNorm, RMSNorm
    from brainlite.nn._layers.linear import Linear
    from brainlite.nn._layers.linear_kinds import (
        AllToAll,
        LoRA,
        OneToOne,
        ScaledWSLinear,
        SignedWLinear,
    )
    from brainlite.nn._layers.losses import (
        BCELoss,
        BCEWithLogitsLoss,
        CosineEmbeddingLoss,
        CrossEntropyLoss,
        CTCLoss,
        GaussianNLLLoss,
        HingeEmbeddingLoss,
        HuberLoss,
        KLDivLoss,
        L1Loss,
        MarginRankingLoss,
        MSELoss,
        MultiMarginLoss,
        NLLLoss,
        PoissonNLLLoss,
        SmoothL1Loss,
        SoftMarginLoss,
        TripletMarginLoss,
    )
    from brainlite.nn._layers.padding import (
        CircularPad1d,
        CircularPad2d,
        CircularPad3d,
        ConstantPad1d,
        ConstantPad2d,
        ConstantPad3d,
        ReflectionPad1d,
        ReflectionPad2d,
        ReflectionPad3d,
        ReplicationPad1d,
        ReplicationPad2d,
        ReplicationPad3d,
        ZeroPad1d,
        ZeroPad2d,
        ZeroPad3d,
    )
    from brainlite.nn._layers.pool import (
        AvgPool1d,
        AvgPool2d,
        AvgPool3d,
        LPPool1d,
        LPPool2d,
        LPPool3d,
        MaxPool1d,
        MaxPool2d,
        MaxPool3d,
    )
    from brainlite.nn._layers.reshaping import Flatten, Unflatten
    from brainlite.nn._layers.sparse_linear import SparseLinear
    from brainlite.nn._layers.tied import TiedLinear
    from brainlite.nn._layers.unpool import MaxUnpool1d, MaxUnpool2d, MaxUnpool3d
    from brainlite.nn._layers.weight_standardization import (
        ScaledWSConv1d,
        ScaledWSConv2d,
        ScaledWSConv3d,
        weight_standardization,
    )
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
    from brainlite.nn._modules.containers import (
        ModuleDict,
        ModuleList,
        ParameterDict,
        ParameterList,
    )
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
    from brainlite.nn._recurrent.lengths import mask_from_lengths, pad_sequences
    from brainlite.nn._recurrent.linear_recurrence import MinGRU
    from brainlite.nn._recurrent.lru import LRU
    from brainlite.nn._recurrent.recurrent import Recurrent
    from brainlite.nn._recurrent.torch_rnn import GRU, LSTM, RNN
    from brainlite.nn.functional import (
        celu,
        clip_grad_norm,
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
        logsumexp,
        mish,
        one_hot,
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
else:
    __getattr__, __dir__ = _later(
        __name__,
        {
            "brainlite.metrics": (
                "AccuracyMetric AverageMetric ConfusionMatrix F1ScoreMetric Metric MetricState "
                "MultiMetric PrecisionMetric RecallMetric WelfordMetric"
            ),
            ".": "functional init",
            "._attention.decoder": "TransformerDecoder TransformerDecoderLayer",
            "._attention.encoder": "TransformerEncoder TransformerEncoderLayer",
            "._attention.multihead": "MultiheadAttention",
            "._data.batches": "Batches batches",
            "._data.progress": "Progress progress",
            "._dynamics.connections": "EventFixedNumConn EventFixedProb EventLinear FixedNumConn",
            "._dynamics.delay": "Delay DelayAccess",
            "._dynamics.dynamics": "Dynamics",
            "._dynamics.integrate": "exp_euler_step",
            "._dynamics.interpolation": "InterpolationRegistry",
            "._dynamics.neuron": "Neuron",
            "._dynamics.neurons": "ALIF IF LIF Izhikevich LIFRef",
            "._dynamics.prefetch": "OutputDelayAt Prefetch PrefetchDelayAt StateWithDelay",
            "._dynamics.projections": "COBA CUBA AlignPostProj CurrentProj DeltaProj",
            "._dynamics.readout": "LeakyRateReadout PoissonEncoder",
            "._dynamics.synapses": "STD STP Alpha DualExpon Expon Synapse",
            "._dynamics.updates": (
                "not_receive_update_input not_receive_update_output receive_update_input "
                "receive_update_output"
            ),
            "._layers.activations": (
                "CELU ELU GELU GLU SELU Hardshrink Hardsigmoid Hardswish Hardtanh LeakyReLU "
                "LogSigmoid LogSoftmax Mish PReLU ReLU ReLU6 RReLU Sigmoid SiLU Softmax "
                "Softmax2d Softmin Softplus Softshrink Softsign Tanh Tanhshrink Threshold"
            ),
            "._layers.adaptive_pool": (
                "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d "
                "AdaptiveMaxPool2d AdaptiveMaxPool3d"
            ),
            "._layers.batch_norm": "BatchNorm0d BatchNorm1d BatchNorm2d BatchNorm3d",
            "._layers.conv": "Conv1d Conv2d Conv3d",
            "._layers.conv_transpose": "ConvTranspose1d ConvTranspose2d ConvTranspose3d",
            "._layers.dropout": (
                "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d DropoutFixed "
                "FeatureAlphaDropout"
            ),
            "._layers.elementwise": "ElementWiseBlock Identity",
            "._layers.embedding": "Embedding",
            "._layers.layer_norm": "GroupNorm InstanceNorm LayerNorm RMSNorm",
            "._layers.linear": "Linear",
            "._layers.linear_kinds": "AllToAll LoRA OneToOne ScaledWSLinear SignedWLinear",
            "._layers.losses": (
                "BCELoss BCEWithLogitsLoss CosineEmbeddingLoss CrossEntropyLoss CTCLoss "
                "GaussianNLLLoss HingeEmbeddingLoss HuberLoss KLDivLoss L1Loss "
                "MarginRankingLoss MSELoss MultiMarginLoss NLLLoss PoissonNLLLoss SmoothL1Loss "
                "SoftMarginLoss TripletMarginLoss"
            ),
            "._layers.padding": (
                "CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d "
                "ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d "
                "ReplicationPad2d ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d"
            ),
            "._layers.pool": (
                "AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d "
                "MaxPool3d"
            ),
            "._layers.reshaping": "Flatten Unflatten",
            "._layers.sparse_linear": "SparseLinear",
            "._layers.tied": "TiedLinear",
            "._layers.unpool": "MaxUnpool1d MaxUnpool2d MaxUnpool3d",
            "._layers.weight_standardization": (
                "ScaledWSConv1d ScaledWSConv2d ScaledWSConv3d weight_standardization"
            ),
            "._looking.finite": "check_finite",
            "._looking.summary": "Summary summary",
            "._looking.watch": "History capture record",
            "._modules.assign": "assign_state_values",
            "._modules.collective": "call_all_fns call_order init_all_states reset_all_states",
            "._modules.containers": "ModuleDict ModuleList ParameterDict ParameterList",
            "._modules.counting": "count_bytes count_parameters",
            "._modules.freezing": "is_trainable",
            "._modules.hooks": "RemovableHandle",
            "._modules.lanes": "vmap_call_all_fns vmap_init_all_states vmap_reset_all_states",
            "._modules.mapped": "Map Vmap",
            "._modules.module": "Module",
            "._modules.sequential": "Sequential",
            "._modules.state_dict": "IncompatibleKeys",
            "._modules.surroundings": "EnvironContext",
            "._recurrent.cells": (
                "GRUCell LSTMCell MGUCell RNNCell URLSTMCell ValinaRNNCell VanillaRNNCell"
            ),
            "._recurrent.lengths": "mask_from_lengths pad_sequences",
            "._recurrent.linear_recurrence": "MinGRU",
            "._recurrent.lru": "LRU",
            "._recurrent.recurrent": "Recurrent",
            "._recurrent.torch_rnn": "GRU LSTM RNN",
            ".functional": (
                "celu clip_grad_norm elu gelu glu hard_shrink hard_sigmoid hard_silu hard_swish "
                "hard_tanh leaky_relu log_sigmoid log_softmax logsumexp mish one_hot prelu relu "
                "relu6 rrelu selu sigmoid silu soft_shrink soft_sign softmax softmin softplus "
                "sparse_plus sparse_sigmoid squareplus standardize swish tanh tanh_shrink"
            ),
        },
    )

__all__ = [
    "ALIF", "CELU", "COBA", "CUBA", "ELU", "GELU", "GLU", "GRU", "IF", "LIF", "LRU", "LSTM",
    "RNN", "SELU", "STD", "STP", "AccuracyMetric", "AdaptiveAvgPool1d", "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d", "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
    "AlignPostProj", "AllToAll", "Alpha", "AlphaDropout", "AverageMetric", "AvgPool1d",
    "AvgPool2d", "AvgPool3d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm0d", "BatchNorm1d",
    "BatchNorm2d", "BatchNorm3d", "Batches", "CTCLoss", "CircularPad1d", "CircularPad2d",
    "CircularPad3d", "ConfusionMatrix", "ConstantPad1d", "ConstantPad2d", "ConstantPad3d",
    "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d",
    "CosineEmbeddingLoss", "CrossEntropyLoss", "CurrentProj", "Delay", "DelayAccess",
    "DeltaProj", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "DropoutFixed", "DualExpon",
    "Dynamics", "ElementWiseBlock", "Embedding", "EnvironContext", "EventFixedNumConn",
    "EventFixedProb", "EventLinear", "Expon", "F1ScoreMetric", "FeatureAlphaDropout",
    "FixedNumConn", "Flatten", "GRUCell", "GaussianNLLLoss", "GroupNorm", "Hardshrink",
    "Hardsigmoid", "Hardswish", "Hardtanh", "HingeEmbeddingLoss", "History", "HuberLoss",
    "Identity", "IncompatibleKeys", "InstanceNorm", "InterpolationRegistry", "Izhikevich",
    "KLDivLoss", "L1Loss", "LIFRef", "LPPool1d", "LPPool2d", "LPPool3d", "LSTMCell",
    "LayerNorm", "LeakyRateReadout", "LeakyReLU", "Linear", "LoRA", "LogSigmoid", "LogSoftmax",
    "MGUCell", "MSELoss", "Map", "MarginRankingLoss", "MaxPool1d", "MaxPool2d", "MaxPool3d",
    "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d", "Metric", "MetricState", "MinGRU", "Mish",
    "Module", "ModuleDict", "ModuleList", "MultiMarginLoss", "MultiMetric",
    "MultiheadAttention", "NLLLoss", "Neuron", "OneToOne", "OutputDelayAt", "PReLU",
    "ParameterDict", "ParameterList", "PoissonEncoder", "PoissonNLLLoss", "PrecisionMetric",
    "Prefetch", "PrefetchDelayAt", "Progress", "RMSNorm", "RNNCell", "RReLU", "ReLU", "ReLU6",
    "RecallMetric", "Recurrent", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d",
    "RemovableHandle", "ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d",
    "ScaledWSConv1d", "ScaledWSConv2d", "ScaledWSConv3d", "ScaledWSLinear", "Sequential",
    "SiLU", "Sigmoid", "SignedWLinear", "SmoothL1Loss", "SoftMarginLoss", "Softmax",
    "Softmax2d", "Softmin", "Softplus", "Softshrink", "Softsign", "SparseLinear",
    "StateWithDelay", "Summary", "Synapse", "Tanh", "Tanhshrink", "Threshold", "TiedLinear",
    "TransformerDecoder", "TransformerDecoderLayer", "TransformerEncoder",
    "TransformerEncoderLayer", "TripletMarginLoss", "URLSTMCell", "Unflatten", "ValinaRNNCell",
    "VanillaRNNCell", "Vmap", "WelfordMetric", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d",
    "assign_state_values", "batches", "call_all_fns", "call_order", "capture", "celu",
    "check_finite", "clip_grad_norm", "count_bytes", "count_parameters", "elu",
    "exp_euler_step", "functional", "gelu", "glu", "hard_shrink", "hard_sigmoid", "hard_silu",
    "hard_swish", "hard_tanh", "init", "init_all_states", "is_trainable", "leaky_relu",
    "log_sigmoid", "log_softmax", "logsumexp", "mask_from_lengths", "mish",
    "not_receive_update_input", "not_receive_update_output", "one_hot", "pad_sequences",
    "prelu", "progress", "receive_update_input", "receive_update_output", "record", "relu",
    "relu6", "reset_all_states", "rrelu", "selu", "sigmoid", "silu", "soft_shrink", "soft_sign",
    "softmax", "softmin", "softplus", "sparse_plus", "sparse_sigmoid", "squareplus",
    "standardize", "summary", "swish", "tanh", "tanh_shrink", "vmap_call_all_fns",
    "vmap_init_all_states", "vmap_reset_all_states", "weight_standardization",
]  # fmt: skip
