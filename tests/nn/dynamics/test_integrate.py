"""One step of an equation: exact where it is linear, of first order elsewhere."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, random
from brainlite.errors import EnvironmentKeyError, InputError
from brainlite.nn import exp_euler_step
from brainlite.nn._dynamics.integrate import phi
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close


def run(drift: Any, x: Any, steps: int, dt: float) -> Any:
    """Return the last value, in float64 where jax has it."""

    def step(x: Any) -> Any:
        return exp_euler_step(drift, x)

    with environ.context(dt=dt):
        return jax.lax.fori_loop(0, steps, lambda _, x: step(x), x)


def test_phi_is_right_in_value_and_derivative() -> None:
    z = np.concatenate([-np.logspace(-8, 1.5, 60), [0.0], np.logspace(-8, 1.5, 60)])
    kept = np.where(z == 0, 1.0, z)
    value = np.where(z == 0, 1.0, np.expm1(kept) / kept)
    assert_close(phi(jnp.asarray(z, jnp.float32)), value, 4)
    with jax.enable_x64(True):
        slope = jax.vmap(jax.grad(phi))(jnp.asarray(z))
        # By a series in float64, and the closed form where it does not cancel.
        series = sum((n + 1) * z**n / float(np.prod(np.arange(1.0, n + 3))) for n in range(14))
        closed = (kept * np.exp(kept) - np.expm1(kept)) / kept**2
        np.testing.assert_allclose(slope, np.where(np.abs(z) < 0.5, series, closed), 1e-11)
    half = jax.vmap(jax.grad(phi))(jnp.asarray(z, jnp.float32))
    np.testing.assert_allclose(half, slope, 3e-3 * 0.1, 1e-7)


@pytest.mark.parametrize("dt", [0.1, 1.0, 30.0])
def test_a_linear_equation_is_exact(dt: float) -> None:
    tau, target = np.array([5.0, 20.0]), np.array([3.0, -2.0])
    x = run(lambda x: (jnp.asarray(target) - x) / jnp.asarray(tau), jnp.array([1.0, 0.5]), 7, dt)
    exact = target + (np.array([1.0, 0.5]) - target) * np.exp(-7 * dt / tau)
    assert_close(x, exact.astype(np.float32), 16)


STEPS = (0.4, 0.2, 0.1, 0.05)


def test_the_order_of_a_single_equation_is_two() -> None:
    # dx/dt = x (1 - x), of which the logistic function is the solution.
    errors: list[float] = []
    with jax.enable_x64(True):
        for dt in STEPS:
            x = run(lambda x: x * (1 - x), jnp.array(0.1, jnp.float64), round(4 / dt), dt)
            errors.append(abs(float(x) - 1 / (1 + 9 * np.exp(-4.0))))
    ratios = np.divide(errors[:-1], errors[1:])
    assert ((ratios > 3.8) & (ratios < 4.2)).all(), errors


def test_the_order_of_coupled_equations_is_one() -> None:
    # A pendulum with friction: x' = y, y' = -sin x - y / 2.
    def slope(x: Any, y: Any) -> tuple[Any, Any]:
        return y, -np.sin(x) - y / 2

    exact = np.array([1.0, 0.0])
    h = 1e-3
    for _ in range(4000):  # Runge and Kutta, fourth order
        k1 = np.array(slope(*exact))
        k2 = np.array(slope(*(exact + h / 2 * k1)))
        k3 = np.array(slope(*(exact + h / 2 * k2)))
        k4 = np.array(slope(*(exact + h * k3)))
        exact = exact + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    errors: list[float] = []
    with jax.enable_x64(True):
        for dt in STEPS:
            start = (jnp.array(1.0, jnp.float64), jnp.array(0.0, jnp.float64))
            x = run(lambda s: (s[1], -jnp.sin(s[0]) - s[1] / 2), start, round(4 / dt), dt)
            errors.append(float(np.abs(np.asarray(x) - exact).max()))
    ratios = np.divide(errors[:-1], errors[1:])
    assert ratios.min() > 1.8, errors
    assert ratios[-1] < 2.3, errors


def test_a_pytree_moves_each_variable_by_its_own_slope() -> None:
    def drift(x: Any) -> Any:
        return {"v": -x["v"] / 4 + 3 * x["u"], "u": -x["u"] / 2}

    with environ.context(dt=1.0):
        new = exp_euler_step(drift, {"v": jnp.ones(2), "u": jnp.full(2, 0.5)})
    # To v, u is a constant: v moves towards 4 * 3 * u.
    assert_close(new["v"], np.full(2, 6 + (1 - 6) * np.exp(-0.25), np.float32))
    assert_close(new["u"], np.full(2, 0.5 * np.exp(-0.5), np.float32))


def test_noise_has_the_variance_of_an_ornstein_uhlenbeck_process() -> None:
    tau, sigma, dt = 10.0, 0.3, 0.1
    random.seed(0)

    def step(x: Any, _: Any) -> Any:
        return exp_euler_step(lambda x: -x / tau, lambda x: jnp.full_like(x, sigma), x), None

    from brainlite.transform import scan

    with environ.context(dt=dt):
        x, _ = scan(step, jnp.zeros(4000), jnp.arange(500))
    # After 5 tau; the step adds sigma² dt and shrinks by exp(-2 dt / tau).
    shrinks = np.exp(-2 * dt / tau)
    expected = sigma**2 * dt * (1 - shrinks**500) / (1 - shrinks)
    assert abs(expected - sigma**2 * tau / 2) < 0.02 * expected
    deviation = expected * np.sqrt(2 / 4000)
    assert abs(float(x.var()) - expected) < 5 * deviation
    assert abs(float(x.mean())) < 5 * np.sqrt(expected / 4000)


def test_a_gradient_flows_through_parameters_and_values() -> None:
    def loss(tau: Any, x: Any) -> Any:
        with environ.context(dt=1.0):
            return exp_euler_step(lambda x: -x / tau, x).sum()

    to_tau, to_x = grad(loss, argnums=(0, 1))(jnp.asarray(5.0), jnp.array([2.0]))
    assert_close(to_x, np.exp([-0.2]).astype(np.float32))
    assert_close(to_tau, np.float32(2 * np.exp(-0.2) / 25))
    assert_close(grad(lambda x: loss(jnp.asarray(1e9), x))(jnp.zeros(1)), np.ones(1, np.float32))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("dt", [0.5, jnp.asarray(0.5), np.asarray(0.5)])
def test_the_type_is_that_of_the_variable(dtype: str, dt: Any) -> None:
    with environ.context(dt=dt):
        assert exp_euler_step(lambda x: -x / 5.0, jnp.ones(3, dtype)).dtype == dtype


def test_a_time_step_may_change_without_a_compilation() -> None:
    traced: list[int] = []

    @jit
    def step(x: Any) -> Any:
        traced.append(1)
        return exp_euler_step(lambda x: -x, x)

    for dt in (0.1, 0.2):
        with environ.context(dt=jnp.asarray(dt)):
            assert_close(step(jnp.ones(2)), np.full(2, np.exp(-dt), np.float32))
    assert len(traced) == 1


def test_a_number_may_be_the_drift_and_the_variable() -> None:
    with environ.context(dt=0.5):
        assert exp_euler_step(lambda x: 2.0, 1.0) == 2.0
        assert exp_euler_step(lambda x: 2.0, jnp.ones(2)).tolist() == [2.0, 2.0]
        assert exp_euler_step(lambda x, y, z: y + z, jnp.ones(1), 1.0, z=3.0).tolist() == [3.0]


def test_what_does_not_fit_raises() -> None:
    with pytest.raises(EnvironmentKeyError, match="no key 'dt'"):
        exp_euler_step(lambda x: -x, jnp.ones(2))
    with environ.context(dt=1.0):
        for x, problem in ((jnp.arange(3), "floats"), ("no", "floats"), (None, "no variable")):
            with pytest.raises(InputError, match=problem):
                exp_euler_step(lambda x: -x, x)
        with pytest.raises(InputError, match=r"another shape(.|\n)*\(3,\)(.|\n)*\(5, 3\)"):
            exp_euler_step(lambda x: jnp.ones((5, 3)), jnp.ones(3))
        with pytest.raises(InputError, match=r"another structure(.|\n)*expected: 1"):
            exp_euler_step(lambda x: (x, x), jnp.ones(3))
        with pytest.raises(InputError, match="no variable to integrate"):
            exp_euler_step(lambda x: x)


def test_it_runs_in_a_loop_with_a_time() -> None:
    def step(i: Any) -> Any:
        with environ.context(t=i * 0.1, dt=0.1):
            return exp_euler_step(lambda x: environ.get("t") - x, jnp.ones(()))

    expected = [0.1 * i + (1 - 0.1 * i) * np.exp(-0.1) for i in range(4)]
    assert_close(for_loop(step, jnp.arange(4)), np.asarray(expected, np.float32))
