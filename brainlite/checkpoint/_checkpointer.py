"""Checkpoints by step in one directory, the oldest removed."""

from pathlib import Path as File
from types import TracebackType
from typing import Any, Self

import jax

from brainlite.checkpoint._files import HEADER, read_header, remove, settled_place
from brainlite.checkpoint._items import LASTING
from brainlite.checkpoint._placed import Sharding
from brainlite.checkpoint._report import Report
from brainlite.checkpoint._restore import restore
from brainlite.checkpoint._save import Writing, start
from brainlite.errors import CheckpointError, OptionError
from brainlite.typing import Filter


class Checkpointer:
    """Saves a run as it goes on, each time in a directory of its own, and finds the last again.

    A save takes the values and returns; a thread writes them while the run goes on. At the end of
    the ``with`` block, and before the next save, what is being written is waited for, and what went
    wrong is raised.

    Parameters
    ----------
    directory : path
        Where the checkpoints are: ``directory/<step>``, each as :func:`save` writes it.
    keep : int, optional
        How many of them stay, those that were written last; by default all.
    every : int
        Save only at steps that are multiples of it.

    Raises
    ------
    OptionError
        ``keep`` or ``every`` is not positive.

    Examples
    --------
    >>> import tempfile
    >>> from brainlite.checkpoint import Checkpointer
    >>> model = brainlite.nn.Linear(2, 3)
    >>> with Checkpointer(tempfile.mkdtemp(), keep=2, every=10) as saver:
    ...     found = saver.restore(model=model)  # None: there is nothing yet
    ...     saved = [step for step in range(1, 51) if saver.save(step, model=model)]
    >>> found, saved, saver.steps
    (None, [10, 20, 30, 40, 50], [40, 50])
    """

    def __init__(self, directory: str | File, *, keep: int | None = None, every: int = 1) -> None:
        for name, value in (("keep", keep), ("every", every)):
            given: Any = value
            if given is not None and (type(given) is not int or given < 1):
                raise OptionError(
                    "a Checkpointer does not know how many to keep, or how often to save",
                    expected=f"{name}: a whole number, 1 or more",
                    got=f"{name}={given!r}",
                    fix="leave it out for the default",
                )
        self.directory: File = File(directory).absolute()
        self.keep: int | None = keep
        self.every: int = every
        self._writing: Writing | None = None
        self._order: int | None = None  # of what was written last

    @property
    def steps(self) -> list[int]:
        """The steps that there are, in ascending order; not what is still being written."""
        return sorted(self._places())

    def _places(self) -> dict[int, File]:
        """Return where the checkpoint of each step is, also one whose move was cut short."""
        if not self.directory.is_dir():
            return {}
        if (self.directory / HEADER).is_file():
            raise CheckpointError(
                "a Checkpointer was given one checkpoint, as save() writes it",
                where=str(self.directory),
                expected="a directory that holds checkpoints by step, or none yet",
                got=f"a directory with {HEADER}",
                fix="read it with checkpoint.restore(directory, ...), or name another directory",
            )
        names = {path.name.removeprefix(".").partition(".")[0] for path in self.directory.iterdir()}
        places = {
            int(n): settled_place(self.directory / n)
            for n in names
            if n.isdecimal() and n.isascii()
        }
        return {step: place for step, place in places.items() if (place / HEADER).is_file()}

    def _by_age(self) -> list[int]:
        """Return the steps in the order in which they were written."""
        orders = {step: read_header(place).order for step, place in self._places().items()}
        return sorted(orders, key=lambda step: (orders[step], step))

    def save(
        self,
        step: int,
        /,
        *,
        select: Filter = LASTING,
        metadata: Any = None,
        force: bool = False,
        wait: bool = False,
        **items: Any,
    ) -> bool:
        """Begin to save, if it is time to; see :func:`save`.

        Parameters
        ----------
        step : int
            The number of the step: a multiple of ``every``, else nothing is saved. A checkpoint of
            that step that is there already is replaced once the new one is whole.
        select, metadata, **items
            As for :func:`save`.
        force : bool
            Save at any step.
        wait : bool
            Whether to return only when all is written.

        Returns
        -------
        bool
            Whether it is being saved.

        Raises
        ------
        OptionError, CheckpointError
            As for :func:`save`; or what went wrong with the last one.
        """
        if not force and type(step) is int and step % self.every:
            return False
        self.wait()
        if self._order is None:  # looked up once: there may be thousands
            self._order = max(
                (read_header(each).order for each in self._places().values()), default=0
            )
        place = self.directory / str(step)
        self._writing = start(place, step, self._order + 1, select, metadata, items)
        self._order += 1
        if wait:
            self.wait()
        return True

    def restore(
        self,
        step: int | None = None,
        /,
        *,
        strict: bool = True,
        select: Filter = LASTING,
        sharding: Sharding | None = None,
        **items: Any,
    ) -> Report | None:
        """Restore what was written last, or a certain step; see :func:`restore`.

        Parameters
        ----------
        step : int, optional
            One of ``steps``; by default that which was written last.
        strict, select, sharding, **items
            As for :func:`restore`.

        Returns
        -------
        Report or None
            None where there is no checkpoint yet.

        Raises
        ------
        CheckpointError
            There is no such step; or as for :func:`restore`.
        StateDictError
            As for :func:`restore`.
        """
        self.wait()
        places = self._places()
        if step is None:
            if not places:
                return None
            step = self._by_age()[-1]
        if step not in places:
            raise CheckpointError(
                "there is no checkpoint of this step; nothing was restored",
                where=str(self.directory),
                expected=f"one of the steps {sorted(places)[-8:]}",
                got=f"step {step!r}",
                fix="leave out the step for what was written last",
            )
        return restore(places[step], strict=strict, select=select, sharding=sharding, **items)

    def wait(self) -> None:
        """Return when everything is written.

        Raises
        ------
        Exception
            What went wrong while it was written.
        """
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.wait()
            self._prune()

    def _prune(self) -> None:
        if self.keep is None or jax.process_index() > 0:
            return
        places = self._places()
        for step in self._by_age()[: -self.keep]:
            remove(places[step])

    def close(self) -> None:
        """Wait for what is being written."""
        self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Checkpointer({str(self.directory)!r}, keep={self.keep}, every={self.every})"
