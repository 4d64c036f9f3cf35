"""Batches of arrays that are in memory, in an order that can be taken up again."""

import operator
from collections.abc import Iterator
from typing import Any, Generic

import jax
import jax.numpy as jnp
import numpy as np
from typing_extensions import TypeVar

from brainlite.errors import InputError, OptionError
from brainlite.random._face import to_key
from brainlite.typing import Key, SeedOrKey

T = TypeVar("T")


class Batches(Generic[T]):
    """An iterator over batches, epoch after epoch: what :func:`batches` returns.

    A ``for`` loop runs to the end of the epoch, and the next one through the next epoch, in another
    order. ``len`` is the number of batches of an epoch.

    Attributes
    ----------
    epoch : int
        How many epochs are over.

    Raises
    ------
    InputError
        The arrays have no first axis, or not one of the same length.

    Examples
    --------
    >>> data = brainlite.nn.batches({"x": jnp.arange(5)}, 2)
    >>> [batch["x"].tolist() for batch in data], data.epoch
    ([[0, 1], [2, 3], [4]], 1)
    """

    def __init__(self, arrays: T, size: int, key: Key | None, drop_last: bool) -> None:
        self._arrays: T = arrays
        self._samples: int = _count(arrays)
        self._size: int = size
        self._key: Key | None = key
        self._drop_last: bool = drop_last
        self.epoch: int = 0
        self._batch: int = 0
        self._order: np.ndarray[Any, Any] | None = None  # of this epoch, once it is needed

    def __len__(self) -> int:
        whole, rest = divmod(self._samples, self._size)
        return whole + bool(rest and not self._drop_last)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self._batch >= len(self):
            self.epoch, self._batch, self._order = self.epoch + 1, 0, None
            raise StopIteration
        start = self._batch * self._size
        stop = min(start + self._size, self._samples)
        rows: Any = slice(start, stop)
        if self._key is not None:
            if self._order is None:
                key = jax.random.fold_in(self._key, self.epoch)
                self._order = np.asarray(jax.random.permutation(key, self._samples))
            rows = self._order[rows]
        found: T = jax.tree.map(lambda array: _taken(array, rows), self._arrays)
        self._batch += 1
        return found

    def get_state(self) -> dict[str, Any]:
        """Return where it is, for a checkpoint."""
        key = None if self._key is None else np.asarray(jax.random.key_data(self._key)).tolist()
        return {"epoch": self.epoch, "batch": self._batch, "key": key, **self._fixed()}

    def _fixed(self) -> dict[str, Any]:
        return {"samples": self._samples, "size": self._size, "drop_last": self._drop_last}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on where another one was, in its order.

        Raises
        ------
        OptionError
            The other one had other samples, batches of another size, or an order of its own.
        """
        fixed = self._fixed() | {"shuffled": self._key is not None}
        given = {name: state.get(name) for name in fixed} | {
            "shuffled": state.get("key") is not None
        }
        if given != fixed:
            raise OptionError(
                "these batches cannot go on where the others were",
                expected=str(given),
                got=str(fixed),
                fix="make them of the same arrays with the same options",
            )
        self.epoch, self._batch, self._order = int(state["epoch"]), int(state["batch"]), None
        if self._key is not None:
            words = jnp.asarray(state["key"], jnp.uint32)
            self._key = jax.random.wrap_key_data(words, impl=jax.random.key_impl(self._key))

    def __repr__(self) -> str:
        kind = "in order" if self._key is None else "shuffled"
        at = f"epoch {self.epoch}, batch {self._batch} of {len(self)}"
        return f"Batches({self._samples} samples by {self._size}, {kind}, at {at})"


def batches(
    arrays: T, size: int, key: SeedOrKey | None = None, *, drop_last: bool = False
) -> Batches[T]:
    """Return an iterator over batches of arrays, which a checkpoint can take up again.

    Parameters
    ----------
    arrays : pytree of arrays
        They agree in their first axis, that of the samples: ``(x, y)``. Those of numpy give batches
        of numpy, those of jax of jax.
    size : int
        The samples of a batch.
    key : int or key, optional
        What the order of each epoch follows from; without it the samples come as they stand.
    drop_last : bool
        Whether to leave out a last batch that is smaller, for which a compiled function would be
        compiled once more.

    Returns
    -------
    Batches
        A ``for`` loop over it is an epoch, or what is left of one after a ``break`` or a
        ``next(data)``: look at a first batch on ``batches`` made for that. ``get_state`` and
        ``set_state`` tell and set where it is: pass it to :func:`brainlite.checkpoint.save` among
        the items.

    Raises
    ------
    InputError
        The arrays do not agree in their first axis, or there are none.
    OptionError
        ``size`` is not positive, or leaves no batch.

    Examples
    --------
    >>> x, y = jnp.arange(6.0).reshape(3, 2), jnp.arange(3)
    >>> for rows, labels in brainlite.nn.batches((x, y), 2):
    ...     print(rows.shape, labels)
    (2, 2) [0 1]
    (1, 2) [2]
    """
    try:
        count = 0 if isinstance(size, bool) else operator.index(size)
    except TypeError:
        count = 0
    made = Batches(arrays, max(count, 1), None if key is None else to_key(key), drop_last)
    if count < 1 or (not len(made) and drop_last):
        raise OptionError(
            "there is no batch of this size",
            where="batches",
            expected=f"a whole number, 1 or more{', and no more than samples' * drop_last}",
            got=f"size={size!r}, for {_count(arrays)} samples",
            fix="pass a smaller size, or leave out drop_last",
        )
    return made


def _count(arrays: Any) -> int:
    """Return the number of samples."""
    shapes = [np.shape(array) for array in jax.tree.leaves(arrays)]
    counts = {shape[:1] for shape in shapes}
    if len(counts) == 1 and () not in counts:
        return int(shapes[0][0])
    raise InputError(
        "these arrays cannot be cut into batches together",
        where="batches",
        expected="one array or more, with as many samples along the first axis",
        got=f"shapes {shapes}",
        fix="put the axis of the samples first",
    )


def _taken(array: Any, rows: Any) -> Any:
    """Return rows of an array, of which nobody else has the memory."""
    found = array[rows]
    return found.copy() if isinstance(found, np.ndarray) and isinstance(rows, slice) else found
