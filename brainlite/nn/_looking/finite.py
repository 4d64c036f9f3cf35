"""Which layer was it? The first NaN or infinity, by module, index and call: ``check_finite``."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

from brainlite.errors import NonFiniteError
from brainlite.graph import Node, iter_node
from brainlite.graph._face import dotted, fields
from brainlite.nn._looking.watch import Observer
from brainlite.state import HiddenState, ShortTermState, State
from brainlite.typing import Array, Path


@custom_vmap
def _first_nonfinite(leaf: Array) -> Array:
    bad = ~jnp.isfinite(leaf).reshape(-1)
    first = jnp.argmax(bad) if bad.size else jnp.asarray(0)
    return jnp.where(bad.any(), first, -1).astype(jnp.int32)


@_first_nonfinite.def_vmap
def _over_all_lanes(_size: int, _batched: Any, leaf: Array) -> tuple[Array, bool]:
    # One answer for all lanes: a state that is written with it needs no declaration.
    first = _first_nonfinite(leaf)
    return jnp.where(first < 0, first, first % max(leaf[0].size, 1)), False


class _Source(NamedTuple):
    """Something that a module has made: what it returned, or a state of its own."""

    name: str | None  # of the attribute; None for the output
    shape: tuple[int, ...]


class _Finite(Observer):
    """Notes when what a module returns or keeps is not finite for the first time."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        nodes: list[tuple[Path, Node]] = list(iter_node(model))
        self.paths: list[Path] = [path for path, _ in nodes]
        self.kinds: list[type[Node]] = [type(node) for _, node in nodes]
        self._numbers = {id(node): number for number, (_, node) in enumerate(nodes)}
        self._sources: list[_Source] = []  # as `what` counts them, from 1
        self.calls: State[dict[str, Array]] = State(self._no_calls())

    def _no_calls(self) -> dict[str, Array]:
        # In the order of the calls: how many there were, and the first one that went wrong, with
        # what was not finite then, and at which index.
        zeros = jnp.zeros(len(self.paths), jnp.int32)
        of_first = {"first": zeros, "first_of": zeros, "what": zeros, "index": zeros}
        return {"all": jnp.zeros((), jnp.int32), "of": zeros, **of_first}

    def __enter__(self) -> Self:
        self.calls.value = self._no_calls()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        found = self.found()
        if found is not None and error[0] is None:
            raise self._error(*found)

    def around(self, module: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        """Let a call through, and look at what it returns and what the module keeps."""
        number = self._numbers.get(id(module))
        if number is None:
            return call

        def called(*args: Any, **kwargs: Any) -> Any:
            out = call(*args, **kwargs)
            self._look(number, [*_kept(module), *((None, leaf) for leaf in jax.tree.leaves(out))])
            return out

        return called

    def _look(self, number: int, made: list[tuple[str | None, Any]]) -> None:
        """Note what is wrong of what a module has made in one call."""
        what = index = jnp.asarray(0, jnp.int32)
        for name, leaf in reversed(made):  # so that the first one stays
            if not jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
                continue
            self._sources.append(_Source(name, jnp.shape(leaf)))
            first = _first_nonfinite(jax.lax.stop_gradient(jnp.asarray(leaf)))
            what = jnp.where(first < 0, what, len(self._sources))
            index = jnp.where(first < 0, index, first)
        calls = self.calls.value
        total, own = calls["all"] + 1, calls["of"].at[number].add(1)
        new = (what > 0) & (calls["first"][number] == 0)
        now = {"first": total, "first_of": own[number], "what": what, "index": index}
        noted = {
            key: calls[key].at[number].set(jnp.where(new, value, calls[key][number]))
            for key, value in now.items()
        }
        self.calls.value = {"all": total, "of": own, **noted}

    def found(self) -> tuple[int, int] | None:
        """Return the number of the module that was first, and of its call."""
        first = np.asarray(self.calls.value["first"])
        if not first.any():
            return None
        number = int(np.argmin(np.where(first > 0, first, np.iinfo(np.int32).max)))
        return number, int(self.calls.value["first_of"][number])

    def _error(self, number: int, call: int) -> NonFiniteError:
        """Return the error for what was not finite first: a place in a module, and a call."""
        kind = self.kinds[number].__name__
        source = self._sources[int(self.calls.value["what"][number]) - 1]
        index = np.unravel_index(int(self.calls.value["index"][number]), source.shape)
        made = "the output" if source.name is None else f"the state {source.name!r}"
        path = self.paths[number] if source.name is None else (*self.paths[number], source.name)
        at = f" at index {tuple(map(int, index))}" if index else ""
        return NonFiniteError(
            f"{made} of this {kind} is not finite",
            where=dotted(path) or kind,
            expected="finite numbers from every module",
            got=f"NaN or infinity{at} at call {call - 1} of this module, before any other",
            fix="look at its input and its parameters there (see `capture`)"
            if source.name is None
            else "look at its input there, and at the size of the step (see `record`)",
        )


def _kept(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield the leaves of the hidden states of a module itself, with the names of the states."""
    for name, state in fields(module).items():
        if isinstance(state, HiddenState | ShortTermState):
            for leaf in jax.tree.leaves(state.value):
                yield name, leaf


def check_finite(model: Any) -> AbstractContextManager[object]:
    """Raise at the end of the block if a module returned or kept what is not finite.

    Parameters
    ----------
    model : Module, or a container of modules
        The model. It may run compiled, in loops, under ``grad`` and ``vmap``.

    Returns
    -------
    context manager
        It may be entered again; a function is then not compiled again for it.

    Raises
    ------
    NonFiniteError
        At the end of the block: the output of a module, or one of its hidden and short-term
        states after a call, was NaN or infinite. The message names the module or the state that
        was the first, the index there (under ``vmap`` that in a lane), and at which of the
        calls of the module: in a loop, the time step.

    Notes
    -----
    A call is seen where it is written ``module(x)``. The values that the block has computed stay:
    nothing is stopped. A potential that is NaN gives no spike for ever: the output of a neuron
    alone would not tell.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 3)
    >>> with brainlite.nn.check_finite(model):
    ...     y = model(jnp.array([1.0, jnp.inf]))
    Traceback (most recent call last):
    brainlite.errors.NonFiniteError: Linear: the output of this Linear is not finite
      expected: finite numbers from every module
      got:      NaN or infinity at index (0,) at call 0 of this module, before any other
      fix:      look at its input and its parameters there (see `capture`)
    """
    return _Finite(model)
