"""What comes from torch: each name that is none here has its like, and doubts are asked once."""

import ast
import inspect
import re
import warnings
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite._given import (
    OF_ARRAYS,
    OF_MODULES,
    OF_NAMES,
    OF_OPTIMIZERS,
    Doubt,
    add_hint,
    ask,
    instead,
    warn_once,
)
from brainlite._given._habits import OF_OPTIONS
from brainlite.errors import TorchHabitWarning
from brainlite.transform import grad, jit

DOUBT = Doubt("0.1", "keeps a tenth", "p=0.1", "prob=0.1")


class Other:
    """A class that no other test has."""


def test_a_doubt_is_asked_once_for_each_class_and_value_and_points_to_the_caller() -> None:
    with pytest.warns(TorchHabitWarning, match=r"Other\(0.1\) keeps a tenth. Write p=0.1") as asked:
        ask(Other, DOUBT)
        ask(Other, DOUBT)
        ask(Other, DOUBT._replace(given="0.2"))
    assert [each.filename for each in asked] == [__file__] * 2


def test_a_topic_is_warned_of_once() -> None:
    with pytest.warns(TorchHabitWarning, match="said") as told:
        warn_once("a topic of this test", "said.")
        warn_once("a topic of this test", "said.")
    assert len(told) == 1


@pytest.mark.parametrize("kind", [nn.Linear, nn.Conv2d, nn.ConvTranspose1d, nn.BatchNorm3d])
def test_what_is_written_instead_depends_on_the_class_and_its_bases(kind: type) -> None:
    class Mine(kind):  # type: ignore[misc]  # a variable as base
        pass

    assert instead(Mine, "bias") == instead(kind, "bias")
    starts = {nn.Linear: "b_init=None", nn.BatchNorm3d: "affine=False"}
    assert str(instead(kind, "bias")).startswith(starts.get(kind, "b_init=brainlite.nn.init"))
    assert instead(kind, "no_such_option") is None


def test_options_are_named_that_are_there() -> None:
    # What is written for an option as a bare word is an option of a layer.
    words = {each for each in OF_OPTIONS.values() if isinstance(each, str) and each.isidentifier()}
    known = {name for each in nn.__all__ for name in _parameters(getattr(nn, each))}
    assert words <= known


def _parameters(kind: Any) -> list[str]:
    code = getattr(getattr(kind, "__init__", None), "__code__", None)
    return [] if code is None else list(code.co_varnames)


def test_a_hint_is_added_once_and_only_for_arrays() -> None:
    def failed(thing: Any, name: str) -> AttributeError:
        with pytest.raises(AttributeError) as caught:
            getattr(thing, name)
        add_hint(caught.value)
        add_hint(caught.value)
        return caught.value

    notes = failed(jnp.ones(2), "detach").__notes__
    assert notes == ["torch's `detach` is here: `jax.lax.stop_gradient(x)`"]
    assert not hasattr(failed(jnp.ones(2), "nonsense"), "__notes__")
    assert not hasattr(failed(Other(), "detach"), "__notes__")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        add_hint(None)


def test_arrays_have_none_of_the_names_that_are_explained() -> None:
    assert [name for name in OF_ARRAYS if hasattr(jnp.ones((2, 2)), name)] == []


@pytest.mark.parametrize(
    "habit",
    [lambda x: x.sum().item(), lambda x: float(x.sum()), np.asarray],
    ids=["item", "float", "asarray"],
)
@pytest.mark.parametrize("transform", [jit, lambda f: jit(grad(f))], ids=["jit", "jit of grad"])
def test_asking_for_a_value_that_is_not_known_yet_says_where_there_is_one(
    habit: Any, transform: Any
) -> None:
    with pytest.raises(
        (jax.errors.ConcretizationTypeError, jax.errors.TracerArrayConversionError)
    ) as caught:
        transform(habit)(jnp.ones(2))
    [note] = [note for note in caught.value.__notes__ if "jax.debug.print" in note]
    assert "take `x.item()`, `float(x)` or `numpy.asarray(x)` of what comes out" in note


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (brainlite, "no_grad"),
        (brainlite, "manual_seed"),
        (nn, "Parameter"),
        (nn, "utils"),
        (nn.functional, "dropout"),
        (nn.init, "xavier_uniform_"),
    ],
)
def test_names_of_torch_say_what_is_here(module: Any, name: str) -> None:
    with pytest.raises(AttributeError, match=rf"'{name}'. torch's `{name}` is here: .*brainlite"):
        getattr(module, name)
    with pytest.raises(AttributeError, match=rf"module '{module.__name__}' has no .*'nothing'$"):
        getattr(module, "nothing")  # noqa: B009  # checkers refuse the attribute


def test_what_is_advised_is_there() -> None:
    for text in [*OF_NAMES.values(), *OF_OPTIMIZERS.values(), *OF_ARRAYS.values()]:
        for path in re.findall(r"brainlite(?:\.\w+)+", text):
            found: Any = brainlite
            for part in path.split(".")[1:]:
                found = getattr(found, part)


def test_optimizers_say_what_torch_s_loop_is_here() -> None:
    optimizer: Any = brainlite.optim.Adam(lr=0.1).register_trainable_weights(nn.Linear(2, 3))
    with pytest.raises(AttributeError, match=r"'zero_grad'. torch's .*optimizer\.minimize\(loss\)"):
        optimizer.zero_grad()
    with pytest.raises(AttributeError, match=r"no attribute 'other'$"):
        _ = optimizer.other


def calls_in(text: str) -> list[ast.Call]:
    """Return the calls of public functions among the pieces of code in a text."""
    pieces = [ast.parse(piece) for piece in re.findall(r"`(brainlite[^`]*)`", text)]
    return [node for piece in pieces for node in ast.walk(piece) if isinstance(node, ast.Call)]


@pytest.mark.parametrize(
    "table",
    [OF_ARRAYS, OF_MODULES, OF_NAMES, OF_OPTIMIZERS],
    ids=["arrays", "modules", "names", "optimizers"],
)
def test_what_is_said_instead_is_there_and_takes_these_arguments(table: Mapping[str, str]) -> None:
    for text in table.values():
        for piece in re.findall(r"`(brainlite[\w.]*)", text):
            eval(piece, {"brainlite": brainlite})
        for call in calls_in(text):
            function = ast.unparse(call.func)
            if function.startswith("brainlite") and not isinstance(call.func, ast.Call):
                named = {each.arg or "": None for each in call.keywords}
                signature = inspect.signature(eval(function, {"brainlite": brainlite}))
                signature.bind(*call.args, **named)
