"""How far a loop of Python is, and what its numbers are."""

import importlib
import time
from collections.abc import Iterable, Iterator
from typing import Any, Generic

from typing_extensions import TypeVar

from brainlite.typing import ArrayLike

T_co = TypeVar("T_co", covariant=True)

_INTERVAL = 0.1  # seconds between two looks at numbers, as tqdm has


class Progress(Generic[T_co]):
    """A loop with a bar: What :func:`progress` returns."""

    def __init__(self, steps: Iterable[T_co], bar: Any) -> None:
        self._steps: Iterable[T_co] = steps
        self._bar: Any = bar
        self._shown: float = 0.0
        self._numbers: dict[str, ArrayLike] = {}

    def __iter__(self) -> Iterator[T_co]:
        try:
            for step in self._steps:
                yield step
                self._bar.update(1)
            self._write()
        finally:
            self._bar.close()

    def show(self, **numbers: ArrayLike) -> None:
        """Show numbers beside the bar, such as ``loss=loss``.

        They are looked at, and so waited for, ten times a second at most: what is computed
        meanwhile is not held up by each step.
        """
        self._numbers = numbers
        if time.monotonic() - self._shown >= _INTERVAL:
            self._write()

    def _write(self) -> None:
        if self._numbers:
            texts = {name: _text(number) for name, number in self._numbers.items()}
            self._bar.set_postfix(texts)
            self._shown = time.monotonic()


def progress(
    steps: Iterable[T_co],
    desc: str | None = None,
    *,
    total: int | None = None,
    **options: object,
) -> Progress[T_co]:
    """Return a loop over ``steps`` with a progress bar, beside which numbers can be shown.

    For loops of Python, such as those over the batches of an epoch; compiled loops take a
    :class:`brainlite.transform.ProgressBar`. It needs ``tqdm``
    (``pip install brainlite[progress]``).

    Parameters
    ----------
    steps : iterable
        What to loop over.
    desc : str, optional
        The text before the bar.
    total : int, optional
        The number of steps, where ``steps`` has no length.
    **options
        For ``tqdm``, such as ``leave=False``.

    Returns
    -------
    Progress
        An iterator over the steps, with ``show(loss=...)``.

    Raises
    ------
    ImportError
        ``tqdm`` is not installed.

    Examples
    --------
    >>> bar = brainlite.nn.progress(range(3), "epoch 1", disable=True)
    >>> for step in bar:
    ...     bar.show(loss=jnp.float32(1 / (step + 1)))
    """
    try:
        tqdm = importlib.import_module("tqdm.auto").tqdm
    except ImportError as error:
        raise ImportError(
            "progress needs tqdm, which is not installed: pip install brainlite[progress]"
        ) from error
    known = getattr(steps, "__len__", None)
    count = total if total is not None or known is None else known()
    return Progress(steps, tqdm(total=count, desc=desc, **options))


def _text(number: Any) -> str:
    return str(number) if isinstance(number, str | int | complex) else f"{float(number):.4g}"
