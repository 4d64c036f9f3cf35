"""What an object says about itself so that it can be shown."""

from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable


class Shown(NamedTuple):
    """An object as a name and named fields: ``Linear(in_size=(3,), ...)``.

    Each field should be an attribute of the object: the paths that the displays print
    (``cell.W``) are made of the field names.

    Attributes
    ----------
    name : str
        The name, of the class as a rule.
    fields : list of (str, object)
        The parts.

    Examples
    --------
    >>> from brainlite.display import Shown
    >>> Shown("Scale", [("factor", 2.0)]).name
    'Scale'
    """

    name: str
    fields: list[tuple[str, Any]]


class ShownSequence(NamedTuple):
    """An object as a name and the items ``obj[0]``, ``obj[1]`` ...: ``ModuleList([...])``.

    Attributes
    ----------
    name : str
        The name.
    items : list
        The parts.

    Examples
    --------
    >>> from brainlite.display import ShownSequence
    >>> ShownSequence("Pair", [1, 2]).items
    [1, 2]
    """

    name: str
    items: list[Any]


class ShownMapping(NamedTuple):
    """An object as keys and values that ``obj[key]`` returns: ``{('W', 'bias'): ...}``.

    With a name the braces are wrapped: ``StateDict({...})``.

    Attributes
    ----------
    items : list of (object, object)
        The keys and their values.
    name : str
        The name; none by default.

    Examples
    --------
    >>> from brainlite.display import ShownMapping
    >>> ShownMapping([("cell", 1)], "Parts").name
    'Parts'
    """

    items: list[tuple[Any, Any]]
    name: str = ""


Description: TypeAlias = Shown | ShownSequence | ShownMapping
"""What ``__display__`` may return."""


@runtime_checkable
class Displayable(Protocol):
    """What the displays can open: an object that lists its parts.

    ``__display__`` should be cheap and free of side effects: it hands out the parts as they
    are, and the display decides how much of them to show.

    Optional class attributes refine it:

    - ``__display_shared__ = False``: two appearances of the same object have no meaning, and
      both print in full (an initialiser that several layers use).
    - ``__display_color__``: the CSS colour in notebooks, instead of one made from the type's name.
    - ``__display_note__``: a method that returns a remark for notebooks, such as the size.
    - ``__display_constructs__ = True``: the fields are arguments that make an equal object, so that
      treescope's roundtrip mode may show it as code.
    - ``__display_compact__ = True``: it prints as ``to_text`` with ``compact=True`` has it, on one
      line if it fits, with all that is in it.

    Examples
    --------
    >>> class Scale:
    ...     def __init__(self, factor: float) -> None:
    ...         self.factor = factor
    ...
    ...     def __display__(self) -> Shown:
    ...         return Shown("Scale", [("factor", self.factor)])
    >>> isinstance(Scale(2.0), Displayable)
    True
    """

    def __display__(self) -> Description:
        """Return a name and the parts of the object."""
        ...
