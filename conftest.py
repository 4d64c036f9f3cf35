"""How the tests run: quick to compile, the same examples each time, in little memory.

After every test: no frame is open, no setting is left.
"""

import ctypes
import functools
import gc
import os
import re
import sys
from collections.abc import Generator, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from hypothesis import settings

import brainlite
from brainlite import environ
from brainlite.graph import _node
from brainlite.state._frame import current_frame
from tests.devices import run_elsewhere

if sys.platform != "win32":
    import resource

# The tests compile much and compute little: XLA is quicker when it leaves out most optimizations
# and writes loops over elements by itself, without a detour through MLIR. jaxlib 0.11 lost that
# flag, and XLA ends the process at one that it does not know. What the user asks for comes last,
# and counts. XLA reads the variable when it first compiles.
_jaxlib = tuple(int(part) for part in metadata.version("jaxlib").split(".")[:2])
_quick = "--xla_cpu_use_fusion_emitters=false" if _jaxlib < (0, 11) else ""
os.environ["XLA_FLAGS"] = f"{_quick} {os.environ.get('XLA_FLAGS', '')}".strip()
if "JAX_DISABLE_MOST_OPTIMIZATIONS" not in os.environ:
    jax.config.update("jax_disable_most_optimizations", True)  # type: ignore[no-untyped-call]  # of jax

# What was compiled once is not compiled again: after the caches were cleared, or in the next run.
# jax writes these files piece by piece, so that each worker has a folder of its own.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _folder = Path(__file__).parent / ".cache" / "jax" / os.getenv("PYTEST_XDIST_WORKER", "alone")
    jax.config.update("jax_compilation_cache_dir", str(_folder))  # type: ignore[no-untyped-call]  # of jax
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)  # type: ignore[no-untyped-call]  # of jax

# Of the tests that draw examples. `make test` draws the same ones each time, so that it is green or
# red for everyone; `make test-all` asks by --hypothesis-profile for many new ones, and prints what
# reproduces a failure.
settings.register_profile("quick", max_examples=40, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("quick")

# What a worker may hold before it lets go of what was compiled: at the end of a module, where few
# compilations are wanted again, and in the middle of one.
_MUCH_MEMORY = 1.2e9
_TOO_MUCH_MEMORY = 1.5e9
_GROWN = 2e8  # and not before it has grown again by so much
_kept = 0.0  # what was left the last time
# glibc gives memory back to the system only when it is asked to.
_trim: Any = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
_peaks: list[float] = []  # of the workers that have ended


def _memory() -> float:
    """Return the bytes that this process holds; infinity where it is not known."""
    statistics = Path("/proc/self/statm")  # of Linux: in pages
    if sys.platform == "win32" or not statistics.exists():
        return float("inf")
    return float(statistics.read_text("ascii").split()[1]) * resource.getpagesize()


def _peak_memory() -> float:
    """Return the most bytes that this process ever held; NaN where it is not known."""
    if sys.platform == "win32":
        return float("nan")
    unit = 1 if sys.platform == "darwin" else 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


@pytest.fixture(autouse=True)
def _names_of_examples(doctest_namespace: dict[str, Any]) -> None:
    """Give every example in a docstring what it need not import."""
    doctest_namespace.update(brainlite=brainlite, jnp=jnp)


@pytest.fixture(autouse=True, scope="module")
def _little_memory() -> Iterator[None]:
    """Let go of what a module's tests compiled, once it is much."""
    yield
    _let_go(_MUCH_MEMORY)


def _let_go(above: float) -> None:
    global _kept
    if _memory() > max(above, _kept + _GROWN):
        jax.clear_caches()  # type: ignore[no-untyped-call]  # of jax
        gc.collect()
        if _trim is not None:
            _trim(0)
        _kept = _memory()


@functools.cache
def _compiles_half_precision() -> bool:
    """Say whether XLA has float16 for this CPU: below AVX2 it may lack the conversion."""
    try:
        jax.jit(lambda x: x.astype(jnp.float16))(jnp.ones(2))
    except jax.errors.JaxRuntimeError:
        return False
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that needs several devices in a process that has them."""
    return run_elsewhere(pyfuncitem) or None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Skip what cannot run here, and say so."""
    report = yield
    why = _lacking(item, report.longreprtext) if report.failed else None
    if why is not None:
        report.outcome = "skipped"
        path, line, _ = item.reportinfo()
        report.longrepr = (str(path), line or 0, why)
    return report


def _lacking(item: pytest.Item, text: str) -> str | None:
    """Return what this machine or this environment lacks for a test that failed."""
    if "Failed to materialize symbols" in text and not _compiles_half_precision():
        return "XLA cannot compile float16 for this CPU"
    if isinstance(item, pytest.DoctestItem) and "not installed: pip install brainlite[" in text:
        return "an example needs an extra that is not installed"
    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Tell the process that gathers the reports how much memory this one used."""
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:  # this is a worker of pytest-xdist
        output["peak_memory"] = _peak_memory()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Keep what a worker of pytest-xdist tells at its end."""
    _peaks.append(getattr(node, "workeroutput", {}).get("peak_memory", 0.0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the most memory that a worker held, beside which jax ran."""
    peak = max(_peaks or [_peak_memory()])
    terminalreporter.write_line(
        f"jax {jax.__version__}; most memory of a worker {peak / 1e9:.2f} GB"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run an example once, where layers of a family share what documents them."""
    seen: set[tuple[str, ...]] = set()
    kept: list[pytest.Item] = []
    for item in items:
        if re.search(r" at 0x[0-9a-f]{8}", item.nodeid):  # an address differs from worker to worker
            raise pytest.UsageError(f"{item.nodeid}: pass ids= to parametrize that stay the same")
        if isinstance(item, pytest.DoctestItem):
            example = tuple(each.source for each in item.dtest.examples)
            if example in seen:
                continue
            seen.add(example)
        kept.append(item)
    items[:] = kept


@pytest.fixture(autouse=True)
def _nothing_left_open() -> Iterator[None]:
    settings = environ.all()
    yield
    _let_go(_TOO_MUCH_MEMORY)
    assert current_frame.get() is None
    assert not _node._open_frames  # pyright: ignore[reportPrivateUsage]
    assert environ.all() == settings
