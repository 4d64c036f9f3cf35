"""Optimizers with names: made first, told later what they train."""

import copy
import pickle
from typing import Any

import jax.numpy as jnp
import optax
import pytest

import brainlite
from brainlite import optim
from brainlite.errors import OptionError, StateMissingError
from brainlite.transform import jit
from tests.closeness import assert_close, assert_same
from tests.optim.small import Net, loss_of, make_net, values

untyped: Any = optim  # for what types refuse, too


def test_nothing_is_trained_before_it_is_said_what() -> None:
    optimizer = optim.Adam()
    for read in (lambda: optimizer.params, lambda: optimizer.lr, lambda: optimizer.step):
        with pytest.raises(StateMissingError, match=r"Adam has no parameters yet[\s\S]*register_"):
            read()
    with pytest.raises(StateMissingError, match="has no parameters yet"):
        optimizer.update({})
    with pytest.raises(StateMissingError, match="has no parameters yet"):
        optimizer.minimize(lambda: jnp.ones(()))
    optimizer.register_trainable_weights(make_net())
    with pytest.raises(OptionError, match="Adam: this optimizer trains something already"):
        optimizer.register_trainable_weights(make_net())


def test_what_fails_to_register_can_be_registered_after_all() -> None:
    optimizer = optim.Adam()
    with pytest.raises(OptionError, match="there is nothing to train"):
        optimizer.register_trainable_weights({})
    assert len(optimizer.register_trainable_weights(make_net()).params) == 2


def test_options_of_all_optimizers_work() -> None:
    net, other = make_net(), make_net()
    named = optim.AdamW(0.1, clip_norm=0.1, accumulate=2, average=0.5, skip_nonfinite=True)
    named.register_trainable_weights(net)
    general = optim.Optimizer(
        other,
        lambda rate: optax.adamw(rate, weight_decay=1e-2),
        learning_rate=0.1,
        clip_norm=0.1,
        accumulate=2,
        average=0.5,
        skip_nonfinite=True,
    )
    for _ in range(4):
        named.minimize(lambda: loss_of(net))
        general.minimize(lambda: loss_of(other))
    assert_close(values(net), values(other), terms=100)
    assert_close(named.grad_norm, general.grad_norm, terms=100)
    with named.averaged(), general.averaged():
        assert_close(values(net), values(other), terms=100)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: untyped.Adam(lr=1e-3, foreach=True), r"unexpected argument 'foreach'"),
    ],
)
def test_arguments_that_there_are_not_are_refused_as_python_does(make: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        make()


@pytest.mark.parametrize(
    "params", [lambda net: net.parameters(), lambda net: list(net.parameters()), lambda net: net]
)
def test_the_order_of_arguments_of_torch_meets_the_line_to_write(params: Any) -> None:
    with pytest.raises(OptionError, match=r"write Adam\(lr=...\)\.register_trainable"):
        untyped.Adam(params(make_net()), lr=1e-3)


def test_rates_are_read_and_set_under_the_name_of_torch() -> None:
    optimizer = optim.SGD(0.5).register_trainable_weights({"w": brainlite.ParamState(jnp.ones(()))})
    assert float(optimizer.lr) == 0.5
    optimizer.lr = 0.25
    assert float(optimizer.learning_rate) == 0.25
    scheduled = optim.SGD(lambda step: 1.0 / (step + 2)).register_trainable_weights(make_net())
    assert float(scheduled.lr) == 0.5


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_copies_share_the_compilation(clone: Any) -> None:
    traced: list[None] = []

    @jit
    def step(net: Net, optimizer: optim.Optimizer) -> Any:
        traced.append(None)
        return optimizer.minimize(lambda: loss_of(net))

    net = make_net()
    pair = net, optim.Adam(0.1).register_trainable_weights(net)
    step(*pair)
    twin, twins = clone(pair)
    step(*pair)
    step(twin, twins)
    assert_same(values(twin), values(net))
    other = make_net()
    step(other, optim.Adam(0.1).register_trainable_weights(other))
    assert len(traced) == 1


def test_an_optimizer_that_registered_nothing_can_be_copied() -> None:
    twin = pickle.loads(pickle.dumps(optim.Adam(0.1)))
    assert len(twin.register_trainable_weights(make_net()).params) == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: untyped.Adam(make_net().states()),
            r"Adam, lr: the first[\s\S]*StateDict",
        ),
        (lambda: optim.SGD(float("nan")), r"SGD, lr: the first argument[\s\S]*nan"),
        (lambda: optim.SGD(-1), r"SGD, lr: the first argument[\s\S]*-1"),
        (lambda: optim.Adam(clip_norm=-1.0), r"clip_norm"),
        (lambda: optim.Adam(accumulate=0), r"accumulate"),
        (lambda: optim.Adam(master_dtype="int8"), r"master_dtype"),
    ],
)
def test_options_that_make_no_sense_are_refused_when_the_optimizer_is_made(
    make: Any, message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        make()
