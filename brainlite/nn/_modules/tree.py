"""The modules of a model as a tree of dotted names: children, and what a name leads to."""

import difflib
from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Generic, Self

from typing_extensions import TypeVar

from brainlite.errors import NameNotFoundError
from brainlite.graph import Node, iter_leaf, iter_node
from brainlite.graph._face import container_items, dotted
from brainlite.nn._modules.attach import attach, check_part
from brainlite.state import ParamState, State
from brainlite.state._face import AnyState
from brainlite.typing import Path

K = TypeVar("K", bound=Node)
T = TypeVar("T")
_LEADING = (Node, State, list, tuple, dict)


def parts(item: Any) -> list[tuple[Any, Any]]:
    """Return the (name, part) pairs of a node or a plain container that lead further."""
    # In a transform, `vars` notes that all attributes of a node matter.
    found = vars(item).items() if isinstance(item, Node) else container_items(item)
    return [(name, part) for name, part in found if isinstance(part, _LEADING)]


def iter_children(
    root: Node, kind: type[T], closed: type[Any] | tuple[()] = ()
) -> Iterator[tuple[str, T]]:
    """Yield (name, part) for the parts of a kind that no other of the kind is above, each once.

    What is ``closed`` is not looked into.
    """
    seen: set[int] = set()
    stack: list[tuple[Path, Any]] = [((), root)]
    while stack:
        path, item = stack.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if path and isinstance(item, kind):
            yield dotted(path), item
        elif not path or not isinstance(item, closed):
            stack.extend(((*path, name), part) for name, part in reversed(parts(item)))


def children_first(root: Node, kind: type[K]) -> list[K]:
    """Return the root and every node of a kind below, each once and after what is below it."""
    found: list[K] = []
    entered: set[int] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done and isinstance(node, kind):
            found.append(node)
        elif id(node) not in entered:
            entered.add(id(node))
            stack.append((node, True))
            below = [child for _, child in iter_children(node, kind)]
            stack.extend((child, False) for child in reversed(below))
    return found


def iter_places(root: Any) -> Iterator[tuple[Path, AnyState]]:
    """Yield (path, state) for every path that leads to a state: a shared one comes repeatedly."""
    stack: list[tuple[Path, Any, frozenset[int]]] = [((), root, frozenset())]
    while stack:
        path, item, above = stack.pop()
        if isinstance(item, State):
            yield path, item
        elif id(item) not in above and (below := parts(item)):  # no further around a cycle
            inside = above | {id(item)}
            stack.extend(((*path, name), part, inside) for name, part in reversed(below))


def find(root: Node, name: str, kind: type[T]) -> T:
    """Return what a dotted name leads to.

    Raises
    ------
    NameNotFoundError
        It leads to nothing, or to something else.
    """
    item: Any = root
    for step in name.split(".") if name else []:
        item = next((part for key, part in parts(item) if str(key) == step), None)
    if isinstance(item, kind):
        return item
    walk = iter_node if issubclass(kind, Node) else iter_leaf
    names = [dotted(path) for path, found in walk(root) if path and isinstance(found, kind)]
    near = difflib.get_close_matches(name, names, n=1)
    raise NameNotFoundError(
        f"there is no {kind.__name__} called {name!r}",
        where=type(root).__name__,
        expected=f"the dotted name of a {kind.__name__} below it",
        got="a name that leads to nothing" if item is None else f"a {type(item).__name__}",
        fix=f"did you mean {near[0]!r}?" if near else f"use one of {_some(names)}",
    )


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix and name else prefix or name


def _some(names: list[str]) -> str:
    return (", ".join(names[:8]) or "none: there are none") + (", ..." if len(names) > 8 else "")


class Tree(Node, Generic[K]):
    """A node whose parts of one kind, those that are modules, have names."""

    @abstractmethod
    def _kind_of_parts(self) -> type[K]:
        """Return the kind of the parts."""

    def named_parameters(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, ParamState[Any]]]:
        """Yield (dotted path, parameter) for every parameter, frozen or not, each once.

        Parameters
        ----------
        prefix : str
            The name of this module, put before all others.
        recurse : bool
            Whether those of modules below come, too.
        """
        kind: type[ParamState[Any]] = ParamState
        found = iter_children(self, kind, () if recurse else Node)
        for name, parameter in found:
            yield _join(prefix, name), parameter

    def parameters(self, recurse: bool = True) -> Iterator[ParamState[Any]]:
        """Yield every parameter, frozen or not, each once; see :meth:`named_parameters`."""
        for _, parameter in self.named_parameters("", recurse):
            yield parameter

    def named_modules(self, prefix: str = "", include_self: bool = True) -> Iterator[tuple[str, K]]:
        """Yield (dotted path, module) for this module and all below, each once.

        Parameters
        ----------
        prefix : str
            The name of this module, put before all others.
        include_self : bool
            Whether this module comes, too, as the first.
        """
        for path, node in iter_node(self):
            if isinstance(node, self._kind_of_parts()) and (path or include_self):
                yield _join(prefix, dotted(path)), node

    def modules(self, include_self: bool = True) -> Iterator[K]:
        """Yield this module, if asked, and every module below, each once."""
        for _, module in self.named_modules("", include_self):
            yield module

    def named_children(self) -> Iterator[tuple[str, K]]:
        """Yield (name, module) for the modules directly below, those in plain lists too.

        Examples
        --------
        >>> [name for name, _ in brainlite.nn.GRUCell(2, 3).named_children()]
        ['Wrz', 'Wh']
        """
        return iter_children(self, self._kind_of_parts())

    def children(self) -> Iterator[K]:
        """Yield the modules directly below, each once."""
        for _, module in self.named_children():
            yield module

    def get_submodule(self, target: str) -> K:
        """Return the module that a dotted name leads to, ``'layers.0.attention'``.

        Raises
        ------
        NameNotFoundError
            It leads to no module.
        """
        return find(self, target, self._kind_of_parts())

    def get_parameter(self, target: str) -> ParamState[Any]:
        """Return the parameter that a dotted name leads to, ``'layers.0.weight'``.

        Raises
        ------
        NameNotFoundError
            It leads to no parameter.
        """
        return find(self, target, ParamState)

    def add_module(self, name: str, module: K) -> None:
        """Set a submodule by name, as ``self.name = module`` does.

        Raises
        ------
        NameTakenError
            The name means something else already, or is no name.
        ContainerError
            That is no module.
        """
        check_part(self, name, module, self._kind_of_parts())
        attach(self, name, module)

    def apply(self, fn: Callable[[K], object]) -> Self:
        """Call ``fn`` with each module, once, children first and this module last.

        Returns
        -------
        The module.
        """
        for module in children_first(self, self._kind_of_parts()):
            fn(module)
        return self
