"""One process of a run of several: trains, saves at each second step, and says what came of it.

    python -m tests.distributed.process TASK FOLDER

where the variables of the environment say which process it is.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from brainlite import distributed

distributed.initialize(timeout=10)

import jax  # noqa: E402  # only now, as the docs of `initialize` ask
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402

from brainlite import nn, random  # noqa: E402
from brainlite.checkpoint import Checkpointer  # noqa: E402
from brainlite.transform import jit  # noqa: E402
from tests.distributed.training import Run  # noqa: E402


def train(folder: Path, steps: int, kind: str = "fsdp", slow: float = 0.0) -> None:
    run = Run(kind)
    with Checkpointer(folder, every=2) as saver:
        found = saver.restore(model=run.model, optimizer=run.optimizer)
        for number in range((found.step or 0) if found else 0, steps):
            loss = run.step(*run.batch(number))
            print("loss", number, float(loss).hex(), flush=True)
            saver.save(number + 1, model=run.model, optimizer=run.optimizer)
            time.sleep(slow)


def look() -> None:
    """Do with a model over several processes what one does with a model."""
    random.seed(0)
    where = distributed.mesh(data=-1)
    model = distributed.make(
        lambda: nn.Sequential(nn.Linear(8, 16), nn.Dropout(0.5)),
        where,
        [(..., distributed.fsdp(where, "data", 0))],
    )
    assert "P('data')" in repr(model) or "P(None, 'data')" in repr(model)
    assert "per device" in repr(nn.summary(model))
    assert "P(" in repr(distributed.show(model))
    ones: Any = np.ones((4, 8), "float32")
    x: jax.Array = distributed.batch(ones, where)
    assert x.shape == (4 * jax.process_count(), 8)
    model.train()
    eager = model(x)  # an eager draw, for an array that no process holds whole
    assert eager.shape == (8, 16)
    assert jit(model)(x).shape == (8, 16)
    whole = distributed.gather(model)
    assert whole["0.weight.weight"].shape == (8, 16)
    random.seed(0)
    plain = nn.Linear(8, 16)
    np.testing.assert_allclose(whole["0.weight.weight"], np.asarray(plain.weight.value["weight"]))
    model.load_state_dict({name: array + 1 for name, array in whole.items()})
    weight = model[0].weight
    assert weight.value["weight"].sharding == weight.sharding["weight"]
    np.testing.assert_allclose(
        distributed.gather(model)["0.weight.weight"], whole["0.weight.weight"] + 1
    )
    placed = distributed.place(nn.Linear(2, 2), where)
    placed.weight.value = {"weight": jnp.ones((2, 2)), "bias": jnp.ones(2)}
    assert placed.weight.value["weight"].sharding.is_fully_replicated
    print("looked", flush=True)


def disagree(what: str) -> None:
    """Make what differs between the processes; each of them must say so."""
    where, number = distributed.mesh(data=-1), jax.process_index()
    makes: dict[str, Any] = {
        "size": lambda: distributed.make(lambda: nn.Linear(2, 2 + number), where),
        "values": lambda: distributed.place(nn.Linear(2, 2), where),
        "random numbers": lambda: distributed.make(lambda: nn.Linear(2, 2), where),
        "count": lambda: distributed.make(
            lambda: nn.Sequential(*[nn.Linear(2, 2) for _ in range(1 + number)]), where
        ),
    }

    def absent() -> Any:
        if number:
            raise ValueError("this process has lost its data")
        return nn.Linear(2, 2)

    makes["absent"] = lambda: distributed.make(absent, where)
    random.seed(number if what in ("values", "random numbers") else 0)
    try:
        makes[what]()
    except Exception as error:
        print("refused", str(error).replace("\n", " | "), flush=True)


if __name__ == "__main__":
    task, target = sys.argv[1:3]
    if task == "train":
        train(Path(target), int(sys.argv[3]))
    elif task == "slowly":
        train(Path(target), 1000, slow=0.05)
    elif task == "look":
        look()
    else:
        disagree(task)
    print("done", os.environ.get("JAX_PROCESS_ID", 0), flush=True)
