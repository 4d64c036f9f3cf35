"""Writes torch_names.json: options of the classes of torch.nn, attributes of modules and tensors.

Run it with torch installed: ``python -m tests.integration.data.make_torch_names``.
"""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("torch_names.json")
# RNN, GRU and LSTM take what they are given, and hand it on: as their documentation has it.
RECURRENT = "input_size hidden_size num_layers bias batch_first dropout bidirectional proj_size"


def options(kind: Any) -> list[str]:
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    if any(each.kind == each.VAR_KEYWORD for each in parameters):
        return (
            [*RECURRENT.split(), "device", "dtype"]
            if kind.__name__ in ("RNN", "GRU", "LSTM")
            else []
        )
    return [each.name for each in parameters if each.kind != each.VAR_POSITIONAL]


def public(owner: object) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


def main() -> None:
    torch: Any = importlib.import_module("torch")
    layers = {
        name: options(kind)
        for name, kind in sorted(vars(torch.nn).items())
        if inspect.isclass(kind) and issubclass(kind, torch.nn.Module)
    }
    found = {
        "options": layers,
        "modules": public(torch.nn.Module),
        "tensors": public(torch.Tensor),
    }
    PATH.write_text(json.dumps(found, indent=0) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
