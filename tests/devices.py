"""Tests that need several devices run in a process of their own, where the CPU stands for them.

A module says ``pytestmark = pytest.mark.devices(8)``. All its tests that were chosen run in one
such process; how each has ended is reported here.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import jax
import pytest

ROOT = Path(__file__).parents[1]
_reports: dict[Path, dict[str, ET.Element]] = {}


def run_elsewhere(item: pytest.Function) -> bool:
    """Run a test that needs more devices than there are; say whether it did need them."""
    marker = item.get_closest_marker("devices")
    if marker is None or jax.device_count() >= marker.args[0]:
        return False
    if item.path not in _reports:
        _reports[item.path] = _run_module(item, marker.args[0])
    report = _reports[item.path].get(item.name)
    if report is None:
        pytest.fail(f"{item.name} was not run on {marker.args[0]} devices", pytrace=False)
    for problem in report:
        if problem.tag in ("failure", "error"):
            pytest.fail(problem.text or problem.get("message") or "", pytrace=False)
        if problem.tag == "skipped":
            pytest.skip(problem.get("message") or "")
    return True


def _run_module(item: pytest.Function, count: int) -> dict[str, ET.Element]:
    chosen = [
        each.nodeid
        for each in item.session.items
        if each.path == item.path and each.get_closest_marker("devices")
    ]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = subprocess.run(
            [*command, "-m", "", f"--junitxml={report}", *chosen],
            cwd=ROOT,
            env=environment(count),
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            pytest.fail(f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}", pytrace=False)
        cases = ET.parse(report).getroot().iter("testcase")
        return {case.get("name", ""): case for case in cases}


def environment(count: int) -> dict[str, str]:
    """Return the variables of a process that has so many devices."""
    kept = [f for f in os.environ.get("XLA_FLAGS", "").split() if "device_count" not in f]
    flags = " ".join([*kept, f"--xla_force_host_platform_device_count={count}"])
    return {**os.environ, "XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
