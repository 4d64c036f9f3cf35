"""Names that a module of Python imports when they are first asked for."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module

from brainlite._given._habits import no_such_name


def later(
    home: str, places: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and the ``__dir__`` of a module whose names come when used.

    Checkers of types don't run this: to them the same names are imported under ``TYPE_CHECKING``.

    Parameters
    ----------
    home : str
        The name of the module, ``__name__``.
    places : mapping
        To each module, as in ``from place import``, the names that are taken from it, with blanks
        between them: "." has the modules below ``home``.
    """
    found = {name: place for place, names in places.items() for name in names.split()}

    def get(name: str) -> object:
        place = found.get(name)
        if place is None:
            raise no_such_name(f"module {home!r}", name)
        value: object
        if place == ".":
            value = import_module(f".{name}", home)
        else:
            value = getattr(import_module(place, home), name)
        vars(sys.modules[home])[name] = value  # it is asked for once
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[home]), *found})

    return get, names
