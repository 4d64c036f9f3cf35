"""How objects print.

A *displayable* is an object with ``__display__``, which returns its name and its parts and knows
nothing of layout: :class:`Shown` for named fields, :class:`ShownSequence` for items,
:class:`ShownMapping` for keys and values. Two displays are made of that: :func:`to_text`, which
``print`` shows, and :func:`treescope_repr`, the foldable tree of a notebook. A class opts in so::

    class Scale:
        def __display__(self) -> Shown:
            return Shown("Scale", [("factor", self.factor)])

        __repr__ = text_repr
        __treescope_repr__ = treescope_repr  # wherever treescope draws
        _repr_mimebundle_ = notebook_repr  # the last line of a notebook's cell

What the text keeps:

- *It cannot fail.* It is what one looks at when something else has failed. A part whose
  ``__display__`` or ``__repr__`` raises prints as ``<Type: repr raised ...>``.
- *It cannot hurt.* An array prints as its type, ``ShapedArray(float32[30,20])``: nothing is copied
  from a device unless ``values=True`` asks for it, and nothing is added to a trace. A traced array
  and one whose buffer was donated say so.
- *It ends.* An object prints once; where it appears again stands ``<Linear at encoder[0]>``, so
  shared weights are visible and a cycle closes. Long runs of equal entries fold into the first one
  and a count, long lists of numbers into their head. Work is linear in the parts of the object,
  and no nesting is too deep.
- *It is stable.* Dicts of arrays are sorted as jax sorts them and sets by their text; memory
  addresses are all that differs between two runs.

An object whose class writes a ``__repr__`` of its own below the inherited ``__display__`` prints
inside others by that ``__repr__``.
"""

from brainlite.display._code import to_code
from brainlite.display._page import notebook_repr, render_to_html, show
from brainlite.display._plot import plot_states
from brainlite.display._protocol import (
    Description,
    Displayable,
    Shown,
    ShownMapping,
    ShownSequence,
)
from brainlite.display._raster import plot_raster, plot_traces
from brainlite.display._text import text_repr, to_text
from brainlite.display._treescope import treescope_repr

__all__ = [
    "Description",
    "Displayable",
    "Shown",
    "ShownMapping",
    "ShownSequence",
    "notebook_repr",
    "plot_raster",
    "plot_states",
    "plot_traces",
    "render_to_html",
    "show",
    "text_repr",
    "to_code",
    "to_text",
    "treescope_repr",
]
