"""Containers: modules and parameters in lists and dicts that are modules themselves.

Plain lists, tuples and dicts in attributes are part of a model, too. The containers add what torch
has: what they hold is checked, and its names are those of torch (``'blocks.0.weight'``).
Their items are attributes of theirs, named by position or key, so that everything that looks at
the attributes of a module sees them: compiled functions see each edit.
"""

import copy
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Generic, Self, overload

from typing_extensions import TypeVar

from brainlite._given import own
from brainlite.display import ShownMapping, ShownSequence
from brainlite.errors import ContainerError
from brainlite.nn._modules.attach import attach
from brainlite.nn._modules.module import Module
from brainlite.state import ParamState
from brainlite.typing import ArrayLike

T = TypeVar("T")
Given = TypeVar("Given")  # what an item may be given as
M = TypeVar("M", bound=Module, default=Module)
_NONE: Mapping[str, Any] = MappingProxyType({})


class Numbered(Module, Sequence[T], Generic[T, Given]):
    """A module whose items have positions. What an item is, a subclass says."""

    @abstractmethod
    def _accept(self, item: Given) -> T:
        """Return what is kept for an item, or raise."""

    def _items(self) -> dict[str, T]:
        """Return the items by name, in order."""
        return {name: item for name, item in vars(self).items() if name.isdigit()}

    def _arrange(self, items: Iterable[tuple[str, T]]) -> None:
        """Put items in place of those that are there; names that are numbers are given anew."""
        wanted = {str(n) if name.isdigit() else name: x for n, (name, x) in enumerate(items)}
        now = self._items()
        kept = 0  # what comes before the first change stays, so that little is set
        for (old, item), (new, other) in zip(now.items(), wanted.items(), strict=False):
            if old != new or item is not other:
                break
            kept += 1
        for name in list(now)[kept:]:
            delattr(self, name)
        for name, item in list(wanted.items())[kept:]:
            setattr(self, name, item)

    def __len__(self) -> int:
        return len(self._items())

    def __iter__(self) -> Iterator[T]:
        return iter(self._items().values())

    def __contains__(self, item: object) -> bool:
        return any(item is each for each in self)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Any:
        if not isinstance(index, slice):
            return list(self)[index]
        part = copy.copy(self)  # with its mode, and whatever else a subclass has set
        part._arrange(list(self._items().items())[index])
        return part

    def __setitem__(self, index: int, item: Given) -> None:
        setattr(self, list(self._items())[index], self._accept(item))

    def __delitem__(self, index: int | slice) -> None:
        items = list(self._items().items())
        del items[index]
        self._arrange(items)

    def insert(self, index: int, item: Given) -> Self:
        """Put an item before a position; returns the container."""
        items = list(self._items().items())
        items.insert(index, ("0", self._accept(item)))
        self._arrange(items)
        return self

    def append(self, item: Given) -> Self:
        """Put an item at the end; returns the container."""
        return self.extend([item])

    def extend(self, items: Iterable[Given]) -> Self:
        """Put items at the end; returns the container."""
        new = [("0", self._accept(item)) for item in items]
        self._arrange([*self._items().items(), *new])
        return self

    def pop(self, index: int = -1) -> T:
        """Take an item out, by default the last, and return it."""
        item = self[index]
        del self[index]
        return item

    def __display__(self) -> Any:
        return ShownSequence(type(self).__name__, list(self))


class Keyed(Module, Mapping[str, T], Generic[T, Given]):
    """A module whose items have names. What an item is, a subclass says."""

    # A module is equal to itself only, and can be hashed; a Mapping is not so.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return object.__hash__(self)

    @abstractmethod
    def _accept(self, item: Given) -> T:
        """Return what is kept for an item, or raise."""

    def __getitem__(self, key: str) -> T:
        return self._items()[key]

    def __setitem__(self, key: str, item: Given) -> None:
        attach(self, key, self._accept(item))

    def __delitem__(self, key: str) -> None:
        del self._items()[key]  # a KeyError where there is none
        delattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._items())

    def __len__(self) -> int:
        return len(self._items())

    def _items(self) -> dict[str, T]:
        return {name: item for name, item in vars(self).items() if not name.startswith("_")}

    def pop(self, key: str) -> T:
        """Take an item out and return it."""
        item = self[key]
        del self[key]
        return item

    def clear(self) -> None:
        """Take all items out."""
        for key in list(self):
            del self[key]

    def _ipython_key_completions_(self) -> list[str]:
        return list(self)

    def __display__(self) -> Any:
        return ShownMapping(list(self.items()), type(self).__name__)


class ModuleList(Numbered[M, M], Generic[M]):
    """Modules in a list: indexed, sliced and edited as one. It is not called itself.

    Parameters
    ----------
    modules : iterable of Module
        What it starts with.

    Raises
    ------
    ContainerError
        Something is no module.

    Examples
    --------
    >>> blocks = brainlite.nn.ModuleList(brainlite.nn.Linear(4, 4) for _ in range(3))
    >>> len(blocks[1:].append(brainlite.nn.Linear(4, 2)))
    3
    >>> [name for name, _ in blocks.named_parameters()]
    ['0.weight', '1.weight', '2.weight']
    """

    def __init__(self, modules: Iterable[M] = (), /) -> None:
        self.extend(modules)

    def _accept(self, item: M) -> M:
        _check_module(self, item)
        return item


class ModuleDict(Keyed[M, M], Generic[M]):
    """Modules by name. It is not called itself.

    Parameters
    ----------
    modules : mapping
        What it starts with.

    Raises
    ------
    ContainerError
        Something is no module.
    NameTakenError
        A key is the name of a method, or holds a dot.

    Examples
    --------
    >>> heads = brainlite.nn.ModuleDict({"mean": brainlite.nn.Linear(4, 1)})
    >>> heads["scale"] = brainlite.nn.Linear(4, 1)
    >>> list(heads)
    ['mean', 'scale']
    """

    def __init__(self, modules: Mapping[str, M] = _NONE, /) -> None:
        for key, module in modules.items():
            self[key] = module

    def _accept(self, item: M) -> M:
        _check_module(self, item)
        return item


class ParameterList(Numbered[ParamState[Any], "ParamState[Any] | ArrayLike"]):
    """Parameters in a list. An array becomes a :class:`ParamState`.

    Parameters
    ----------
    parameters : iterable of ParamState or array
        What it starts with.

    Raises
    ------
    ContainerError
        Something is neither.

    Examples
    --------
    >>> scales = brainlite.nn.ParameterList([jnp.ones(2), jnp.ones(3)])
    >>> scales[1].value.shape
    (3,)
    """

    def __init__(self, parameters: Iterable[ParamState[Any] | ArrayLike] = (), /) -> None:
        self.extend(parameters)

    def _accept(self, item: ParamState[Any] | ArrayLike) -> ParamState[Any]:
        return _to_parameter(self, item)


class ParameterDict(Keyed[ParamState[Any], "ParamState[Any] | ArrayLike"]):
    """Parameters by name. An array becomes a :class:`ParamState`.

    Parameters
    ----------
    parameters : mapping
        What it starts with.

    Raises
    ------
    ContainerError
        Something is neither a parameter nor an array.
    NameTakenError
        A key is the name of a method, or holds a dot.

    Examples
    --------
    >>> scales = brainlite.nn.ParameterDict({"left": jnp.ones(2)})
    >>> scales["left"].value.shape
    (2,)
    """

    def __init__(self, parameters: Mapping[str, ParamState[Any] | ArrayLike] = _NONE, /) -> None:
        for key, parameter in parameters.items():
            self[key] = parameter

    def _accept(self, item: ParamState[Any] | ArrayLike) -> ParamState[Any]:
        return _to_parameter(self, item)


def _check_module(container: Module, item: Any) -> None:
    """Raise unless it is a module."""
    if isinstance(item, Module):
        return
    raise ContainerError(
        f"a {type(container).__name__} holds modules only",
        expected="a brainlite.nn.Module",
        got=f"a {type(item).__name__} {item!r}",
        fix="pass an instance, not the class"
        if isinstance(item, type)
        else "keep other things in a plain list or dict; a Sequential also takes functions",
    )


def _to_parameter(container: Module, item: Any) -> ParamState[Any]:
    """Return a parameter, made of an array where none is given; raise for all else."""
    if isinstance(item, ParamState):
        return item
    if isinstance(item, float | int) or hasattr(item, "__array__"):
        return ParamState[Any](own(item))
    raise ContainerError(
        f"a {type(container).__name__} holds parameters only",
        expected="a ParamState or an array",
        got=f"a {type(item).__name__} {item!r}",
        fix="keep other states in a plain list or dict",
    )
