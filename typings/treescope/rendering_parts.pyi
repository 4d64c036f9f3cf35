import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

# It has many abstract methods at run time; nothing of ours makes one or looks inside.
class RenderableTreePart(abc.ABC): ...

@dataclass(frozen=True)
class RenderableAndLineAnnotations:
    renderable: RenderableTreePart
    annotations: RenderableTreePart

Rendering: TypeAlias = RenderableTreePart | RenderableAndLineAnnotations

def text(text_content: str) -> RenderableTreePart: ...
def comment_color(child: RenderableTreePart) -> RenderableTreePart: ...
def siblings_with_annotations(
    *args: str | RenderableTreePart | RenderableAndLineAnnotations,
    extra_annotations: Sequence[RenderableTreePart] = (),
) -> RenderableAndLineAnnotations: ...
