"""Run all benchmarks, each in an interpreter of its own, and print one table.

With ``--write``, put it into ``docs/benchmarks.md`` as well, with what is needed to read it. With
``--quick``, run those that are short, with few pairs: a first look, in some minutes.
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from string import Template

from benchmarks._measure import QUICK, Row
from benchmarks._report import parse, to_markdown

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
TEMPLATE = Path(__file__).with_name("page.template")
BENCHMARKS = (
    "dispatch",
    "train_step",
    "eager",
    "loop",
    "recurrent",
    "layers",
    "dynamics",
    "dynamics_peers",
    "import_time",
    "building",
    "split_merge",
    "checkpoint",
)
SHORT = ("dispatch", "train_step", "layers", "import_time", "split_merge")
PACKAGES = (
    "brainlite",
    "jax",
    "jaxlib",
    "numpy",
    "optax",
    "brainstate",
    "brainpy-state",
    "snntorch",
    "equinox",
    "flax",
    "orbax-checkpoint",
    "safetensors",
    "torch",
)


def main() -> None:
    """Run, print and, if asked, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    parser.add_argument("--quick", action="store_true", help="few pairs of few benchmarks")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        parser.error("--quick is no measurement to write down")
    if arguments.quick:
        os.environ[QUICK] = "1"
    loads = [busy_cores()]
    rows: list[Row] = []
    failed: list[str] = []
    for name in SHORT if arguments.quick else BENCHMARKS:
        sys.stderr.write(f"{name}\n")
        try:
            rows += run(name)
        except subprocess.CalledProcessError:  # it has said why; the others are worth their time
            failed.append(name)
        loads.append(busy_cores())
    table = to_markdown(rows)
    sys.stdout.write(f"{table}\n")
    if arguments.write:
        PAGE.write_text(make_page(table, loads, failed), encoding="utf-8")
    if failed:
        sys.exit(f"these failed and are left out: {', '.join(failed)}")


def run(name: str) -> list[Row]:
    """Run one benchmark; its progress goes to the standard error stream."""
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    done = subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    return parse(done.stdout)


def make_page(table: str, loads: list[float], failed: list[str]) -> str:
    """Return the page for a table."""
    template = Template(TEMPLATE.read_text(encoding="utf-8"))
    return template.substitute(
        table=table,
        date=datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        versions=", ".join(f"{name} {find_version(name)}" for name in PACKAGES),
        machine=f"{processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}",
        load=describe_load(loads) + "".join(f"; `benchmarks.{name}` failed" for name in failed),
    )


def find_version(package: str) -> str:
    """Return the version of a package; a source tree that is not installed has none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def processor() -> str:
    """Return the name of the processor, where the system tells."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def busy_cores() -> float:
    """Return the number of programs that wanted a core in the last minute."""
    return os.getloadavg()[0]


def describe_load(loads: list[float]) -> str:
    """Say how busy the machine was, from before the first benchmark to after the last."""
    text = f"load average {min(loads):.1f} to {max(loads):.1f}"
    # The benchmarks themselves keep one core busy, and those with torch at times all.
    if max(loads) > (os.cpu_count() or 1) + 0.5:
        text += (
            "; **other programs were running**, so the times are too long and the ratios uncertain"
        )
    return text


if __name__ == "__main__":
    main()
