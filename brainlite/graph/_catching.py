"""Catching states as they are made: ``catch_new_states``."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from brainlite.graph._filters import to_predicate
from brainlite.state._face import AnyState, current_frame, makers
from brainlite.typing import Filter, Predicate


class NewStateCatcher:
    """The states that were made in a ``with catch_new_states()``, in the order they were made.

    Parameters
    ----------
    state_tag : str, optional
        The tag that each of them gets.
    excluded : callable
        A predicate of path, which is empty, and state: which are left alone.

    Attributes
    ----------
    states : list of State
        They stay after the ``with``.

    Examples
    --------
    >>> with brainlite.catch_new_states() as catcher:
    ...     count = brainlite.State(0)
    >>> isinstance(catcher, brainlite.graph.NewStateCatcher), catcher.get_state_values()
    (True, [0])
    """

    def __init__(self, state_tag: str | None, excluded: Predicate) -> None:
        self.states: list[AnyState] = []
        self.state_tag: str | None = state_tag
        self._excluded = excluded
        self._frame = current_frame.get()

    def __call__(self, state: AnyState) -> None:
        # What a transform in here makes is caught when it comes out of the transform.
        if current_frame.get() is not self._frame or self._excluded((), state):
            return
        if self.state_tag is not None:
            state.add_tag(self.state_tag)
        self.states.append(state)

    def get_states(self) -> list[AnyState]:
        """Return the states, as a new list."""
        return list(self.states)

    def get_state_values(self) -> list[Any]:
        """Return their values."""
        return [state.value for state in self.states]

    def get_by_tag(self, tag: str) -> list[AnyState]:
        """Return those that have a tag."""
        return [state for state in self.states if tag in (state.tag or ())]


@contextmanager
def catch_new_states(
    state_tag: str | None = None, state_to_exclude: Filter = None
) -> Generator[NewStateCatcher]:
    """Catch the states that are made in a ``with``, and tag them.

    Parameters
    ----------
    state_tag : str, optional
        A tag that they get, by which a filter can select them.
    state_to_exclude : Filter
        States to leave alone, by kind or tag; a state that was just made has no path yet.

    Returns
    -------
    context manager
        It gives a :class:`NewStateCatcher`, whose ``get_states()`` and ``get_state_values()``
        return what was caught. Of what a transform makes inside, that is what survives it; a state
        that takes the place of one that was there is none.

    Raises
    ------
    FilterError
        ``state_to_exclude`` is no filter.

    Examples
    --------
    >>> cell = brainlite.nn.GRUCell(2, 3)
    >>> with brainlite.catch_new_states("run") as catcher:
    ...     _ = brainlite.nn.init_all_states(cell)
    >>> catcher.get_states() == [cell.h], list(cell.states(brainlite.graph.WithTag("run")))
    (True, [('h',)])
    """
    catcher = NewStateCatcher(state_tag, to_predicate(state_to_exclude))
    token = makers.set((*makers.get(), catcher))
    try:
        yield catcher
    finally:
        makers.reset(token)
