"""Gradient descent and its relatives train."""

from typing import Any

import pytest

import brainlite
from brainlite import optim
from brainlite.errors import OptionError
from brainlite.transform import grad, jit
from tests.optim.small import loss_of, make_net

untyped: Any = optim  # for what types refuse, too
NAMES = ["SGD", "RMSprop", "Adagrad", "Adadelta", "LARS"]


@pytest.mark.parametrize("name", NAMES)
def test_each_lowers_a_loss_and_is_compiled_once(name: str) -> None:
    net = make_net()
    made = getattr(optim, name)(lr=1.0 if name in ("Adadelta", "LARS") else 0.01)
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


@pytest.mark.slow
def test_lbfgs_with_a_line_search_is_quick() -> None:
    net = make_net()
    optimizer = optim.LBFGS(line_search_fn="strong_wolfe").register_trainable_weights(net)
    step = jit(lambda: optimizer.minimize(lambda: loss_of(net)))
    losses = [float(step()) for _ in range(20)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.05 * losses[0]
    with pytest.raises(OptionError, match=r"value[\s\S]*minimize"):
        optimizer.update(grad(lambda: loss_of(net), optimizer.params)())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD(nesterov=True), r"SGD, nesterov"),
        (lambda: untyped.LBFGS(line_search_fn="armijo"), r"LBFGS, line_search_fn: [\s\S]*'armijo'"),
        (lambda: optim.LBFGS(history_size=0), r"LBFGS, history_size"),
        (lambda: untyped.LBFGS(history_size=2.5), r"LBFGS, history_size"),
    ],
)
def test_options_that_make_no_sense_are_refused(make: Any, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        make()


def test_optax_is_wanted_by_lbfgs_alone_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "optax", None)
    for name in NAMES:
        getattr(optim, name)().register_trainable_weights(make_net())
    with pytest.raises(ImportError, match=r"LBFGS needs optax.*pip install brainlite\[train\]"):
        optim.LBFGS().register_trainable_weights(make_net())
