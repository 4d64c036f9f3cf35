"""A module that runs another with settings of its own."""

from collections.abc import Callable
from typing import Any, Generic

from typing_extensions import ParamSpec, TypeVar

from brainlite import environ
from brainlite.nn._modules.module import Module
from brainlite.typing import Shape

P = ParamSpec("P")
R = TypeVar("R")


class EnvironContext(Module, Generic[P, R]):
    """A module that runs another under ``brainlite.environ.context(...)``.

    Parameters
    ----------
    layer : Module or callable
        What is run. A call has its signature.
    **context
        The settings; they hold over those around the call.

    Attributes
    ----------
    context : dict
        The settings. Assign another dict, or call :meth:`add_context`, to change them.

    Raises
    ------
    OptionError
        A setting can hold for the whole process only, or has a value that it cannot have.

    Examples
    --------
    >>> layer = brainlite.nn.EnvironContext(lambda: brainlite.environ.get("fit"), fit=True)
    >>> layer()
    True
    """

    def __init__(self, layer: Callable[P, R], **context: object) -> None:
        self.layer: Callable[P, R] = layer
        self.context: dict[str, Any] = context

    def update(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run the layer under the settings."""
        with environ.context(**self.context):
            return self.layer(*args, **kwargs)

    def add_context(self, **context: object) -> None:
        """Add settings, or replace those of the same names."""
        self.context = {**self.context, **context}

    def _in_and_out_size(self) -> tuple[Shape | None, Shape | None]:
        layer = self.layer
        return layer._in_and_out_size() if isinstance(layer, Module) else (None, None)
