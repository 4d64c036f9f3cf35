"""Giving a part to a module by name: what is refused, and why."""

from typing import Any

import jax

from brainlite.errors import ContainerError, NameTakenError, StateValueError
from brainlite.graph import Node
from brainlite.state import LongTermState, ParamState, ShortTermState, State
from brainlite.state._face import AnyState


def attach(module: Node, name: Any, part: Any) -> None:
    """Set a part of a module by name. It may take the place of a part of its kind.

    Raises
    ------
    NameTakenError
        The name is no name, or means something else already.
    """
    home = type(module).__name__
    if not isinstance(name, str) or not name or "." in name or name.startswith("_"):
        got, fix = repr(name), "use a word without dots and without a leading underscore"
    elif name in vars(module) and _kind(vars(module)[name]) is not _kind(part):
        before = type(vars(module)[name]).__name__
        got, fix = f"{name!r}, which is a {before} already", "delete that first, or rename this"
    elif hasattr(type(module), name):
        got, fix = f"{name!r}, which every {home} has", "choose another name"
    else:
        setattr(module, name, part)
        return
    raise NameTakenError(
        f"this cannot be the name of a {type(part).__name__}",
        where=home,
        expected="a name that nothing else has",
        got=got,
        fix=fix,
    )


def _is_numeric(leaf: Any) -> bool:
    return isinstance(leaf, bool | int | float | complex) or hasattr(leaf, "__array__")


def check_part(module: Node, name: Any, part: Any, kind: type[Any]) -> None:
    """Raise unless the part that is to have a name is of a kind."""
    if isinstance(part, kind):
        return
    raise ContainerError(
        f"this is no {kind.__name__}",
        where=f"{type(module).__name__}.{name}",
        expected=f"a {kind.__name__}",
        got=f"{part!r}, of type {type(part).__name__}",
        fix="set what is none as a plain attribute: `self.name = ...`",
    )


def _kind(part: Any) -> type[Any] | None:
    return next((kind for kind in (Node, ParamState, State) if isinstance(part, kind)), None)


class Attaching(Node):
    """A node that takes states by name."""

    def register_parameter(self, name: str, param: ParamState[Any]) -> None:
        """Set a parameter by name, as ``self.name = param`` does; errors as for buffers."""
        check_part(self, name, param, ParamState)
        attach(self, name, param)

    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> AnyState:
        """Set a state that is not trained by name.

        Parameters
        ----------
        name : str
            Its name.
        value : array
            Its initial value, or None for one that comes later.
        persistent : bool
            Whether it outlives a run, a :class:`LongTermState`, and is in :meth:`state_dict`;
            otherwise it is a :class:`ShortTermState`.

        Returns
        -------
        The state. It is read and written as ``self.name.value``.

        Raises
        ------
        NameTakenError
            The name means something else already, or is no name.
        StateValueError
            The value is neither an array nor made of arrays.
        """
        wrong = [each for each in jax.tree.leaves(value) if not _is_numeric(each)]
        if wrong:
            raise StateValueError(
                "this cannot be the value of a buffer",
                where=f"{type(self).__name__}.{name}",
                expected="an array, a number, or a tree of these",
                got=f"{wrong[0]!r}, of type {type(wrong[0]).__name__}",
                fix="set what is no array as a plain attribute",
            )
        kind: type[AnyState] = LongTermState if persistent else ShortTermState
        state = kind(value)
        attach(self, name, state)
        return state
