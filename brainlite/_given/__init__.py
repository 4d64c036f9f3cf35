"""What users hand in, brought into form or refused: sizes, options, whole numbers, arrays.

Each rule is written here once for all rooms, so that a size of a layer and one of a random draw are
the same thing, and a small integer wraps nowhere.
"""

from brainlite._given._array import no_array
from brainlite._given._habits import (
    OF_ARRAYS,
    OF_MODULES,
    OF_NAMES,
    OF_OPTIMIZERS,
    Doubt,
    Elsewhere,
    add_hint,
    ask,
    instead,
    no_such_name,
    warn_once,
)
from brainlite._given._host import as_array, counted, filled, made_seldom, on_host, times
from brainlite._given._later import later
from brainlite._given._options import check_choice, check_option
from brainlite._given._own import apart, as_numpy, own, owned
from brainlite._given._placed import (
    beyond,
    explicit_sharding,
    explicit_spec,
    laid_out,
    place_of,
    placed_like,
)
from brainlite._given._quantity import is_quantity, leaves_of, without_unit
from brainlite._given._shape import broadcasts
from brainlite._given._size import to_size
from brainlite._given._whole import complaint_of, whole

__all__ = [
    "OF_ARRAYS",
    "OF_MODULES",
    "OF_NAMES",
    "OF_OPTIMIZERS",
    "Doubt",
    "Elsewhere",
    "add_hint",
    "apart",
    "as_array",
    "as_numpy",
    "ask",
    "beyond",
    "broadcasts",
    "check_choice",
    "check_option",
    "complaint_of",
    "counted",
    "explicit_sharding",
    "explicit_spec",
    "filled",
    "instead",
    "is_quantity",
    "laid_out",
    "later",
    "leaves_of",
    "made_seldom",
    "no_array",
    "no_such_name",
    "on_host",
    "own",
    "owned",
    "place_of",
    "placed_like",
    "times",
    "to_size",
    "warn_once",
    "whole",
    "without_unit",
]
