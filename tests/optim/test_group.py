"""Every transformation of optax computes through an optimizer what it computes alone."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
import pytest

import brainlite
from brainlite import nn, optim
from brainlite.errors import OptionError
from brainlite.graph import PathContains
from brainlite.transform import jit
from brainlite.typing import Path
from tests.closeness import assert_close, assert_same
from tests.optim.small import loss_of, make_net, train_by_hand, values

STEPS = 4


def is_bias(tree: Mapping[Path, Any]) -> Any:
    """Mask a tree of parameters, as masks are written for optax alone."""
    return jax.tree.map(lambda leaf: leaf.ndim == 1, tree)


def label_by_layer(tree: Mapping[Path, Any]) -> Any:
    return {path: path[0] for path in tree}


TREE_MASK = {("first", "weight"): True, ("second", "weight"): False}

TRANSFORMATIONS: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optax.sgd(0.1),
    "momentum": lambda: optax.sgd(0.1, momentum=0.9, nesterov=True),
    "adam": lambda: optax.adam(0.01),
    "adamw": lambda: optax.adamw(0.01, mask=is_bias),
    "schedule": lambda: optax.adam(optax.cosine_decay_schedule(0.01, 5)),
    "lion": lambda: optax.lion(0.01),
    "adafactor": lambda: optax.adafactor(0.01, min_dim_size_to_factor=2),
    "rmsprop": lambda: optax.rmsprop(0.01, momentum=0.9, centered=True),
    "lamb": lambda: optax.lamb(0.01),
    "chain": lambda: optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01)),
    "MultiSteps": lambda: optax.MultiSteps(optax.adam(0.01), 2),
    "apply_if_finite": lambda: optax.apply_if_finite(optax.adam(0.01), 3),
    "inject_hyperparams": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.01),
    "masked by a function": lambda: optax.masked(optax.adam(0.01), is_bias),
    "masked by a tree": lambda: optax.masked(optax.adam(0.01), TREE_MASK),
    "partition": lambda: optax.partition(
        {"first": optax.adam(0.01), "second": optax.sgd(0.1, momentum=0.9)}, label_by_layer
    ),
    "lookahead of slots": lambda: optax.chain(optax.adam(0.01), optax.ema(0.9)),
    "noise": lambda: optax.noisy_sgd(0.01, key=3),
}


def gradients_at(step: int) -> dict[Path, Any]:
    """Return gradients that depend on nothing that was computed before."""
    structure: Any
    leaves, structure = jax.tree.flatten(values(make_net()))
    keys = jax.random.split(jax.random.key(step), len(leaves))
    drawn = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves, strict=True)]
    made: dict[Path, Any] = structure.unflatten(drawn)
    return made


# Each of them compiles its operations one by one; these have the structures that there are.
QUICK = ("adam", "chain", "MultiSteps", "masked by a tree", "partition", "inject_hyperparams")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK))
        for name in TRANSFORMATIONS
    ],
)
def test_the_same_operations_give_the_same_bits_as_optax_alone(name: str) -> None:
    transformation = TRANSFORMATIONS[name]()
    net = make_net()
    params: Any = values(net)
    remembered = transformation.init(params)
    optimizer = optim.Optimizer(net, transformation)
    for step in range(STEPS):
        optimizer.update(gradients_at(step))
        updates, remembered = transformation.update(gradients_at(step), remembered, params)
        params = optax.apply_updates(params, updates)
    assert_same(values(net), params)
    kept = brainlite.graph.states(optimizer, optim.OptimState).to_values()
    assert jax.tree.leaves(kept), "nothing was kept"


@pytest.mark.parametrize("name", ["adafactor", "partition"])
def test_compiled_steps_follow_optax_and_are_compiled_once(name: str) -> None:
    by_hand, net = make_net(), make_net()
    train_by_hand(by_hand, TRANSFORMATIONS[name](), STEPS)
    optimizer = optim.Optimizer(net, TRANSFORMATIONS[name]())
    traced: list[None] = []

    @jit
    def step(number: Any) -> Any:
        traced.append(None)
        return optimizer.minimize(lambda: loss_of(net, number))

    for number in range(STEPS):
        step(number)
    assert len(traced) == 1
    assert_close(values(net), values(by_hand), terms=200)


def test_what_wants_the_loss_gets_it() -> None:
    def transformation() -> Any:
        return optax.chain(
            optax.adam(0.1), optax.contrib.reduce_on_plateau(patience=1, cooldown=0, rtol=0.5)
        )

    by_hand, net = make_net(), make_net()
    remembered = train_by_hand(by_hand, transformation(), 8, with_value=True)
    optimizer = optim.Optimizer(net, transformation())
    step = jit(lambda number: optimizer.minimize(lambda: loss_of(net, number)))
    for number in range(8):
        step(number)
    scale = optimizer.groups[0].counts["scale"].value
    assert float(scale) < 1
    assert_close(scale, remembered[1].scale)
    assert_close(values(net), values(by_hand), terms=200)


@pytest.mark.parametrize("compiled", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_lbfgs_searches_along_a_line_of_the_loss_itself(compiled: bool) -> None:
    net = make_net()
    params: Any = values(net)
    search = optax.lbfgs(memory_size=4)
    remembered = search.init(params)
    other = make_net()

    def loss(params: Any) -> Any:
        x, y = jnp.eye(3), jnp.ones((3, 2))
        hidden = params["first", "weight"]
        out = params["second", "weight"]
        hidden = jnp.tanh(x @ hidden["weight"] + hidden["bias"])
        return jnp.mean((hidden @ out["weight"] + out["bias"] - y) ** 2)

    @jax.jit
    def by_hand(params: Any, remembered: Any) -> Any:
        value, gradient = jax.value_and_grad(loss)(params)
        updates, remembered = search.update(
            gradient, remembered, params, value=value, grad=gradient, value_fn=loss
        )
        return optax.apply_updates(params, updates), remembered

    optimizer = optim.Optimizer(other, optax.lbfgs(memory_size=4))

    def step() -> Any:
        return optimizer.minimize(lambda: jnp.mean((other(jnp.eye(3)) - 1.0) ** 2))

    step = jit(step) if compiled else step
    for _ in range(3):
        params, remembered = by_hand(params, remembered)
        step()
    assert_close(values(other), params, terms=200)


def test_a_line_search_draws_the_numbers_of_the_gradient_and_writes_nothing() -> None:
    net, other = make_net(), make_net()
    count, drawn = brainlite.State(jnp.zeros(())), brainlite.State(jnp.zeros(()))

    def loss(net: Any, noise: Any) -> Any:
        return jnp.mean((net(jnp.eye(3)) - 20 * noise) ** 2)

    def with_noise() -> Any:
        count.value = count.value + 1
        drawn.value = brainlite.random.uniform(-1.0, 1.0, size=())
        return loss(net, drawn.value)

    optimizer = optim.Optimizer(net, optax.lbfgs())
    jit(lambda: optimizer.minimize(with_noise))()
    assert float(count.value) == 1
    known = optim.Optimizer(other, optax.lbfgs())
    jit(lambda: known.minimize(lambda: loss(other, drawn.value)))()
    assert_close(values(net), values(other), terms=200)


def test_groups_have_transformations_and_rates_of_their_own() -> None:
    net, by_hand = make_net(), make_net()
    optimizer = optim.Optimizer(
        net,
        [
            optim.Group(PathContains("first"), optax.sgd, 0.5),
            optim.Group(..., optax.adam),
        ],
        learning_rate=0.01,
    )
    both = optax.partition({"first": optax.sgd(0.5), "second": optax.adam(0.01)}, label_by_layer)
    train_by_hand(by_hand, both, STEPS)
    step = jit(lambda number: optimizer.minimize(lambda: loss_of(net, number)))
    for number in range(STEPS):
        step(number)
    assert_close(values(net), values(by_hand), terms=200)
    with pytest.raises(OptionError, match=r"several groups[\s\S]*optimizer.groups\[0\]"):
        _ = optimizer.learning_rate
    optimizer.groups[0].learning_rate = 0.25
    assert float(optimizer.groups[0].learning_rate) == 0.25
    assert float(optimizer.groups[1].learning_rate) == pytest.approx(0.01)


def test_the_rate_is_read_and_set_without_a_compilation() -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.sgd, learning_rate=0.5)
    traced: list[None] = []

    @jit
    def step() -> None:
        traced.append(None)
        optimizer.update(jax.tree.map(jnp.ones_like, optimizer.params.to_values()))

    for rate in (0.5, 0.25, jnp.asarray(2.0), jnp.float16(1.0), 0):
        optimizer.learning_rate = rate
        before = net.first.weight.value["bias"]
        step()
        assert_same(before - net.first.weight.value["bias"], jnp.full(4, float(rate)))
    assert len(traced) == 1
    assert step.lower().compile() is not None


def test_a_schedule_counts_the_updates_that_were_applied() -> None:
    net = make_net()
    optimizer = optim.Optimizer(
        net, optax.sgd, learning_rate=lambda step: 1.0 / (1 + step), accumulate=2
    )
    rates = []
    for _ in range(4):
        rates.append(float(optimizer.learning_rate))
        optimizer.update(jax.tree.map(jnp.ones_like, optimizer.params.to_values()))
    assert rates == [1.0, 1.0, 0.5, 0.5]
    with pytest.raises(OptionError, match="follows a schedule"):
        optimizer.learning_rate = 0.1


@pytest.mark.parametrize("rate", [float("nan"), -0.1, float("inf"), "fast", True, None])
def test_a_rate_that_is_none_is_refused(rate: Any) -> None:
    optimizer = optim.Optimizer(make_net(), optax.sgd, learning_rate=0.5)
    with pytest.raises(OptionError, match="learning_rate: this is no learning rate"):
        optimizer.learning_rate = rate
    assert float(optimizer.learning_rate) == 0.5
    if rate is not None:
        with pytest.raises(OptionError, match="this is no learning rate"):
            optim.Optimizer(make_net(), optax.sgd, learning_rate=rate)


def test_slots_are_named_after_what_optax_calls_them() -> None:
    optimizer = optim.Optimizer(make_net(), optax.adam(0.1))
    [group] = optimizer.groups
    assert {name: list(slot) for name, slot in group.slots.items()} == {
        "mu": ["first.weight", "second.weight"],
        "nu": ["first.weight", "second.weight"],
    }
    assert list(group.counts) == ["count"]


def test_nothing_is_kept_of_what_is_masked() -> None:
    optimizer = optim.Optimizer(make_net(), optax.masked(optax.adam(0.1), TREE_MASK))
    assert list(optimizer.groups[0].slots["mu"]) == ["first.weight"]


def test_names_that_end_alike_are_told_apart() -> None:
    optimizer = optim.Optimizer(
        make_net(),
        optax.partition({"first": optax.adam(0.1), "second": optax.adam(1.0)}, label_by_layer),
    )
    assert sorted(optimizer.groups[0].slots) == [
        "first.inner_state.0.mu",
        "first.inner_state.0.nu",
        "second.inner_state.0.mu",
        "second.inner_state.0.nu",
    ]


def test_a_model_of_shapes_alone_gets_an_optimizer_of_shapes() -> None:
    net = brainlite.transform.eval_shape(make_net)
    assert isinstance(net, nn.Module)
    optimizer = optim.Optimizer(
        net, optax.adam, learning_rate=0.1, average=0.9, accumulate=2, master_dtype="float32"
    )
    mu = optimizer.groups[0].slots["mu"]["first.weight"].value
    assert isinstance(mu["weight"], jax.ShapeDtypeStruct)
    assert mu["weight"].shape == (3, 4)
