"""Writes torch_port.npz: the network of docs/coming_from_torch.md, its input and its output.

Run it with torch installed: ``python -m tests.integration.data.make_torch_port``.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("torch_port.npz")
PAGE = Path(__file__).parents[3] / "docs" / "coming_from_torch.md"


def blocks() -> list[str]:
    """Return the code on the page; torch runs the first block."""
    found: list[str] = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return found


def main() -> None:
    names: dict[str, Any] = {"__name__": "port"}
    exec(compile(blocks()[0], str(PAGE), "exec"), names)
    given = {name: names[name] for name in ("images", "expected")}
    np.savez_compressed(PATH, **given, **names["entries"])


if __name__ == "__main__":
    main()
