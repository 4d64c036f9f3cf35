"""One program on the shards of arrays and states: ``shard_map``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from typing_extensions import ParamSpec, TypeVar

from brainlite._jax_compat import PyTreeDef, set_current_trace
from brainlite.errors import MapStateError, OptionError
from brainlite.state import State
from brainlite.state._face import AnySlot, AnyState, Frame, Setting, same_structure, type_text
from brainlite.transform._engine._call import Arguments, open_call
from brainlite.transform._engine._drawing import exclusive
from brainlite.transform._engine._eager import execute
from brainlite.transform._engine._effects import commit
from brainlite.transform._engine._lift import Body, Lifted, fetch, lift, name_of
from brainlite.transform._engine._transformed import Transformed
from brainlite.typing import PyTree

P = ParamSpec("P")
R = TypeVar("R")

_make_spec: Any = PartitionSpec  # its constructor has no types
_WHOLE: PartitionSpec = _make_spec()
StateSpecs: TypeAlias = PartitionSpec | Mapping[AnyState, PyTree] | None


class _Specs(NamedTuple):
    """A spec for each array of a state; with a hash, which a dict of specs has not."""

    structure: PyTreeDef  # that of the value
    leaves: tuple[PartitionSpec, ...]

    def tree(self) -> PyTree:
        return self.structure.unflatten(self.leaves)


class _Cut(NamedTuple):
    """How everything is laid out over the mesh."""

    mesh: Mesh
    arguments: tuple[PartitionSpec, ...]  # one for each array
    reads: tuple[_Specs, ...]
    out: _Specs
    new: tuple[_Specs, ...]
    check_vma: bool


def shard_map(
    fun: Callable[P, R],
    mesh: Mesh,
    in_specs: object,
    out_specs: object,
    *,
    state_in_specs: StateSpecs = None,
    state_out_specs: StateSpecs = None,
    check_vma: bool = True,
) -> Callable[P, R]:
    """Return a function that runs ``fun`` on each device of a mesh, on its shards.

    Parameters
    ----------
    fun : callable
        The program of one device. It may read and write states, and use collectives such as
        :func:`jax.lax.psum`.
    mesh : jax.sharding.Mesh
        The devices, as from :func:`jax.make_mesh`.
    in_specs, out_specs : PartitionSpec, or tuple or pytree of them
        How the positional arguments and the result are cut, as in :func:`jax.shard_map`.
        Keyword arguments are whole on each device.
    state_in_specs, state_out_specs : PartitionSpec, or dict from State to specs, optional
        How states are cut when they are read, and put together when they were written: a spec
        for all of them, or for each state one, or a tree of them like its value
        (``{layer.weight: {"weight": P(None, "x"), "bias": P("x")}}``). All others are whole on
        each device; a written state comes out as it came in, unless ``state_out_specs`` says
        otherwise.
    check_vma : bool
        Whether to check that what is whole in the specs is the same on each device.

    Returns
    -------
    callable
        With the signature of ``fun``. Random numbers are the same on each device, unless the
        generator is cut, too, or its key is folded with :func:`jax.lax.axis_index`.

    Raises
    ------
    MapStateError
        A state cannot be cut as asked, or is whole by its spec but differs between devices.
    ArgumentError
        ``fun`` cannot be called; or it puts other modules or states into a container among its
        arguments.
    OptionError
        At a call: there are not as many ``in_specs`` as positional arguments.

    Notes
    -----
    With ``check_vma``, the gradient of what is whole on each device is summed over the devices
    already, as it is in jax: each of them has added to it. ``grad`` inside of ``fun`` returns that
    sum. :func:`jax.lax.pmean` on top of it gives the sum again, which is as many times too large as
    there are devices where a mean of the devices' losses was meant. Divide by the number of
    devices, or take the gradient of ``pmean(loss)``.

    Examples
    --------
    >>> import jax
    >>> from jax.sharding import PartitionSpec
    >>> mesh = jax.make_mesh((1,), ("x",))
    >>> seen = brainlite.State(jnp.zeros(()))
    >>> def scaled(x):
    ...     total = jax.lax.psum(x.sum(), "x")
    ...     seen.value += total
    ...     return x / total
    >>> over_devices = shard_map(scaled, mesh, PartitionSpec("x"), PartitionSpec("x"))
    >>> over_devices(jnp.ones(4)), float(seen.value)
    (Array([0.25, 0.25, 0.25, 0.25], dtype=float32), 4.0)
    """
    given = dict(locals())
    structure: PyTreeDef
    leaves, structure = jax.tree.flatten(out_specs)
    out = _Specs(structure, tuple(leaves))

    def mapped(*args: P.args, **kwargs: P.kwargs) -> R:
        called, arguments = open_call(fun, args, kwargs, label="shard_map")
        specs = _each_spec(in_specs, arguments)
        lifted = _lift_shards(called, arguments, specs, mesh, state_in_specs, check_vma)
        new = [
            _specs_of(state, kind, state_out_specs, state_in_specs)
            for state, kind in zip(lifted.effects.states, lifted.types, strict=True)
        ]
        if check_vma:
            for state, specs_, kind in zip(lifted.effects.states, new, lifted.types, strict=True):
                _check_whole(state, specs_, kind)
        with exclusive(lifted.effects.states):
            before = [fetch(state) for state in lifted.reads]
            reads = tuple(
                _specs_of(state, value, state_in_specs)
                for state, value in zip(lifted.reads, before, strict=True)
            )
            plan = _Cut(mesh, tuple(jax.tree.leaves(specs)), reads, out, tuple(new), check_vma)
            result, values = execute(_run, [lifted], plan, before, arguments)
            commit(lifted.effects, values)
        value: R = result
        return value

    return Transformed(shard_map, fun, mapped, given)


def _run(bodies: Sequence[Body], plan: _Cut, values: list[PyTree], arguments: Arguments) -> PyTree:
    """Run the program on values alone."""
    specs = jax.tree.unflatten(jax.tree.structure(arguments), plan.arguments)

    def pure(values: list[PyTree], arguments: Arguments) -> PyTree:
        return bodies[0](values, arguments)

    reads = [each.tree() for each in plan.reads]
    run: Callable[..., object] = jax.shard_map(
        pure,
        mesh=plan.mesh,
        in_specs=(reads, specs),
        out_specs=(plan.out.tree(), [each.tree() for each in plan.new]),
        check_vma=plan.check_vma,
    )
    placed = [_place(plan.mesh, *pair) for pair in zip(reads, values, strict=True)]
    return run(placed, _place(plan.mesh, specs, arguments))


def _lift_shards(
    called: Callable[..., object],
    arguments: Arguments,
    specs: PyTree,
    mesh: Mesh,
    state_specs: StateSpecs,
    check_vma: bool,
) -> Lifted:
    """Lift the program as it is on one device: all that it sees has the shape of a shard."""
    found: list[Lifted] = []
    around = jax.sharding.get_abstract_mesh()

    def shard(frame: Frame, slot: AnySlot) -> PyTree:
        # Only the type counts: the lifted function gets the value as an input.
        with jax.sharding.use_abstract_mesh(around):  # a read belongs to the code around
            value = frame.outside(slot)
        specs = _specs_of(slot, value, state_specs).tree()
        with set_current_trace(frame.trace):
            return jax.tree.map(lambda leaf, spec: _shard_of(slot, leaf, mesh, spec), value, specs)

    def probe(args: Sequence[object], kwargs: Mapping[str, object]) -> tuple[()]:
        def inside(_frame: Frame) -> Lifted:
            return lift(called, args, kwargs, label="shard_map")

        found.append(Frame("shard_map", hoist=False, on_read=shard).run(inside))
        return ()

    def program(arguments: Arguments) -> PyTree:
        args, kwargs = _place(mesh, specs, arguments)
        run: Callable[..., object] = jax.shard_map(
            probe, mesh=mesh, in_specs=specs, out_specs=(), check_vma=check_vma
        )
        return run(args, kwargs)

    jax.eval_shape(program, arguments)
    return found[0]


def _shard_of(slot: AnySlot, leaf: object, mesh: Mesh, spec: PartitionSpec) -> PyTree:
    """Return zeros of the shape that one device holds, or raise where it does not divide."""
    whole = jax.typeof(leaf)
    try:
        shape = NamedSharding(mesh, spec).shard_shape(whole.shape)
    except (ValueError, IndexError) as error:
        raise MapStateError(
            f"this {type(slot).__name__} cannot be cut over the mesh as {spec}",
            where=name_of(slot) if isinstance(slot, State) else None,
            expected=f"axes that {dict(mesh.shape)} divides evenly",
            got=type_text(whole),
            fix="pass another spec in `state_in_specs`, or pad the state",
        ) from error
    return jax.lax.pcast(jnp.zeros(shape, whole.dtype), _axes(spec), to="varying")


def _axes(spec: PartitionSpec) -> tuple[str, ...]:
    """Return the axes of the mesh over which a spec cuts."""
    return tuple(name for part in spec for name in jax.tree.leaves(part))


def _specs_of(state: Any, value: PyTree, *asked: StateSpecs) -> _Specs:
    """Return the specs of a state's arrays: what is asked for first, or whole."""
    found: PyTree = _WHOLE
    for specs in () if isinstance(state, Setting) else asked:
        if isinstance(specs, PartitionSpec) or (specs is not None and state in specs):
            found = specs if isinstance(specs, PartitionSpec) else specs[state]
            break
    structure: PyTreeDef = jax.tree.structure(value)
    if isinstance(found, PartitionSpec):
        return _Specs(structure, (found,) * structure.num_leaves)
    leaves = jax.tree.leaves(found)
    fits = same_structure(value, found) and all(isinstance(x, PartitionSpec) for x in leaves)
    if not fits:
        raise MapStateError(
            f"the specs of this {type(state).__name__} do not fit its value",
            where=name_of(state) if isinstance(state, State) else None,
            expected=f"one PartitionSpec, or a tree of them like {type_text(value)}",
            got=repr(found),
            fix="name each array of the value: {'weight': P(None, 'x'), 'bias': P('x')}",
        )
    return _Specs(structure, tuple(leaves))


def _each_spec(in_specs: PyTree, arguments: Arguments) -> object:
    """Return a spec for each array among the arguments."""
    args, kwargs = arguments
    single = isinstance(in_specs, PartitionSpec)
    if not single and len(in_specs) != len(args):
        raise OptionError(
            "the in_specs of shard_map do not fit the arguments",
            expected=f"one spec for each of {len(args)} positional arguments, or a single one",
            got=f"{len(in_specs)} specs",
            fix="pass a tuple of as many PartitionSpecs as there are positional arguments",
        )
    by_position = (in_specs,) * len(args) if single else tuple(in_specs)

    def spread(spec: PartitionSpec, part: object) -> PyTree:
        return jax.tree.map(lambda _: spec, part)

    return jax.tree.map(spread, by_position, args), spread(_WHOLE, kwargs)


def _place(mesh: Mesh, specs: object, arrays: object) -> PyTree:
    def put(spec: PartitionSpec, array: object) -> PyTree:
        return jax.device_put(array, NamedSharding(mesh, spec))

    return jax.tree.map(put, specs, arrays)


def _check_whole(state: AnyState, specs: _Specs, kind: object) -> None:
    """Check that a state is the same on all devices between which its specs do not tell."""
    for leaf, spec in zip(jax.tree.leaves(kind), specs.leaves, strict=True):
        varying = getattr(getattr(leaf, "manual_axis_type", None), "varying", frozenset[str]())
        missing = sorted(set(varying) - set(_axes(spec)))
        if missing:
            raise MapStateError(
                f"this {type(state).__name__} gets a different value on each device",
                where=name_of(state),
                expected=f"the same value along the axes {missing} of the mesh, as the spec {spec} "
                "says",
                got=f"{type_text(leaf)} on each device",
                fix="pass `state_out_specs={state: PartitionSpec(...)}`, or reduce the value with "
                "jax.lax.psum or pmean before writing it",
            )
