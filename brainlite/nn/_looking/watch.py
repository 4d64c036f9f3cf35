"""Looking into a running model: hidden states over time, and what layers return.

The calls of the modules of a model are seen by putting another ``__call__`` on their classes for
as long as somebody watches: at any other time a call costs what it costs.
"""

import operator
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Self

import jax
import jax.numpy as jnp

from brainlite.display import ShownMapping, notebook_repr, text_repr, treescope_repr
from brainlite.errors import InputError, OptionError
from brainlite.graph import iter_node, to_predicate
from brainlite.graph._face import dotted, find_path
from brainlite.nn._modules.habits import not_called
from brainlite.state import HiddenState, State
from brainlite.state._face import blank, current_frame, epoch
from brainlite.transform._face import Trail, Watcher, watchers
from brainlite.typing import Filter

_lock = threading.Lock()
_users: Counter[type[Any]] = Counter()
_patched: dict[type[Any], tuple[Any, Any]] = {}


@contextmanager
def watched(model: Any, watcher: Watcher) -> Generator[None]:
    """Let ``watcher`` see what runs inside, the calls of the modules of ``model`` among it."""
    classes = {type(node) for _, node in iter_node(model) if _is_called(type(node))}
    with _lock:
        for cls in classes:
            if not _users[cls]:
                plain = vars(cls)["__call__"]
                _patched[cls] = (plain, _seen(plain))
                type.__setattr__(cls, "__call__", _patched[cls][1])
            _users[cls] += 1
    epoch.advance()  # what was prepared for calls without anybody watching is not to be used
    try:
        with watcher.watching():
            yield
    finally:
        with _lock:
            for cls in classes:
                _users[cls] -= 1
                if _users[cls]:
                    continue
                plain, ours = _patched.pop(cls)
                if vars(cls)["__call__"] is ours:  # and nobody has put another one over it
                    type.__setattr__(cls, "__call__", plain)
        epoch.advance()


def _is_called(kind: type[Any]) -> bool:
    return vars(kind).get("__call__", not_called) is not not_called


def _seen(original: Any) -> Callable[..., Any]:
    def seen(self: Any, *args: Any, **kwargs: Any) -> Any:
        call = original.__get__(self, type(self))
        for watcher in watchers():
            call = watcher.around(self, call)
        return call(*args, **kwargs)

    return seen


class Observer(Watcher):
    """A watcher of a model: it looks at what runs in a ``with`` block, any number of times.

    A function that was compiled in one block is found again in the next of the same observer.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model: Any = model
        self._open: list[AbstractContextManager[None]] = []

    def __enter__(self) -> Self:
        for trail in self.trails.values():
            trail.put(None)
        self._open.append(watched(self.model, self))
        self._open[-1].__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.pop().__exit__(*error)


class History(Observer, Mapping[str, Any]):
    """What :func:`record` or :func:`capture` took out of a running model, by path.

    It is a context manager, which may be entered again: what it holds is of the last time.

    Raises
    ------
    FilterError
        ``select`` is no filter.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> with record(cell) as history:
    ...     ys = brainlite.transform.for_loop(cell, jnp.ones((7, 2)))
    >>> history
    History of GRUCell({
      'h': ShapedArray(float32[7,3])
    })
    """

    def __init__(self, model: Any, select: Filter) -> None:
        super().__init__(model)
        self._select = to_predicate(select)

    def _values(self) -> dict[str, Any]:
        values = {path: trail.value for path, trail in self.trails.items()}
        return {path: value for path, value in values.items() if value is not None}

    def __getitem__(self, path: str) -> Any:
        return self._values()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values())

    def __len__(self) -> int:
        return len(self._values())

    @property
    def title(self) -> str:
        """The class of the model, under which it is shown."""
        return type(self.model).__name__

    def __display__(self) -> ShownMapping:
        return ShownMapping(list(self._values().items()), f"History of {self.title}")

    # Compared as the object that it is: its values are arrays.
    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    __repr__ = text_repr
    __treescope_repr__ = treescope_repr
    _repr_mimebundle_ = notebook_repr


class _States(History):
    """Takes the states that a step of a loop has written, or some of their units."""

    def __init__(self, model: Any, select: Filter, units: Sequence[int] | None, every: int) -> None:
        super().__init__(model, select)
        self.every = every
        self._units = None if units is None else tuple(operator.index(unit) for unit in units)

    def _chosen(self, path: str, value: Any) -> Any:
        """Return the units that are asked for, of the last axis."""
        if self._units is None:
            return value

        def take(leaf: Any) -> Any:
            size = jnp.shape(leaf)[-1] if jnp.ndim(leaf) else 0
            wrong = [unit for unit in self._units or () if not -size <= unit < size]
            if wrong:
                raise InputError(
                    "there is no such unit to record",
                    where=path,
                    expected=f"units from 0 to {size - 1}, of the last axis",
                    got=f"{wrong[0]}",
                    fix="choose states by `select` whose last axis has these units",
                )
            return leaf[..., jnp.asarray(self._units, int)]

        return jax.tree.map(take, value)

    def after_step(self) -> None:
        """Take the states that the step has written."""
        frame = current_frame.get()
        assert frame is not None
        inner = self.taken()  # what a loop in this step has recorded already, step by step
        for state in list(frame.written):
            if not isinstance(state, State) or isinstance(state, Trail):
                continue
            path = find_path(self.model, state)
            if path is None or not self._select(tuple(path), state):
                continue
            if dotted(tuple(path)) not in inner:
                name = dotted(tuple(path))
                self.put(name, self._chosen(name, frame.values[state]))

    def looks_into(self, module: object) -> bool:
        """Say whether a layer that runs a whole sequence is part of the model."""
        return find_path(self.model, module) is not None

    def after_sequence(self, module: object, hidden: Mapping[str, Any]) -> None:
        """Take the hidden states of such a layer, which are no states of the model."""
        path = find_path(self.model, module) or ()
        for each, values in hidden.items():
            state = blank(HiddenState, {"name": each, "tag": None})
            if self._select((*path, each), state):
                name = dotted((*path, each))
                self.put(name, self._chosen(name, values[:: self.every]))


class _Outputs(History):
    """Takes what modules return."""

    def __init__(self, model: Any, select: Filter) -> None:
        super().__init__(model, select)
        self._paths = {
            id(node): dotted(path) for path, node in iter_node(model) if self._select(path, node)
        }

    def around(self, module: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        """Let a call through, and take what it returns."""
        path = self._paths.get(id(module))
        if path is None:
            return call

        def called(*args: Any, **kwargs: Any) -> Any:
            out = call(*args, **kwargs)
            self.put(path, out)
            return out

        return called


def record(
    model: Any,
    select: Filter = HiddenState,
    *,
    units: Sequence[int] | None = None,
    every: int = 1,
) -> History:
    """Record states of a model at each step of the loops that run inside.

    Parameters
    ----------
    model : Module, or a container of modules
        The model.
    select : Filter
        Which states; by default the hidden ones.
    units : sequence of int, optional
        Which units of them to keep, counted along the last axis; by default all. A record takes
        memory for each unit and step that is kept.
    every : int
        Keep every n-th step: what a record of all steps would have at ``[::n]``, so that of
        a length which n does not divide the last steps may be left out. Each loop counts
        from its own first step: a run that is cut into pieces goes on evenly if n divides
        their lengths.

    Raises
    ------
    InputError
        At the loop: a state has no such unit.
    OptionError
        ``every`` is no whole number, or less than 1.

    Returns
    -------
    History
        A context manager.
        By dotted path (``"rnn_cell.h"``), the value after each step of ``for_loop`` or ``scan``,
        stacked along a new leading axis, (time, ...). ``RNN``, ``GRU`` and ``LSTM`` give the hidden
        states inside of them, of each layer and direction: ``"lstm.c_l0"``,
        ``"lstm.h_l1_reverse"``. States that no step writes are left out. Of loops within a loop all
        axes are kept, and ``every`` counts steps of the inner one; under ``vmap`` the lanes come
        first; of loops that run one after the other the last one is kept.

    Notes
    -----
    It works under ``jit``, too, which compiles once more for it; keep the history and enter
    it again to use that compilation again. Nothing is changed in the model. Loops in the branches
    of ``cond`` and in ``while_loop`` are left out: they may not run. ``every`` bounds the memory of
    loops; ``RNN``, ``GRU`` and ``LSTM`` compute all their steps at once, and some are kept of them.
    The plots of :mod:`brainlite.display` take a history, whose ``every`` is in their axis of time.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.LSTMCell(2, 3))
    >>> with brainlite.nn.record(cell) as history:
    ...     ys = brainlite.transform.for_loop(cell, jnp.ones((7, 2)))
    >>> {path: values.shape for path, values in history.items()}
    {'c': (7, 3), 'h': (7, 3)}

    Every third step, of two units:

    >>> with brainlite.nn.record(cell, units=[0, 2], every=3) as history:
    ...     ys = brainlite.transform.for_loop(cell, jnp.ones((7, 2)))
    >>> {path: values.shape for path, values in history.items()}
    {'c': (3, 2), 'h': (3, 2)}
    """
    return _States(model, select, units, _checked_every(every))


def _checked_every(every: Any) -> int:
    """Return of how many steps one is kept, or raise."""
    try:
        number = 0 if isinstance(every, bool) else operator.index(every)
    except TypeError:
        number = 0
    if number > 0:
        return number
    raise OptionError(
        "a record cannot keep such steps",
        expected="every: a whole number, 1 or more",
        got=f"every={every!r}",
        fix="pass n to keep every n-th step, or leave it out to keep each",
    )


def capture(model: Any, select: Filter = ...) -> History:
    """Keep what modules return while a model runs.

    Parameters
    ----------
    model : Module, or a container of modules
        The model.
    select : Filter
        Which modules, by type or by path; by default all.

    Returns
    -------
    History
        A context manager.
        The output of the last call of each module, by dotted path (that of the model itself is
        ``""``). In a ``for_loop`` or ``scan`` the outputs are stacked over the steps, under
        ``vmap`` over the lanes.

    Notes
    -----
    A call is seen where it is written ``module(x)``, not ``module.update(x)``. Calls in the
    branches of ``cond`` and in ``while_loop`` are left out: they may not run.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(2, 3))
    >>> with brainlite.nn.capture(cell, brainlite.nn.Linear) as outputs:
    ...     y = brainlite.transform.jit(cell)(jnp.ones(2))
    >>> {path: output.shape for path, output in outputs.items()}
    {'Wrz': (6,), 'Wh': (3,)}
    """
    return _Outputs(model, select)
