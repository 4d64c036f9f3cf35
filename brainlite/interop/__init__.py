"""Weights from and for other libraries: one file of named arrays, and the names of torch.

Nothing in a file is executed. What a file says of itself (sizes, offsets, names) is checked before
there is memory for it, and no name in it opens another file. The packages behind it are imported at
the first use: ``pip install brainlite[safetensors]``.
"""

from brainlite.interop import safetensors, torch

__all__ = ["safetensors", "torch"]
