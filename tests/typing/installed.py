"""Installs the package's wheel into an environment of its own, as a user has it.

The environment sees the packages of the running one, but not the source tree.
"""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

from tests.typing.checkers import ROOT


def install(folder: Path) -> Path:
    """Build the wheel, make an environment that holds it, and return its interpreter."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "environment", symlinks=True)
    (site,) = folder.glob("environment/lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)  # a wheel of pure Python needs nothing more
    # Lines of such a file are folders to search; the .pth files in these are not followed, so an
    # editable install of the source tree stays out of sight.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    return folder / "environment" / "bin" / "python"


def run_checker(interpreter: Path, folder: Path, checker: str, *options: str) -> str:
    """Run mypy or pyright in a folder, with the environment of an interpreter active."""
    command = [sys.executable, "-m", checker, *options]
    if checker == "mypy":
        command += ["--python-executable", str(interpreter)]
    active = {**os.environ, "PATH": f"{interpreter.parent}{os.pathsep}{os.environ['PATH']}"}
    active.pop("PYTHONPATH", None)
    done = subprocess.run(
        command, cwd=folder, env=active, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.stdout
