"""Data on a mesh: the parts that the processes hold become one array."""

import copy
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Generic

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from typing_extensions import TypeVar

from brainlite.distributed._layout import WHOLE, check_axis, check_mesh, make_spec
from brainlite.errors import InputError, OptionError
from brainlite.state._face import put_array, spec_text

T = TypeVar("T", default=Any)


def batch(local: T, mesh: Mesh, *spec: Any) -> T:
    """Make one array over all devices of what each process has read.

    Parameters
    ----------
    local : pytree of arrays
        The part of this process: with one process the whole batch, with several its own rows.
    mesh : Mesh
        The devices.
    *spec
        How each array is cut, as in a :class:`jax.sharding.PartitionSpec`: by default along its
        first axis, over the first axis of the mesh. Arrays without axes are whole.

    Returns
    -------
    pytree of arrays
        Whose shapes are those of the batches of all processes together.

    Raises
    ------
    InputError
        An array does not divide over the devices, or has fewer axes than the spec.
    OptionError
        The mesh has no such axis.

    Examples
    --------
    >>> mesh = brainlite.distributed.mesh(data=-1)
    >>> x, y = brainlite.distributed.batch((jnp.ones((8, 2)), jnp.ones(8)), mesh)
    >>> x.shape, x.sharding.spec[0]
    ((8, 2), 'data')
    """
    where = NamedSharding(mesh, _spec(mesh, spec))
    parts = _local_parts(where)

    def cut(inside: Any, array: Any) -> Any:
        # A copy: on a CPU jax takes over the memory of numpy, which a loader may fill anew.
        host = array if isinstance(array, jax.Array) else np.array(array)
        if not host.ndim:
            return put_array(host, NamedSharding(mesh, WHOLE))
        misfit = [n for n, count in enumerate(parts[: host.ndim]) if host.shape[n] % count]
        if misfit or len(parts) > host.ndim:
            name = jax.tree_util.keystr(inside, simple=True, separator=".")
            axis = misfit[0] if misfit else host.ndim
            raise InputError(
                "a batch does not divide over the devices",
                where=f"batch {name}".strip(),
                expected=f"axis {axis} in {parts[axis]} equal parts, those of this process",
                got=f"{host.dtype}{[*host.shape]} for {spec_text(where)} of {dict(mesh.shape)}",
                fix="choose a batch size that divides, and leave out the last batch "
                "(`nn.batches(..., drop_last=True)`)",
            )
        if where.is_fully_addressable:
            return put_array(host, where)
        join: Any = jax.make_array_from_process_local_data  # which has no types
        return join(where, np.array(host))

    made: T = jax.tree_util.tree_map_with_path(cut, local)
    return made


def _spec(mesh: Mesh, spec: tuple[Any, ...]) -> PartitionSpec:
    check_mesh(mesh, "batch")
    made: PartitionSpec = make_spec(*(spec or (mesh.axis_names[0],)))
    found = spec[0] if len(spec) == 1 and isinstance(spec[0], PartitionSpec) else made
    for part in found:
        for axis in part if isinstance(part, tuple) else (part,):
            if axis is not None:
                check_axis(mesh, axis, "batch")
    return found


def _local_parts(where: NamedSharding) -> list[int]:
    """Return into how many parts the devices of this process cut each axis."""
    mesh = where.mesh
    assert isinstance(mesh, Mesh)
    process = jax.process_index()
    own = [
        dict(zip(mesh.axis_names, index, strict=True))
        for index, device in np.ndenumerate(mesh.devices)
        if device.process_index == process
    ]
    parts: list[int] = []
    for names in where.spec:
        axes = () if names is None else names if isinstance(names, tuple) else (names,)
        parts.append(max(1, len({tuple(place[axis] for axis in axes) for place in own})))
    return parts


class Feed(Generic[T]):
    """An iterator over batches on a mesh: what :func:`feed` returns.

    Parameters
    ----------
    loader, mesh, spec, prefetch
        As in :func:`feed`.

    Examples
    --------
    >>> mesh = brainlite.distributed.mesh(data=-1)
    >>> loader = brainlite.nn.batches(jnp.arange(40), 8)
    >>> batches = brainlite.distributed.feed(loader, mesh)
    >>> first = next(batches)
    >>> batches.get_state()["batch"], loader.get_state()["batch"]
    (1, 3)
    """

    def __init__(self, loader: Iterable[T], mesh: Mesh, spec: PartitionSpec, prefetch: int) -> None:
        self._loader: Any = loader
        self._mesh = mesh
        self._spec = spec
        self._prefetch = prefetch
        self._ready: deque[tuple[T, Any]] = deque()
        self._source: Iterator[T] | None = None
        self._ended = False
        self._take, self._put = _methods_of(loader)
        self._position: Any = self._now()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        self._fill()
        if not self._ready:
            self._source, self._ended = None, False  # the next loop is another pass
            raise StopIteration
        found, self._position = self._ready.popleft()
        return found

    def _fill(self) -> None:
        """Take batches from the loader until enough of them are on their way to the devices."""
        if self._source is None:
            self._source = iter(self._loader)
        while not self._ended and len(self._ready) <= self._prefetch:
            try:
                local = next(self._source)
            except StopIteration:
                self._ended = True
            else:
                position = self._now()
                self._ready.append((batch(local, self._mesh, self._spec), position))

    def _now(self) -> Any:
        # A copy: the loader may go on writing in what it returns.
        return None if self._take is None else copy.deepcopy(self._take())

    def get_state(self) -> Any:
        """Return where the loader was when it gave the batch that was delivered last.

        Raises
        ------
        OptionError
            The loader does not tell.
        """
        if self._take is None:
            raise _no_position(self._loader)
        return self._position

    def set_state(self, state: Any) -> None:
        """Go on behind the batch that was delivered last when ``state`` was taken.

        Raises
        ------
        OptionError
            The loader cannot be told.
        """
        if self._put is None:
            raise _no_position(self._loader)
        self._put(state)
        self._ready.clear()
        self._source, self._ended = None, False
        self._position = copy.deepcopy(state)

    def __repr__(self) -> str:
        spec = spec_text(NamedSharding(self._mesh, self._spec))
        return f"Feed({self._loader!r}, {spec} of {dict(self._mesh.shape)})"


def _methods_of(loader: object) -> tuple[Any, Any]:
    for take, put in (("get_state", "set_state"), ("state_dict", "load_state_dict")):
        if callable(getattr(loader, take, None)) and callable(getattr(loader, put, None)):
            return getattr(loader, take), getattr(loader, put)
    return None, None


def _no_position(loader: object) -> OptionError:
    return OptionError(
        "this loader does not say where it is",
        where="feed",
        expected="get_state and set_state, or state_dict and load_state_dict",
        got=type(loader).__name__,
        fix="use a loader that can be taken up again, such as `nn.batches`",
    )


def feed(
    loader: Iterable[T], mesh: Mesh, spec: PartitionSpec | None = None, *, prefetch: int = 2
) -> Feed[T]:
    """Return an iterator that puts the batches of a loader onto a mesh, some ahead.

    Parameters
    ----------
    loader : iterable
        Gives what :func:`batch` takes: this process's part of each batch.
    mesh : Mesh
        The devices.
    spec : PartitionSpec, optional
        As in :func:`batch`.
    prefetch : int
        How many batches are under way to the devices while one is computed with.

    Returns
    -------
    Feed
        A ``for`` loop over it is one pass. Among the items of a checkpoint it says where the loader
        was at the batch delivered *last*, whatever was taken from it since.

    Raises
    ------
    OptionError
        ``prefetch`` is negative, or the mesh has no such axis.

    Examples
    --------
    >>> mesh = brainlite.distributed.mesh(data=-1)
    >>> loader = brainlite.nn.batches(jnp.arange(16), 8)
    >>> [part.sharding.spec[0] for part in brainlite.distributed.feed(loader, mesh)]
    ['data', 'data']
    """
    if isinstance(prefetch, bool) or prefetch < 0:
        raise OptionError(
            "a feed cannot take so many batches ahead",
            where="feed",
            expected="a whole number, 0 or more",
            got=f"prefetch={prefetch!r}",
            fix="leave it out",
        )
    return Feed(loader, mesh, _spec(mesh, () if spec is None else (spec,)), prefetch)
