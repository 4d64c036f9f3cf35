"""Writes brainstate_names.json: the public names of brainstate, by module.

Run it with brainstate 0.5.4 installed: ``python -m tests.integration.data.make_brainstate_names``.
"""

import importlib
import json
from pathlib import Path

PATH = Path(__file__).with_name("brainstate_names.json")
MODULES = [
    "brainstate",
    "environ",
    "graph",
    "nn",
    "nn.init",
    "random",
    "transform",
    "util",
    "mixin",
    "typing",
    "interop",
]


def full_name(module: str) -> str:
    return module if module == "brainstate" else f"brainstate.{module}"


def main() -> None:
    found: dict[str, list[str]] = {}
    for name in MODULES:
        module = importlib.import_module(full_name(name))
        found[name] = sorted(each for each in {*module.__all__} if not each.startswith("_"))
    PATH.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
