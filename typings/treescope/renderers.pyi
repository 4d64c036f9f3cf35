from typing import Any, Protocol

from .rendering_parts import RenderableAndLineAnnotations

class TreescopeSubtreeRenderer(Protocol):
    def __call__(self, node: Any, path: str | None = None) -> RenderableAndLineAnnotations: ...
