"""The processes of a run, and the grid of their devices."""

import math
import os
from typing import Any

import jax
from jax.sharding import AxisType, Mesh

from brainlite.errors import OptionError

_VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def initialize(
    address: str | None = None,
    processes: int | None = None,
    process: int | None = None,
    *,
    timeout: int = 60,
) -> None:
    """Join the processes of a run: first thing in a program, before jax computes anything.

    What is not told comes from the environment: the variables ``JAX_COORDINATOR_ADDRESS``,
    ``JAX_NUM_PROCESSES`` and ``JAX_PROCESS_ID``, or what jax knows of the launcher (SLURM, Open
    MPI, Kubernetes, Cloud TPU). A program that is alone goes on as it is, so the same script
    runs on one machine and on many. On CPUs the processes talk by gloo.

    Parameters
    ----------
    address : str, optional
        Host and port of the first process, ``"10.0.0.1:1234"``.
    processes, process : int, optional
        How many there are, and the number of this one, from 0.
    timeout : int
        The seconds after which a process that is silent counts as dead. The others then end with an
        error of jax: within that time and some seconds, often at once.

    Raises
    ------
    OptionError
        Only a part is known of what is needed, a number makes no sense, or jax has computed
        something before.

    Examples
    --------
    >>> brainlite.distributed.initialize()  # of a program that is alone
    """
    if jax.distributed.is_initialized():
        return
    told = _told(address, processes, process)
    if None in told and any(each is not None for each in told):
        raise OptionError(
            "only a part is known of the run that this process belongs to",
            where="initialize",
            expected="address, processes and process, or the variables " + ", ".join(_VARIABLES),
            got=f"address={told[0]!r}, processes={told[1]}, process={told[2]}",
            fix="pass all three, or none where the launcher tells",
        )
    if told[1] == 1 or (told[1] is None and not _launched()):
        return
    if told[1] is not None and not 0 <= (told[2] or 0) < told[1]:
        raise OptionError(
            "there is no such process in this run",
            where="initialize",
            expected=f"a number from 0 to {told[1] - 1}",
            got=f"process={told[2]} of {told[1]}",
            fix="count the processes from 0",
        )
    try:
        jax.distributed.initialize(*told, heartbeat_timeout_seconds=timeout)
    except RuntimeError as error:
        if "before" not in str(error):
            raise
        raise OptionError(
            "this process has computed something before it joined the others",
            where="initialize",
            expected="initialize() before the first use of jax",
            got=str(error),
            fix="call it at the top of the program, before models and arrays are made",
        ) from error


def _told(
    address: str | None, processes: int | None, process: int | None
) -> tuple[str | None, int | None, int | None]:
    """Return what was passed or, where nothing was, what the variables say."""
    if address is None and processes is None and process is None:
        address = os.environ.get(_VARIABLES[0])
        count, number = (os.environ.get(name) for name in _VARIABLES[1:])
        if address is None or (count is None and number is None):
            return None, None, None  # of the address alone jax makes use itself
        processes, process = (None if each is None else _whole(each) for each in (count, number))
    return address, processes, process


def _whole(text: str) -> int:
    """Return the number in a variable of the environment."""
    try:
        return int(text)
    except ValueError:
        raise OptionError(
            "a variable of the environment holds no number",
            where="initialize",
            expected="a whole number in JAX_NUM_PROCESSES and JAX_PROCESS_ID",
            got=repr(text),
            fix="set it as the launcher counts its processes, from 0",
        ) from None


def _launched() -> bool:
    """Say whether a launcher that jax knows has started several processes."""
    sizes = ("SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "JAX_NUM_PROCESSES")
    if any(os.environ.get(name, "1") not in ("", "1") for name in sizes):
        return True
    known = ("JAX_COORDINATOR_ADDRESS", "TPU_WORKER_HOSTNAMES", "KUBERNETES_SERVICE_HOST")
    return any("," in os.environ.get(name, "") for name in known[1:2]) or all(
        name in os.environ for name in (known[2], "JOB_COMPLETION_INDEX")
    )


def mesh(**axes: int) -> Mesh:
    """Arrange the devices of all processes in a grid with named axes.

    Parameters
    ----------
    **axes
        The size of each axis, in order. One may be -1: what is left. Axes behind are those of
        devices that are close: put the one that talks most last, as in ``data=-1, model=4``.

    Returns
    -------
    jax.sharding.Mesh
        The compiler lays out along it what is not said (its axes are of jax's type ``Auto``).

    Raises
    ------
    OptionError
        There are fewer devices, or the sizes do not divide them.

    Examples
    --------
    >>> brainlite.distributed.mesh(data=-1).axis_names
    ('data',)
    """
    there = jax.device_count()
    given = ", ".join(f"{name}={size}" for name, size in axes.items())

    def refused(problem: str, expected: str, fix: str) -> OptionError:
        return OptionError(problem, where="mesh", expected=expected, got=f"mesh({given})", fix=fix)

    free = [name for name, size in axes.items() if size == -1]
    sizes: dict[str, Any] = {name: size for name, size in axes.items() if size != -1}
    if not axes or len(free) > 1 or any(type(n) is not int or n < 1 for n in sizes.values()):
        raise refused(
            "a mesh has axes of whole sizes",
            "positive whole numbers, of which one may be -1 for what is left",
            "say mesh(data=-1), or mesh(data=-1, model=2)",
        )
    wanted = math.prod(sizes.values())
    if wanted > there:
        raise refused(
            "a mesh cannot have more devices than there are",
            f"{there} devices or fewer, those of {jax.process_count()} processes",
            "choose smaller sizes. On a CPU, XLA_FLAGS=--xla_force_host_platform_device_count=8 "
            "makes it stand for 8 devices",
        )
    if there % wanted or (not free and wanted != there and jax.process_count() > 1):
        raise refused(
            "the axes of a mesh share out all devices alike",
            f"sizes that divide {there} devices"
            + (", and take all of them, with several processes" * (jax.process_count() > 1)),
            "let one axis be -1",
        )
    shape = tuple(there // wanted if size == -1 else size for size in axes.values())
    devices = jax.devices()[: math.prod(shape)]
    return jax.make_mesh(
        shape, tuple(axes), axis_types=(AxisType.Auto,) * len(shape), devices=devices
    )
