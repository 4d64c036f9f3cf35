"""Parameters under the names and in the layouts that torch gives them, and back: of any module.

A layer says by ``_torch_views`` how torch has its states; a state that no layer speaks for has the
same name and layout there. A model asks its layers, from the top.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import placed_like
from brainlite.errors import OptionError, StateDictError
from brainlite.graph import Node, StateDict
from brainlite.graph._face import dotted
from brainlite.nn._modules.state_dict import (
    PASSING,
    IncompatibleKeys,
    check_mapping,
    misfit,
    refusal,
    to_array,
)
from brainlite.nn._modules.tree import parts
from brainlite.state import State
from brainlite.state._face import AnyState
from brainlite.typing import ArrayLike, Path, Shape

Arrays = dict[str, Any]
Names = Mapping[str, str]
Flattened = Mapping[str, Shape]


class TorchView(NamedTuple):
    """A state as torch has it: as arrays under names."""

    state: AnyState
    take: Callable[[Any], Arrays]  # from its value
    put: Callable[[Any, Arrays], Any]  # from its old value and the arrays to the new one
    spare: tuple[str, ...] = ()  # what torch has beside them, and nobody needs
    flat: str | None = None  # the matrix whose last axis may be that of a flattened image


class TorchLayout(NamedTuple):
    """An array in torch's layout, and back; in a state that holds a dict, that under a key."""

    key: str | None = None
    take: Callable[[Any], Any] = lambda array: array
    put: Callable[[Any], Any] = lambda array: array


def view_of(
    state: AnyState,
    layouts: Mapping[str, TorchLayout],
    spare: tuple[str, ...] = (),
    flat: str | None = None,
) -> TorchView:
    """Return the view of a state whose arrays torch has one by one; keys may be absent."""
    value = state.value
    there = {n: each for n, each in layouts.items() if each.key is None or each.key in value}

    def take(value: Any) -> Arrays:
        return {n: k.take(value if k.key is None else value[k.key]) for n, k in there.items()}

    def put(old: Any, arrays: Arrays) -> Any:
        new = {layout.key: layout.put(arrays[name]) for name, layout in there.items()}
        return new.get(None, {**old, **new} if isinstance(old, dict) else None)

    return TorchView(state, take, put, spare, flat)


def _as_it_is(name: str, state: AnyState) -> TorchView:
    """Return the view of a state that torch has as it is: each leaf under its path."""
    structure: Any
    leaves, structure = jax.tree_util.tree_flatten_with_path(state.value)
    names = [name + _suffix(inside) for inside, _ in leaves]

    def take(value: Any) -> Arrays:
        return dict(zip(names, jax.tree.leaves(value), strict=True))

    def put(_old: Any, arrays: Arrays) -> Any:
        return structure.unflatten([arrays[each] for each in names])

    return TorchView(state, take, put)


def _suffix(inside: Any) -> str:
    name: str = jax.tree_util.keystr(inside, simple=True, separator=".")
    return f".{name}" if name else ""


class _Place(NamedTuple):
    """Where the array is that torch has under a name."""

    view: TorchView
    name: str  # in the view

    def key(self) -> tuple[int, str]:
        return id(self.view.state), self.name


class TorchNamed(Node):
    """A node that takes over the parameters of its like in torch, and gives them."""

    def _torch_views(self) -> list[TorchView]:
        """Return how torch has the states of this layer, in torch's order.

        What is not among them, here and below, is asked of the layers below.
        """
        return []

    def _image_size(self) -> Shape | None:
        """Return the size of an output with channels last, where torch has channels first."""
        return None

    def load_torch_state_dict(
        self,
        state_dict: Mapping[str, ArrayLike],
        strict: bool = True,
        *,
        names: Names | None = None,
        flattened: Flattened | None = None,
    ) -> IncompatibleKeys:
        """Take over the parameters of a torch module: all or, on an error, none.

        Matrices are transposed, kernels and channels get the order of their axes here. Both models
        have the same structure and options, for example ``epsilon=1e-5``, which are no parameters.

        Parameters
        ----------
        state_dict : mapping of str to array
            What ``state_dict()`` of the torch module returns, or numpy arrays under its names.
        strict : bool
            Whether every name must be there, and no other.
        names : mapping of str to str, optional
            The name here for a name or the beginning of names in torch: ``{"fc": "readout"}``, or
            ``{"module": ""}`` to take a prefix away.
        flattened : mapping of str to sizes, optional
            For a Linear, by its name here, whose input is a flattened image: the size (C, H, W)
            that torch flattens. Here it is (H, W, C), so that the rows of the weight change places.
            ``{}`` says that there is none; one of both must be said where it is in doubt.

        Returns
        -------
        IncompatibleKeys
            The names that were missing, and those that were not expected, both as they are here.

        Raises
        ------
        StateDictError
            With ``strict``, a name is missing or not expected. In any case, an array does not fit,
            the names of a tied state disagree, or ``flattened`` is needed.

        Examples
        --------
        >>> import numpy as np
        >>> layer = brainlite.nn.Linear(2, 3)
        >>> entries = {"fc.weight": np.ones((3, 2)), "fc.bias": np.zeros(3)}
        >>> layer.load_torch_state_dict(entries, names={"fc": ""})
        IncompatibleKeys(missing_keys=[], unexpected_keys=[])
        """
        check_mapping(self, state_dict)
        found = _renamed(self, state_dict, names or {})
        places, spare = _places(self, flattened)
        shown = {name: _shapes(place.view)[place.name] for name, place in places.items()}
        given: dict[tuple[int, str], Any] = {}
        misfits: list[str] = []
        for name, place in places.items():
            if name in found:
                array = to_array(found[name])
                first = given.setdefault(place.key(), array)
                misfits += misfit(name, shown[name], array, first)
        keys = IncompatibleKeys(
            [name for name, place in places.items() if place.key() not in given],
            [name for name in found if name not in places and name not in spare],
        )
        if misfits or (strict and any(keys)):
            told = keys if strict else IncompatibleKeys([], [])
            raise refusal(self, told, misfits, shown, "say by names= how they are called here")
        _assign(places, given)
        return keys

    def to_torch_state_dict(
        self, *, names: Names | None = None, flattened: Flattened | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Return the parameters under torch's names, in its layouts, as numpy arrays.

        Parameters
        ----------
        names, flattened
            As for :meth:`load_torch_state_dict`: the same mapping gives torch's names back.

        Raises
        ------
        StateDictError
            ``flattened`` is needed.
        OptionError
            Two names in torch have one name here.
        """
        back = {here: there for there, here in (names or {}).items()}
        if len(back) < len(names or {}):
            raise OptionError(
                "names cannot be turned round",
                expected="one name in torch for each name here",
                got=repr(dict(names or {})),
                fix="leave out what belongs to loading alone",
            )
        places, _ = _places(self, flattened)
        taken: dict[int, Arrays] = {}
        arrays: dict[str, Any] = {}
        for name, place in places.items():
            state = place.view.state
            if id(state) not in taken:
                taken[id(state)] = place.view.take(state.value)
            arrays[name] = np.array(taken[id(state)][place.name])
        return _renamed(self, arrays, back)


def find_views(root: Any) -> Iterator[tuple[Path, TorchView]]:
    """Yield the views of all states of a model, each with the path of its layer.

    What is reached by several paths comes repeatedly, as in a state dict of torch.
    """
    stack: list[tuple[Path, Any, frozenset[int]]] = [((), root, frozenset())]
    while stack:
        path, item, above = stack.pop()
        if id(item) in above or isinstance(item, PASSING):
            continue
        if isinstance(item, State):
            yield path[:-1], _as_it_is(str(path[-1]) if path else "", item)
            continue
        views = [view for view in _views_of(item) if id(view.state) not in above]
        yield from ((path, view) for view in views)
        inside = above | {id(item), *(id(view.state) for view in views)}
        below = [((*path, name), part, inside) for name, part in parts(item)]
        stack.extend(reversed(below))


def _places(root: Node, flattened: Flattened | None) -> tuple[dict[str, _Place], set[str]]:
    """Return where each array is, by torch's names, and the names that may be left over."""
    if flattened is None:
        _check_undoubted(root)
    places: dict[str, _Place] = {}
    spare: set[str] = set()
    left = dict(flattened or {})
    for path, each in find_views(root):
        owner = dotted(path)
        size = None if each.flat is None else left.pop(owner, None)
        view = each if size is None else _reordered(each, _checked_size(owner, each, size))
        start = f"{owner}." if owner else ""
        spare.update(start + name for name in view.spare)
        places.update({start + name: _Place(view, name) for name in _shapes(view)})
    if left:
        raise OptionError(
            "flattened names what is no Linear",
            expected=f"names among {[dotted(path) for path, v in find_views(root) if v.flat]}",
            got=repr(left),
            fix="name the Linear whose input is a flattened image",
        )
    return places, spare


def _shapes(view: TorchView) -> Arrays:
    """Return the arrays of a view in torch's order, without their values."""
    names: list[str] = []

    def take(value: Any) -> Arrays:
        arrays = view.take(value)
        names.extend(arrays)  # jax sorts what it returns
        return arrays

    shapes: Any = jax.eval_shape(take, view.state.value)
    return {name: shapes[name] for name in names}


def _features(view: TorchView) -> int:
    return int(_shapes(view)[str(view.flat)].shape[-1])


def _checked_size(owner: str, view: TorchView, size: Shape) -> Shape:
    """Return the size of an image that is flattened; raise unless it fits the matrix."""
    given: Any = size
    if isinstance(given, tuple | list) and len(size) > 1 and math.prod(size) == _features(view):
        return tuple(size)
    raise OptionError(
        "an image of this size is not what the Linear takes",
        where=owner or None,
        expected=f"(C, H, W), or sizes for other dimensions, with a product of {_features(view)}",
        got=f"flattened={{{owner!r}: {size!r}}}",
        fix="pass the size that torch flattens, without the batch",
    )


def _check_undoubted(root: Node) -> None:
    """Raise if the input of a Linear may be a flattened image: torch has its channels first.

    That is so if it has the size of one, or if its features are several times the channels of the
    layer with images that stands before it.
    """
    images: list[Shape] = []
    linear: list[tuple[str, int, int]] = []  # and how many images stand before it
    for path, node in _layers(root):
        size = node._image_size()  # pyright: ignore[reportPrivateUsage]  # of this mechanism
        if size is not None and size[-1] > 1:
            images.append(size)
        flat = [view for view in _views_of(node) if view.flat]
        linear += [(dotted(path), _features(view), len(images)) for view in flat]
    for owner, features, before in linear:
        *_, channels = images[before - 1] if before else (features,)
        known = next((size for size in images if math.prod(size) == features != size[-1]), None)
        if known is None and (features % channels or features == channels):
            continue
        guess = (channels, "...") if known is None else (known[-1], *known[:-1])
        raise StateDictError(
            "the input of a Linear may be a flattened image, whose order is another one in torch",
            where=owner or type(root).__name__,
            expected="flattened=, the sizes that torch flattens",
            got=f"a Linear of {features} features beside images of {channels} channels",
            fix=f"pass flattened={{{owner!r}: {guess}}} if it is, or flattened={{}} if none is",
        )


def _views_of(item: Any) -> list[TorchView]:
    if not isinstance(item, TorchNamed):
        return []
    return item._torch_views()  # pyright: ignore[reportPrivateUsage]  # of this mechanism


def _layers(root: Any) -> Iterator[tuple[Path, TorchNamed]]:
    """Yield (path, node) in the order of the attributes, each once."""
    stack: list[tuple[Path, Any]] = [((), root)]
    seen: set[int] = set()
    while stack:
        path, item = stack.pop()
        if id(item) in seen or isinstance(item, State):
            continue
        seen.add(id(item))
        if isinstance(item, TorchNamed):
            yield path, item
        stack.extend(((*path, name), part) for name, part in reversed(parts(item)))


def _reordered(view: TorchView, size: Shape) -> TorchView:
    """Return a view in which the features of a matrix are those of (C, H, W)."""
    flat = str(view.flat)
    channels, *rest = size

    def take(value: Any) -> Arrays:
        arrays = view.take(value)
        image = arrays[flat].reshape(-1, *rest, channels)
        order = (0, image.ndim - 1, *range(1, image.ndim - 1))
        return {**arrays, flat: image.transpose(order).reshape(-1, math.prod(size))}

    def put(old: Any, arrays: Arrays) -> Any:
        image = arrays[flat].reshape(-1, channels, *rest)
        order = (0, *range(2, image.ndim), 1)
        return view.put(old, {**arrays, flat: image.transpose(order).reshape(-1, math.prod(size))})

    return view._replace(take=take, put=put)


def _renamed(root: Node, arrays: Mapping[str, Any], names: Names) -> dict[str, Any]:
    """Return arrays under other names: the longest beginning that is named counts."""
    found: dict[str, Any] = {}
    for name, array in arrays.items():
        starts = [each for each in names if not each or f"{name}.".startswith(f"{each}.")]
        start = max(starts, key=len, default=None)
        new = name
        if start is not None:
            rest = name.removeprefix(start).removeprefix(".")
            new = ".".join(part for part in (names[start], rest) if part)
        if new in found:
            raise StateDictError(
                "two entries get one name",
                where=type(root).__name__,
                expected="names= that keeps names apart",
                got=f"{new!r} twice, once from {name!r}",
                fix="leave out the entries that do not belong to the model",
            )
        found[new] = array
    return found


def _assign(places: Mapping[str, _Place], given: Mapping[tuple[int, str], Any]) -> None:
    """Write arrays with the names of torch, all or none; what is not given stays."""
    views = {id(place.view.state): place.view for place in places.values()}
    targets: dict[Path, AnyState] = {}
    values: dict[Path, Any] = {}
    for number, view in views.items():
        arrays = {name: array for (place, name), array in given.items() if place == number}
        if not arrays:
            continue
        old = view.state.value
        if arrays.keys() != _shapes(view).keys():
            # Of an abstract model there is nothing that could stay.
            arrays = {**view.take(jax.tree.map(jnp.asarray, old)), **arrays}
        targets[number,] = view.state
        values[number,] = jax.tree.map(placed_like, view.put(old, arrays), old)
    StateDict(targets).assign(values)
