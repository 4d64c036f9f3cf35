"""What works with the run-time dependencies alone, and what says which extra it wants.

`test_bare.py` runs this file, and `make test-pythons` runs it beside the wheel, where nothing else
is installed. Whatever else there is, is hidden first.
"""

import re
import runpy
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType, SimpleNamespace

EXAMPLE = Path(__file__).parents[2] / "examples" / "train_gru.py"


class Hidden(MetaPathFinder):
    """Some modules that cannot be found, as if they were not installed."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def needed(package: str) -> set[str]:
    """Return a package and all that it requires, extras left out."""
    found: set[str] = set()
    more = [package]
    while more:
        name = _normal(more.pop())
        if name in found:
            continue
        try:
            required = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # wanted on another system only
        found.add(name)
        more += [re.split(r"[^\w.-]", each)[0] for each in required if "extra ==" not in each]
    return found


def hide_all_but(packages: set[str]) -> None:
    """Hide the modules of all other packages."""
    modules = metadata.packages_distributions()
    kept = {m for m, owners in modules.items() if {_normal(each) for each in owners} & packages}
    names = set(modules) - kept - {"brainlite"}  # in place, brainlite is in no package
    sys.meta_path.insert(0, Hidden(names))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def check_doors() -> None:
    """Go to each door behind which an extra is wanted, and read what it says."""
    import jax.numpy as jnp

    from brainlite import display, nn
    from brainlite.transform import ProgressBar, for_loop

    logs, labels, counts = jnp.zeros((4, 1, 3)), jnp.array([[1]]), jnp.array([4])
    table = nn.summary(nn.Linear(2, 3), jnp.ones(2))
    doors: dict[str, Callable[[], object]] = {
        "train": lambda: nn.functional.ctc_loss(logs, labels, counts, jnp.array([1])),
        "plot": lambda: display.plot_states({"h": jnp.ones((3, 2))}),
        "progress": lambda: for_loop(lambda x: x, jnp.arange(3.0), pbar=ProgressBar()),
        "terminal": lambda: list(table.__rich_console__(None, SimpleNamespace(max_width=80))),
    }
    for extra, opened in doors.items():
        try:
            opened()
        except ImportError as error:
            message = str(error)
        else:
            raise AssertionError(f"{extra} is not wanted any more")
        assert "is not installed" in message, message
        assert f"pip install brainlite[{extra}]" in message, message
    display.show(table)  # as text


if __name__ == "__main__":
    hide_all_but(needed("brainlite"))
    assert not {"optax", "matplotlib", "tqdm", "rich", "IPython"} & set(sys.modules)
    check_doors()
    runpy.run_path(str(EXAMPLE), run_name="__main__")
