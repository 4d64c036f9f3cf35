"""Models on a mesh: born there, placed there, or gathered from there."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding

from brainlite.distributed._layout import WHOLE, ModelLayout, Rules, lay_out
from brainlite.distributed._processes import check_agreement, digest_of, from_first
from brainlite.errors import InputError
from brainlite.graph import Node, iter_leaf
from brainlite.nn._face import entries_of
from brainlite.random import DEFAULT
from brainlite.state import State
from brainlite.state._face import MISSING, held, put_array, type_text
from brainlite.transform import eval_shape, jit

M = TypeVar("M")


def make(factory: Callable[[], M], mesh: Mesh, rules: Rules = ()) -> M:
    """Make a model whose arrays are born on their devices.

    No device ever holds more than its own part and the largest array (one that is drawn orthogonal
    counts four times), so that a model which fits on no single device can be made. The numbers are
    those that ``factory()`` gives elsewhere.

    Parameters
    ----------
    factory : callable
        Makes the model: a class without arguments, or a function. It is called twice, under
        transforms: once to see what there is, and once to be compiled.
    mesh : Mesh
        The devices, as from :func:`mesh`.
    rules : sequence of (Filter, spec)
        How states are cut: the spec of the first filter that selects a state counts, and what none
        selects is whole on each device. A spec is a :class:`jax.sharding.PartitionSpec`; a dict
        of them by the name of an array in the state; or a function of the dotted name and the
        array, as :func:`fsdp` and those of :mod:`rules` are.

    Returns
    -------
    The model. Each state declares its place (:attr:`State.sharding`), and keeps it.

    Raises
    ------
    InputError
        It is no function, or makes no model.
    OptionError
        A rule selects nothing, or names an array or an axis that is not there.
    ShardingError
        An axis of an array does not divide, or a spec has too many axes.
    TransformError
        The processes of the run make different models.
    FilterError
        A rule begins with something that is no filter.

    Notes
    -----
    The shared random generator lives on the mesh from then on, whole on each device.

    Examples
    --------
    >>> from jax.sharding import PartitionSpec
    >>> from brainlite import distributed
    >>> mesh = distributed.mesh(data=-1)
    >>> model = distributed.make(
    ...     lambda: brainlite.nn.Linear(8, 16), mesh, [(..., distributed.fsdp(mesh, "data"))]
    ... )
    >>> model.weight.sharding["bias"].spec
    P()
    """
    given: object = factory
    if isinstance(given, Node | State) or not callable(given):
        raise InputError(
            "a model is born on a mesh by what makes it",
            where="make",
            expected="a class, or a function without arguments, that returns a model",
            got=f"a {type(given).__name__}",
            fix="pass `lambda: Net(...)`; a model that is there is put on a mesh by `place`",
        )
    layout = lay_out(eval_shape(factory), mesh, rules)
    check_agreement("the model", _kinds(layout))
    _settle_generator(mesh)
    shardings = list(layout.shardings.values())

    def born() -> M:
        model = factory()
        for (_, state), where in zip(iter_leaf(model), shardings, strict=True):
            state.value = jax.tree.map(jax.lax.with_sharding_constraint, state.value, where)
        return model

    model: M = jit(born)()
    for (_, state), where in zip(iter_leaf(model), shardings, strict=True):
        state.sharding = where
    return model


def place(model: M, mesh: Mesh, rules: Rules = ()) -> M:
    """Put the states of a model that is there onto a mesh, and let them stay there.

    Parameters
    ----------
    model : Module, or other graph
        The model. It may be an optimizer: ``place(optimizer, mesh, [(optim.OptimState,
        fsdp(mesh, "data"))])`` cuts what it remembers, where the weights are whole on each device.
    mesh, rules
        As in :func:`make`. A state that no rule selects stays where it declares to be; if it
        declares nothing, it becomes whole on each device. What an optimizer remembers goes to
        where its parameters live.

    Returns
    -------
    The model itself.

    Raises
    ------
    OptionError, ShardingError, TransformError
        As in :func:`make`; nothing was placed.
    FilterError
        A rule begins with something that is no filter.

    Examples
    --------
    >>> from brainlite import distributed
    >>> model = distributed.place(brainlite.nn.Linear(2, 3), distributed.mesh(data=-1))
    >>> model.weight.value["weight"].sharding.spec
    P()
    """
    layout = lay_out(model, mesh, rules)
    local = {
        each.name: digest_of(each.leaf)
        for each in layout.arrays
        if isinstance(each.leaf, jax.Array) and each.leaf.is_fully_addressable
    }
    check_agreement("the model", _kinds(layout) | local)
    _settle_generator(mesh)
    for state, where in layout.shardings.items():
        if state.sharding != where:
            state.sharding = where
    return model


def _kinds(layout: ModelLayout) -> dict[str, str]:
    return {each.name: type_text(each.leaf) for each in layout.arrays}


def _settle_generator(mesh: Mesh) -> None:
    """Let the shared generator live on the mesh, with the key that all processes have."""
    where = NamedSharding(mesh, WHOLE)
    if DEFAULT.sharding == where:
        return
    if jax.process_count() > 1 and held([DEFAULT])[0] is MISSING:
        DEFAULT.set_key(from_first(jax.random.key_data(DEFAULT.value)))
    if DEFAULT.value.is_fully_addressable:
        check_agreement("the random numbers", {"random.DEFAULT": digest_of(DEFAULT.value)})
    DEFAULT.sharding = where


def gather(model: Node) -> dict[str, np.ndarray[Any, Any]]:
    """Return the arrays of a model whole, in the memory of each process, by name.

    All processes must call it together. One array after the other is gathered, so that no device
    holds more than its part and the largest one.

    Parameters
    ----------
    model : Module, or other node
        The model.

    Returns
    -------
    dict of numpy arrays
        With the names of ``model.state_dict()``, which a model on one device can load.

    Raises
    ------
    GraphError
        Two arrays of the model have one name, by keys with dots.

    Examples
    --------
    >>> sorted(brainlite.distributed.gather(brainlite.nn.Linear(2, 3)))
    ['weight.bias', 'weight.weight']
    """
    return {name: _whole(entry.leaf) for name, entry in entries_of(model).items()}


def _whole(leaf: Any) -> np.ndarray[Any, Any]:
    if isinstance(leaf, jax.Array) and not leaf.is_fully_addressable:
        where = leaf.sharding
        assert isinstance(where, NamedSharding)
        leaf = put_array(leaf, NamedSharding(where.mesh, WHOLE))
    return np.array(leaf)
