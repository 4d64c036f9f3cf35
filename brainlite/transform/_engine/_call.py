"""A call whose arguments may hold modules, states and static values, lifted."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from brainlite.transform._engine._arguments import call_filled, take_apart
from brainlite.transform._engine._lift import Lifted, fetch, lift
from brainlite.transform._engine._options import Options
from brainlite.transform._engine._origin import Origin

Arguments: TypeAlias = tuple[tuple[object, ...], dict[str, object]]

_PLAIN = Options()


class LiftedCall(NamedTuple):
    """A lifted function, and what it was called with: all that is needed to run it."""

    lifted: Lifted
    arguments: Arguments  # arrays only

    def values(self) -> list[object]:
        """Return the values of the states that are read, as they are here."""
        return [fetch(state) for state in self.lifted.reads]


def lift_call(
    fun: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    label: str,
    options: Options = _PLAIN,
) -> LiftedCall:
    """Lift ``fun`` for these arguments. Modules and states among them are used as they are.

    Parameters
    ----------
    fun : callable
        The user's function. Its Python body runs once.
    args, kwargs
        What to call it with.
    label : str
        The name of the transform, for messages.
    options : Options
        Which arguments are static.
    """
    called, arguments = open_call(fun, args, kwargs, label=label, options=options)
    lifted = lift(called, *arguments, label=label, origin=Origin(fun, *arguments))
    return LiftedCall(lifted, arguments)


def open_call(
    fun: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object],
    *,
    label: str,
    options: Options = _PLAIN,
) -> tuple[Callable[..., object], Arguments]:
    """Return a function of arrays alone, and these arrays."""
    call = take_apart(tuple(args), dict(kwargs), options, label=label)

    def called(*args: object, **kwargs: object) -> object:
        full_args, full_kwargs = call.fill(args, kwargs, call.graph)
        return call_filled(fun, full_args, full_kwargs, label)

    return called, (call.args, call.kwargs)
