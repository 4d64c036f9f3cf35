"""Checkpoints that earlier versions have written can be read.

`python -m tests.checkpoint.test_kept` writes one of this version: for a new format only.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.checkpoint import restore, save
from brainlite.checkpoint._files import FORMAT
from tests.checkpoint.parts import Counter, bits

DATA = Path(__file__).parent / "data"


class Kept(nn.Module):
    """Values that follow from a number, whatever initialisers do."""

    def __init__(self, n: int) -> None:
        self.linear = nn.Linear(2, 3, jnp.arange(6.0).reshape(2, 3) * n, jnp.full(3, float(n)))
        self.tied = self.linear
        self.rng = brainlite.RandomState(jax.random.key(n, impl="rbg"))
        self.mean = brainlite.BatchState(jnp.full(2, n, "bfloat16"))
        self.rest = brainlite.LongTermState(
            {
                "none": jnp.zeros((0, 2), "int8"),
                "count": n,
                "text": str(n),
                "wide": np.float64(n / 3),
                "complex": (jnp.array([1j * n], "complex64"), jnp.array([n > 0])),
                "key": jax.random.key(n),
            }
        )
        self.h = brainlite.HiddenState(jnp.full(2, float(n)))


@pytest.mark.parametrize("number", range(1, FORMAT + 1))
def test_each_format_is_read(number: int) -> None:
    model, data = Kept(0), Counter()
    report = restore(DATA / f"format_{number}", model=model, data=data, select=...)
    assert report.exact
    assert report.step == 7
    assert report.values == {"best": 0.1, "name": "kept"}
    assert report.metadata == {"sizes": (2, 3)}
    assert data.at == 5
    assert jax.random.key_data(brainlite.random.DEFAULT.value).tolist() == [0, 3]
    expected = jax.tree.leaves([state.value for state in Kept(3).states().values()])
    found = jax.tree.leaves([state.value for state in model.states().values()])
    assert list(map(bits, found)) == list(map(bits, expected))
    assert model.tied is model.linear


def write(directory: Path) -> None:
    items: dict[str, Any] = {"model": Kept(3), "data": Counter(5), "best": 0.1, "name": "kept"}
    brainlite.random.seed(3)
    save(directory, step=7, select=..., metadata={"sizes": (2, 3)}, **items)


if __name__ == "__main__":
    write(DATA / f"format_{FORMAT}")
