"""Small models and iterators that the tests of checkpoints save."""

import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import brainlite
from brainlite import nn
from brainlite.checkpoint import save


class Net(nn.Module):
    """One of everything: tied, empty, of keys, of low precision, of Python."""

    def __init__(self, seed: int = 0) -> None:
        brainlite.random.seed(seed)
        self.first = nn.Linear(2, 3)
        self.second = nn.Linear(3, 3)
        self.tied = self.first
        self.rng = brainlite.RandomState(seed)
        self.other = brainlite.LongTermState(
            {
                "none": jnp.zeros((0, 3)),
                "count": seed,
                "text": f"seed {seed}",
                "half": jnp.full(3, seed, "bfloat16"),
                "complex": jnp.full(2, 1j * seed, "complex64"),
                "bool": jnp.array([seed > 0]),
                "keys": jax.random.split(jax.random.key(seed), 2),
                "wide": np.float64(seed + 1e-12),
                "scalar": jnp.float32(seed),
            }
        )
        self.h = brainlite.HiddenState(jnp.full(3, float(seed)))


class Counter:
    """An iterator that tells where it is, as those of grain do."""

    def __init__(self, at: int = 0) -> None:
        self.at = at

    def get_state(self) -> dict[str, Any]:
        return {"at": self.at, "more": (b"\x00", [float("nan")], {1: np.arange(2)})}

    def set_state(self, state: dict[str, Any]) -> None:
        if state["at"] < 0:
            raise ValueError("there is no such place")
        self.at = state["at"]


def values(*roots: Any) -> dict[str, Any]:
    """Return all that is in some graphs, as bits."""
    found: dict[str, Any] = {}
    for number, root in enumerate((brainlite.random.DEFAULT, *roots)):
        for path, state in brainlite.graph.states([root]).items():
            for inside, leaf in jax.tree_util.tree_leaves_with_path(state.value):
                name = f"{number}.{path}{jax.tree_util.keystr(inside)}"
                found[name] = bits(leaf)
    return found


def bits(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array):
        keys = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        data = np.asarray(jax.random.key_data(leaf) if keys else leaf)
        return str(leaf.dtype), data.shape, data.tobytes()
    return type(leaf).__name__, repr(leaf)


def saved(folder: Path, **items: Any) -> Path:
    """Return the directory of a new checkpoint."""
    save(folder / "saved", **items)
    return folder / "saved"


def copied(directory: Path) -> Path:
    """Return a copy of a checkpoint, to be damaged."""
    copy = directory.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(directory, copy)
    return copy
