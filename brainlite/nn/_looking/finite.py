"""Which layer was it? The first NaN or infinity, by module and call: ``check_finite``."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_batching import custom_vmap

from brainlite.errors import NonFiniteError
from brainlite.graph import Node, iter_node
from brainlite.nn._looking.watch import Observer, dotted
from brainlite.state import State
from brainlite.typing import Array, Path


@custom_vmap
def _has_nonfinite(leaf: Array) -> Array:
    return ~jnp.all(jnp.isfinite(leaf))


@_has_nonfinite.def_vmap
def _over_all_lanes(_size: int, _batched: Any, leaf: Array) -> tuple[Array, bool]:
    # One answer for all lanes: a state that is written with it needs no declaration.
    return _has_nonfinite(leaf), False


class _Finite(Observer):
    """Notes when the output of each module is not finite for the first time."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        nodes: list[tuple[Path, Node]] = list(iter_node(model))
        self.paths: list[Path] = [path for path, _ in nodes]
        self.kinds: list[type[Node]] = [type(node) for _, node in nodes]
        self._numbers = {id(node): number for number, (_, node) in enumerate(nodes)}
        self.calls: State[dict[str, Array]] = State(self._no_calls())

    def _no_calls(self) -> dict[str, Array]:
        # In the order of the calls: how many there were, and the first one that went wrong.
        zeros = jnp.zeros(len(self.paths), jnp.int32)
        return {"all": jnp.zeros((), jnp.int32), "of": zeros, "first": zeros, "first_of": zeros}

    def __enter__(self) -> Self:
        self.calls.value = self._no_calls()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        found = self.found()
        if found is not None and error[0] is None:
            raise self._error(*found)

    def around(self, module: Any, call: Callable[..., Any]) -> Callable[..., Any]:
        """Let a call through, and look at what it returns."""
        number = self._numbers.get(id(module))
        if number is None:
            return call

        def called(*args: Any, **kwargs: Any) -> Any:
            out = call(*args, **kwargs)
            bad = _is_bad(out)
            calls = self.calls.value
            total, own = calls["all"] + 1, calls["of"].at[number].add(1)
            new = bad & (calls["first"][number] == 0)
            first = calls["first"].at[number].set(jnp.where(new, total, calls["first"][number]))
            first_of = (
                calls["first_of"]
                .at[number]
                .set(jnp.where(new, own[number], calls["first_of"][number]))
            )
            self.calls.value = {"all": total, "of": own, "first": first, "first_of": first_of}
            return out

        return called

    def found(self) -> tuple[int, int] | None:
        """Return the number of the module that was first, and of its call."""
        first = np.asarray(self.calls.value["first"])
        if not first.any():
            return None
        number = int(np.argmin(np.where(first > 0, first, np.iinfo(np.int32).max)))
        return number, int(self.calls.value["first_of"][number])

    def _error(self, number: int, call: int) -> NonFiniteError:
        kind = self.kinds[number].__name__
        return NonFiniteError(
            f"the output of this {kind} is not finite",
            where=dotted(self.paths[number]) or kind,
            expected="finite numbers from every module",
            got=f"NaN or infinity at call {call - 1} of this module, before any other",
            fix="look at its input and its parameters there (see `capture`)",
        )


def _is_bad(out: Any) -> Array:
    bad = jnp.asarray(False)
    for leaf in jax.tree.leaves(out):
        if jnp.issubdtype(jnp.result_type(leaf), jnp.inexact):
            bad = bad | _has_nonfinite(jax.lax.stop_gradient(jnp.asarray(leaf)))
    return bad


def check_finite(model: Any) -> AbstractContextManager[object]:
    """Raise at the end of the block if the output of a module was not finite, and say which.

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
        At the end of the block: the output of a module was NaN or infinite. The message names the
        module whose output was the first, and at which of its calls: in a loop, the time step.

    Notes
    -----
    A call is seen where it is written ``module(x)``. The values that the block has computed stay:
    nothing is stopped.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 3)
    >>> with brainlite.nn.check_finite(model):
    ...     y = model(jnp.array([1.0, jnp.inf]))
    Traceback (most recent call last):
    brainlite.errors.NonFiniteError: Linear: the output of this Linear is not finite
      expected: finite numbers from every module
      got:      NaN or infinity at call 0 of this module, before any other
      fix:      look at its input and its parameters there (see `capture`)
    """
    return _Finite(model)
