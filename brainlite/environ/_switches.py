"""Settings that are switches of jax: the width of numbers, and where it computes."""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import jax

from brainlite._jax_compat import is_eager
from brainlite.errors import OptionError

_config: Any = jax.config  # typed in part only
OF_PROCESS = ("platform", "host_device_count")


class _Switch:
    """Whether jax was switched to 64 bits here, and not by the user."""

    on: bool = False


def switch_to(precision: object) -> None:
    """Switch jax to 64 bits for a precision of 64, and back for another one."""
    wide = precision == 64
    if wide == bool(_config.jax_enable_x64) or not (wide or _Switch.on):
        return
    if not is_eager():
        raise _too_late("inside a transform", "set it outside, before the function is called")
    _config.update("jax_enable_x64", wide)
    _Switch.on = wide


def of_width(precision: object) -> AbstractContextManager[None]:
    """Return a block in which jax has 64 bits if the precision needs them."""
    if precision != 64 or _config.jax_enable_x64:
        return nullcontext()
    if not is_eager():
        raise _too_late("inside a transform", "put the block around the call of the function")
    if _in_task():
        # The switch is of the thread, and other tasks of it would see it at the next `await`.
        raise _too_late("in an asyncio task", "call `brainlite.environ.set(precision=64)` before")
    return _wide()


@contextmanager
def _wide() -> Generator[None]:
    switched: Any = jax.enable_x64  # not typed
    with switched(True):
        yield


def _in_task() -> bool:
    try:
        return asyncio.current_task() is not None
    except RuntimeError:  # no loop is running
        return False


def _too_late(where: str, fix: str) -> OptionError:
    return OptionError(
        f"jax cannot be switched to another width {where}",
        expected="numbers of 64 bits, which jax_enable_x64 allows",
        got=f"jax_enable_x64={_config.jax_enable_x64}",
        fix=fix,
    )


def refuse_of_process(settings: Mapping[str, object]) -> None:
    """Raise for a setting that can hold for the whole process only."""
    for key in OF_PROCESS:
        if key in settings:
            raise OptionError(
                f"{key} is a setting of the whole process",
                expected=f"`brainlite.environ.set({key}=...)`",
                got=f"{key}={settings[key]!r} for a block",
                fix="use `with jax.default_device(...)` to compute elsewhere for a while",
            )


def set_platform(platform: str) -> None:
    """Say on which devices jax computes, where nothing else is said.

    Parameters
    ----------
    platform : str
        ``'cpu'``, ``'gpu'`` or ``'tpu'``. It may be changed at any time; arrays stay where they
        are.

    Raises
    ------
    OptionError
        jax finds no such devices here.

    Examples
    --------
    >>> brainlite.environ.set_platform("cpu")
    >>> brainlite.environ.get_platform()
    'cpu'
    """
    given: Any = platform
    try:
        first = jax.devices(given if isinstance(given, str) else "?")[0]
    except RuntimeError as error:
        found = sorted({each.platform for each in jax.devices()} | {"cpu"})
        raise OptionError(
            "there are no devices of this platform",
            expected=f"'cpu', 'gpu' or 'tpu', one that jax finds here: {', '.join(found)}",
            got=f"platform={platform!r}",
            fix="install the jax for these devices (`pip install jax[cuda]`), or name another",
        ) from error
    _config.update("jax_default_device", first)


def get_platform() -> str:
    """Return on which devices jax computes.

    Returns
    -------
    str
        ``'cpu'``, ``'gpu'`` or ``'tpu'``.

    Examples
    --------
    >>> brainlite.environ.get_platform() in ("cpu", "gpu", "tpu")
    True
    """
    device: Any = _config.jax_default_device
    return str(jax.default_backend() if device is None else getattr(device, "platform", device))


def set_host_device_count(n: int) -> None:
    """Let the CPU be several devices, to try out what runs on several.

    Parameters
    ----------
    n : int
        How many. It must be said before jax computes anything.

    Raises
    ------
    OptionError
        jax has started, with another number.

    Examples
    --------
    >>> brainlite.environ.set_host_device_count(brainlite.environ.get_host_device_count())
    """
    given: Any = n
    problem, fix = "the CPU cannot be so many devices", "pass a whole number, 1 or more"
    if isinstance(given, int) and not isinstance(given, bool) and given > 0:
        with suppress(RuntimeError):  # it has started
            _config.update("jax_num_cpu_devices", given)
        if len(jax.devices("cpu")) == given:
            return
        problem = "jax has started, and the number of its devices is settled"
        fix = f"set it before the first computation, or start with JAX_NUM_CPU_DEVICES={n}"
    raise OptionError(
        problem, expected="a number of devices", got=f"host_device_count={n!r}", fix=fix
    )


def get_host_device_count() -> int:
    """Return as how many devices jax sees the CPU.

    Returns
    -------
    int

    Examples
    --------
    >>> brainlite.environ.get_host_device_count() >= 1
    True
    """
    return len(jax.devices("cpu"))
