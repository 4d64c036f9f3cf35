import abc
import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

# It has many abstract methods at run time; nothing of ours makes one or looks inside.
class RenderableTreePart(abc.ABC): ...

@dataclass(frozen=True)
class RenderableAndLineAnnotations:
    renderable: RenderableTreePart
    annotations: RenderableTreePart

class ExpandState(enum.Enum):
    WEAKLY_COLLAPSED = "weakly_collapsed"
    WEAKLY_EXPANDED = "weakly_expanded"
    COLLAPSED = "collapsed"
    EXPANDED = "expanded"

Rendering: TypeAlias = RenderableTreePart | RenderableAndLineAnnotations

def text(text_content: str) -> RenderableTreePart: ...
def custom_text_color(child: RenderableTreePart, css_color: str) -> RenderableTreePart: ...
def siblings(*args: str | RenderableTreePart) -> RenderableTreePart: ...
def maybe_qualified_type_name(ty: type[Any]) -> RenderableTreePart: ...
def on_separate_lines(
    children: Sequence[RenderableAndLineAnnotations | RenderableTreePart | str],
) -> RenderableTreePart: ...
def fold_condition(
    collapsed: RenderableTreePart | None = None, expanded: RenderableTreePart | None = None
) -> RenderableTreePart: ...
def roundtrip_condition(
    roundtrip: RenderableTreePart | None = None, not_roundtrip: RenderableTreePart | None = None
) -> RenderableTreePart: ...
def summarizable_condition(
    summary: RenderableTreePart | None = None, detail: RenderableTreePart | None = None
) -> RenderableTreePart: ...
def build_one_line_tree_node(
    line: RenderableAndLineAnnotations | RenderableTreePart | str,
    path: str | None = None,
    background_color: str | None = None,
    background_pattern: str | None = None,
) -> RenderableAndLineAnnotations: ...
def build_foldable_tree_node_from_children(
    prefix: RenderableTreePart | str,
    children: Sequence[RenderableAndLineAnnotations | RenderableTreePart | str],
    suffix: RenderableTreePart | str,
    comma_separated: bool = False,
    force_trailing_comma: bool = False,
    path: str | None = None,
    background_color: str | None = None,
    background_pattern: str | None = None,
    first_line_annotation: RenderableTreePart | None = None,
    expand_state: ExpandState = ...,
    *,
    child_type_single_and_plural: tuple[str, str] | None = None,
) -> RenderableAndLineAnnotations: ...
def siblings_with_annotations(
    *args: str | RenderableTreePart | RenderableAndLineAnnotations,
    extra_annotations: Sequence[RenderableTreePart] = (),
) -> RenderableAndLineAnnotations: ...
