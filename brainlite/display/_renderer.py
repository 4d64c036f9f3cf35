"""How brainlite's trees differ from those that treescope draws by itself."""

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from brainlite.display._leaf import ATOMS, Verbatim, array_text, is_array
from brainlite.display._open import is_displayable
from brainlite.display._treescope import color_of, draw_items

if TYPE_CHECKING:
    from treescope.renderers import TreescopeSubtreeRenderer
    from treescope.rendering_parts import RenderableAndLineAnnotations

FEW: Final = 8  # atoms of a tuple or list that are drawn without a button to unfold them


def make_renderer(active: Any, *, arrays: bool) -> Any:
    """Return treescope's active renderer with our ways to draw what it draws by itself.

    - Arrays are their types, unless ``arrays`` is set: treescope copies them from the device.
    - Small containers of numbers do not fold, and lists of modules fold to their types.
    - What has been drawn before is a reference to where: treescope draws it again, with a
      note of its address in memory.
    """
    from treescope import handlers

    ours = [_few_atoms, _modules] if arrays else [_types_alone, _few_atoms, _modules]
    extended = active.extended_with(handlers=ours, wrapper_hooks=[_Appearances()])
    hooks = [
        hook for hook in extended.wrapper_hooks if hook is not handlers.check_for_shared_values
    ]
    return dataclasses.replace(extended, wrapper_hooks=hooks)


class _Appearances:
    """Draws what has been drawn in the same tree as a reference, ``<Linear at readout>``."""

    def __init__(self) -> None:
        # The object is kept, so that no other can get its id before we are done.
        self._seen: dict[int, tuple[Any, str | None]] = {}

    def __call__(
        self, node: Any, path: str | None, node_renderer: "TreescopeSubtreeRenderer"
    ) -> Any:
        from treescope import rendering_parts as parts

        displayable = is_displayable(node)
        if not displayable and not (isinstance(node, list | dict) and _holds_modules(node)):
            return NotImplemented
        if not getattr(type(node), "__display_shared__", True):
            return NotImplemented
        if id(node) not in self._seen:
            self._seen[id(node)] = (node, path)
            return NotImplemented
        first = (self._seen[id(node)][1] or "").removeprefix(".") or "the root"
        color = color_of(type(node)) if displayable else None
        return parts.build_one_line_tree_node(
            f"<{type(node).__name__} at {first}>", path, background_color=color
        )


def _holds_modules(container: "list[Any] | tuple[Any, ...] | dict[Any, Any]") -> bool:
    items = container.values() if isinstance(container, dict) else container
    return any(map(is_displayable, items))


def _types_alone(node: Any, path: str | None, subtree_renderer: "TreescopeSubtreeRenderer") -> Any:
    if is_array(node):
        return subtree_renderer(Verbatim(array_text(node)), path)
    return NotImplemented


def _few_atoms(node: Any, path: str | None, subtree_renderer: "TreescopeSubtreeRenderer") -> Any:
    """Draw a short tuple or list of atoms on one line: sizes, not a foldable tree."""
    from treescope import rendering_parts as parts

    if type(node) not in (tuple, list) or not 0 < len(node) <= FEW:
        return NotImplemented
    if not all(isinstance(item, ATOMS) and not isinstance(item, type) for item in node):
        return NotImplemented
    left, right = _brackets(node)
    line: list[Any] = [left]
    for number, item in enumerate(node):
        drawn: RenderableAndLineAnnotations = subtree_renderer(item)
        line += [", " if number else "", drawn.renderable]
    return parts.build_one_line_tree_node(parts.siblings(*line, right), path)


def _modules(node: Any, path: str | None, subtree_renderer: "TreescopeSubtreeRenderer") -> Any:
    if type(node) in (tuple, list) and node and all(map(is_displayable, node)):
        left, right = _brackets(node)
        return draw_items(left, node, right, path, subtree_renderer)
    return NotImplemented


def _brackets(node: "list[Any] | tuple[Any, ...]") -> tuple[str, str]:
    if isinstance(node, list):
        return "[", "]"
    return "(", ",)" if len(node) == 1 else ")"
