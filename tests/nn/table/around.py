"""The table's rows of modules that run others."""

from brainlite.errors import InputError, OptionError, StateMissingError
from brainlite.nn import EnvironContext, GRUCell, Linear, Map, Sequential, Vmap, init_all_states
from tests.nn.table.descriptor import Bad, Described, floats

LAYERS = [
    Described(
        "EnvironContext",
        lambda: EnvironContext(Linear(3, 2), fit=True),
        (floats(3),),
        bad=(Bad(lambda: EnvironContext(Linear(3, 2))(floats(4)), InputError, r"Context\.layer "),),
    ),
    Described(
        "Map",
        lambda: init_all_states(Map(GRUCell(3, 4), 2)),
        (floats(2, 3),),
        batch=False,
        bad=(
            Bad(lambda: Map(GRUCell(3, 4), 2)(floats(2, 3)), StateMissingError, "for 2 lanes"),
            Bad(lambda: Map(GRUCell(3, 4), 2, behavior="pmap"), OptionError, "shard_map"),
        ),
    ),
    Described(
        "Sequential",
        lambda: Sequential(Linear(3, 4), Linear(4, 2)),
        (floats(3),),
        bad=(Bad(lambda: Sequential(Linear(3, 2))(floats(4)), InputError, r"Sequential\[0\]"),),
    ),
    Described(
        "Vmap",
        lambda: Vmap(Linear(3, 2)),
        (floats(2, 3),),
        bad=(Bad(lambda: Vmap(Linear(3, 2))(floats(2, 4)), InputError, r"Vmap\.module "),),
    ),
]
