"""The optimizers with names compute what those of torch compute, or of optax where it has none."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainlite
from brainlite import optim
from brainlite.transform import for_loop, jit
from tests.closeness import assert_close
from tests.optim import reference

STEPS = 12
CASES: list[tuple[str, dict[str, Any]]] = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1, "maximize": True}),
    ("Adam", {"lr": 0.1}),
    ("Adam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-2, "weight_decay": 0.2, "maximize": True}),
    ("Adam", {"lr": 0.1, "betas": (0.0, 0.0), "amsgrad": True, "weight_decay": 0.2}),
    ("AdamW", {"lr": 0.1}),
    ("AdamW", {"lr": 0.1, "amsgrad": True, "weight_decay": 0.5, "maximize": True}),
    ("NAdam", {"lr": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "momentum_decay": 0.1}),
    ("NAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("RAdam", {"lr": 0.1}),
    ("RAdam", {"lr": 0.1, "betas": (0.5, 0.9), "weight_decay": 0.2}),
    ("RAdam", {"lr": 0.1, "weight_decay": 0.2, "decoupled_weight_decay": True}),
    ("Adamax", {"lr": 0.1, "weight_decay": 0.2}),
    ("RMSprop", {"lr": 0.1, "eps": 1e-2}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.9, "weight_decay": 0.2}),
    ("Adagrad", {"lr": 0.1}),
    (
        "Adagrad",
        {"lr": 0.1, "lr_decay": 0.1, "weight_decay": 0.2, "initial_accumulator_value": 1.0},
    ),
    ("Adadelta", {"lr": 1.0, "weight_decay": 0.2}),
]
IDS = [f"{name} {', '.join(list(options)[1:])}" for name, options in CASES]


def start() -> Any:
    """Return a parameter, in float32."""
    return np.asarray(jax.random.normal(jax.random.key(0), (6,)))


def gradients() -> Any:
    """Return a gradient for each step; one of them is nothing."""
    drawn = np.asarray(jax.random.normal(jax.random.key(1), (STEPS, 6))).copy()
    drawn[3, 2] = 0.0
    return drawn


def train(name: str, options: dict[str, Any]) -> Any:
    """Return the parameter after all steps, in one compiled loop."""
    weight = brainlite.ParamState(start())
    optimizer = getattr(optim, name)(**options).register_trainable_weights({"w": weight})
    given = jnp.asarray(gradients())
    jit(lambda: for_loop(lambda g: optimizer.update({"w": g}), given))()
    return weight.value


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_every_rule_is_that_of_the_manual_of_torch(name: str, options: dict[str, Any]) -> None:
    expected = reference.run(name, start(), iter(gradients()), **options)
    # Each step is of the order of lr; differences of running means lose some digits.
    assert_close(train(name, options), jnp.asarray(expected, "float32"), terms=16 * STEPS)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
def test_every_rule_gives_the_numbers_of_torch(name: str, options: dict[str, Any]) -> None:
    torch: Any = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.tensor(start(), dtype=torch.float64))
    optimizer = getattr(torch.optim, name)([weight], **options)
    for gradient in gradients():
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
    expected = weight.detach().numpy()
    # That of NAdam keeps the product of its momentums in float32.
    rounding = 1e-7 if name == "NAdam" else 1e-12
    again = reference.run(name, start(), iter(gradients()), **options)
    np.testing.assert_allclose(again, expected, rtol=rounding, atol=rounding)
    assert_close(train(name, options), jnp.asarray(expected, "float32"), terms=16 * STEPS)


@pytest.mark.parametrize(
    ("name", "options", "transformation"),
    [
        ("Lion", {"lr": 0.1, "weight_decay": 0.2}, optax.lion(0.1, weight_decay=0.2)),
        ("Lamb", {"lr": 0.1, "weight_decay": 0.2}, optax.lamb(0.1, weight_decay=0.2)),
        (
            "LARS",
            {"lr": 0.1, "weight_decay": 0.2, "trust_coefficient": 0.5},
            optax.lars(0.1, weight_decay=0.2, trust_coefficient=0.5),
        ),
        ("LBFGS", {"lr": 0.1, "history_size": 3}, optax.lbfgs(0.1, 3, linesearch=None)),
    ],
)
def test_what_torch_lacks_is_that_of_optax(
    name: str, options: dict[str, Any], transformation: Any
) -> None:
    params: Any = jnp.asarray(start())
    remembered = transformation.init(params)
    for gradient in jnp.asarray(gradients()):
        updates, remembered = transformation.update(gradient, remembered, params)
        params = optax.apply_updates(params, updates)
    assert_close(train(name, options), params, terms=16 * STEPS)


@pytest.mark.parametrize("name", ["Lamb", "LARS"])
def test_arrays_of_zeros_and_gradients_of_zero_have_a_step_that_is_finite(name: str) -> None:
    weight = brainlite.ParamState(jnp.zeros(3))
    optimizer = getattr(optim, name)(0.1, momentum=0.0) if name == "LARS" else optim.Lamb(0.1)
    optimizer.register_trainable_weights({"w": weight})
    optimizer.update({"w": jnp.zeros(3)})
    assert not weight.value.any()
    optimizer.update({"w": jnp.ones(3)})
    assert (weight.value < 0).all()


@pytest.mark.parametrize("beta", [0.9, 0.999, 0.9999])
def test_the_corrections_of_means_keep_their_digits_over_many_steps(beta: float) -> None:
    weight = brainlite.ParamState(jnp.zeros(()))
    for name in ("Adam", "RAdam"):
        optimizer = getattr(optim, name)(1.0, betas=(0.0, beta), eps=0.0)
        optimizer.register_trainable_weights({"w": weight})
        for step in (1, 4, 5, 6, 7, 100, 10_000, 1_000_000):
            optimizer.groups[0].counts["step"].value = jnp.asarray(step - 1, "int32")
            seen = 1 - beta**step
            optimizer.groups[0].slots["exp_avg_sq"]["w"].value = jnp.asarray(
                (seen - (1 - beta)) / beta, "float32"
            )
            weight.value = jnp.zeros(())
            optimizer.update({"w": jnp.ones(())})
            length = (most := 2 / (1 - beta) - 1) - 2 * step * beta**step / seen
            expected = -1.0
            if name == "RAdam" and length > 5:
                expected = -(
                    ((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)) ** 0.5
                )
            # The mean square itself is rounded to float32, a difference of 1 and beta**step.
            assert float(weight.value) == pytest.approx(expected, rel=2e-5), (name, step)


def test_small_gradients_of_half_precision_are_squared_in_single() -> None:
    weight = brainlite.ParamState(jnp.ones((), "float16"))
    optimizer = optim.Adam(0.25).register_trainable_weights({"w": weight})
    jit(lambda: optimizer.update({"w": jnp.asarray(1e-4, "float16")}))()
    # A running mean of 1e-11 is 0 in float16: the step would be infinite.
    assert float(weight.value) == 0.75
    assert optimizer.groups[0].slots["exp_avg_sq"]["w"].value.dtype == jnp.float32


def test_complex_parameters_are_pairs_of_real_ones_as_in_torch() -> None:
    pair = brainlite.ParamState(jnp.array([1.0, -2.0]))
    number = brainlite.ParamState(jnp.asarray(1.0 - 2.0j))
    by_pair = optim.Adam(0.1).register_trainable_weights({"w": pair})
    by_number = optim.Adam(0.1).register_trainable_weights({"w": number})

    def loss(real: Any, imaginary: Any) -> Any:
        return jnp.cos(real) + 10 * jnp.sin(imaginary * real)

    for _ in range(5):
        by_pair.minimize(lambda: loss(pair.value[0], pair.value[1]))
        by_number.minimize(lambda: loss(number.value.real, number.value.imag))
    found = jnp.stack([number.value.real, number.value.imag])
    assert_close(found, pair.value, terms=100)
