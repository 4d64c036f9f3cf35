"""``check_state_value_tree``, which brainstate asks for what is always checked here."""

from collections.abc import Generator
from contextlib import contextmanager

from brainlite.errors import OptionError


@contextmanager
def check_state_value_tree(val: bool = True) -> Generator[None]:
    """Keep the tree structure of the values of states, which is always kept: a name of brainstate.

    Parameters
    ----------
    val : bool
        True. A write of another structure raises :class:`~brainlite.errors.StateValueError`
        inside and outside of the ``with``.

    Returns
    -------
    context manager

    Raises
    ------
    OptionError
        It is to be switched off.

    Examples
    --------
    >>> count = brainlite.State(jnp.zeros(2))
    >>> with brainlite.check_state_value_tree():
    ...     count.value = jnp.ones(2)
    """
    if not val:
        raise OptionError(
            "that values of states keep their tree structure cannot be switched off",
            expected="val=True",
            got=f"val={val!r}",
            fix="leave check_state_value_tree out; to change the structure, assign a new state to "
            "the attribute",
        )
    yield
