"""How the values of states go into a compiled function.

jax takes three times as long to look into a dict as Python takes to get two items out of it. So the
dicts in which layers keep a weight and a bias are taken apart here; any other value is passed as
it is, and jax looks for its arrays.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeGuard, TypeVar

import jax
import jax.numpy as jnp

from brainlite._jax_compat import Tracer
from brainlite.state._face import AnyState

T = TypeVar("T")


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
    whole : int
        How many are passed as they are; they come first.
    keys : tuple
        The keys of the dicts of the others.
    """

    def __init__(self, values: Mapping[AnyState, object], given: Collection[AnyState] = ()) -> None:
        donated = [state for state in values if state in given]
        kept = {state: value for state, value in values.items() if state not in given}
        dicts = {state: tuple(value) for state, value in kept.items() if _is_plain(value)}
        whole = [state for state in kept if state not in dicts]
        self.states: list[AnyState] = [*donated, *whole, *dicts]
        self.given: int = len(donated)
        self.whole: int = self.given + len(whole)
        self.keys: tuple[tuple[str, ...], ...] = tuple(dicts.values())

    def flatten(self, values: list[object]) -> list[object]:
        """Return what to pass in, from one value for each of ``states``.

        Raises
        ------
        Misfit
            The values do not have the form that this was made for.
        """
        flat = values[: self.whole]
        for keys, value in zip(self.keys, values[self.whole :], strict=True):
            if type(value) is not dict or value.keys() != set(keys):
                raise Misfit
            flat += [value[key] for key in keys]
        return flat

    def restore(self, flat: Sequence[object]) -> list[object]:
        """Return one value for each of ``states``: the inverse of ``flatten``."""
        values = list(flat[: self.whole])
        at = self.whole
        for keys in self.keys:
            values.append(dict(zip(keys, flat[at : at + len(keys)], strict=True)))
            at += len(keys)
        return values


def _is_plain(value: object) -> TypeGuard[dict[str, object]]:
    return type(value) is dict and bool(value) and all(type(key) is str for key in value)


def own_buffers(given: T, others: object) -> T:
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

    owned: T = jax.tree.map(own, given)
    return owned
