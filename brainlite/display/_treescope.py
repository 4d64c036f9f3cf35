"""The foldable display of a notebook, drawn by treescope."""

import hashlib
import inspect
import sys
from collections.abc import Callable
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from brainlite.display._leaf import Verbatim, failure_text
from brainlite.display._open import describe
from brainlite.display._protocol import Description, Shown, ShownMapping, ShownSequence
from brainlite.display._text import to_text

if TYPE_CHECKING:
    from treescope.renderers import TreescopeSubtreeRenderer
    from treescope.rendering_parts import Rendering

__all__ = ["render_to_html", "show", "treescope_repr"]

# treescope recurses: laying out a drawing takes up to five times the stack frames that making it
# took, so that 37 levels exhaust Python's stack. We stop before that, and leave some frames for
# plain containers inside the last level.
LAYOUT_FRAMES: Final = 5
SPARE_FRAMES: Final = 200

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
    from treescope import repr_lib

    color = _color(type(obj))
    match shown:
        case Shown(_, fields):
            return repr_lib.render_object_constructor(
                type(obj), dict(fields), path, subtree_renderer, color=color
            )
        case ShownSequence(_, items):
            return repr_lib.render_list_wrapper(
                type(obj), items, path, subtree_renderer, color=color
            )
        case ShownMapping(items, _):
            return repr_lib.render_dictionary_wrapper(
                type(obj), dict(items), path, subtree_renderer, color=color
            )


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


def render_to_html(obj: object, *, compressed: bool = True) -> str:
    """Return treescope's display of an object as HTML, for a file or a web page.

    Parameters
    ----------
    obj : object
        What to display.
    compressed : bool
        Whether the page unpacks its content by a script, which makes it a few times smaller.

    Returns
    -------
    str
        The HTML, with all that it needs inside.
    """
    import treescope

    return treescope.render_to_html(obj, compressed=compressed)


def show(obj: object) -> None:
    """Display an object: as a foldable tree in a notebook, as text anywhere else.

    Parameters
    ----------
    obj : object
        What to display.

    Examples
    --------
    >>> show({"sizes": (3, 4)})
    {'sizes': (3, 4)}
    """
    notebook: Any = sys.modules.get("IPython")
    if notebook is None or notebook.get_ipython() is None:
        sys.stdout.write(to_text(obj) + "\n")
    else:
        drawing: Any = import_module("treescope")
        drawing.show(obj)
