from collections.abc import Mapping, Sequence
from typing import Any

from .renderers import TreescopeSubtreeRenderer
from .rendering_parts import Rendering

def render_object_constructor(
    object_type: type[Any],
    attributes: Mapping[str, Any],
    path: str | None,
    subtree_renderer: TreescopeSubtreeRenderer,
    roundtrippable: bool = False,
    color: str | None = None,
) -> Rendering: ...
def render_dictionary_wrapper(
    object_type: type[Any],
    wrapped_dict: Mapping[str, Any],
    path: str | None,
    subtree_renderer: TreescopeSubtreeRenderer,
    roundtrippable: bool = False,
    color: str | None = None,
) -> Rendering: ...
def render_list_wrapper(
    object_type: type[Any],
    wrapped_sequence: Sequence[Any],
    path: str | None,
    subtree_renderer: TreescopeSubtreeRenderer,
    roundtrippable: bool = False,
    color: str | None = None,
) -> Rendering: ...
