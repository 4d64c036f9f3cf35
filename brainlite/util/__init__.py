"""What brainstate has under ``util`` and users write: filters, collections of states, dicts.

Filters and collections of states are those of :mod:`brainlite.graph`. The rest are functions of
plain dicts, which know nothing of states.
"""

from brainlite.graph import All as All
from brainlite.graph import Any as Any
from brainlite.graph import (
    Everything,
    FlattedDict,
    NestedDict,
    Not,
    Nothing,
    OfType,
    PathContains,
    WithTag,
    to_predicate,
)
from brainlite.transform import breakpoint_if
from brainlite.util._dicts import (
    DotDict,
    flat_mapping,
    flatten_dict,
    merge_dicts,
    nest_mapping,
    split_total,
    unflatten_dict,
)

__all__ = [
    "All",
    "Any",
    "DotDict",
    "Everything",
    "FlattedDict",
    "NestedDict",
    "Not",
    "Nothing",
    "OfType",
    "PathContains",
    "WithTag",
    "breakpoint_if",
    "flat_mapping",
    "flatten_dict",
    "merge_dicts",
    "nest_mapping",
    "split_total",
    "to_predicate",
    "unflatten_dict",
]
