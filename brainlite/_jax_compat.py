"""Everything that depends on the JAX version, or on what JAX does not export.

The rest of the library uses public, documented JAX. What is here is small on purpose: the trace
that is current, a few types, and the one primitive that marks where a state is read.
"""

import functools
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, cast

import jax
from jax._src import config as _config
from jax._src import core as _core
from jax._src.named_sharding import UNSPECIFIED as _UNSPECIFIED
from jax.core import Tracer as Tracer
from jax.core import eval_jaxpr as _eval_jaxpr
from jax.experimental import rnn as _rnn
from jax.extend import core as _extend
from jax.interpreters import ad, batching, mlir

ClosedJaxpr = _extend.ClosedJaxpr
Jaxpr = _extend.Jaxpr
Literal = _extend.Literal
Var: TypeAlias = Any  # jax.extend.core.Var has no public constructor and no types of its own.


class PyTreeDef(Protocol):
    """What ``jax.tree.structure`` returns, which is a variable to type checkers."""

    @property
    def num_leaves(self) -> int: ...
    def unflatten(self, leaves: Iterable[object], /) -> Any: ...
    def flatten_up_to(self, tree: object, /) -> list[Any]: ...


# The default of in_shardings and out_shardings in jax.jit: as the arrays are. None is not the same:
# it may copy to every device.
UNSPECIFIED: Any = _UNSPECIFIED

# The cell that holds the trace of this thread. Reading `.value` costs about 50 ns, which is what
# lets every access of a state ask whether a plain jax transform is running;
# `jax.extend.core.take_current_trace` answers the same in 1100 ns.
trace_cell: Any = _core.trace_state_strong_ref
no_trace: Any = _core.eval_trace


# `.value` says whether `jax.disable_jit()` holds in this thread. It takes 20 ns, against 100 ns of
# `jax.config.jax_disable_jit`, and every call of a compiled function asks.
jit_switch: Any = _config.disable_jit

# What jax raises where code asks for the value of something that is traced.
NEEDS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)


def shape_struct(
    shape: tuple[int, ...], dtype: Any, sharding: jax.sharding.Sharding | None = None
) -> jax.ShapeDtypeStruct:
    """Return what an array is apart from its numbers; jax's own constructor has no types."""
    make: Any = jax.ShapeDtypeStruct
    made: jax.ShapeDtypeStruct = make(shape, dtype, sharding=sharding)
    return made


def is_clash_of_devices(error: BaseException) -> bool:
    """Say whether jax refuses arrays that are tied to different devices."""
    return isinstance(error, ValueError) and "incompatible devices" in str(error)


def current_trace() -> Any:
    """Return the JAX trace that operations are bound in at this moment."""
    return trace_cell.value


def release(trace: Any) -> None:
    """Let a trace that an exception has ended drop what it holds.

    jax does so after a trace that ends well. After any other the arrays that it closed over stay
    in memory for good, by a cycle through a finalizer.
    """
    invalidate: Any = getattr(trace, "invalidate", None)
    if invalidate is not None:
        invalidate()


def is_eager() -> bool:
    """Say whether nothing is being traced: operations run as they are called."""
    return trace_cell.value is no_trace


def under_jit() -> bool:
    """Say whether a plain ``jax.jit`` (or another transform that stages code) is running."""
    return bool(cast("Any", _extend).unsafe_am_i_under_a_jit_DO_NOT_USE())


def has_cudnn_rnn() -> bool:
    """Say whether the default backend is a GPU and its plugin brings the recurrent kernels."""
    plugin: Any = cast("Any", _rnn).gpu_rnn
    kernels = hasattr(plugin, "compute_rnn_workspace_reserve_space_sizes")
    return kernels and jax.default_backend() == "gpu"


def set_current_trace(trace: Any) -> AbstractContextManager[None]:
    """Return a context in which operations are bound in ``trace``."""
    context: AbstractContextManager[None] = cast("Any", _extend).set_current_trace(trace)
    return context


def jaxpr_as_fun(closed: ClosedJaxpr) -> Any:
    """Return the function of flat values that ``closed`` describes.

    ``jax.extend.core.jaxpr_as_fun`` switches `jax_debug_nans` off while it runs and, in this
    thread, for every compiled call after it.
    """
    return functools.partial(_eval_jaxpr, closed.jaxpr, closed.consts)


def valid_jaxtype(value: object) -> bool:
    """Say whether jax takes and returns this as an array."""
    return bool(_extend.valid_jaxtype(value))


def is_batched(value: Any, trace: Any) -> bool:
    """Say whether ``value`` has a different value in each lane of the batching ``trace``."""
    return isinstance(value, Tracer) and getattr(value, "_trace", None) is trace


# An identity primitive: its equation in a jaxpr says "here state number `slot` was read". The
# equations are taken out before anything runs, so only the rules that tracing may need are defined.
state_read: Any = _extend.Primitive("state_read")
state_read.multiple_results = True


def bind_read(leaves: Sequence[Any], slot: int) -> list[Any]:
    """Mark, in the current trace, that these are the leaves of state number ``slot``."""
    marked: list[Any] = state_read.bind(*leaves, slot=slot)
    return marked


def _identity(*values: Any, slot: int) -> list[Any]:
    del slot
    return list(values)


def _identity_lowering(_context: Any, *values: Any, slot: int) -> Sequence[Any]:
    del slot
    return list(values)


def _identity_jvp(primals: Sequence[Any], tangents: Sequence[Any], *, slot: int) -> Any:
    return bind_read(primals, slot), list(tangents)


def _identity_batch(values: Sequence[Any], axes: Sequence[Any], *, slot: int) -> Any:
    return bind_read(values, slot), list(axes)


state_read.def_impl(_identity)
state_read.def_abstract_eval(_identity)
mlir.register_lowering(state_read, _identity_lowering)
ad.primitive_jvps[state_read] = _identity_jvp
batching.primitive_batchers[state_read] = _identity_batch
