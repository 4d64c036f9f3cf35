"""What an optimizer is made of and given: read, checked, and complained about by path."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.errors import GraphError, OptionError
from brainlite.graph import Node, StateDict, states
from brainlite.graph._face import dotted, dotted_list, sort
from brainlite.nn._face import check_floating
from brainlite.optim._group import Group
from brainlite.optim._scaling import LossScale
from brainlite.optim._slots import is_trained
from brainlite.optim._transformation import Maker, is_transformation
from brainlite.state import State
from brainlite.state._face import AnyState, same_structure, type_text
from brainlite.typing import DTypeLike, Filter, Path

ParamsByPath = dict[Path, Any]


def as_path(name: Any) -> Path:
    """Return a name as a path: parameters may come in a plain dict."""
    return name if isinstance(name, tuple) else (name,)


def find_params(given: Any, wrt: Filter) -> ParamsByPath:
    """Return the parameters to train by path, each once."""
    if isinstance(given, Mapping) and all(isinstance(s, State) for s in given.values()):
        found: ParamsByPath = {as_path(name): state for name, state in given.items()}
        found = dict(StateDict(found).filter(wrt))
    elif isinstance(given, Node | list | tuple | dict):
        found = dict(states(given, wrt))
    else:
        raise OptionError(
            "an optimizer was given neither a model nor parameters",
            expected="a module, or `model.states(brainlite.ParamState)`",
            got=f"{type(given).__name__} {given!r}",
            fix="pass the model, or call `model.states(brainlite.nn.is_trainable)`",
        )
    if not found and hasattr(given, "update") and hasattr(given, "init"):
        raise OptionError(
            "an optimizer was given a transformation in place of the model",
            expected="the model first, and then the transformation",
            got=f"a {type(given).__name__}",
            fix="write `Optimizer(model, optax.adam, learning_rate=1e-3)`",
        )
    if not found:
        raise OptionError(
            "there is nothing to train",
            expected="parameters that are not frozen, or others that wrt= selects",
            got=f"a {type(given).__name__} without any",
            fix="call `requires_grad_(True)`, or pass another wrt=",
        )
    for path, state in found.items():
        if not all(_is_inexact(leaf) for leaf in jax.tree.leaves(state.value)):
            raise OptionError(
                f"a {type(state).__name__} that is not made of floats cannot be trained",
                where=dotted(path),
                expected="float or complex numbers",
                got=type_text(state.value),
                fix="leave it out with wrt=, or keep it in another kind of state",
            )
    _check_once(found)
    return found


def _is_inexact(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and bool(jnp.issubdtype(leaf.dtype, jnp.inexact))


def _check_once(found: ParamsByPath) -> None:
    """Raise for a parameter under two paths, and for two under one dotted name."""
    by_state: dict[Any, Path] = {}
    by_name: dict[str, Path] = {}
    for path, state in found.items():
        first = by_state.setdefault(state, path)
        if first is not path:
            raise OptionError(
                "one parameter was given under two paths, and would take two steps at a time",
                where=dotted(path),
                expected="each parameter once, as in `model.states()`",
                got=f"the one of {dotted(first)}",
                fix="leave one of the two out",
            )
        if by_name.setdefault(dotted(path), path) is not path:
            raise OptionError(
                "two parameters have the same dotted name",
                where=dotted(path),
                expected="names without dots in them",
                got=f"{by_name[dotted(path)]!r} and {path!r}",
                fix="rename the key of the dict, or the attribute, that has a dot in it",
            )


def find_groups(found: ParamsByPath, transform: Any, rate: Any) -> list[tuple[Group, ParamsByPath]]:
    """Return the groups, and the parameters of each."""
    if is_transformation(transform) or not isinstance(transform, list | tuple):
        return [(Group(..., transform, rate), found)]
    groups: list[Group] = [_check_group(each, n) for n, each in enumerate(transform)]
    bins, left = sort(found.items(), tuple(group.select for group in groups))
    if left or not groups:
        raise OptionError(
            "some parameters are in no group",
            where=dotted_list([path for path, _ in left]),
            expected="groups that together select every parameter that is trained",
            got=f"{len(groups)} groups, which leave out {len(left)} of {len(found)} parameters",
            fix="add a last group with the filter `...`, or leave them out with wrt=",
        )
    for number, members in enumerate(bins):
        if not members:
            raise OptionError(
                f"group {number} has no parameter: its filter selects none, or others took all",
                expected=f"a filter that selects some of {dotted_list(found)}",
                got=repr(groups[number].select),
                fix="mend the filter, put the group further to the front, or leave it out",
            )
    used = False
    for number, group in enumerate(groups):
        if group.learning_rate is None and not is_transformation(group.transform):
            groups[number] = group._replace(learning_rate=rate)
            used = True
    if rate is not None and not used:
        raise OptionError(
            "no group has use for this learning rate",
            expected="a group with a function such as `optax.adam`, and without a rate of its own",
            got=f"learning_rate={rate!r}",
            fix="leave it out",
        )
    return list(zip(groups, map(dict, bins), strict=True))


def _check_group(group: Any, number: int) -> Group:
    """Return an item of a sequence of groups, or raise where it is none."""
    if isinstance(group, Group):
        Maker.of(group.transform, None if is_transformation(group.transform) else 0.0)
        return group
    raise OptionError(
        f"item {number} of the groups is none",
        expected="Group(filter, transformation), or one transformation for all",
        got=f"a {type(group).__name__}",
        fix="write optim.Group(..., optax.adam, 1e-3); transformations one after the other are "
        "`optax.chain(...)`",
    )


def check_options(
    clip_norm: Any, accumulate: Any, average: Any, loss_scale: Any, master_dtype: DTypeLike | None
) -> Any:
    """Raise unless the options make sense; return the dtype of the masters, or None."""
    _check(
        clip_norm is None or (_is_real(clip_norm) and bool(clip_norm > 0)),
        f"clip_norm={clip_norm!r}",
        "a number above 0; infinity clips nothing, and lets grad_norm be kept",
    )
    _check(
        isinstance(accumulate, int) and not isinstance(accumulate, bool) and accumulate >= 1,
        f"accumulate={accumulate!r}",
        "a whole number of steps, 1 or more",
    )
    _check(
        average is None or (_is_real(average) and bool(0 <= average < 1)),
        f"average={average!r}",
        "a decay of 0 or more and below 1, such as 0.999",
    )
    _check(
        loss_scale is None or isinstance(loss_scale, LossScale),
        f"loss_scale={loss_scale!r}",
        "LossScale(), or LossScale(initial=2.0**15)",
    )
    if loss_scale is not None:
        loss_scale.check()
    if master_dtype is None:
        return None
    return check_floating(master_dtype, "parameters are updated in", "master_dtype")


def _is_real(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return bool(number and not math.isnan(float(value)))


def _check(fine: bool, got: str, expected: str) -> None:
    if not fine:
        raise OptionError(
            "an option of the optimizer makes no sense",
            where=got.partition("=")[0],
            expected=expected,
            got=got,
            fix="leave it out for the default",
        )


def read_gradients(grads: Any, trained: Mapping[Path, AnyState]) -> dict[str, Any]:
    """Return gradients by name, after a look at each; those of frozen parameters left out.

    Those of complex parameters are conjugated: what jax returns points uphill in the imaginary
    part only after that.
    """
    if not isinstance(grads, Mapping):
        raise GraphError(
            "gradients come by path",
            expected="a mapping such as `grad(loss, optimizer.params)()` returns",
            got=f"a {type(grads).__name__}"
            + (f" of {len(grads)}" if isinstance(grads, Sequence) else ""),
            fix="with return_value=True or has_aux=True, unpack: `grads, value = ...`",
        )
    by_path = {as_path(name): g.value if isinstance(g, State) else g for name, g in grads.items()}
    unknown = [path for path in by_path if path not in trained]
    if unknown:
        raise GraphError(
            "gradients were given for what this optimizer does not train",
            where=dotted_list(unknown),
            expected=dotted_list(trained),
            got=f"{len(unknown)} unknown of {len(by_path)} gradients",
            fix="take the gradient with respect to `optimizer.params`",
        )
    read: dict[str, Any] = {}
    for path, gradient in by_path.items():
        if gradient is not None and is_trained(trained[path]):
            _check_gradient(path, gradient, trained[path].value)
            read[dotted(path)] = jax.tree.map(_downhill, gradient)
    if not read:
        raise GraphError(
            "there is no gradient of a parameter that is trained now",
            expected=f"some of {dotted_list(trained)}, not frozen",
            got=f"{len(by_path)} gradients: {dotted_list(by_path) or 'none'}",
            fix="call `requires_grad_(True)` on what is to be trained"
            if by_path
            else "pass what `grad(loss, optimizer.params)()` returns",
        )
    return read


def _check_gradient(path: Path, gradient: Any, value: Any) -> None:
    """Raise unless a gradient has the structure, shapes and dtypes of its parameter."""
    if same_structure(value, gradient) and jax.tree.all(jax.tree.map(_fits, gradient, value)):
        return
    raise GraphError(
        "a gradient does not fit its parameter",
        where=dotted(path),
        expected=type_text(value),
        got=type_text(gradient),
        fix="pass gradients as `grad(loss, optimizer.params)` returns them",
    )


def _fits(gradient: Any, value: Any) -> bool:
    return (
        jnp.shape(gradient) == value.shape
        and jnp.issubdtype(jnp.result_type(gradient), jnp.inexact)
        and jnp.iscomplexobj(gradient) <= jnp.iscomplexobj(value)
    )


def _downhill(gradient: Any) -> Any:
    return jnp.conj(gradient) if jnp.iscomplexobj(gradient) else gradient
