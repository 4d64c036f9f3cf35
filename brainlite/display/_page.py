"""Where a display is shown: in a notebook, in a terminal, on a page of one's own."""

import sys
import warnings
from importlib import import_module
from typing import Any, Final

from brainlite.display._code import to_code
from brainlite.display._open import is_displayable
from brainlite.display._renderer import make_renderer
from brainlite.display._text import to_text

# treescope paints its tree on white. On a dark page its colours are turned round and the hues
# turned back; which pages are dark is told by Jupyter, VS Code, Colab, Sphinx, or the page itself.
DARK: Final = "treescope-container{filter:invert(0.93) hue-rotate(180deg)}"
STYLE: Final = (
    "<style>:is([data-jp-theme-light=false],[data-vscode-theme-kind*=dark],[theme=dark],"
    f"[data-theme=dark]) {DARK}@media (prefers-color-scheme:dark)"
    f"{{:root:has(meta[name=color-scheme][content*=dark]) {DARK}}}</style>"
)


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
        Whether to begin with the code of the object, see :func:`to_code`, for which its arrays are
        copied. ``r`` switches to the tree and back. Without it ``r`` switches to full names.
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

    if roundtrip:
        obj = _WithCode(obj)
    visualizer: Any = treescope.ArrayAutovisualizer() if arrays else None
    renderer = make_renderer(treescope.active_renderer.get(), arrays=arrays)
    with (
        warnings.catch_warnings(),
        treescope.active_autovisualizer.set_scoped(visualizer),
        treescope.active_renderer.set_scoped(renderer),
    ):
        warnings.simplefilter("ignore", UserWarning)  # of a broken repr: the page shows it
        return STYLE + treescope.render_to_html(
            obj, roundtrip_mode=roundtrip, ignore_exceptions=True, compressed=compressed
        )


class _WithCode:
    """An object, drawn as its code in treescope's roundtrip mode."""

    def __init__(self, obj: object) -> None:
        self._obj = obj
        self._lines = to_code(obj).split("\n")

    def __treescope_repr__(self, path: str | None, renderer: Any) -> Any:
        from treescope import rendering_parts as parts

        tree = renderer(self._obj, path=path)
        code = parts.on_separate_lines([parts.text(line) for line in self._lines])
        return parts.siblings_with_annotations(
            parts.roundtrip_condition(code, tree.renderable), extra_annotations=[tree.annotations]
        )


def notebook_repr(self: object, include: object = None, exclude: object = None) -> dict[str, str]:
    """Return what a notebook shows; a displayable class takes it as its ``_repr_mimebundle_``.

    It is the HTML of :func:`render_to_html`, with the numbers of arrays if treescope is set to draw
    them. (``_repr_html_`` would not do: treescope shows it beside each part.) In a terminal there
    is none.

    Parameters
    ----------
    include, exclude
        Of IPython; not looked at.

    Returns
    -------
    dict of str to str
        Text by its type.

    Examples
    --------
    >>> from brainlite.display import Shown, notebook_repr
    >>> class Scale:
    ...     def __display__(self):
    ...         return Shown("Scale", [("factor", 2.0)])
    ...
    ...     _repr_mimebundle_ = notebook_repr
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
        What to display. A table (a :class:`~brainlite.nn.Summary`) stays one.
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
    own = hasattr(type(obj), "_repr_html_") and not is_displayable(obj)  # a table, a data frame
    if notebook is None or notebook.get_ipython() is None:
        text = str(obj) if own else to_text(obj, depth=depth, values=values)
        sys.stdout.write(text + "\n")
    else:
        page: Any = import_module("IPython.display")
        page.display(obj if own else page.HTML(render_to_html(obj, arrays=values)))
