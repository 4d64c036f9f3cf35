"""Parameters under the names that a torch module gives them, and back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from brainlite._given import as_numpy, own
from brainlite.errors import InputError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.state._face import locate
from brainlite.typing import Array, ArrayLike


class TorchEntry(NamedTuple):
    """Where the array is that torch has under a name."""

    state: State[Any]
    key: str | None = None  # in a dict of arrays
    transposed: bool = False

    def read(self) -> Array:
        """Return the array as torch has it."""
        value: Array = self.state.value if self.key is None else self.state.value[self.key]
        return value.T if self.transposed else value

    def write(self, value: Array | np.ndarray[Any, Any]) -> None:
        """Replace the array by one as torch has it."""
        new = own(value.T if self.transposed else value, self.read().dtype)
        self.state.value = new if self.key is None else {**self.state.value, self.key: new}


class TorchNamed(Node):
    """A module that takes over the parameters of its like in torch, and gives them.

    A subclass says where they are, under torch's names and in torch's order.
    """

    def _torch_entries(self) -> dict[str, TorchEntry]:
        raise NotImplementedError

    def load_torch_state_dict(self, state_dict: Mapping[str, ArrayLike]) -> None:
        """Take over the parameters of the torch module with the same options.

        Parameters
        ----------
        state_dict : mapping of str to array
            What ``state_dict()`` of the torch module returns, or numpy arrays under its names.

        Raises
        ------
        InputError
            A name is missing or not known, or a shape is wrong. Then nothing was written.
        """
        entries = self._torch_entries()
        shapes = {name: entry.read().shape for name, entry in entries.items()}
        found = {name: as_numpy(value) for name, value in state_dict.items()}
        wrong = sorted(
            name
            for name in shapes.keys() | found.keys()
            if name not in shapes or name not in found or shapes[name] != found[name].shape
        )
        if wrong:
            raise InputError(
                f"this state dict does not fit: {', '.join(wrong)}",
                where=locate(self) or type(self).__name__,
                expected=str({name: shapes.get(name) for name in wrong}),
                got=str({name: found[name].shape if name in found else None for name in wrong}),
                fix="make the layer with the options of the torch layer, and pass the entries "
                "that belong to it, without a prefix",
            )
        for name, value in found.items():
            entries[name].write(value)

    def to_torch_state_dict(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the parameters under torch's names, in torch's order, as numpy arrays."""
        return {name: np.array(each.read()) for name, each in self._torch_entries().items()}
