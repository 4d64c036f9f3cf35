"""Changing the dtype of a whole model."""

from collections.abc import Callable
from typing import Any, Self

import jax
import jax.numpy as jnp

from brainlite._given import OF_MODULES
from brainlite.errors import OptionError
from brainlite.graph import Node, iter_leaf
from brainlite.state._face import AnyState, overwrite
from brainlite.typing import DTypeLike


class Castable(Node):
    """A node whose floating-point states can be cast.

    All states are cast in place, hidden ones too, and tied ones stay tied. Integers, booleans,
    complex numbers and random keys stay as they are, and so do the states of metrics and arrays in
    plain attributes.
    """

    def to(self, dtype: DTypeLike) -> Self:
        """Cast every floating-point array in the states of this module and all below.

        Parameters
        ----------
        dtype : dtype
            A floating-point one.

        Returns
        -------
        The module.

        Raises
        ------
        OptionError
            The dtype is not floating-point, or jax is not set up for it.

        Examples
        --------
        >>> brainlite.nn.Linear(2, 3).to("bfloat16").weight
        ParamState(
          value={
            'bias': ShapedArray(bfloat16[3]),
            'weight': ShapedArray(bfloat16[2,3])
          }
        )
        """
        _cast(self, check_floating(dtype, "a model is cast to"))
        return self

    def half(self) -> Self:
        """Cast to float16; see :meth:`to`."""
        return self.to(jnp.float16)

    def bfloat16(self) -> Self:
        """Cast to bfloat16; see :meth:`to`."""
        return self.to(jnp.bfloat16)

    def float(self) -> Self:
        """Cast to float32; see :meth:`to`."""
        return self.to(jnp.float32)

    def double(self) -> Self:
        """Cast to float64, which needs ``jax_enable_x64``; see :meth:`to`."""
        return self.to(jnp.float64)


def check_floating(dtype: DTypeLike, purpose: str, where: str | None = None) -> Any:
    """Return the dtype, or raise an OptionError that begins with the purpose."""
    given: Any = dtype
    try:
        wanted: Any = jnp.dtype("no dtype" if given is None else given)  # numpy's is float64
    except TypeError:
        wanted = None
    if wanted is None or not jnp.issubdtype(wanted, jnp.floating):
        problem, fix = f"{purpose} floating-point dtypes only", "use float32 or bfloat16"
        if str(given).partition(":")[0] in ("cuda", "cpu", "gpu", "mps", "tpu", "xpu"):
            fix = OF_MODULES["cuda"]
    elif jax.dtypes.canonicalize_dtype(wanted) != wanted:
        problem = "jax is not set up for this dtype"
        fix = "call `jax.config.update('jax_enable_x64', True)` first"
    else:
        return wanted
    expected = "float16, bfloat16, float32, ..."
    raise OptionError(
        problem,
        where=where,
        expected=expected,
        got=repr(dtype) if wanted is None else str(wanted),
        fix=fix,
    )


def _cast(root: Node, dtype: Any) -> None:
    """Write all floats of a model in another dtype: all of them, or none."""
    # All new values are made before the first is written.
    states: list[AnyState] = []
    values: list[Any] = []
    for _, state in iter_leaf(root):
        value = state.value
        if not state.__keeps_dtype__ and any(
            _is_other_float(leaf, dtype) for leaf in jax.tree.leaves(value)
        ):
            states.append(state)
            values.append(jax.tree.map(_caster(dtype), value))
    overwrite(states, values)


def _is_other_float(leaf: Any, dtype: Any) -> bool:
    # Python floats take the dtype of what they are combined with: they stay.
    own = getattr(leaf, "dtype", dtype)
    return own != dtype and bool(jnp.issubdtype(own, jnp.floating))


def _caster(dtype: Any) -> Callable[[Any], Any]:
    return lambda leaf: leaf.astype(dtype) if _is_other_float(leaf, dtype) else leaf
