"""How the values of states go into a compiled function.

jax takes three times as long to look into a dict as Python takes to get two items out of it. So the
dicts in which layers keep a weight and a bias are taken apart here; any other value is passed as
it is, and jax looks for its arrays.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from brainlite._jax_compat import Tracer
from brainlite.state import State

AnyState = State[Any]


class Misfit(BaseException):
    """A compilation does not serve a call: a state holds other keys, or the shapes are others.

    Whoever catches it compiles anew. Not an ``Exception``: user code that is being traced must not
    catch it.
    """


class Intake:
    """The order and the form in which a compiled function takes the values of states.

    Parameters
    ----------
    values : dict
        The states that the function reads, with the values that they have.
    given : collection of states
        Those whose buffers are given up. They come first, in a list of their own.

    Attributes
    ----------
    states : list of State
        The states in their order.
    given : int
        How many of them are given up.
    gather : callable
        Does what ``flatten`` does, for the values that a list of such states holds. Generated, as
        the methods of a dataclass are: it runs at every warm call.
    """

    def __init__(self, values: dict[AnyState, Any], given: Collection[AnyState] = ()) -> None:
        donated = [state for state in values if state in given]
        kept = {state: value for state, value in values.items() if state not in given}
        dicts = {state: tuple(value) for state, value in kept.items() if _is_plain(value)}
        whole = [state for state in kept if state not in dicts]
        self.states: list[AnyState] = [*donated, *whole, *dicts]
        self.given: int = len(donated)
        self._whole = self.given + len(whole)
        self._keys: list[tuple[str, ...]] = list(dicts.values())
        self.gather: Callable[[list[AnyState]], list[Any]] = _generate(self._whole, self._keys)

    def flatten(self, values: list[object]) -> list[object]:
        """Return what to pass in, from one value for each of ``states``.

        Raises
        ------
        Misfit
            The values do not have the form that this was made for.
        """
        flat = values[: self._whole]
        for keys, value in zip(self._keys, values[self._whole :], strict=True):
            if type(value) is not dict or value.keys() != set(keys):
                raise Misfit
            flat += [value[key] for key in keys]
        return flat

    def restore(self, flat: Sequence[object]) -> list[object]:
        """Return one value for each of ``states``: the inverse of ``flatten``."""
        values = list(flat[: self._whole])
        at = self._whole
        for keys in self._keys:
            values.append(dict(zip(keys, flat[at : at + len(keys)], strict=True)))
            at += len(keys)
        return values


def _is_plain(value: object) -> bool:
    return type(value) is dict and bool(value) and all(type(key) is str for key in value)


def _generate(whole: int, keys: list[tuple[str, ...]]) -> Callable[[list[AnyState]], list[object]]:
    """Write the function that gets the values out of states.

    For two layers and one other state it is

    >>> def gather(states):
    ...     s0, s1, s2 = states
    ...     try:
    ...         s1, s2 = s1.__held__, s2.__held__
    ...         flat = [s0.__held__, s1["weight"], s1["bias"], s2["weight"], s2["bias"]]
    ...         if sum(map(len, (s1, s2,))) == 4:  # one sum of thousands is too deep for Python
    ...             return flat
    ...     except (KeyError, TypeError):
    ...         pass
    ...     raise Misfit
    """
    names = [f"s{n}" for n in range(whole + len(keys))]
    dicts = names[whole:]
    items = [f"{name}.__held__" for name in names[:whole]]
    items += [f"{name}[{key!r}]" for name, each in zip(dicts, keys, strict=True) for key in each]
    take = f"[{', '.join(items)}]"
    lines = ["def gather(states):"]
    if names:
        lines.append(f"    {', '.join(names)}, = states")
    if dicts:
        lines += [
            "    try:",
            f"        {', '.join(dicts)}, = {', '.join(f'{name}.__held__' for name in dicts)},",
            f"        flat = {take}",
            f"        if sum(map(len, ({', '.join(dicts)},))) == {sum(map(len, keys))}:",
            "            return flat",
            "    except (KeyError, TypeError):",
            "        pass",
            "    raise Misfit",
        ]
    else:
        lines.append(f"    return {take}")
    scope: dict[str, Any] = {"Misfit": Misfit}
    exec("\n".join(lines), scope)
    generated: Callable[[list[AnyState]], list[object]] = scope["gather"]
    return generated


def own_buffers(given: object, others: object) -> Any:
    """Copy each array in ``given`` that occurs twice, or in ``others``, too.

    XLA refuses to give up a buffer that is passed in elsewhere in the same call.
    """
    passed = jax.tree.leaves((given, others))
    if len(set(map(id, passed))) == len(passed):
        return given
    taken = set(map(id, jax.tree.leaves(others)))

    def own(leaf: object) -> object:
        if not isinstance(leaf, jax.Array) or isinstance(leaf, Tracer):
            return leaf
        if id(leaf) in taken:
            return jnp.copy(leaf)
        taken.add(id(leaf))
        return leaf

    return jax.tree.map(own, given)
