"""Training or evaluating: the mode of modules and the environment, combined; never stale."""

import jax.numpy as jnp
import pytest

from brainlite import environ
from brainlite.errors import EnvironmentKeyError
from brainlite.graph import clone, merge, split
from brainlite.nn import Linear, Module
from brainlite.transform import jit
from brainlite.typing import Array


class Noisy(Module):
    def update(self, x: Array) -> Array:
        return x + 1 if self.training else x


class Net(Module):
    def __init__(self) -> None:
        self.noisy = Noisy()
        self.layers = [Noisy(), Linear(2, 2)]

    def update(self, x: Array) -> Array:
        return self.noisy(x)


@pytest.mark.parametrize(
    ("mode", "fit", "training"),
    [
        (True, None, True),
        (False, None, False),
        (None, True, True),
        (None, False, False),
        (True, True, True),
        (True, False, False),
        (False, True, False),
        (False, False, False),
    ],
)
def test_a_layer_trains_when_all_who_speak_say_so(
    mode: bool | None, fit: bool | None, training: bool
) -> None:
    layer = Noisy().train(mode)
    with environ.context(**({} if fit is None else {"fit": fit})):
        assert layer.training is training


def test_it_is_an_error_to_ask_when_nobody_has_said() -> None:
    with pytest.raises(
        EnvironmentKeyError, match=r"(?s)Net\.noisy.*being trained.*`model\.train\(\)` or"
    ):
        Net()(jnp.ones(2))


def test_the_mode_is_set_on_every_module_below() -> None:
    net = Net()
    assert net.eval() is net
    assert [module.training for module in net.modules()] == [False] * 4
    net.train()
    net.layers[0].eval()
    assert [module.training for module in net.modules()] == [True, True, False, True]
    with environ.context(fit=False):
        net.train(None)
        assert not any(module.training for module in net.modules())


def test_a_compiled_function_sees_the_mode() -> None:
    net = Net().train()
    run = jit(net)
    x = jnp.zeros(())
    assert float(run(x)) == 1.0
    net.noisy.eval()
    assert float(run(x)) == 0.0
    net.train()
    assert float(run(x)) == 1.0
    with environ.context(fit=False):
        assert float(run(x)) == 0.0
    assert float(jit(lambda m, v: m(v))(net.eval(), x)) == 0.0


def test_copies_keep_the_mode() -> None:
    net = Net().eval()
    assert not any(m.training for twin in (clone(net), merge(*split(net))) for m in twin.modules())


def test_training_can_be_set_as_an_attribute() -> None:
    layer = Noisy()
    layer.training = False
    assert not layer.training
