"""Where the parameters are that torch has in the layers of a transformer."""

from brainlite.nn._layers.linear import Linear
from brainlite.nn._modules.module import Module
from brainlite.nn._modules.torch_names import TorchEntry, TorchNamed
from brainlite.state import ParamState


def find_entries(module: Module) -> dict[str, TorchEntry]:
    """Return the entries of the modules in a module, under their paths.

    Of layers whose parameters are a dict, torch has the weight or scale as ``weight``, that of a
    Linear with the features of the output first, and the bias as ``bias``.
    """
    entries: dict[str, TorchEntry] = {}
    for name, child in module.named_children():
        state = getattr(child, "weight", None)
        if isinstance(state, ParamState) and isinstance(state.value, dict):
            keys = [key for key in ("weight", "scale", "bias") if key in state.value]
            found = {
                "bias" if key == "bias" else "weight": TorchEntry(
                    state, key, isinstance(child, Linear) and key == "weight"
                )
                for key in keys
            }
        elif isinstance(child, TorchNamed):
            found = child._torch_entries()  # pyright: ignore[reportPrivateUsage]  # of one family
        else:
            found = find_entries(child)
        entries |= {f"{name}.{key}": entry for key, entry in found.items()}
    return entries
