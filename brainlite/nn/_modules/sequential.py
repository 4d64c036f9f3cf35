"""Sequential: layers that run one after the other."""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, Self, TypeAlias, cast, overload

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
Callee: TypeAlias = Callable[[Any], Any]

_SIZES = ("in_size", "num_in", "input_size")  # what the size of the input is called


class Sequential(Numbered[Any, Callee], Generic[In_contra, Out_co]):
    """Layers that run one after the other, each on the output of the one before.

    Parameters
    ----------
    *layers : Module or callable, or one mapping of str to these
        The layers; in a mapping they have names of their own. One that is described
        (``nn.Linear.desc(out_size=3)``) is made with the size that reaches it; functions are taken
        to keep it.

    Attributes
    ----------
    layers : list
        The layers, in order.
    in_size, out_size : tuple of int
        Those of the first and the last layer.

    Raises
    ------
    ContainerError
        A layer cannot be called, or the size that reaches one that is described is not known.
    NameTakenError
        A name in the mapping can be none: each module has it, or it holds a dot.

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
    def __init__(self, layers: Mapping[str, Callee], /) -> None: ...
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
        f2: Callee,
        f3: Callee,
        f4: Callee,
        f5: Callable[[Any], B],
        /,
    ) -> None: ...
    @overload
    def __init__(
        self: "Sequential[A, Any]",
        f1: Callable[[A], Any],
        f2: Callee,
        f3: Callee,
        f4: Callee,
        f5: Callee,
        f6: Callee,
        /,
        *layers: Callee,
    ) -> None: ...
    @overload
    def __init__(self) -> None: ...
    def __init__(self, *layers: Any) -> None:
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = cast("Mapping[str, Callee]", layers[0])
            for name, layer in named.items():
                attach(self, name, self._accept(_made(layer, self.layers)))
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

    def extend(self, items: Iterable[Callee]) -> Self:
        """Put layers at the end; returns the model."""
        layers = self.layers
        start = len(layers)
        for item in items:
            layers.append(_made(item, layers))
        return super().extend(layers[start:])

    def insert(self, index: int, item: Callee) -> Self:
        """Put a layer before a position; returns the model."""
        return super().insert(index, _made(item, self.layers[:index]))

    def __setitem__(self, index: int, item: Callee) -> None:
        super().__setitem__(index, _made(item, self.layers[:index]))

    def add_module(self, name: str, module: Module) -> None:
        """Put a layer with a name of its own at the end, or in the place of the one of that name.

        Raises
        ------
        NameTakenError
            The name means something else already, or is no name.
        """
        attach(self, name, self._accept(module))

    def _accept(self, item: Any) -> Callee:
        if callable(item) and not isinstance(item, type):
            return cast("Callee", item)
        raise ContainerError(
            "a Sequential holds layers only",
            expected="a module or a function",
            got=f"a {type(item).__name__} {item!r}",
            fix="pass an instance, not the class" if isinstance(item, type) else "leave it out",
        )

    def _items(self) -> dict[str, Callee]:
        return {n: item for n, item in vars(self).items() if n[0] != "_" and callable(item)}

    def _in_and_out_size(self) -> tuple[Shape | None, Shape | None]:
        own = super()._in_and_out_size()
        return own[0] or _size(self.layers, "in_size"), own[1] or _size(
            self.layers[::-1], "out_size"
        )

    def __display__(self) -> Shown:
        sizes = [
            (name, size)
            for name, size in zip(("in_size", "out_size"), self._in_and_out_size(), strict=True)
            if size is not None
        ]
        return Shown(type(self).__name__, [*sizes, ("layers", self.layers)])


def _size(layers: Iterable[object], name: str) -> Shape | None:
    """Return the size of the first layer that does not keep whatever shape comes."""
    return next(
        (getattr(each, name, None) for each in layers if not getattr(each, "_keeps_shape", False)),
        None,
    )


def _made(item: Callee, before: list[Callee]) -> Callee:
    """Return the layer that a description stands for; its size is what those before it give."""
    kind = item.func if isinstance(item, functools.partial) else None
    if not isinstance(kind, type) or not issubclass(kind, Module):
        return item
    assert isinstance(item, functools.partial)
    parameters = inspect.signature(kind).parameters
    name = next((each for each in _SIZES if each in parameters), None)
    given = {**item.keywords, **dict(zip(parameters, item.args, strict=False))}
    if name is None or name in given:
        return cast("Callee", item())
    # What is no module, as jax.nn.relu, is taken to keep the shape.
    size = _size([each for each in reversed(before) if isinstance(each, Module)], "out_size")
    if size is None and parameters[name].default is inspect.Parameter.empty:
        raise ContainerError(
            f"the size that reaches this {kind.__name__} is not known",
            where="Sequential",
            expected="a layer with `out_size` before it",
            got=f"a {type(before[-1]).__name__} before it" if before else "the first layer",
            fix=f"give it: `{kind.__name__}.desc({name}=...)`; of Flatten, pools and the like set "
            "`in_size=` themselves",
        )
    if size is None:
        return cast("Callee", item())
    whole = name == "in_size" or len(size) != 1
    return cast("Callee", item(**{name: size if whole else size[0]}))
