"""Checkpoints: a run written down whole, and taken up again where it was.

The words
---------
item
    What is saved under a name of its own: a module, an optimizer, a state, a number, an iterator.
entry
    One array or number of an item: ``'model.layers.0.weight.bias'``. A tied state is one entry; its
    other names are noted.
report
    What a restore found, by names of entries: :class:`Report`.

The invariant
-------------
**All or nothing, both ways.** A checkpoint grows beside its place and is put there by one rename:
whoever is killed leaves the last one whole. A restore settles first, from names, shapes, kinds and
digests, that everything fits; then it reads; and only then are values written, all at once.

The cases it guards
-------------------
- The shared random generator is no part of a model: it always goes along.
- Nothing that is read can name a class or a function, and no name in a file opens another one.
- A file that was changed, cut or lost is noticed by its digest before anything looks into it.
- Steps are found by the order in which they were written: a run that starts again in an old
  directory is not taken for older than what it replaces.

orbax writes the arrays, each process its own shards; :mod:`brainlite.checkpoint._orbax` alone knows
it. It is imported at the first use: ``pip install brainlite[checkpoint]``.
"""

from brainlite.checkpoint._checkpointer import Checkpointer
from brainlite.checkpoint._report import Report
from brainlite.checkpoint._restore import restore
from brainlite.checkpoint._save import save

__all__ = ["Checkpointer", "Report", "restore", "save"]
