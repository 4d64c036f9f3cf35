"""The table's rows of recurrent cells and layers."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from brainlite.errors import InputError, OptionError, SizeError, StateMissingError
from brainlite.nn import (
    GRU,
    LRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    MGUCell,
    MinGRU,
    Recurrent,
    RNNCell,
    URLSTMCell,
    ValinaRNNCell,
    init_all_states,
)
from brainlite.nn.init import Normal
from tests.nn.table.descriptor import Bad, Described, floats

_SOME = {"b_init": Normal()}  # zeros would hide a bias that is left out


def _cell(make: Callable[..., RNNCell], **options: Any) -> Described:
    def ready() -> RNNCell:
        return init_all_states(make(3, 4, **options))

    def call(*shape: int) -> Callable[[], Any]:
        def run() -> Any:
            cell: Any = ready()
            return cell(floats(*shape))

        return run

    def unready() -> Any:
        cell: Any = make(3, 4)
        return cell(floats(3))

    name = make.__name__
    return Described(
        name,
        ready,
        (floats(3),),
        batch=False,
        bad=(
            Bad(lambda: make(-1, 4), SizeError, rf"{name}: num_in is no size"),
            Bad(lambda: make(3, 4, activation="no"), OptionError, rf"{name}.*\n.*expected"),
            Bad(call(5), InputError, rf"{name}.*features(.|\n)*3 in the last(.|\n)*\(5,\)"),
            Bad(call(2, 3), InputError, r"batch(.|\n)*\(2, 3\)(.|\n)*batch_size=2"),
            Bad(unready, StateMissingError, rf"{name}.*has not been made(.|\n)*init_all_states"),
        ),
    )


def _layer(name: str, make: Callable[..., Any], *shape: int, **row: Any) -> Described:
    kind = type(make()).__name__

    def call(x: Any, **given: Any) -> Callable[[], Any]:
        return lambda: make()(x, **given)

    bad = (
        Bad(call(floats(3)), InputError, rf"{kind}(.|\n)*expected(.|\n)*\(3,\)"),
        Bad(call(floats(5, 2, 4)), InputError, rf"{kind}(.|\n)*3(.|\n)*\(5, 2, 4\)"),
        Bad(
            call(floats(5, 2, 3), lengths=jnp.array([1, 2, 3])),
            InputError,
            rf"{kind}.*lengths(.|\n)*\(3,\)",
        ),
    )
    return Described(name, make, (floats(*(shape or (5, 3))),), batch=False, bad=bad, **row)


LAYERS = [
    _cell(ValinaRNNCell, activation="tanh", **_SOME),
    _cell(GRUCell, **_SOME),
    _cell(MGUCell, **_SOME),
    _cell(LSTMCell, **_SOME),
    _cell(URLSTMCell),
    _layer("RNN", lambda: RNN(3, 4)),
    _layer("GRU", lambda: GRU(3, 4)),
    _layer("GRU of two layers", lambda: GRU(3, 4, 2, bidirectional=True), 5, 2, 3),
    _layer("LSTM", lambda: LSTM(3, 4)),
    _layer("LSTM with projection", lambda: LSTM(3, 4, proj_size=2), 5, 2, 3),
    _layer("LSTM with dropout", lambda: LSTM(3, 4, 2, dropout=0.5), mode=True, draws=True),
    _layer("MinGRU", lambda: MinGRU(3, 4)),
    _layer("MinGRU step by step", lambda: MinGRU(3, 4, sequential=True)),
    _layer("LRU", lambda: LRU(3, 4)),
    # Its cell makes the hidden state anew at each call, in the type of the environment.
    _layer("Recurrent", lambda: Recurrent(GRUCell(3, 4)), dtypes=()),
]
