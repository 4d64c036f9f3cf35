"""Meshes, and joining a run; of several processes in test_processes.py."""

from typing import Any

import jax
import pytest
from jax.sharding import AxisType

from brainlite.distributed import initialize, mesh
from brainlite.errors import OptionError

pytestmark = pytest.mark.devices(8)


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ({"data": -1}, {"data": 8}),
        ({"data": -1, "model": 2}, {"data": 4, "model": 2}),
        ({"a": 2, "b": -1, "c": 4}, {"a": 2, "b": 1, "c": 4}),
        ({"data": 8}, {"data": 8}),
        ({"data": 2}, {"data": 2}),
        ({"data": 1}, {"data": 1}),
    ],
)
def test_axes_share_out_the_devices(sizes: dict[str, int], shape: dict[str, int]) -> None:
    found = mesh(**sizes)
    assert dict(found.shape) == shape
    assert set(found.axis_types) == {AxisType.Auto}


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"data": 16}, r"more devices than there are\n.*8 devices or fewer.*mesh\(data=16\)"),
        ({"data": -1, "model": 3}, r"share out all devices.*divide 8.*mesh\(data=-1, model=3"),
        ({"data": 3}, "share out all devices alike"),
        ({"data": -1, "model": -1}, "of which one may be -1"),
        ({"data": 0}, "positive whole numbers"),
        ({"data": 2.0}, "positive whole numbers"),
        ({}, r"positive whole numbers.*mesh\(\)"),
    ],
)
def test_a_mesh_that_cannot_be_is_refused(sizes: Any, message: str) -> None:
    with pytest.raises(OptionError, match=f"(?s){message}.*fix:"):
        mesh(**sizes)


def test_a_program_that_is_alone_joins_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "JAX_NUM_PROCESSES"):
        monkeypatch.delenv(name, raising=False)
    initialize()
    initialize("localhost:1", 1, 0)
    monkeypatch.setenv("SLURM_NTASKS", "1")
    initialize()
    assert jax.process_count() == 1
    assert not jax.distributed.is_initialized()


@pytest.mark.parametrize(
    ("told", "variables", "message"),
    [
        (("localhost:1",), {}, "only a part is known.*address='localhost:1', processes=None"),
        ((None, 2, 0), {}, "only a part is known.*address=None, processes=2, process=0"),
        (
            (),
            {"JAX_COORDINATOR_ADDRESS": "localhost:1", "JAX_PROCESS_ID": "0"},
            "only a part is known.*JAX_NUM_PROCESSES",
        ),
        (("localhost:1", 2, 2), {}, "no such process.*from 0 to 1.*process=2 of 2"),
        (
            (),
            {"JAX_COORDINATOR_ADDRESS": "localhost:1", "JAX_NUM_PROCESSES": "two"},
            "no number.*'two'",
        ),
    ],
)
def test_half_of_a_run_is_refused(
    told: Any, variables: dict[str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(OptionError, match=f"(?s){message}.*fix:"):
        initialize(*told)
    assert not jax.distributed.is_initialized()


def test_joining_after_the_first_computation_is_refused() -> None:
    jax.numpy.zeros(2)
    with pytest.raises(OptionError, match=r"(?s)computed something before.*top of the program"):
        initialize("localhost:1", 2, 0)
    assert not jax.distributed.is_initialized()
