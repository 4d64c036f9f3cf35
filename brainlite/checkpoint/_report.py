"""What a restore did."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Report:
    """What :func:`restore` did, by the names of the entries.

    A name is that of the item and the path in it: ``'model.layers.0.weight.bias'``. The shared
    generator is ``'random.DEFAULT'``.

    Attributes
    ----------
    step : int or None
        The step that the checkpoint was saved at.
    restored : tuple of str
        What was written.
    missing : tuple of str
        What is in the objects, and not in the checkpoint.
    unexpected : tuple of str
        What is in the checkpoint, and not in the objects that were passed.
    misshaped : tuple of str
        What has another shape or kind in the checkpoint; only in the message of the error.
    cast : tuple of str
        What was stored in another dtype of the same kind, and converted.
    skipped : tuple of str
        What is in the checkpoint, and was not asked for: by ``select``, or by its item.
    values : dict
        The numbers and strings that were saved as items, whether they were passed or not.
    metadata
        What was passed as ``metadata`` when it was saved.
    """

    step: int | None = None
    restored: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    misshaped: tuple[str, ...] = ()
    cast: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    values: dict[str, Any] = field(default_factory=dict[str, Any])
    metadata: Any = None

    @property
    def exact(self) -> bool:
        """Whether everything that was asked for is there, as it was saved."""
        return not (self.missing or self.unexpected or self.misshaped or self.cast)

    def __str__(self) -> str:
        kinds = ("restored", "missing", "unexpected", "misshaped", "cast", "skipped")
        lines = [
            f"  {kind + ':':<12}{len(names):>5}  {some(names)}"
            for kind in kinds
            if (names := getattr(self, kind))
        ]
        at = "" if self.step is None else f" at step {self.step}"
        return "\n".join([f"Checkpoint{at}", *lines])


def some(names: tuple[str, ...] | list[str]) -> str:
    """Return a few of some names, and how many there are."""
    shown = ", ".join(names[:8]) or "nothing"
    return shown + (f", ... ({len(names)})" if len(names) > 8 else "")
