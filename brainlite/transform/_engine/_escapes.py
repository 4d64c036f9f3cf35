"""Traced values that a function leaves in its variables, where they would outlive the trace."""

from brainlite._jax_compat import Tracer
from brainlite.errors import EscapedTracerError
from brainlite.graph import Node, StateDict
from brainlite.graph._face import contents_of, differ, holds_graph
from brainlite.state import State
from brainlite.state._face import Kept, type_text
from brainlite.transform._engine._reach import MOST, Reach, Variable, explore


class Escapes:
    """Looks for traced values that a function leaves in its variables.

    Parameters
    ----------
    fun : object
        The function, before it is traced.
    label : str
        The name of the transform, for messages.
    """

    def __init__(self, fun: object, label: str) -> None:
        self._fun = fun
        self._label = label
        self._before: list[tuple[Variable, Kept]] = [
            (each, Kept(None, each.name, each.value, _contents(each.value)))
            for each in explore(fun).variables
        ]

    def check(self) -> None:
        """Raise if there are any, with the variables as they were before.

        A state or a module that a variable is bound to anew is refused as well.
        """
        reach = explore(self._fun)
        if any(isinstance(thing, Tracer) for thing in reach.objects.values()):
            error = self._escaped(reach)
        else:
            moved = next((each for each, kept in self._before if _has_moved(each, kept)), None)
            if moved is None:
                return
            error = self._moved(moved)
        for each, kept in self._before:
            if each.now() is not each.value:
                each.bind(each.value)
            kept.undo()
        raise error

    def _escaped(self, reach: Reach) -> EscapedTracerError:
        """Return the error for a traced value, with the variable that most likely holds it."""
        direct = [each for each in reach.variables if isinstance(each.value, Tracer)]
        rest = [each for each in reach.variables if not callable(each.value)]
        every = (*direct, *rest, *reach.variables)
        guilty = next((each for each in every if _holds_tracer(each.value)), None)
        name = "what the function holds" if guilty is None else f"variable {guilty.name!r}"
        return EscapedTracerError(
            f"a traced value was left in {name} inside {self._label}",
            where=None if guilty is None else guilty.owner,
            expected="values that are returned, or written to a State",
            got="an abstract value of the trace" if guilty is None else _shown(guilty.value),
            fix="keep it in a State (`state.value = ...`), or return it: the Python code runs when "
            "the function is traced, not at each call",
        )

    def _moved(self, variable: Variable) -> EscapedTracerError:
        return EscapedTracerError(
            f"variable {variable.name!r} got another state or module inside {self._label}, which "
            "would happen when the function is traced, not at each call",
            where=variable.owner,
            expected="variables that hold the same states and modules before and after",
            got=f"a {type(variable.now()).__name__} that is another, or holds others",
            fix="keep states and modules in attributes of a module, or exchange their values",
        )


def _contents(value: object) -> list[tuple[object, object]]:
    """Return lists and dicts with copies of what they hold, if they are small enough to look at."""
    small = isinstance(value, list | dict) and len(value) <= MOST
    return [*contents_of(value)] if small else []


def _has_moved(before: Variable, kept: Kept) -> bool:
    now = before.now()
    if now is not before.value:
        return now is not before and (_is_graphic(now) or _is_graphic(before.value))
    edited = [(each, items) for each, items in kept.contents if differ(each, items)]
    return any(_is_graphic(each) or _is_graphic(items) for each, items in edited)


def _is_graphic(value: object) -> bool:
    container = isinstance(value, list | tuple | dict)
    return isinstance(value, Node | State | StateDict) or (container and holds_graph(value))


def _holds_tracer(value: object) -> bool:
    return any(isinstance(thing, Tracer) for thing in explore(value).objects.values())


def _shown(value: object) -> str:
    inside = "" if isinstance(value, Tracer) else f"a {type(value).__name__} that holds "
    found = [thing for thing in explore(value).objects.values() if isinstance(thing, Tracer)]
    return f"{inside}{type_text(found[0])}, an abstract value"
