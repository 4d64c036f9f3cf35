"""The lifting engine: run a function that reads and writes states once, get a pure function.

:func:`lift` traces the function in a frame that hoists. Every state that it reads becomes an input
of the jaxpr, every state that it writes an output, and the user's Python code is not needed any
more. Each transform is then a thin file: it decides what becomes of these inputs and outputs
(loop carry, closed-over value, differentiated value) and lets
:func:`~brainlite.transform._engine._effects.commit` put the new values in place when nothing can
fail any more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray

from brainlite._given import explicit_sharding, explicit_spec
from brainlite._jax_compat import (
    NEEDS_VALUES,
    ClosedJaxpr,
    Jaxpr,
    Literal,
    PyTreeDef,
    is_eager,
    jaxpr_as_fun,
    release,
    shape_struct,
    state_read,
)
from brainlite.errors import BranchError
from brainlite.state import State
from brainlite.state._face import MISSING, AnySlot, AnyState, Frame, current_frame, held, locate
from brainlite.transform._engine._effects import Effects, called
from brainlite.transform._engine._escapes import Escapes
from brainlite.transform._engine._origin import Origin, explain, under_its_name
from brainlite.transform._engine._values import are_values, check_arguments, check_result
from brainlite.typing import ArrayLike, PyTree


class Lifted:
    """A function after lifting.

    Attributes
    ----------
    closed : ClosedJaxpr
        The pure function: values of ``reads``, then arguments, to result and new values.
    out_tree : PyTreeDef
        The structure of ``(result, new values)``.
    reads : list of State
        The states whose values are the first inputs.
    effects : Effects
        The states whose new values come out.
    types : list of pytrees of abstract values
        The types of these new values.
    out_types : pytree of abstract values
        The type of the function's own result.
    notes, environment : dict
        The attributes and settings that were read while tracing.
    """

    __slots__ = (
        "_in_tree",
        "closed",
        "effects",
        "environment",
        "notes",
        "out_tree",
        "out_types",
        "reads",
        "types",
    )

    def __init__(
        self,
        closed: ClosedJaxpr,
        reads: list[AnyState],
        out_tree: PyTreeDef,
        effects: Effects,
        frame: Frame,
        in_tree: PyTreeDef,
    ) -> None:
        self._in_tree = in_tree
        self.closed: ClosedJaxpr = closed
        self.out_tree: PyTreeDef = out_tree
        self.reads: list[AnyState] = reads
        self.effects: Effects = effects
        self.notes: dict[tuple[int, str], tuple[object, object]] = frame.notes
        self.environment: dict[str, object] = frame.environment
        types: tuple[object, list[object]] = jax.tree.unflatten(out_tree, closed.out_avals)
        self.out_types: object = types[0]
        self.types: list[object] = types[1]

    def fits(self, values: list[object], args: object) -> bool:
        """Say whether these have the structures, shapes and dtypes that the trace was made for."""
        leaves: list[object]
        structure: PyTreeDef
        leaves, structure = jax.tree.flatten((values, args))
        return structure == self._in_tree and all(
            map(_same_type, map(jax.typeof, leaves), self.closed.in_avals)
        )

    def __call__(self, values: Iterable[object], args: object) -> tuple[object, list[object]]:
        """Evaluate on the values of ``reads`` and the arguments ``(args, kwargs)``."""
        return Body(self.closed.jaxpr, self.closed.consts, self.out_tree)(values, args)


class Body(NamedTuple):
    """The pure function in a :class:`Lifted`, apart from the states: what a loop needs to run."""

    jaxpr: Jaxpr
    constants: Sequence[object]
    out_tree: PyTreeDef

    def __call__(self, values: Iterable[object], args: object) -> tuple[PyTree, list[object]]:
        """Evaluate on the values of the states that are read and on ``(args, kwargs)``."""
        closed = ClosedJaxpr(self.jaxpr, self.constants)
        flat = jaxpr_as_fun(closed)(*jax.tree.leaves(list(values)), *jax.tree.leaves(args))
        result: tuple[object, list[object]] = jax.tree.unflatten(self.out_tree, flat)
        return result


def lift(
    fun: Callable[..., object],
    args: Sequence[object],
    kwargs: Mapping[str, object] | None = None,
    *,
    label: str,
    stand_ins: Mapping[AnyState, AnyState] | None = None,
    inputs: Mapping[AnyState, object] | None = None,
    on_read: Callable[[Frame, AnySlot], object] | None = None,
    watched: bool = False,
    conditional: bool = False,
    keep_unused: bool = False,
    beside: Sequence[object] = (),
    origin: Origin | None = None,
) -> Lifted:
    """Trace ``fun`` once and turn the states that it touches into inputs and outputs.

    Parameters
    ----------
    fun : callable
        The user's function. Its Python body runs exactly once.
    args, kwargs
        Arrays, or anything with a shape and dtype.
    label : str
        The name of the transform, for messages.
    stand_ins, inputs, on_read
        See :class:`~brainlite.state._frame.Frame`.
    watched : bool
        Whether to keep a record of its own of the attributes and settings that are read.
    conditional : bool
        Whether the function may turn out not to run.
    keep_unused : bool
        Whether states whose values are not used are inputs, too: their types may matter.
    beside : sequence
        The modules and states among the user's arguments, where they are not in ``args``.
    origin : Origin, optional
        The user's function and its arguments, for messages, where they differ from these.
    """
    args, kwargs = tuple(args), dict(kwargs or {})
    origin = origin or Origin(fun, args, kwargs)
    if not are_values((origin.args, origin.kwargs)):
        check_arguments(origin.by_name(), label)
    frames: list[Frame] = []
    trees: list[PyTreeDef] = []
    effects: list[Effects] = []

    def flattened(frame: Frame, args: Sequence[object], kwargs: Mapping[str, object]) -> PyTree:
        out, effect, values = called(frame, fun, args, kwargs, origin.fun)
        check_result(out, label, origin.within)
        # While the frame is open: the states of a StateDict in the result have their values there.
        return jax.tree.flatten((out, values)), effect

    def traced(args: Sequence[object], kwargs: Mapping[str, object]) -> list[object]:
        frame = Frame(
            label,
            inputs=inputs,
            hoist=True,
            on_read=on_read,
            stand_ins=stand_ins,
            watched=watched,
            conditional=conditional,
        )
        frames.append(frame)
        leaves: list[object]
        (leaves, out_tree), effect = frame.run(flattened, args, kwargs)
        frame.forget()
        trees.append(out_tree)
        effects.append(effect)
        return leaves

    named = under_its_name(traced, args, kwargs, origin)
    # Inside a trace, jax sees to it.
    escapes = Escapes((origin.fun, *beside), label) if is_eager() else None
    try:
        closed = jax.make_jaxpr(named)(*origin.args, **origin.kwargs)
    except BaseException as error:
        for frame in frames:
            _give_up(frame, error, label)
        raise
    if escapes is not None:
        escapes.check()
    [frame], [out_tree], [effect] = frames, trees, effects
    reads, structures, closed = _hoist(closed, frame, keep_unused)
    in_tree = _tree_of(structures, (args, kwargs))
    return Lifted(closed, reads, out_tree, effect, frame, in_tree)


def _give_up(frame: Frame, error: BaseException, label: str) -> None:
    """Let go of what a trace has made that failed, and explain what jax says of it."""
    if isinstance(error, NEEDS_VALUES):
        explain(error, frame, label)
    release(frame.trace)
    frame.forget()


def _tree_of(structures: Sequence[PyTreeDef], args: object) -> PyTreeDef:
    """Return the structure of the values of states and the arguments together."""
    values = [each.unflatten([0] * each.num_leaves) for each in structures]
    return jax.tree.structure((values, args))


def _same_type(one: ShapedArray, other: ShapedArray) -> bool:
    return bool(
        one.shape == other.shape and one.dtype == other.dtype and one.weak_type == other.weak_type
    )


def _hoist(
    closed: ClosedJaxpr, frame: Frame, keep_unused: bool
) -> tuple[list[AnyState], list[PyTreeDef], ClosedJaxpr]:
    """Make the results of the `state_read` equations inputs of the jaxpr."""
    jaxpr = closed.jaxpr
    equations: list[object] = []
    read_vars: dict[int, list[object]] = {}
    used: set[object] = set()
    for equation in jaxpr.eqns:
        if equation.primitive is state_read:
            read_vars[equation.params["slot"]] = equation.outvars
        else:
            equations.append(equation)
            used.update(v for v in equation.invars if not isinstance(v, Literal))
    used.update(v for v in jaxpr.outvars if not isinstance(v, Literal))

    reads: list[AnyState] = []
    structures: list[PyTreeDef] = []
    variables: list[object] = []
    for number, read in enumerate(frame.reads):
        found = read_vars.get(number, [])
        wanted = any(v in used for v in found) or keep_unused
        if wanted and isinstance(read.slot, State):
            reads.append(read.slot)
            structures.append(read.structure)
            variables += found
    constants = [(v, c) for v, c in zip(jaxpr.constvars, closed.consts, strict=True) if v in used]
    hoisted = jaxpr.replace(
        constvars=[v for v, _ in constants],
        invars=variables + list(jaxpr.invars),
        eqns=equations,
    )
    return reads, structures, ClosedJaxpr(hoisted, [c for _, c in constants])


def fetch(state: AnyState) -> PyTree:
    """Return the value that a state has outside the lifted function."""
    frame = current_frame.get()
    if frame is not None:
        return frame.read(state)
    [value] = held([state])
    return value if value is not MISSING else state.absent()


def value_if_left_out(effects: Effects, state: AnyState, label: str) -> object:
    """Return the value that a state has if the traced function turns out not to run."""
    if state not in effects.made:
        return fetch(state)
    raise may_not_come(effects, state, label)


def may_not_come(effects: Effects, state: AnyState, label: str) -> BranchError:
    """Return the error for a state that is made in code which may not run."""
    return BranchError(
        f"{label} makes a {type(state).__name__} that may not come to be, since the code that "
        "makes it may not run",
        where=name_of(state),
        expected="a state that exists before",
        got=f"a new state at attribute {effects.place_of(state)[1]!r}",
        fix="make the state before (`init_all_states`), and write its value here",
    )


def anything(kind: object) -> object:
    """Return some value of this type, where it does not matter which."""
    return jax.tree.map(_zeros_like, kind)


def _zeros_like(leaf: jax.ShapeDtypeStruct) -> object:
    zeros, spec = jnp.zeros(leaf.shape, leaf.dtype), explicit_spec(leaf)
    reshard: Any = jax.sharding.reshard
    return zeros if spec is None else reshard(zeros, explicit_sharding(spec, leaf))


def one_step(xs: object) -> PyTree:
    """Return the type of a slice along the leading axis."""
    return jax.tree.map(_one_step, xs)


def _one_step(x: PyTree) -> jax.ShapeDtypeStruct:
    spec = explicit_spec(x)
    where = None if spec is None else explicit_sharding(spec[1:], x)
    return shape_struct(jnp.shape(x)[1:], jnp.result_type(x), where)


def strengthen(value: object) -> object:
    """Give weakly typed leaves (Python numbers) the dtype that they would have as arrays."""
    return jax.tree.map(_strengthen_leaf, value)


def _strengthen_leaf(leaf: ArrayLike) -> object:
    if isinstance(leaf, jax.Array) and not getattr(leaf, "weak_type", False):  # keys have none
        return leaf
    return jax.lax.convert_element_type(leaf, jnp.result_type(leaf))


def name_of(state: AnyState) -> str:
    """Return the path of a state, or its kind where the path is unknown."""
    return locate(state) or state.name or type(state).__name__
