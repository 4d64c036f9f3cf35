"""The foldable display of a notebook, drawn by treescope."""

import hashlib
import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import jax

from brainlite.display._leaf import Verbatim, array_text, failure_text, is_array
from brainlite.display._open import describe, is_displayable
from brainlite.display._protocol import Description, Shown, ShownMapping, ShownSequence
from brainlite.display._text import to_text

if TYPE_CHECKING:
    from treescope.renderers import TreescopeSubtreeRenderer
    from treescope.rendering_parts import Rendering

__all__ = ["notebook_repr", "render_to_html", "show", "treescope_repr"]

# treescope recurses: laying out a drawing takes up to five times the stack frames that making it
# took, so that 37 levels exhaust Python's stack. We stop before that, and leave some frames for
# plain containers inside the last level.
LAYOUT_FRAMES: Final = 5
SPARE_FRAMES: Final = 200

_outermost: ContextVar[int | None] = ContextVar("_outermost", default=None)
"""How deep the stack is where the outermost object is drawn."""

_light: ContextVar[bool] = ContextVar("_light", default=False)
"""Whether arrays are drawn as their types alone."""


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
    try:
        shown = describe(obj)
    except Exception as error:
        return subtree_renderer(Verbatim(failure_text(obj, error)))
    frames = _stack_frames()
    outermost = _outermost.get()
    start = frames if outermost is None else outermost
    room = sys.getrecursionlimit() - SPARE_FRAMES - start
    if (frames - start) * LAYOUT_FRAMES > room:
        return subtree_renderer(Verbatim(f"{type(obj).__name__}(...)"))
    token = _outermost.set(start)
    try:
        return _draw(obj, shown, path, subtree_renderer)
    finally:
        _outermost.reset(token)


def _draw(
    obj: object,
    shown: Description,
    path: str | None,
    subtree_renderer: "TreescopeSubtreeRenderer",
) -> "Rendering":
    # Importing treescope takes half a second: only who draws, pays.
    from treescope import rendering_parts as parts
    from treescope import repr_lib

    kind = type(obj)
    name = getattr(shown, "name", "") or kind.__name__
    if name != kind.__name__:  # an object that stands for one of another type
        kind = type(name, (), {})
    color = _color(kind)
    whole = bool(getattr(kind, "__display_constructs__", False))
    drawing: Rendering
    match shown:
        case Shown(_, fields):
            values = {name: _lighter(value) for name, value in fields}
            drawing = repr_lib.render_object_constructor(
                kind, values, path, subtree_renderer, roundtrippable=whole, color=color
            )
        case ShownSequence(_, items):
            drawing = repr_lib.render_list_wrapper(
                kind, list(map(_lighter, items)), path, subtree_renderer, color=color
            )
        case ShownMapping(items, _):
            values = {key: _lighter(value) for key, value in items}
            drawing = repr_lib.render_dictionary_wrapper(
                kind, values, path, subtree_renderer, color=color
            )
    note = _note(obj)
    if not note:
        return drawing
    remark = parts.comment_color(parts.text(f"  # {note}"))
    return parts.siblings_with_annotations(drawing, extra_annotations=[remark])


def _note(obj: Any) -> str:
    remark: Any = getattr(type(obj), "__display_note__", None)
    try:
        return "" if remark is None else str(remark(obj))
    except Exception as error:
        return failure_text(obj, error)


def _lighter(value: Any) -> Any:
    """Replace arrays by their types, where they are not to be looked into."""
    if not _light.get() or is_displayable(value) or jax.tree_util.all_leaves([value]):
        return Verbatim(array_text(value)) if _light.get() and is_array(value) else value
    if not all(map(is_array, jax.tree.leaves(value))):
        return value
    return jax.tree.map(lambda leaf: Verbatim(array_text(leaf)), value)


def _stack_frames() -> int:
    frame, count = inspect.currentframe(), 0
    while frame is not None:
        frame, count = frame.f_back, count + 1
    return count


def _color(cls: type[Any]) -> str:
    """Return the colour of a kind of object: the same in every session and on every machine."""
    chosen: str | None = getattr(cls, "__display_color__", None)
    if chosen is not None:
        return chosen
    digest = hashlib.sha256(cls.__name__.encode()).digest()
    hue = int.from_bytes(digest[:2], "little") * 360 / 2**16
    # Lightness and chroma at which every hue can be shown and read on light and on dark ground.
    return f"oklch(0.785 0.103 {hue:.1f})"


def render_to_html(
    obj: object, *, arrays: bool = False, roundtrip: bool = False, compressed: bool = True
) -> str:
    """Return treescope's display of an object as HTML, for a file or a web page.

    Parameters
    ----------
    obj : object
        What to display.
    arrays : bool
        Whether to draw the numbers of arrays. Each shape takes a compilation; without it nothing
        is computed, and nothing copied from a device.
    roundtrip : bool
        Whether to begin with full names, as code (``r`` switches it in the page).
    compressed : bool
        Whether the page unpacks its content by a script, which makes it a few times smaller.

    Returns
    -------
    str
        The HTML, with all that it needs inside.

    Examples
    --------
    >>> "sizes" in render_to_html({"sizes": (3, 4)}, compressed=False)
    True
    """
    import treescope

    visualizer: Any = treescope.ArrayAutovisualizer() if arrays else None
    token = _light.set(not arrays)
    try:
        with treescope.active_autovisualizer.set_scoped(visualizer):
            return treescope.render_to_html(
                obj, roundtrip_mode=roundtrip, ignore_exceptions=True, compressed=compressed
            )
    finally:
        _light.reset(token)


def notebook_repr(self: object, include: object = None, exclude: object = None) -> dict[str, str]:
    """Return what a notebook shows; a displayable class takes it as its ``_repr_mimebundle_``.

    It is the HTML of :func:`render_to_html`, with the numbers of arrays if treescope is set to draw
    them. (``_repr_html_`` would not do: treescope shows it beside each part.) In a terminal there
    is none.
    """
    del include, exclude
    notebook: Any = sys.modules.get("IPython")
    if notebook is None or not hasattr(notebook.get_ipython(), "kernel"):
        return {}
    try:
        import treescope

        arrays = treescope.active_autovisualizer.get() is not None
        return {"text/html": render_to_html(self, arrays=arrays)}
    except Exception:  # a notebook then shows the text
        return {}


def show(obj: object, *, depth: int | None = None, values: bool = False) -> None:
    """Display an object: as a foldable tree in a notebook, as text anywhere else.

    Parameters
    ----------
    obj : object
        What to display.
    depth : int, optional
        Of the text: see :func:`to_text`. The tree folds.
    values : bool
        Whether to show the numbers of arrays, those of small ones in text.

    Examples
    --------
    >>> show({"sizes": (3, 4)})
    {'sizes': (3, 4)}
    """
    notebook: Any = sys.modules.get("IPython")
    if notebook is None or notebook.get_ipython() is None:
        sys.stdout.write(to_text(obj, depth=depth, values=values) + "\n")
    else:
        page: Any = import_module("IPython.display")
        page.display(page.HTML(render_to_html(obj, arrays=values)))
