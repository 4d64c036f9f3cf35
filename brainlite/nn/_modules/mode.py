"""Training or evaluating: the mode of a module, and how the environment has a say in it."""

from typing import Any, Self

import numpy as np

from brainlite import environ
from brainlite.errors import EnvironmentKeyError, OptionError
from brainlite.graph import Node, iter_node
from brainlite.state._face import locate


class HasMode(Node):
    """A node that knows whether it is being trained.

    Two can say so: the module itself (``model.train()``, ``model.eval()``), and the environment
    (``environ.context(fit=...)``). One rule combines them: **a layer trains when all who speak
    say so.** So ``encoder.eval()`` keeps a part of a model as it is during training, and
    ``context(fit=False)`` evaluates a model whatever was called on it.
    """

    _train_mode: bool | None = None

    @property
    def training(self) -> bool:
        """Whether to behave as in training: what dropout and batch statistics ask.

        Raises
        ------
        EnvironmentKeyError
            Neither the module nor the environment says: to guess would be wrong half of the time.

        Examples
        --------
        >>> layer = brainlite.nn.Linear(2, 3)
        >>> with brainlite.environ.context(fit=True):
        ...     layer.training, layer.eval().training
        (True, False)
        """
        fit = environ.get("fit", None)
        said = [mode for mode in (self._train_mode, fit) if mode is not None]
        if not said:
            raise EnvironmentKeyError(
                "it is not known whether this module is being trained",
                where=locate(self) or type(self).__name__,
                expected="a mode of the module, or `fit` in the environment",
                got="neither",
                fix="call `model.train()` or `model.eval()`, or use "
                "`with brainlite.environ.context(fit=True):` around the call",
            )
        return all(map(bool, said))

    @training.setter
    def training(self, mode: bool | None) -> None:
        self._train_mode = mode

    def train(self, mode: bool | None = True) -> Self:
        """Set the mode of this module and all below; see :attr:`training`.

        Parameters
        ----------
        mode : bool, optional
            None leaves it to the environment again, as with a new module.

        Returns
        -------
        The module.
        """
        given: Any = mode
        if given is not None and not isinstance(given, bool | np.bool):
            raise OptionError(
                "this is no mode",
                where=locate(self) or type(self).__name__,
                expected="True, False or None",
                got=repr(given),
                fix="call `train()` or `eval()`",
            )
        for _, node in iter_node(self):
            if isinstance(node, HasMode) and node._train_mode is not mode:
                node.training = mode
        return self

    def eval(self) -> Self:
        """Set this module and all below to evaluation: ``train(False)``."""
        return self.train(False)
