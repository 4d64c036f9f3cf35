# The part of treescope that brainlite uses.
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Any

from . import handlers as handlers
from . import renderers as renderers
from . import rendering_parts as rendering_parts
from . import repr_lib as repr_lib

class _Active:
    def get(self) -> Any: ...
    def set_scoped(self, new_value: Any) -> AbstractContextManager[None]: ...

active_autovisualizer: _Active
active_renderer: _Active

class ArrayAutovisualizer:
    def __init__(
        self,
        maximum_size: int = 4000,
        cutoff_size_per_axis: int = 128,
        edge_items: int = 5,
        prefers_column: Collection[str] = (),
        prefers_row: Collection[str] = (),
        around_zero: bool = True,
        force_continuous: bool = False,
        include_repr_line_threshold: int = 5,
        token_lookup_fn: Callable[[int], str] | None = None,
        pixels_per_cell: float = 7,
    ) -> None: ...

def basic_interactive_setup(
    autovisualize_arrays: bool = True, abbreviation_threshold: int | None = None
) -> None: ...
def render_to_html(
    value: Any,
    roundtrip_mode: bool = False,
    ignore_exceptions: bool = False,
    compressed: bool = True,
) -> str: ...
def render_to_text(
    value: Any, roundtrip_mode: bool = False, ignore_exceptions: bool = False
) -> str: ...
