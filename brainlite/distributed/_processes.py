"""What the processes of a run must have in common, compared before it can go wrong."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from brainlite.errors import TransformError


def check_agreement(what: str, entries: Mapping[str, str]) -> None:
    """Raise in all processes unless they have the same entries; alone there is nothing to do."""
    if jax.process_count() == 1:
        return
    try:
        everyones = _everyones(dict(entries))
    except jax.errors.JaxRuntimeError as error:
        raise TransformError(
            f"another process of this run did not answer while they compared {what}",
            where=f"process {jax.process_index()} of {jax.process_count()}",
            expected="all processes to get here",
            got=str(error),
            fix="look for an error in the others: one has ended, or does something else",
        ) from error
    for process, other in enumerate(everyones):
        if other == entries:
            continue
        names = [*dict.fromkeys([*entries, *other])]
        name = next((n for n in names if entries.get(n) != other.get(n)), names[0])
        raise TransformError(
            f"the processes of this run do not agree on {what}",
            where=name,
            expected=f"{entries.get(name, 'nothing')}, as in process {jax.process_index()}",
            got=f"{other.get(name, 'nothing')} in process {process}",
            fix="run the same program in all processes, with the same seed: "
            "`brainlite.random.seed(0)` before the model is made",
        )


def digest_of(array: Any) -> str:
    """Return what tells apart two arrays by their values."""
    if jax.numpy.issubdtype(array.dtype, jax.dtypes.prng_key):
        array = jax.random.key_data(array)
    data = np.asarray(array)
    return f"{data.dtype}{[*data.shape]} {hashlib.sha256(data.tobytes()).hexdigest()[:16]}"


def _everyones(entries: dict[str, str]) -> list[dict[str, str]]:
    """Return the entries of each process."""
    text = np.frombuffer(json.dumps(entries).encode(), np.uint8)
    gather: Any = multihost_utils.process_allgather
    longest = int(np.max(gather(np.asarray(len(text)))))
    padded = np.full(longest, ord(" "), np.uint8)
    padded[: len(text)] = text
    return [json.loads(bytes(row)) for row in np.asarray(gather(padded))]


def from_first(array: Any) -> Any:
    """Return the array of the first process, in each."""
    broadcast: Any = multihost_utils.broadcast_one_to_all
    return np.asarray(broadcast(array))
