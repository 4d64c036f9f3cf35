import abc
from dataclasses import dataclass
from typing import TypeAlias

# It has many abstract methods at run time; nothing of ours makes one or looks inside.
class RenderableTreePart(abc.ABC): ...

@dataclass(frozen=True)
class RenderableAndLineAnnotations:
    renderable: RenderableTreePart
    annotations: RenderableTreePart

Rendering: TypeAlias = RenderableTreePart | RenderableAndLineAnnotations
