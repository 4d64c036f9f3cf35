"""Synapses against their closed forms."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn
from brainlite.errors import InputError, OptionError
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close
from tests.transform.checks import counted_work

DT = 0.25
TRAIN = (np.random.default_rng(1).random((120, 3)) < 0.1).astype(np.float32)


def responses(synapse: Any, train: Any = TRAIN) -> Any:
    nn.init_all_states(synapse)
    with environ.context(dt=DT):
        return np.asarray(for_loop(synapse, jnp.asarray(train)))


def summed(kernel: Any, train: Any = TRAIN) -> Any:
    """Return the sum of the responses to each spike, in float64."""
    response = kernel(np.arange(len(train)) * DT)
    return np.stack(
        [np.convolve(column, response)[: len(train)] for column in train.T.astype(np.float64)], 1
    )


CLOSED: dict[str, tuple[Any, Any]] = {
    "Expon": (lambda: nn.Expon(3, tau=4.0), lambda t: np.exp(-t / 4.0)),
    "Alpha": (lambda: nn.Alpha(3, tau=4.0), lambda t: t / 4.0 * np.exp(-t / 4.0)),
    "DualExpon": (
        lambda: nn.DualExpon(3, tau_decay=8.0, tau_rise=2.0, amplitude=3.0, normalize=False),
        lambda t: 3.0 * (np.exp(-t / 8.0) - np.exp(-t / 2.0)),
    ),
}


@pytest.mark.parametrize("name", CLOSED)
def test_a_linear_synapse_is_exact(name: str) -> None:
    make, kernel = CLOSED[name]
    assert_close(responses(make()), summed(kernel).astype(np.float32), 120)


def test_the_peak_of_a_normalised_one_is_its_amplitude() -> None:
    train = np.zeros((4000, 1), np.float32)
    train[0] = 1.0
    with environ.context(dt=0.01):
        synapse = nn.init_all_states(nn.DualExpon(1, tau_decay=8.0, tau_rise=2.0, amplitude=3.0))
        g = for_loop(synapse, jnp.asarray(train))
    assert abs(float(g.max()) - 3.0) < 1e-4
    assert abs(float(g.argmax()) * 0.01 - np.log(4.0) * 16 / 6) < 0.03


def test_short_term_plasticity_is_that_of_tsodyks_and_markram() -> None:
    U, tau_f, tau_d = 0.2, 50.0, 30.0
    u, x, expected = np.zeros(3), np.ones(3), list[Any]()
    for z in TRAIN.astype(np.float64):
        u = u * np.exp(-DT / tau_f)
        x = 1 + (x - 1) * np.exp(-DT / tau_d)
        u = u + z * U * (1 - u)
        expected.append(z * u * x)
        x = x - z * u * x
    found = responses(nn.STP(3, U=U, tau_f=tau_f, tau_d=tau_d))
    assert_close(found, np.asarray(expected, np.float32), 120)
    assert_close(found[TRAIN.argmax(0), np.arange(3)], np.full(3, U, np.float32))


def test_depression_uses_resources_up() -> None:
    x, expected = np.ones(3), list[Any]()
    for z in TRAIN.astype(np.float64):
        x = 1 + (x - 1) * np.exp(-DT / 30.0)
        expected.append(z * 0.3 * x)
        x = x - z * 0.3 * x
    assert_close(responses(nn.STD(3, tau=30.0, U=0.3)), np.asarray(expected, np.float32), 120)


MAKERS: dict[str, Any] = {
    "Expon": nn.Expon,
    "DualExpon": nn.DualExpon,
    "Alpha": nn.Alpha,
    "STP": nn.STP,
    "STD": nn.STD,
}


TYPES = [
    pytest.param(name, dtype, marks=[pytest.mark.slow] * (dtype != "bool"))
    for name in MAKERS
    for dtype in ("float32", "bool", "int8")
]


@pytest.mark.parametrize(("name", "dtype"), TYPES)
def test_eager_compiled_and_batched_steps_agree(name: str, dtype: str) -> None:
    synapse = nn.init_all_states(MAKERS[name](3), batch_size=2)
    xs = jnp.asarray(np.stack([TRAIN[:20], TRAIN[20:40]], 1)).astype(dtype)
    with environ.context(dt=DT):
        eager = np.stack([synapse(x) for x in xs])
        again = xs[0]
        with counted_work() as work:
            synapse(again)
        assert (work.traced, work.compiled) == (0, 0)
        nn.reset_all_states(synapse, batch_size=2)
        assert_close(jit(lambda: for_loop(synapse, xs))(), eager, 20)
    assert_close(eager[:, 0], responses(MAKERS[name](3))[:20], 20)


@pytest.mark.parametrize("name", MAKERS)
def test_spikes_have_gradients(name: str) -> None:
    synapse = MAKERS[name](3)

    def loss(xs: Any) -> Any:
        nn.init_all_states(synapse)
        with environ.context(dt=DT):
            return for_loop(synapse, xs).sum()

    xs = jnp.full((6, 3), 0.5)
    slope, step = grad(loss)(xs), 1e-2
    for at in ((0, 0), (3, 2)):
        moved = [float(loss(xs.at[at].add(sign * step))) for sign in (1, -1)]
        assert abs(float(slope[at]) - (moved[0] - moved[1]) / (2 * step)) < 2e-3


def test_without_spikes_it_only_decays() -> None:
    synapse = nn.init_all_states(nn.Expon(2, tau=4.0, g_initializer=nn.init.Constant(2.0)))
    with environ.context(dt=1.0):
        assert_close(synapse(), np.full(2, 2 * np.exp(-0.25), np.float32))
        assert_close(synapse(1.0), np.full(2, 1 + 2 * np.exp(-0.5), np.float32))


def test_bad_input_is_refused() -> None:
    synapse = nn.init_all_states(nn.Expon(3))
    with environ.context(dt=1.0):
        with pytest.raises(InputError, match=r"Expon: .*broadcasts|does not fit(.|\n)*\(4, 3\)"):
            synapse(jnp.ones((4, 3)))
        call: Any = synapse
        with pytest.raises(InputError, match="no array"):
            call("no")
    with pytest.raises(OptionError, match=r"decay more slowly(.|\n)*Alpha where they are equal"):
        nn.DualExpon(3, tau_decay=2.0, tau_rise=2.0)
    assert nn.Expon.desc(3, tau=2.0)().tau == 2.0
