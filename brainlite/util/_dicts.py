"""Functions of plain dicts: joining, flattening, and reading by attributes."""

from collections.abc import Mapping
from typing import Any, TypeVar

from brainlite.errors import OptionError

V = TypeVar("V")


class DotDict(dict[str, V]):
    """A dict whose entries are attributes, too; dicts inside are made such dicts.

    Parameters
    ----------
    *entries, **named
        What makes a dict.

    Raises
    ------
    AttributeError
        At reading: there is no such entry.

    Examples
    --------
    >>> options = DotDict(rate=0.1, layers={"sizes": [8, 8]})
    >>> options.rate, options.layers.sizes
    (0.1, [8, 8])
    >>> options.rate = 0.2
    >>> options["rate"]
    0.2
    """

    def __init__(self, *entries: Any, **named: Any) -> None:
        super().__init__()
        for name, value in dict(*entries, **named).items():
            self[name] = value

    def __setitem__(self, name: str, value: Any) -> None:
        inside: Any = DotDict(value) if type(value) is dict else value
        super().__setitem__(name, inside)

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        there = ", ".join(map(repr, self)) or "nothing"
        raise AttributeError(f"this DotDict has no entry {name!r}; it has {there}")

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        if name not in self:
            self.__getattr__(name)
        del self[name]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self]

    def to_dict(self) -> dict[str, Any]:
        """Return plain dicts with the same entries."""
        return {n: v.to_dict() if isinstance(v, DotDict) else v for n, v in self.items()}


def merge_dicts(*dicts: Mapping[Any, Any], recursive: bool = True) -> dict[Any, Any]:
    """Return one dict with the entries of all; of one name, the last.

    Parameters
    ----------
    *dicts : mapping
        They stay as they are.
    recursive : bool
        Whether mappings under one name are merged, too.

    Returns
    -------
    dict

    Examples
    --------
    >>> merge_dicts({"a": {"b": 1}}, {"a": {"c": 2}})
    {'a': {'b': 1, 'c': 2}}
    """
    merged: dict[Any, Any] = {}
    for each in dicts:
        for name, value in each.items():
            old = merged.get(name)
            if recursive and isinstance(value, Mapping):
                value = merge_dicts(old, value) if isinstance(old, Mapping) else merge_dicts(value)
            merged[name] = value
    return merged


def split_total(total: int, fraction: float) -> int:
    """Return how many of a number are a share of it, rounded down, or a number of them.

    Parameters
    ----------
    total : int
        How many there are.
    fraction : float or int
        A share from 0 to 1 as a float, or a number from 0 to ``total`` as an int.

    Returns
    -------
    int

    Raises
    ------
    OptionError
        There are not so many.

    Examples
    --------
    >>> split_total(10, 0.25), split_total(10, 3), split_total(10, 1), split_total(10, 1.0)
    (2, 3, 1, 10)
    """
    number = isinstance(fraction, int) and not isinstance(fraction, bool)
    if total < 0 or not 0 <= fraction <= (total if number else 1):
        raise OptionError(
            "this is no part of the total",
            expected=f"a float from 0 to 1, or a whole number from 0 to {total}",
            got=f"{fraction!r} of {total}",
            fix="write 0.5 for a half, and 5 for five of them",
        )
    return int(fraction) if number else int(total * fraction)


def flat_mapping(xs: Mapping[Any, Any], /, *, sep: str | None = None) -> dict[Any, Any]:
    """Return the entries of nested mappings by their paths.

    Parameters
    ----------
    xs : mapping
        Empty mappings in it stay as they are.
    sep : str, optional
        What joins the parts of a path into a text; by default paths are tuples.

    Returns
    -------
    dict

    Raises
    ------
    OptionError
        Two entries have one path.

    Examples
    --------
    >>> flat_mapping({"a": {"b": 1}}), flat_mapping({"a": {"b": 1}}, sep=".")
    ({('a', 'b'): 1}, {'a.b': 1})
    """
    found: dict[Any, Any] = {}
    stack: list[tuple[tuple[Any, ...], Any]] = [((), xs)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, Mapping) and (item or not path):
            stack.extend(((*path, name), part) for name, part in reversed(list(item.items())))
            continue
        key = path if sep is None else sep.join(map(str, path))
        if key in found:
            raise _clash(key)
        found[key] = item
    return found


def nest_mapping(xs: Mapping[Any, Any], /, *, sep: str | None = None) -> dict[Any, Any]:
    """Return entries by paths as nested dicts: what :func:`flat_mapping` was made of.

    Parameters
    ----------
    xs : mapping
        By tuples, or by texts.
    sep : str, optional
        What a text is split at.

    Returns
    -------
    dict

    Raises
    ------
    OptionError
        A path goes on below an entry.

    Examples
    --------
    >>> nest_mapping({("a", "b"): 1, ("a", "c"): 2})
    {'a': {'b': 1, 'c': 2}}
    """
    tree: dict[Any, Any] = {}
    made: set[int] = {id(tree)}
    for key, value in xs.items():
        path = tuple(key) if sep is None else str(key).split(sep)
        level: Any = tree
        for part in path[:-1]:
            if part not in level:
                level[part] = {}
                made.add(id(level[part]))
            level = level[part]
            if id(level) not in made:
                raise _clash(key)
        if path[-1] in level:
            raise _clash(key)
        level[path[-1]] = value
    return tree


def flatten_dict(d: Mapping[str, Any], parent_key: str = "", sep: str = ".") -> dict[str, Any]:
    """Return the entries of nested dicts by names with dots.

    Parameters
    ----------
    d : mapping
        The dicts.
    parent_key : str
        What all names begin with.
    sep : str
        What joins names.

    Returns
    -------
    dict

    Raises
    ------
    OptionError
        Two entries have one name.

    Examples
    --------
    >>> flatten_dict({"a": {"b": 1}}, "model")
    {'model.a.b': 1}
    """
    flat = flat_mapping(d, sep=sep)
    return (
        {f"{parent_key}{sep}{name}": value for name, value in flat.items()} if parent_key else flat
    )


def unflatten_dict(d: Mapping[str, Any], sep: str = ".") -> dict[str, Any]:
    """Return entries by names with dots as nested dicts: the counterpart of :func:`flatten_dict`.

    Parameters
    ----------
    d : mapping
        The entries.
    sep : str
        What names are split at.

    Returns
    -------
    dict

    Raises
    ------
    OptionError
        A name is both an entry and the start of others.

    Examples
    --------
    >>> unflatten_dict({"a.b": 1})
    {'a': {'b': 1}}
    """
    return nest_mapping(d, sep=sep)


def _clash(key: object) -> OptionError:
    return OptionError(
        "two entries have one path, or one goes on below the other",
        expected="a path of its own for each entry",
        got=f"{key!r} again",
        fix="use names without the separator, and no entry below another",
    )
