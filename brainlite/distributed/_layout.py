"""Rules: which state is cut how. From filters to specs, one for each array of a model."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, cast

import jax
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec

from brainlite._jax_compat import PyTreeDef
from brainlite.errors import InputError, OptionError, ShardingError
from brainlite.graph import iter_node, to_predicate
from brainlite.graph._face import dotted
from brainlite.nn._face import iter_places
from brainlite.state._face import AnyState, mesh_of, misfit_of, type_text
from brainlite.typing import Filter, Path

AnyMesh: TypeAlias = Mesh | AbstractMesh
Spec: TypeAlias = (
    PartitionSpec | Mapping[str, PartitionSpec] | Callable[[str, Any], PartitionSpec | None] | None
)
"""How a state is cut: a spec, one for each of its arrays by name, or a function of both."""
Rules: TypeAlias = Sequence[tuple[Filter, Spec]]
"""Filters with specs; the first that selects a state counts."""

make_spec: Any = PartitionSpec  # its constructor has no types
WHOLE: PartitionSpec = make_spec()
# Below so many numbers an array is left whole: to gather it would take longer than to keep it.
_SMALL = 2**14


def fsdp(mesh: AnyMesh, axis: str, min_size: int = _SMALL) -> Callable[[str, Any], PartitionSpec]:
    """Return the spec that cuts the longest axis of each array that divides.

    So each device keeps a part of the parameters, and of what an optimizer remembers of them, and
    gathers what it needs when it needs it: fully sharded data parallelism.

    Parameters
    ----------
    mesh : Mesh
        The devices.
    axis : str
        The axis of the mesh, usually that of the data.
    min_size : int
        The numbers that an array must hold to be cut.

    Returns
    -------
    callable
        From the name of an array and the array to its spec.

    Raises
    ------
    OptionError
        ``mesh`` is no mesh.

    Examples
    --------
    >>> mesh = brainlite.distributed.mesh(data=-1)
    >>> brainlite.distributed.fsdp(mesh, "data")("weight", jnp.zeros((256, 512)))
    P(None, 'data')
    """
    check_mesh(mesh, "fsdp")
    check_axis(mesh, axis, "fsdp")
    parts = mesh.shape[axis]

    def spec(_name: str, leaf: Any) -> PartitionSpec:
        shape: tuple[int, ...] = leaf.shape
        divisible = [n for n, size in enumerate(shape) if size % parts == 0]
        if not divisible or math.prod(shape) < min_size:
            return WHOLE
        longest = max(divisible, key=lambda n: shape[n])
        cut: PartitionSpec = make_spec(*[None] * longest, axis)
        return cut

    return spec


def check_axis(mesh: AnyMesh, axis: object, where: str) -> None:
    """Raise unless a mesh has an axis."""
    if axis not in mesh.axis_names:
        raise OptionError(
            "the mesh has no such axis",
            where=where,
            expected=f"one of {', '.join(map(repr, mesh.axis_names))}",
            got=repr(axis),
            fix="name it as in `distributed.mesh(data=-1, model=2)`",
        )


def check_mesh(mesh: object, where: str) -> None:
    """Raise for what is no mesh."""
    if not isinstance(mesh, Mesh | AbstractMesh):
        raise OptionError(
            "devices are given as a mesh",
            where=where,
            expected="a jax.sharding.Mesh (for a plan, an AbstractMesh does, too)",
            got=f"a {type(mesh).__name__}",
            fix="pass `distributed.mesh(data=-1)`",
        )


def _check_rules(rules: object) -> None:
    """Raise for rules that are no pairs."""
    good = isinstance(rules, Sequence) and not isinstance(rules, str)
    if good and all(isinstance(rule, tuple) and len(rule) == 2 for rule in cast("Any", rules)):
        return
    raise OptionError(
        "rules are pairs of a filter and a spec",
        where="rules",
        expected="a list such as [(..., PartitionSpec('data'))]",
        got=repr(rules),
        fix="write each as (filter, spec), and a list around them",
    )


class Placed(NamedTuple):
    """An array of a model, and how it is to be laid out."""

    name: str
    leaf: Any
    where: NamedSharding
    rule: int | None  # the number of the rule; None where the state had declared it, or none holds


class ModelLayout(NamedTuple):
    """What rules make of a model: a tree of shardings for each state, and all arrays by name."""

    shardings: dict[AnyState, Any]
    arrays: list[Placed]


def lay_out(model: Any, mesh: AnyMesh, rules: Rules) -> ModelLayout:
    """Say for each state of a model how it is to be laid out.

    Raises
    ------
    InputError
        There is nothing to lay out.
    OptionError
        A rule selects nothing, or names an array that no state has; or there is no mesh.
    ShardingError
        An array cannot be cut so.
    """
    check_mesh(mesh, "place")
    _check_rules(rules)
    if not any(True for _ in iter_node(model)) and not any(True for _ in iter_places(model)):
        raise InputError(
            "there is nothing that could be placed",
            where="place",
            expected="a model, or a function that returns one",
            got=f"a {type(model).__name__}",
            fix="pass the model; to `make`, a function without arguments that returns it",
        )
    chosen = [(to_predicate(select), spec) for select, spec in rules]
    met = [0] * len(chosen)
    named: list[set[str]] = [set() for _ in chosen]
    found: dict[AnyState, tuple[Path, int | None]] = {}
    for path, state in iter_places(model):
        number = _rule_for(path, state, chosen, met)
        if state in found:  # under another name already
            continue
        if number is not None and isinstance(chosen[number][1], Mapping):
            named[number].update(name for name, _ in _leaves(state))
        found[state] = path, number
    layout = ModelLayout({}, [])
    placed = {
        state: list(_placed(path, state, mesh, chosen, number, state.sharding))
        for state, (path, number) in found.items()
        if number is not None or state.sharding is not None
    }
    owned = _beside(model, {state: _tree(state, arrays) for state, arrays in placed.items()})
    for state, (path, number) in found.items():
        where = owned.get(state)
        moves = where is not None and mesh_of(where) != mesh_of(state.sharding)
        if state not in placed or (number is None and moves):
            placed[state] = list(_placed(path, state, mesh, chosen, None, where))
        layout.shardings[state] = _tree(state, placed[state])
        layout.arrays.extend(placed[state])
    _check_used(rules, met, named, [dotted(path) for path, _ in iter_places(model)])
    return layout


def _tree(state: AnyState, arrays: Sequence[Placed]) -> Any:
    structure: PyTreeDef = jax.tree.structure(state.value)
    return structure.unflatten([each.where for each in arrays])


def _beside(model: Any, placed: Mapping[AnyState, Any]) -> dict[AnyState, Any]:
    """Return where states live that belong to others: what an optimizer remembers of parameters."""
    found: dict[AnyState, Any] = {}
    for _, node in iter_node(model):
        ask: Any = getattr(node, "__placement__", None)
        if ask is not None:
            found |= ask(placed.get)
    return found


def _rule_for(path: Path, state: AnyState, chosen: Any, met: list[int]) -> int | None:
    """Return the number of the first rule for a state; count all that select it."""
    selecting = [n for n, (predicate, _) in enumerate(chosen) if predicate(path, state)]
    for number in selecting:
        met[number] += 1
    return selecting[0] if selecting else None


def _leaves(state: AnyState) -> Iterator[tuple[str, Any]]:
    for inside, leaf in jax.tree_util.tree_leaves_with_path(state.value):
        yield jax.tree_util.keystr(inside, simple=True, separator="."), leaf


def _placed(
    path: Path, state: AnyState, mesh: AnyMesh, chosen: Any, number: int | None, place: Any
) -> Iterator[Placed]:
    """Lay out the arrays of a state by its rule; without one at its place; or whole."""
    if number is None and place is not None:
        declared = jax.tree.leaves(place)
        for (inside, leaf), where in zip(_leaves(state), declared, strict=True):
            yield Placed(_joined(path, inside), leaf, where, None)
        return
    rule: Spec = None if number is None else chosen[number][1]
    for inside, leaf in _leaves(state):
        name = _joined(path, inside)
        where = NamedSharding(mesh, _spec_of(rule, name, inside, leaf, mesh))
        misfit = misfit_of(leaf, where)
        if misfit is not None:
            expected, got = misfit
            raise ShardingError(
                "a rule cannot be applied to this array; nothing was placed",
                where=name,
                expected=expected,
                got=f"{got} for {type_text(leaf)}, by rule {number}",
                fix="give it a rule of its own before that one, or choose a size that divides",
            )
        yield Placed(name, leaf, where, number)


def _joined(path: Path, inside: str) -> str:
    return ".".join(filter(None, [dotted(path), inside]))


def _spec_of(rule: Spec, name: str, inside: str, leaf: Any, mesh: AnyMesh) -> PartitionSpec:
    """Return the spec that a rule gives to an array."""
    found: Any = rule
    if isinstance(found, Mapping):
        found = found.get(inside)
    elif callable(found):
        found = found(name, leaf)
    if found is None:
        return WHOLE
    if not isinstance(found, PartitionSpec):
        raise OptionError(
            "a rule gives no PartitionSpec",
            where=name,
            expected="a jax.sharding.PartitionSpec, a dict of them, or a function that returns one",
            got=repr(found),
            fix="write rules as (filter, PartitionSpec(None, 'model'))",
        )
    for part in found:
        for axis in part if isinstance(part, tuple) else (part,):
            if axis is not None and axis is not PartitionSpec.UNCONSTRAINED:
                check_axis(mesh, axis, name)
    return found


def _check_used(
    rules: Rules, met: Sequence[int], named: Sequence[set[str]], paths: Sequence[str]
) -> None:
    """Raise for a rule that selects nothing: it was meant to cut something."""
    for number, (select, spec) in enumerate(rules):
        unknown = set(spec) - named[number] if isinstance(spec, Mapping) else set[str]()
        if met[number] and (not unknown or not named[number]):
            continue
        some = ", ".join(paths[:8]) + (f", ... ({len(paths)})" if len(paths) > 8 else "")
        if met[number]:
            some = f"arrays called {', '.join(map(repr, sorted(named[number])))}"
        raise OptionError(
            "a rule selects nothing",
            where=f"rule {number}",
            expected=f"a filter for some of: {some or 'no states'}"
            if not met[number]
            else f"names of {some}",
            got=repr(select) if not met[number] else ", ".join(map(repr, sorted(unknown))),
            fix="correct it, or leave the rule out (a text selects by tag; a name, PathContains)",
        )
