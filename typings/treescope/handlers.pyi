from typing import Any

from .renderers import TreescopeSubtreeRenderer
from .rendering_parts import Rendering

def check_for_shared_values(
    node: Any, path: str | None, node_renderer: TreescopeSubtreeRenderer
) -> Rendering: ...
