"""Filters: what selects states and nodes from a graph.

A filter is a type or a union of types (instances of it), a string (a tag), True or ``...``
(everything), False or None (nothing), a predicate ``(path, object) -> bool``, or a list of filters
(any of them).
"""

from collections.abc import Iterable, Sequence
from types import EllipsisType, UnionType
from typing import Any as AnyType
from typing import TypeAlias, Union, get_args, get_origin

from typing_extensions import TypeVar

from brainlite.errors import FilterError
from brainlite.state import State
from brainlite.typing import Filter, Path, PathPart, Predicate

Entry = TypeVar("Entry", bound=tuple[AnyType, ...])
S = TypeVar("S", bound=State[AnyType], default=State[AnyType])

StateFilter: TypeAlias = (
    type[S] | UnionType | str | bool | EllipsisType | Predicate | Sequence[Filter] | None
)
"""A filter of states. What it selects is of kind ``S`` for a type, and any state for the rest."""


class _Composite:
    """Filters compare and hash by what they are made of."""

    def __init__(self, *parts: AnyType) -> None:
        self._parts: tuple[AnyType, ...] = parts

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __hash__(self) -> int:
        return hash((type(self), self._parts))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._parts))})"


class OfType(_Composite):
    """Select instances of a type.

    Parameters
    ----------
    kind : type
        The class; its subclasses are selected, too.

    Examples
    --------
    >>> OfType(int)((), 3)
    True
    """

    def __init__(self, kind: type[AnyType]) -> None:
        super().__init__(kind)
        self._kind: type[AnyType] = kind

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Say whether ``value`` is an instance."""
        del path
        return isinstance(value, self._kind)


class PathContains(_Composite):
    """Select what has ``part`` somewhere in its path.

    Parameters
    ----------
    part : str or int
        An attribute, a key or an index.

    Examples
    --------
    >>> PathContains("encoder")(("encoder", 0), None)
    True
    """

    def __init__(self, part: PathPart) -> None:
        super().__init__(part)
        self._part: PathPart = part

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Say whether ``path`` contains the part."""
        del value
        return self._part in path


class WithTag(_Composite):
    """Select states that carry a tag.

    Parameters
    ----------
    tag : str
        One of its tags.

    Examples
    --------
    >>> from brainlite.state import State
    >>> WithTag("slow")((), State(1.0, tag="slow"))
    True
    """

    def __init__(self, tag: str) -> None:
        super().__init__(tag)
        self._tag: str = tag

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Say whether ``value`` carries the tag."""
        del path
        tags: AnyType = getattr(value, "tag", None)
        return tags is not None and self._tag in tags


class Any(_Composite):
    """Select what any of the filters selects.

    Parameters
    ----------
    *filters : Filter
        Of any form.

    Raises
    ------
    FilterError
        One of them is no filter.

    Examples
    --------
    >>> Any(int, str)((), "a")
    True
    """

    def __init__(self, *filters: Filter) -> None:
        super().__init__(*map(to_predicate, filters))

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Say whether one of the filters holds."""
        return any(part(path, value) for part in self._parts)


class All(_Composite):
    """Select what all of the filters select.

    Parameters
    ----------
    *filters : Filter
        Of any form.

    Raises
    ------
    FilterError
        One of them is no filter.

    Examples
    --------
    >>> All(int, Not(bool))((), True)
    False
    """

    def __init__(self, *filters: Filter) -> None:
        super().__init__(*map(to_predicate, filters))

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Say whether every filter holds."""
        return all(part(path, value) for part in self._parts)


class Not(_Composite):
    """Select what the filter does not select.

    Parameters
    ----------
    excluded : Filter
        Of any form.

    Raises
    ------
    FilterError
        It is no filter.

    Examples
    --------
    >>> Not(int)((), "a")
    True
    """

    def __init__(self, excluded: Filter, /) -> None:
        super().__init__(to_predicate(excluded))

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Say whether the filter does not hold."""
        return not self._parts[0](path, value)


class Everything(_Composite):
    """Select everything, as ``...`` does.

    Examples
    --------
    >>> Everything()((), 3)
    True
    """

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Return True."""
        del path, value
        return True


class Nothing(_Composite):
    """Select nothing, as None does.

    Examples
    --------
    >>> Nothing()((), 3)
    False
    """

    def __init__(self) -> None:
        super().__init__()

    def __call__(self, path: Path, value: AnyType) -> bool:
        """Return False."""
        del path, value
        return False


def to_predicate(given: Filter) -> Predicate:
    """Return the filter as a function of a path and an object.

    Parameters
    ----------
    given : Filter
        Of any form.

    Returns
    -------
    callable, (path, object) to bool

    Raises
    ------
    FilterError
        It is nothing that can select.

    Examples
    --------
    >>> to_predicate(...)(("a",), 1)
    True
    """
    kind: AnyType = get_origin(given) or given
    if kind is Union or kind is UnionType:
        return Any(*get_args(given))
    if isinstance(kind, type):
        return OfType(kind)
    if given is None or isinstance(given, bool | EllipsisType):
        return Everything() if given is ... or given is True else Nothing()
    if isinstance(given, str):
        return WithTag(given)
    if isinstance(given, Sequence):
        return Any(*given)
    if callable(given):
        return given
    raise FilterError(
        "this is no filter",
        expected="a type, a tag, a predicate (path, object) -> bool, ..., True, False, None, or a "
        "list of these",
        got=f"{type(given).__name__} {given!r}",
        fix="pass a state type such as brainlite.ParamState",
    )


def sort(
    found: Iterable[Entry], filters: tuple[Filter, ...]
) -> tuple[list[list[Entry]], list[Entry]]:
    """Put each entry, a path and an object, into the bin of the first filter that selects it.

    Also return what is left. Whatever else is in an entry goes along.
    """
    if not filters:
        return [list(found)], []
    bins: list[list[Entry]] = [[] for _ in filters]
    left: list[Entry] = []
    choices = list(zip(bins, map(to_predicate, filters), strict=True))
    for entry in found:
        for chosen, selects in choices:
            if selects(entry[0], entry[1]):
                chosen.append(entry)
                break
        else:
            left.append(entry)
    return bins, left
