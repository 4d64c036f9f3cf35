"""Quantities of brainunit, where it is installed: in `make test-torch`, not in the other runs."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import display, environ, nn, random
from brainlite.errors import GradError, InputError, OptionError
from brainlite.state import ParamState
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close

u: Any = pytest.importorskip("brainunit")


def number(quantity: Any, unit: Any) -> Any:
    """Return how many times a unit goes into a quantity."""
    return np.asarray(quantity / unit)


def test_initialisers_carry_units() -> None:
    made = nn.init.Constant(-65 * u.mV)((2, 3))
    assert_close(number(made, u.mV), np.full((2, 3), -65.0, np.float32))
    drawn = nn.init.Uniform(-65 * u.mV, -50 * u.mV)(1000)
    assert (number(drawn, u.mV) >= -65).all()
    assert (number(drawn, u.mV) < -50).all()
    parameter = nn.init.param(-65 * u.mV, 3, batch_size=2)
    assert parameter.shape == (2, 3)
    random.seed(0)
    plain = nn.Linear(2, 3, b_init=None)
    random.seed(0)
    layer = nn.Linear(2, 3, w_init=nn.init.KaimingNormal(unit=u.mS), b_init=None)
    x = jnp.array([1.0, 2.0])
    assert_close(number(layer(x), u.mS), plain(x))
    assert_close(number(layer(x * u.mV), u.mS * u.mV), plain(x))
    assert_close(number(jit(layer)(x), u.mS), plain(x))


def test_draws_of_quantities_are_quantities() -> None:
    uniform = random.uniform(-65 * u.mV, -0.05 * u.volt, 1000)
    normal = random.normal(-65 * u.mV, 5 * u.mV, 1000)
    assert abs(number(uniform, u.mV).mean() + 57.5) < 2
    assert abs(number(normal, u.mV).mean() + 65) < 2
    assert number(random.uniform(0.0, 2 * u.mV, 3), u.mV).shape == (3,)
    with pytest.raises(OptionError, match=r"'high' of a random draw has another unit"):
        random.uniform(-65 * u.mV, 3 * u.ms)
    with pytest.raises(OptionError, match=r"'scale' of a random draw has another unit"):
        random.normal(-65 * u.mV)


def neurons(unit: bool) -> Any:
    mV, ms, mA, ohm = (u.mV, u.ms, u.mA, u.ohm) if unit else (1.0, 1.0, 1.0, 1.0)
    made = nn.LIFRef(
        2,
        R=1.0 * ohm,
        tau=20.0 * ms,
        tau_ref=5.0 * ms,
        V_th=-50.0 * mV,
        V_reset=-60.0 * mV,
        V_rest=-60.0 * mV,
        V_initializer=nn.init.Constant(-60.0 * mV),
        spk_reset="hard",
    )
    nn.init_all_states(made)

    def step(i: Any) -> Any:
        with environ.context(dt=0.1 * ms, t=i * (0.1 * ms)):
            return made(20.0 * mA), made.V.value

    spikes, V = for_loop(step, jnp.arange(1000.0))
    return spikes, number(V, mV) if unit else V


def test_a_neuron_with_units_is_one_without() -> None:
    with_units, plain = neurons(True), neurons(False)
    assert plain[0].sum() > 5
    np.testing.assert_array_equal(with_units[0], plain[0])
    np.testing.assert_allclose(with_units[1], plain[1], 1e-4)


def test_steps_delays_and_encoders_take_them() -> None:
    def drift(V: Any) -> Any:
        return (-60 * u.mV - V) / (10 * u.ms)

    V = -65 * u.mV * jnp.ones(2)
    with environ.context(dt=0.1 * u.ms):
        stepped = number(nn.exp_euler_step(drift, V), u.mV)
        assert_close(stepped, np.full(2, -60 - 5 * np.exp(-0.01), np.float32))
        delay = nn.Delay(jnp.zeros(2) * u.mV, 0.001 * u.second, entries={"a": 0.5 * u.ms})
        nn.init_all_states(delay)
        assert delay.max_length == 11
        for k in range(8):
            delay.update(jnp.full(2, float(k)) * u.mV)
        assert number(delay.at("a"), u.mV).tolist() == [2.0, 2.0]
        synapse = nn.Expon(2, tau=5 * u.ms, g_initializer=nn.init.Constant(0 * u.mS))
        nn.init_all_states(synapse)
        assert number(synapse(1 * u.mS), u.mS).tolist() == [1.0, 1.0]
    with environ.context(dt=1 * u.ms):
        assert nn.PoissonEncoder(3)(jnp.full(3, 1000.0) * u.Hz).all()
        with pytest.raises(InputError, match="a rate times dt has a unit"):
            nn.PoissonEncoder(3)(jnp.ones(3))
    with environ.context(dt=0.1), pytest.raises(InputError, match=r"units of the drift(.|\n)*mV"):
        nn.exp_euler_step(drift, V)


def test_plots_say_the_unit() -> None:
    history = {"V": jnp.ones((3, 2)) * u.mV, "g": jnp.ones((3, 2))}
    names = [axes.get_ylabel() for axes in display.plot_traces(history).axes]
    titles = [axes.get_title() for axes in display.plot_states(history).axes]
    assert names == ["V (mV)", "g"]
    assert [title for title in titles if title] == ["V (mV)", "g"]
    assert display.plot_traces(history["V"]).axes[0].get_ylabel() == "(mV)"
    np.testing.assert_array_equal(display.plot_traces(history).axes[0].lines[0].get_ydata(), 1.0)


def test_a_time_with_a_unit_is_an_input() -> None:
    runs: list[int] = []

    @jit
    def step() -> Any:
        runs.append(1)
        return environ.get("t") * 2

    for k in range(3):
        with environ.context(t=k * u.ms):
            assert number(step(), u.ms) == 2 * k
    assert len(runs) == 1


def test_gradients_have_units_of_their_own() -> None:
    def loss(tau: Any) -> Any:
        with environ.context(dt=1 * u.ms):
            V = nn.exp_euler_step(lambda V: -V / (tau * u.ms), jnp.ones(1) * u.mV)
        return (V / u.mV).sum()

    assert_close(grad(loss)(jnp.asarray(5.0)), np.float32(np.exp(-0.2) / 25))


def test_gradients_have_the_unit_of_the_loss_over_that_of_the_target() -> None:
    voltage = ParamState(2.0 * u.mV)
    untyped: Any = grad
    for wrap in (lambda fun: fun, jit):
        squared = wrap(untyped(lambda: voltage.value**2 * u.mS, voltage, unit_aware=True))()
        assert_close(number(squared, u.mV * u.mS), 4.0)
        plain = wrap(untyped(lambda: (voltage.value / u.mV) ** 2, voltage, unit_aware=True))()
        assert_close(number(plain, 1 / u.mV), 4.0)
    both, value = untyped(lambda x: x * u.mV, unit_aware=True, return_value=True)(3.0)
    assert_close(number(both, u.mV), 1.0)
    assert_close(number(value, u.mV), 3.0)
    assert float(untyped(lambda x: x**2, unit_aware=True)(3.0)) == 6.0
    with pytest.raises(GradError, match="unit_aware=True"):
        untyped(lambda: voltage.value**2, voltage)()
