"""Draws in a unit: parameters that are quantities give quantities."""

from collections.abc import Callable
from typing import Any

import jax

from brainlite._given import is_quantity
from brainlite.errors import OptionError


def has_unit(*parameters: object) -> bool:
    """Say whether any of the parameters of a draw is a quantity."""
    return any(map(is_quantity, parameters))


def in_unit(draw: Callable[..., Any], **parameters: Any) -> Any:
    """Return what is drawn with the numbers of the parameters, in the unit of the first quantity.

    A plain 0 is 0 in any unit.

    Raises
    ------
    OptionError
        A parameter has a unit of another kind, or none.
    """
    first = next(value for value in parameters.values() if is_quantity(value))
    one: Any = jax.tree.map(lambda _: 1.0, first)
    numbers: list[Any] = []
    for name, value in parameters.items():
        number = value if isinstance(value, int | float) and value == 0 else value / one
        if is_quantity(number):
            raise OptionError(
                f"the argument {name!r} of a random draw has another unit than the others",
                expected=f"a quantity in {first.unit}, or in a unit of its kind",
                got=f"{value}",
                fix=f"give {name!r} a unit like that of the others",
            )
        numbers.append(number)
    return draw(*numbers) * one
