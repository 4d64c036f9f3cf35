"""Adam and its relatives train."""

from typing import Any

import pytest

import brainlite
from brainlite import optim
from brainlite.errors import OptionError
from brainlite.transform import grad, jit
from tests.optim.small import loss_of, make_net

NAMES = ["Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Lamb", "Lion"]


@pytest.mark.parametrize("name", NAMES)
def test_each_lowers_a_loss_and_is_compiled_once(name: str) -> None:
    net = make_net()
    made = getattr(optim, name)(lr=0.01)
    optimizer = made.register_trainable_weights(net.states(brainlite.ParamState))
    assert optimizer is made
    traced: list[None] = []

    @jit
    def step() -> Any:
        traced.append(None)
        gradients, value = grad(lambda: loss_of(net), optimizer.params, return_value=True)()
        optimizer.update(gradients)
        return value

    losses = [float(step()) for _ in range(20)]
    assert losses[-1] < losses[0]
    assert len(traced) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"betas": (0.9, 1.0)}, r"Adam, betas: [\s\S]*below 1"),
        ({"betas": 0.9}, r"Adam, betas: [\s\S]*two numbers"),
        ({"eps": -1e-8}, r"Adam, eps"),
        ({"weight_decay": float("nan")}, r"Adam, weight_decay"),
        ({"amsgrad": 1}, r"Adam, amsgrad: [\s\S]*True or False"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        optim.Adam(**options)


def test_two_decays_may_come_in_a_list() -> None:
    betas: Any = [0.9, 0.99]
    assert len(optim.Lion(betas=betas).register_trainable_weights(make_net()).params) == 2
