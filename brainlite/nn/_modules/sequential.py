"""Sequential: layers that run one after the other."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeAlias, cast, overload

from typing_extensions import TypeVar

from brainlite.display import Shown
from brainlite.errors import ContainerError
from brainlite.nn._modules.attach import attach
from brainlite.nn._modules.containers import Numbered
from brainlite.nn._modules.module import Module
from brainlite.typing import Array, Shape

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
In_contra = TypeVar("In_contra", contravariant=True, default=Array)
Out_co = TypeVar("Out_co", covariant=True, default=Array)
Layer: TypeAlias = Callable[[Any], Any]


class Sequential(Numbered[Any, Layer], Generic[In_contra, Out_co]):
    """Layers that run one after the other, each on the output of the one before.

    Parameters
    ----------
    *layers : Module or callable, or one mapping of str to these
        The layers; in a mapping they have names of their own.

    Attributes
    ----------
    layers : list
        The layers, in order.
    in_size, out_size : tuple of int
        Those of the first and the last layer.

    Raises
    ------
    ContainerError
        A layer cannot be called.

    Notes
    -----
    Every public attribute that can be called is a layer. A type checker sees that up to four
    layers fit together.

    Examples
    --------
    >>> nn = brainlite.nn
    >>> model = nn.Sequential(nn.Linear(2, 8), nn.functional.relu, nn.Linear(8, 3))
    >>> model(jnp.ones(2)).shape, model[:2].append(nn.Linear(8, 5))(jnp.ones(2)).shape
    ((3,), (5,))
    """

    @overload
    def __init__(self, layers: Mapping[str, Layer], /) -> None: ...
    @overload
    def __init__(self: "Sequential[A, B]", f1: Callable[[A], B], /) -> None: ...
    @overload
    def __init__(
        self: "Sequential[A, C]", f1: Callable[[A], B], f2: Callable[[B], C], /
    ) -> None: ...
    @overload
    def __init__(
        self: "Sequential[A, D]",
        f1: Callable[[A], B],
        f2: Callable[[B], C],
        f3: Callable[[C], D],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: "Sequential[A, E]",
        f1: Callable[[A], B],
        f2: Callable[[B], C],
        f3: Callable[[C], D],
        f4: Callable[[D], E],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: "Sequential[A, B]",
        f1: Callable[[A], Any],
        f2: Layer,
        f3: Layer,
        f4: Layer,
        f5: Callable[[Any], B],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: "Sequential[A, Any]",
        f1: Callable[[A], Any],
        f2: Layer,
        f3: Layer,
        f4: Layer,
        f5: Layer,
        f6: Layer,
        /,
        *layers: Layer,
    ) -> None: ...
    @overload
    def __init__(self) -> None: ...
    def __init__(self, *layers: Any) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = cast("Mapping[str, Layer]", layers[0])
            for name, layer in named.items():
                attach(self, name, self._accept(layer))
        else:
            self.extend(layers)

    def update(self, x: In_contra, /) -> Out_co:
        """Run the layers."""
        y: Any = x
        for layer in self._items().values():
            y = layer(y)
        out: Out_co = y
        return out

    @property
    def layers(self) -> list[Any]:
        """The layers, in order, as a new list."""
        return list(self)

    def add_module(self, name: str, module: Module) -> None:
        """Put a layer with a name of its own at the end, or in the place of the one of that name.

        Raises
        ------
        NameTakenError
            The name means something else already, or is no name.
        """
        attach(self, name, self._accept(module))

    def _accept(self, item: Any) -> Layer:
        if callable(item) and not isinstance(item, type):
            return cast("Layer", item)
        raise ContainerError(
            "a Sequential holds layers only",
            expected="a module or a function",
            got=f"a {type(item).__name__} {item!r}",
            fix="pass an instance, not the class" if isinstance(item, type) else "leave it out",
        )

    def _items(self) -> dict[str, Layer]:
        return {n: item for n, item in vars(self).items() if n[0] != "_" and callable(item)}

    def _in_and_out_size(self) -> tuple[Shape | None, Shape | None]:
        ends = self.layers[:1] + self.layers[-1:]
        own = super()._in_and_out_size()
        return (
            own[0] or getattr(ends[0] if ends else None, "in_size", None),
            own[1] or getattr(ends[-1] if ends else None, "out_size", None),
        )

    def __display__(self) -> Shown:
        sizes = [
            (name, size)
            for name, size in zip(("in_size", "out_size"), self._in_and_out_size(), strict=True)
            if size is not None
        ]
        return Shown(type(self).__name__, [*sizes, ("layers", self.layers)])
