"""What a graph's definition prints: the tree of its types, without values."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from brainlite.display import Shown, treescope_repr
from brainlite.display._face import Verbatim
from brainlite.graph._codes import ContainerSpec, NodeRef, NodeSpec, StateRef
from brainlite.graph._contents import dotted
from brainlite.state._face import StateSpec
from brainlite.typing import Path


class _Leaf:
    """A state, of which only the type is known."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text

    def __treescope_repr__(self, path: str | None, subtree_renderer: Callable[..., object]) -> Any:
        return subtree_renderer(Verbatim(self._text), path)


class _Branch:
    """A node, of which only the type is known. It is opened when it is printed."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.fields: list[tuple[str, Any]] = []

    def __display__(self) -> Shown:
        return Shown(self._name, self.fields)

    __treescope_repr__ = treescope_repr


class Outline:
    """The tree of types of a graph. A node that is shared is one object and prints as such."""

    def __init__(
        self,
        root: object,
        nodes: Sequence[NodeSpec],
        starts: Sequence[int],
        states: Sequence[StateSpec],
        paths: Sequence[Path],
    ) -> None:
        self._nodes = [_Branch(spec.kind.__name__) for spec in nodes]
        uses = Counter(
            start + code
            for spec, start in zip(nodes, starts, strict=True)
            for code in _references(spec.attributes[name] for name in spec.links)
            if isinstance(code, StateRef)
        )
        self._states = [
            _Leaf(spec.kind.__name__ + (f" at {dotted(path)}" if uses[number] > 1 else ""))
            for number, (spec, path) in enumerate(zip(states, paths, strict=True))
        ]
        for number, (spec, start) in enumerate(zip(nodes, starts, strict=True)):
            for name in spec.links:
                code = spec.attributes[name]
                if next(_references([code]), None) is not None:
                    self._nodes[number].fields.append((name, self._show(code, number, start)))
        self.root: Any = self._show(root, 0, 0)

    def _show(self, code: object, number: int, start: int) -> Any:
        """Return what one node shows: fields by the types that they hold."""
        if isinstance(code, NodeRef):
            return self._nodes[number + code]
        if isinstance(code, StateRef):
            return self._states[start + code]
        if not isinstance(code, ContainerSpec):
            return code
        items = [self._show(item, number, start) for item in code.items]
        if isinstance(code.keys, tuple):
            keys: tuple[Any, ...] = code.keys
            return dict(zip(keys, items, strict=True))
        return items


def _references(codes: Iterable[Any]) -> Iterator[NodeRef | StateRef]:
    for code in codes:
        if isinstance(code, ContainerSpec):
            yield from _references(code.items)
        elif isinstance(code, NodeRef | StateRef):
            yield code
