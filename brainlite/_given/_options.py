"""Options of layers, losses and initialisers: a value in its range, or one of a few."""

from collections.abc import Sequence

from brainlite.errors import OptionError


def check_option(where: str, option: str, got: object, fits: bool, expected: str) -> None:
    """Raise an OptionError unless the value of an option ``fits``.

    For the message, ``where`` is what the option is of, and ``expected`` what fits.
    """
    if not fits:
        raise OptionError(
            f"{option} is out of its range",
            where=where,
            expected=f"{option}: {expected}",
            got=f"{option}={got!r}",
            fix=f"change {option}, or leave it out",
        )


def check_choice(
    where: str, option: str, got: object, known: Sequence[object], fix: str | None = None
) -> None:
    """Raise an OptionError unless the value of an option is one of those that are known."""
    if got not in known:
        raise OptionError(
            f"there is no such {option}",
            where=where,
            expected=" or ".join(map(repr, known)),
            got=f"{option}={got!r}",
            fix=fix or f"pass one of these as {option}, or leave it out",
        )
