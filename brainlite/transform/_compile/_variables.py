"""The variables that a compiled function was traced with, looked at before each call.

A name may be bound to something else: a cell of a notebook that is run again binds ``model`` to a
new one. Then the compilation doesn't hold any more.
"""

from brainlite._jax_compat import Tracer
from brainlite.graph._face import Frozen, Watched, freeze, holds_graph, same_value
from brainlite.transform._engine._reach import Variable, explore


class Variables:
    """The variables of a function as they were when it was traced.

    Parameters
    ----------
    fun : object
        The function.
    """

    def __init__(self, fun: object) -> None:
        reach = explore(fun)
        self._found: list[Variable] = [each for each in reach.variables if not each.own]
        # Whether a value of a trace that is still running is among them.
        self.traced: bool = any(isinstance(each, Tracer) for each in reach.objects.values())
        self._frozen: list[object] = [_freeze(each.value) for each in self._found]

    def unchanged(self) -> bool:
        """Say whether each holds what it held: the same object, or an equal number or string."""
        return all(map(_same, self._frozen, (each.now() for each in self._found)))

    def changed(self) -> list[str]:
        """Return the names of those that do not."""
        pairs = zip(self._found, self._frozen, strict=True)
        return [each.name for each, then in pairs if not _same(then, each.now())]

    def bound(self) -> list[Variable]:
        """Return them as they are bound now."""
        return [each._replace(value=each.now()) for each in self._found]

    def watched(self) -> list[Watched]:
        """Return the containers of states and modules among them, which can be edited in place."""
        pairs = zip(self._found, self._frozen, strict=True)
        return [Watched(each.now()) for each, then in pairs if isinstance(then, Frozen)]


def _freeze(value: object) -> object:
    is_container = isinstance(value, list | tuple | dict) or hasattr(
        type(value), "__dataclass_fields__"
    )
    return freeze(value) if is_container and holds_graph(value) else value


def _same(then: object, now: object) -> bool:
    """Say whether a variable holds what it held."""
    if not isinstance(then, Frozen):
        return same_value(then, now)
    frozen = _freeze(now)
    return (
        isinstance(frozen, Frozen)
        and frozen.kind is then.kind
        and bool(frozen.keys == then.keys)
        and len(frozen.items) == len(then.items)
        and all(map(_same, then.items, frozen.items))
    )
