"""The same program on one device and on eight, laid out in many ways: the same losses."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

from brainlite import environ, graph, random
from brainlite.distributed import gather
from brainlite.state import BatchState
from tests.closeness import assert_close
from tests.distributed.training import Run

pytestmark = pytest.mark.devices(8)
_QUICK = ("fsdp and tensor", "zero")
WAYS = ("data", "fsdp", "tensor", "fsdp and tensor", "zero")


@pytest.fixture(autouse=True)
def _free_generator() -> Iterator[None]:
    yield
    random.DEFAULT.sharding = None


def compilations() -> list[str]:
    """Return a list to which every compilation adds."""
    found: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: str | int) -> None:
        del duration_secs, kwargs
        if "backend_compile" in event:
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    return found


def lies(run: Run) -> Any:
    """Return where each array is; what declares a place is there."""
    states = graph.states((run.optimizer, run.model, run.metric))
    for state in states.values():
        if run.mesh is not None:
            assert state.sharding is not None
            for leaf, where in zip(
                jax.tree.leaves(state.value), jax.tree.leaves(state.sharding), strict=True
            ):
                assert leaf.sharding == where
    return [leaf.sharding for s in states.values() for leaf in jax.tree.leaves(s.value)]


def train(run: Run, steps: int) -> list[float]:
    return [float(run.step(*run.batch(number))) for number in range(steps)]


@pytest.fixture(scope="module")
def reference() -> Any:
    with jax.enable_x64(True), environ.context(precision=64):
        run = Run("one device")
        return train(run, 5), gather(run.model), float(run.metric.compute())


@pytest.mark.parametrize(
    "way", [pytest.param(w, marks=[pytest.mark.slow] * (w not in _QUICK)) for w in WAYS]
)
def test_losses_are_those_of_one_device(way: str, reference: Any) -> None:
    compiled = compilations()
    # In double precision what differs is the program, not the rounding.
    with jax.enable_x64(True), environ.context(precision=64):
        run = Run(way)
        before = lies(run)
        x, y = run.batch(0)
        compiled.clear()
        first = float(run.step(x, y))
        once = len(compiled)
        losses = [first, *[float(run.step(*run.batch(number))) for number in range(1, 5)]]
        assert lies(run) == before
        assert (once, len(compiled)) == (1, 1)
        # Sums of at most 64 terms, three after one another, over five steps and Adam's roots.
        assert_close(np.asarray(losses), np.asarray(reference[0]), terms=2**20)
        # A bias before a normalisation has no gradient but rounding: hence the scale.
        assert_close(gather(run.model), reference[1], terms=2**20, scale=1.0)
        assert abs(float(run.metric.compute()) - reference[2]) < 1e-9
        assert np.abs(np.asarray(losses) - np.asarray(reference[0])).max() < 1e-6
        assert losses[-1] < losses[0]


@pytest.mark.slow
def test_in_single_precision_losses_differ_by_rounding() -> None:
    losses = [train(Run(way), 5) for way in ("one device", "fsdp and tensor")]
    assert_close(np.asarray(losses[1], "float32"), np.asarray(losses[0], "float32"), terms=64)


def test_averages_dropout_and_metrics_mean_the_whole_batch() -> None:
    with jax.enable_x64(True), environ.context(precision=64):
        one = Run("one device")
        train(one, 1)
        eight = Run("data")
        train(eight, 1)
        for path, state in graph.states(one.model, BatchState).items():
            assert_close(
                jax.tree.map(np.asarray, graph.states(eight.model)[path].value),
                jax.tree.map(np.asarray, state.value),
                terms=64,
            )
        x, _ = eight.batch(0)
        with environ.context(fit=True):
            random.seed(3)
            dropped = np.asarray(eight.model.drop(x)) == 0
            random.seed(3)
            same = np.asarray(one.model.drop(one.batch(0)[0])) == 0
        assert (dropped == same).all()
        assert len({row.tobytes() for row in dropped}) == len(dropped)  # no row like another


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_nothing_moves_in_a_hundred_steps(way: str) -> None:
    compiled = compilations()
    run = Run(way)
    before = lies(run)
    run.step(*run.batch(0))
    compiled.clear()
    losses = train(run, 100)
    assert lies(run) == before
    assert not compiled
    assert losses[-1] < 0.7 * losses[0]
