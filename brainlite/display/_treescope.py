"""How a displayable is drawn by treescope: a tree that folds, with paths to copy."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import jax

from brainlite.display._leaf import Verbatim, failure_text, safe_repr
from brainlite.display._open import described, is_displayable
from brainlite.display._protocol import Description, Shown, ShownMapping, ShownSequence

if TYPE_CHECKING:
    from treescope.renderers import TreescopeSubtreeRenderer
    from treescope.rendering_parts import (
        RenderableAndLineAnnotations,
        RenderableTreePart,
        Rendering,
    )

# treescope recurses: laying out a drawing takes up to five times the stack frames that making it
# took, so that 37 levels exhaust Python's stack. We stop before that, and leave some frames for
# plain containers inside the last level.
LAYOUT_FRAMES: Final = 5
SPARE_FRAMES: Final = 200

REMARK: Final = "#767676"  # the lightest grey that is read on white, and turned round on black
GROUPS: Final = 4  # kinds of module that a folded list names
ROOM: Final = 60  # columns of a folded line, so that the remark after it is seen

_outermost: ContextVar[int | None] = ContextVar("_outermost", default=None)
"""How deep the stack is where the outermost object is drawn."""


def treescope_repr(obj: object, path: str | None, subtree_renderer: Callable[..., Any]) -> Any:
    """Draw a displayable with treescope; a class takes it as its ``__treescope_repr__``.

    Parameters
    ----------
    obj : Displayable
        The object.
    path : str or None
        Where it sits, as treescope writes it: the copy buttons of the parts extend it.
    subtree_renderer : callable
        Draws the parts.

    Returns
    -------
    treescope.rendering_parts.Rendering
        The drawing: foldable, and coloured by the kind of object.

    Examples
    --------
    >>> from brainlite.display import render_to_html
    >>> class Scale:
    ...     factor = 2.0
    ...
    ...     def __display__(self) -> Shown:
    ...         return Shown("Scale", [("factor", self.factor)])
    ...
    ...     __treescope_repr__ = treescope_repr
    >>> "factor=" in render_to_html(Scale(), compressed=False)
    True
    """
    frames = _stack_frames()
    outermost = _outermost.get()
    start = frames if outermost is None else outermost
    room = sys.getrecursionlimit() - SPARE_FRAMES - start
    if (frames - start) * LAYOUT_FRAMES > room:
        return subtree_renderer(Verbatim(f"{type(obj).__name__}(...)"))
    token = _outermost.set(start)
    try:
        return _draw(obj, described(obj), path, subtree_renderer, outermost is None)
    except Exception as error:
        return subtree_renderer(Verbatim(failure_text(obj, error)))
    finally:
        _outermost.reset(token)


def _draw(
    obj: object,
    shown: Description,
    path: str | None,
    renderer: "TreescopeSubtreeRenderer",
    opened: bool,
) -> "Rendering":
    """Draw what a displayable says of itself as a foldable tree."""
    # Importing treescope takes half a second: only who draws, pays.
    from treescope import rendering_parts as parts
    from treescope import repr_lib

    kind = type(obj)
    name = getattr(shown, "name", "") or kind.__name__
    if name != kind.__name__:  # an object that stands for one of another type
        kind = type(name, (), {})
    color = color_of(kind)
    drawing: Any
    match shown:
        case Shown(_, fields):
            drawing = _constructor(kind, fields, path, renderer, opened)
        case ShownSequence(_, items):
            drawing = _sequence(kind, items, path, renderer)
        case ShownMapping(items, _):
            values = dict(items)
            drawing = repr_lib.render_dictionary_wrapper(
                kind, values, path, renderer, _constructs(type(obj)), color
            )
    note = _note(obj)
    remarks = [parts.custom_text_color(parts.text(f"  # {note}"), REMARK)] if note else []
    return parts.siblings_with_annotations(drawing, extra_annotations=remarks)


def _constructor(
    kind: type[Any],
    fields: list[tuple[str, Any]],
    path: str | None,
    renderer: "TreescopeSubtreeRenderer",
    opened: bool,
) -> "RenderableAndLineAnnotations":
    """Draw ``Kind(name=value, ...)``: folded, without parts that fold and what has no room."""
    from treescope import rendering_parts as parts

    children: list[RenderableAndLineAnnotations] = []
    folding = [_folds(value) for _, value in fields]
    shown = _that_fit(kind, fields, folding)
    for number, ((name, value), folds) in enumerate(zip(fields, folding, strict=True)):
        below = None if path is None else f"{path}.{name}"
        child = parts.siblings_with_annotations(f"{name}=", renderer(value, path=below))
        between = ", " if number < len(fields) - 1 else ""
        comma = parts.fold_condition(parts.text(between), parts.text(","))
        part = parts.siblings(child.renderable, comma)
        if number >= shown:
            part = parts.summarizable_condition(parts.text("…" * (number == shown)), part)
        elif folds:
            part = parts.summarizable_condition(parts.text(f"{name}=…{between}"), part)
        children.append(parts.RenderableAndLineAnnotations(part, child.annotations))
    state = parts.ExpandState
    # treescope's sign of what is no code is an angle bracket, in its roundtrip mode.
    left, right = (None, None) if _constructs(kind) else map(parts.text, "<>")
    return parts.build_foldable_tree_node_from_children(
        prefix=parts.siblings(
            parts.roundtrip_condition(left), parts.maybe_qualified_type_name(kind), "("
        ),
        children=children,
        suffix=parts.siblings(")", parts.roundtrip_condition(right)),
        path=path,
        background_color=color_of(kind),
        expand_state=state.EXPANDED if opened and any(folding) else state.WEAKLY_COLLAPSED,
    )


def _that_fit(kind: type[Any], fields: list[tuple[str, Any]], folding: list[bool]) -> int:
    """Return how many fields there is room for on a folded line."""
    length = len(kind.__name__)
    for number, ((name, value), folds) in enumerate(zip(fields, folding, strict=True)):
        length += len(name) + (4 if folds else len(safe_repr(value)) + 3)
        if number and length > ROOM:
            return number
    return len(fields)


def _sequence(
    kind: type[Any], items: list[Any], path: str | None, renderer: "TreescopeSubtreeRenderer"
) -> "RenderableAndLineAnnotations":
    """Draw ``Kind([...])``."""
    from treescope import rendering_parts as parts

    left, right = (None, None) if _constructs(kind) else map(parts.text, "<>")
    name = parts.maybe_qualified_type_name(kind)
    prefix = parts.siblings(parts.roundtrip_condition(left), name, "([")
    suffix = parts.siblings("])", parts.roundtrip_condition(right))
    return draw_items(prefix, items, suffix, path, renderer, color_of(kind))


def draw_items(
    prefix: "RenderableTreePart | str",
    items: Sequence[Any],
    suffix: "RenderableTreePart | str",
    path: str | None,
    renderer: "TreescopeSubtreeRenderer",
    color: str | None = None,
) -> "RenderableAndLineAnnotations":
    """Draw items one a line; on a folded line stand their types, ``[3 × Linear]``."""
    from treescope import rendering_parts as parts

    children: list[RenderableAndLineAnnotations] = []
    for number, item in enumerate(items):
        child = renderer(item, path=None if path is None else f"{path}[{number}]")
        last = number == len(items) - 1
        between = parts.text(", ") if not last else None
        comma = parts.fold_condition(between, parts.text(","))
        whole = parts.siblings(child.renderable, comma)
        short = None if number else parts.text(_types(items))
        part = parts.summarizable_condition(short, whole)
        children.append(parts.RenderableAndLineAnnotations(part, child.annotations))
    return parts.build_foldable_tree_node_from_children(
        prefix, children, suffix, path=path, background_color=color
    )


def _types(items: Sequence[Any]) -> str:
    """Name the types of items in their order: ``Linear, 3 × Tanh``."""
    texts: list[str] = []
    for name, same in groupby(type(item).__name__ for item in items):
        count = len(list(same))
        texts.append(name if count == 1 else f"{count} × {name}")
    rest = ["…"] if len(texts) > GROUPS else []
    return ", ".join(texts[:GROUPS] + rest)


def _folds(value: object) -> bool:
    """Say whether a part of an object has displayables in it."""
    return any(map(is_displayable, jax.tree.leaves(value, is_leaf=is_displayable)))


def _constructs(kind: type[Any]) -> bool:
    return bool(getattr(kind, "__display_constructs__", False))


def _note(obj: Any) -> str:
    remark: Any = getattr(type(obj), "__display_note__", None)
    try:
        return "" if remark is None else str(remark(obj))
    except Exception as error:
        return failure_text(obj, error)


def _stack_frames() -> int:
    frame, count = inspect.currentframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def color_of(cls: type[Any]) -> str:
    """Return the colour of a kind of object: the same in every session and on every machine."""
    chosen: str | None = getattr(cls, "__display_color__", None)
    if chosen is not None:
        return chosen
    digest = hashlib.sha256(cls.__name__.encode()).digest()
    hue = int.from_bytes(digest[:2], "little") * 360 / 2**16
    # Lightness and chroma at which every hue can be shown and read on light and on dark ground.
    return f"oklch(0.785 0.103 {hue:.1f})"
