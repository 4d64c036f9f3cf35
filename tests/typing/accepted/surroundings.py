"""The environment, displays, errors and the public aliases."""

from typing import Any, assert_type

import jax
import numpy as np
from jax import Array

import brainlite
from brainlite import ParamState, State, display, environ, errors, graph, maybe_state, typing, util
from brainlite.display import Shown


def settings() -> None:
    environ.set(precision="bf16", dt=0.1, fit=True)
    environ.set_precision(64)
    environ.set(platform="cpu", host_device_count=2)
    environ.set_platform("gpu")
    environ.set_host_device_count(2)
    assert_type(environ.get_platform(), str)
    assert_type(environ.get_host_device_count(), int)
    environ.reset()
    assert_type(environ.get("fit"), Any)
    assert_type(environ.get("fit", False, desc="whether to train"), Any)
    assert_type(environ.pop("fit", None), Any)
    assert_type(environ.all(), dict[str, Any])
    assert_type(environ.get_dt(), Any)
    assert_type(environ.get_precision(), int | str)
    with environ.context(fit=True, dt=0.1) as everything:
        assert_type(everything, dict[str, Any])
    types: list[typing.DTypeLike] = [
        environ.dftype(),
        environ.ditype(),
        environ.dutype(),
        environ.dctype(),
    ]
    assert_type(np.zeros(3).dtype in types, bool)


class Scale:
    """Something that opts into the displays."""

    factor: float = 2.0

    def __display__(self) -> display.Description:
        return Shown("Scale", [("factor", self.factor)])

    __repr__ = display.text_repr
    __treescope_repr__ = display.treescope_repr


def displays(scale: Scale) -> None:
    shown: display.Displayable = scale
    assert_type(shown.__display__(), display.Description)
    assert_type(display.to_text(scale, depth=2, values=True, compact=True), str)
    assert_type(display.render_to_html(scale, compressed=False), str)
    assert_type(display.to_code(scale), str)
    assert_type(display.show(scale), None)
    assert_type(repr(scale), str)
    assert_type(display.ShownSequence("List", [1]).items, list[Any])
    assert_type(display.ShownMapping([("a", 1)]).name, str)
    assert_type(Shown("Scale", []).fields, list[tuple[str, Any]])


warned: type[UserWarning] = errors.TorchHabitWarning


def every_error_is_of_this_package(given: errors.BrainliteError) -> None:
    error = errors.BrainliteError("no", where="model.h", expected="a", got="b", fix="c")
    assert_type(str(error), str)
    assert_type(given.args, tuple[Any, ...])
    kinds: list[type[errors.BrainliteError]] = [
        errors.EnvironmentKeyError,
        errors.FilterError,
        errors.GraphError,
        errors.InputError,
        errors.OptionError,
        errors.SizeError,
        errors.StateError,
        errors.TransformError,
    ]
    assert_type(kinds[0]("no"), errors.BrainliteError)
    of_states: list[type[errors.StateError]] = [
        errors.StateLostError,
        errors.StateMissingError,
        errors.StateOverwriteError,
        errors.StateValueError,
    ]
    assert_type(of_states[0]("no"), errors.StateError)
    of_transforms: list[type[errors.TransformError]] = [
        errors.BranchError,
        errors.GradError,
        errors.LoopStateError,
        errors.MapStateError,
        errors.RawTransformError,
        errors.TracedAttributeError,
    ]
    assert_type(of_transforms[0]("no"), errors.TransformError)


def errors_are_of_pythons_kinds() -> None:
    try:
        environ.get("dt")
    except KeyError as error:
        assert_type(error, KeyError)
    value: ValueError = errors.StateValueError("no")
    missing: AttributeError = errors.StateMissingError("no")
    wrong_type: TypeError = errors.FilterError("no")
    assert_type([value.args, missing.args, wrong_type.args], list[tuple[Any, ...]])


def aliases(
    x: typing.Array,
    key: typing.Key,
    seed: typing.SeedOrKey,
    shape: typing.Shape,
    path: typing.Path,
    tree: typing.PyTree,
    part: typing.PathPart,
) -> None:
    assert_type(x, Array)
    assert_type(key, jax.Array)
    assert_type(shape, tuple[int, ...])
    assert_type(path, tuple[str | int, ...])
    assert_type(tree, Any)
    assert_type(part, str | int)
    sizes: list[typing.Size] = [3, (2, 3), [2, 3]]
    values: list[typing.ArrayLike] = [x, 1.0, np.ones(3)]
    seeds: list[typing.SeedOrKey] = [3, key, seed]
    filters: list[typing.Filter] = [brainlite.ParamState, "slow", ..., None, [int, "a"]]
    predicate: typing.Predicate = lambda path, item: "Wh" in path  # noqa: E731  # a type for a lambda
    assert_type(predicate(path, x), bool)
    assert_type(len([sizes, values, seeds, filters]), int)


def dicts(found: graph.StateDict[ParamState[Array]]) -> None:
    options: util.DotDict[float] = util.DotDict(rate=0.1)
    assert_type(options["rate"], float)
    assert_type(util.merge_dicts({"a": 1}, {"b": 2}), dict[Any, Any])
    assert_type(util.split_total(10, 0.5), int)
    assert_type(util.flat_mapping({"a": {"b": 1}}, sep="."), dict[Any, Any])
    assert_type(util.nest_mapping({("a", "b"): 1}), dict[Any, Any])
    assert_type(util.flatten_dict({"a": {"b": 1}}), dict[str, Any])
    assert_type(util.unflatten_dict({"a.b": 1}), dict[str, Any])
    assert_type(maybe_state(3), Any)
    assert_type(graph.treefy_states(found), graph.NestedDict[State[Any]])
    assert_type(
        graph.treefy_states(found, ParamState[Array], ...),
        tuple[graph.NestedDict[State[Any]], ...],
    )
    assert_type(graph.treefy_states(found, ParamState[Array]), graph.NestedDict[ParamState[Array]])
    assert_type(found.to_pure_dict(), dict[typing.PathPart, Any])
    assert_type(found.merge(found), graph.StateDict[Any])
