"""Settings that are switches of jax: 64 bits, and where it computes."""

import asyncio
import subprocess
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from brainlite import environ, nn
from brainlite.errors import OptionError
from brainlite.transform import jit

CONFIG: Any = jax.config  # typed in part only


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = CONFIG.jax_default_device, CONFIG.jax_enable_x64
    yield
    environ.reset()
    CONFIG.update("jax_default_device", before[0])
    assert bool(CONFIG.jax_enable_x64) == before[1]


def test_a_precision_of_64_computes_in_64_bits_and_warns_of_nothing() -> None:
    @jit
    def made() -> Any:
        return jnp.ones(3), nn.Linear(2, 3)(jnp.ones(2, "float64"))

    narrow = [jnp.float32, jnp.float32]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # jax tells of the float64 that it does not take
        assert [each.dtype for each in made()] == narrow
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        environ.set(precision=64)
        assert nn.Linear(2, 3).weight.value["weight"].dtype == jnp.float64
        assert jnp.ones(3).dtype == jnp.float64
        assert [each.dtype for each in made()] == [jnp.float64, jnp.float64]
        environ.set(precision=32)
    assert jnp.ones(3).dtype == jnp.float32
    assert nn.Linear(2, 3).weight.value["weight"].dtype == jnp.float32


@pytest.mark.parametrize("back", [environ.reset, lambda: environ.pop("precision")])
def test_what_was_switched_on_is_switched_off(back: Any) -> None:
    environ.set_precision(64)
    assert CONFIG.jax_enable_x64
    back()
    assert not CONFIG.jax_enable_x64


def test_what_the_user_has_switched_on_stays_on() -> None:
    CONFIG.update("jax_enable_x64", True)
    try:
        environ.set(precision=64)
        environ.set(precision=32)
        with environ.context(precision=64):
            pass
        environ.reset()
        assert CONFIG.jax_enable_x64
    finally:
        CONFIG.update("jax_enable_x64", False)


def test_a_block_has_64_bits_and_what_comes_after_it_has_not() -> None:
    block = environ.context(precision=64)
    for _ in range(2):
        with block:
            assert jnp.ones(2).dtype == nn.Linear(2, 3)(jnp.ones(2)).dtype == jnp.float64
            with environ.context(precision="bf16"):
                assert environ.dftype() == jnp.bfloat16
        assert jnp.ones(2).dtype == jnp.float32

    @environ.context(precision=64)
    def made() -> Any:
        return jnp.ones(2)

    assert made().dtype == jnp.float64


def test_it_cannot_be_switched_where_something_is_being_traced() -> None:
    def by_block() -> Any:
        with environ.context(precision=64):
            return jnp.ones(2)

    def by_set() -> Any:
        environ.set(precision=64)
        return jnp.ones(2)

    for function in (by_block, by_set):
        for transformed in (jit(function), jax.jit(function)):
            with pytest.raises(OptionError, match=r"(?s)another width inside a transform.*fix"):
                transformed()
    assert environ.get_precision() == 32


def test_a_block_in_an_asyncio_task_is_refused() -> None:
    async def task() -> None:
        with pytest.raises(OptionError, match=r"(?s)asyncio task.*environ.set\(precision=64\)"):
            environ.context(precision=64).__enter__()

    asyncio.run(task())
    assert environ.get_precision() == 32


def test_a_platform_is_where_arrays_come_to_be() -> None:
    environ.set(platform="cpu")
    assert environ.get_platform() == "cpu" == next(iter(jnp.ones(2).devices())).platform
    assert "platform" not in environ.all()
    for wrong in ("nonsense", 3):
        with pytest.raises(
            OptionError, match=r"(?s)no devices of this platform.*finds here: .*cpu"
        ):
            environ.set_platform(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake
    for key in ("platform", "host_device_count"):
        with pytest.raises(OptionError, match=f"{key} is a setting of the whole process"):
            environ.context(**{key: "cpu"})


def test_the_number_of_devices_is_settled_once_jax_has_started() -> None:
    count = environ.get_host_device_count()
    environ.set(host_device_count=count)
    with pytest.raises(OptionError, match=r"(?s)has started.*JAX_NUM_CPU_DEVICES=7"):
        environ.set_host_device_count(7)
    for wrong in (0, -1, True, "2"):
        with pytest.raises(OptionError, match="cannot be so many devices"):
            environ.set_host_device_count(wrong)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the mistake


def test_the_number_of_devices_is_set_before_jax_starts() -> None:
    code = (
        "import brainlite, jax; brainlite.environ.set(host_device_count=3, platform='cpu'); "
        "assert len(jax.devices('cpu')) == brainlite.environ.get_host_device_count() == 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
