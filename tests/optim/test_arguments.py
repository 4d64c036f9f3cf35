"""What an optimizer refuses, and what its messages name."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import optax
import pytest

import brainlite
from brainlite import optim
from brainlite.errors import OptionError
from brainlite.graph import PathContains
from tests.optim.small import make_net

make: Any = optim.Optimizer  # which types would refuse, too
FIRST = optim.Group(PathContains("first"), optax.sgd, 0.1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: make(jnp.ones(3), optax.sgd(0.1)), r"neither a model nor parameters"),
        (lambda: make([], optax.sgd(0.1)), r"there is nothing to train"),
        (
            lambda: make(optax.adam(0.1), brainlite.nn.Linear(2, 2)),
            r"transformation in place of the model[\s\S]*Optimizer\(model, optax\.adam",
        ),
        (
            lambda: make(make_net().requires_grad_(False), optax.sgd(0.1)),
            r"nothing to train[\s\S]*requires_grad_\(True\)",
        ),
        (
            lambda: make({("a", "b"): brainlite.ParamState(jnp.arange(3))}, optax.sgd),
            r"a.b: a ParamState that is not made of floats[\s\S]*int32\[3\]",
        ),
        (
            lambda: make(
                {
                    ("a.b",): brainlite.ParamState(1.0 * jnp.ones(1)),
                    ("a", "b"): brainlite.ParamState(jnp.ones(1)),
                },
                optax.sgd(0.1),
            ),
            r"a.b: two parameters have the same dotted name",
        ),
        (
            lambda: make(make_net(), [FIRST]),
            r"second.weight: some parameters are in no group[\s\S]*`\.\.\.`",
        ),
        (
            lambda: make(make_net(), [optim.Group(PathContains("third"), optax.sgd, 0.1), FIRST]),
            r"second.weight: some parameters are in no group",
        ),
        (
            lambda: make(make_net(), [optim.Group(..., optax.sgd, 0.1), FIRST]),
            r"group 1 has no parameter[\s\S]*first.weight, second.weight",
        ),
        (lambda: make(make_net(), []), r"some parameters are in no group"),
        (
            lambda: make(make_net(), [optax.sgd(0.1), optax.adam(0.1)]),
            r"item 0 of the groups is none[\s\S]*optax.chain",
        ),
        (
            lambda: make(make_net(), [optim.Group(..., optax.sgd(0.1))], learning_rate=0.1),
            r"no group has use for this learning rate",
        ),
        (
            lambda: make(make_net(), "adam"),
            r"no transformation of gradients[\s\S]*'adam'",
        ),
        (lambda: make(make_net(), None), r"no transformation of gradients[\s\S]*None"),
        (lambda: make(make_net(), optax.adam), r"needs a learning rate[\s\S]*adam"),
        (
            lambda: make(make_net(), lambda rate: rate, learning_rate=0.1),
            r"makes no transformation of a learning rate",
        ),
        (
            lambda: make(make_net(), optax.adam(0.1), learning_rate=0.1),
            r"a learning rate of its own[\s\S]*optax.adam\(1e-3\)",
        ),
        (
            lambda: make(make_net(), optim.Optimizer, learning_rate=0.1),
            r"no transformation of gradients[\s\S]*register_trainable_weights",
        ),
    ],
)
def test_what_makes_no_optimizer_is_refused(wrong: Callable[[], Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        wrong()


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("clip_norm", [0, -1.0, float("nan"), "1", True]),
        ("accumulate", [0, 1.5, True, "2"]),
        ("average", [1.0, -0.1, float("nan"), True]),
        ("loss_scale", [2.0**15, True]),
        (
            "loss_scale",
            [optim.LossScale(0.0), optim.LossScale(growth=1.0), optim.LossScale(every=0)],
        ),
        ("loss_scale", [optim.LossScale(float("nan")), optim.LossScale(float("inf"))]),
        ("master_dtype", ["int32", "float", "float64", 3]),
    ],
)
def test_options_that_make_no_sense_are_refused(option: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(OptionError, match=f"{option}: "):
            make(make_net(), optax.sgd(0.1), **{option: value})


def test_parameters_come_from_a_model_a_collection_or_a_plain_dict() -> None:
    net = make_net()
    paths = [("first", "weight"), ("second", "weight")]
    given: list[Any] = [net, net.states(), dict(net.states()), [net]]
    for number, each in enumerate(given):
        optimizer = make(each, optax.sgd(0.1))
        expected = [(0, *path) for path in paths] if number == 3 else paths
        assert list(optimizer.params) == expected
    named: Any = {"w": net.first.weight}
    optimizer = make(named, optax.sgd(1.0))
    optimizer.update({"w": net.first.weight.value})
    assert not net.first.weight.value["weight"].any()


def test_a_filter_says_what_is_trained() -> None:
    optimizer = make(make_net(), optax.adam(0.1), wrt=PathContains("second"))
    assert list(optimizer.params) == [("second", "weight")]
