"""Every dynamical model, through what a user does with models; the rows are at the top."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, graph, nn
from brainlite.random import RandomState
from brainlite.state import HiddenState, ParamState, ShortTermState
from brainlite.transform import eval_shape, for_loop, grad, jit, vmap
from tests.closeness import assert_close, assert_same

X = jnp.asarray(np.random.default_rng(0).normal(5, 5, (6, 4)), jnp.float32)
W = jnp.asarray(np.random.default_rng(1).normal(size=(4, 4)), jnp.float32)

# How each is made, for input of shape (4,).
ROWS: dict[str, Callable[[], Any]] = {
    "IF": lambda: nn.IF(4),
    "LIF": lambda: nn.LIF(4, tau=jnp.arange(2.0, 6.0)),
    "LIFRef": lambda: nn.LIFRef(4),
    "ALIF": lambda: nn.ALIF(4),
    "Izhikevich": lambda: nn.Izhikevich(4),
    "Expon": lambda: nn.Expon(4),
    "DualExpon": lambda: nn.DualExpon(4),
    "Alpha": lambda: nn.Alpha(4),
    "STP": lambda: nn.STP(4),
    "STD": lambda: nn.STD(4),
    "LeakyRateReadout": lambda: nn.LeakyRateReadout(4, 3),
    "EventLinear": lambda: nn.EventLinear(4, 3, nn.init.Normal(), float_as_event=False),
    "FixedNumConn": lambda: nn.FixedNumConn(4, 5, 3, nn.init.Normal()),
    "EventFixedNumConn": lambda: nn.EventFixedNumConn(4, 5, 3, 0.5, float_as_event=False),
    "PoissonEncoder": lambda: nn.PoissonEncoder(4),
}
ELSEWHERE = {  # public modules without a row: what their own tests show
    "Neuron", "Synapse", "Dynamics",  # bases
    "Delay", "StateWithDelay",  # test_delay.py, test_prefetch.py
    "AlignPostProj", "CurrentProj", "DeltaProj", "COBA", "CUBA",  # test_projections.py
}  # fmt: skip


def made(name: str, **options: Any) -> Any:
    return nn.init_all_states(ROWS[name](), **options)


def values(model: Any) -> Any:
    return {".".join(map(str, path)): state.value for path, state in model.states().items()}


# One of each kind is run in the quick tests, all in the slow ones.
QUICK = ("LIFRef", "STP", "LeakyRateReadout", "EventFixedNumConn")


def rows(*without: str) -> pytest.MarkDecorator:
    chosen = [
        pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK))
        for name in ROWS
        if name not in without
    ]
    return pytest.mark.parametrize("name", chosen)


@pytest.fixture(autouse=True)
def _time() -> Any:
    environ.set(dt=0.5, t=0.0)
    yield
    environ.reset()


def test_every_public_model_has_a_row() -> None:
    own = {
        name
        for name in nn.__all__
        if inspect.isclass(each := getattr(nn, name))
        and issubclass(each, nn.Module)
        and "_dynamics" in each.__module__
    }
    assert own - {"EventFixedProb"} == set(ROWS) | ELSEWHERE


@rows("PoissonEncoder")
def test_copies_step_alike_and_apart(name: str) -> None:
    model = made(name)
    model(X[0])
    copies = [copy.deepcopy(model), graph.clone(model), pickle.loads(pickle.dumps(model))]
    before = values(model)
    expected = None
    for other in copies:
        out = other(X[1])
        expected = out if expected is None else expected
        assert_same(out, expected)
    assert_same(values(model), before)
    assert_same(model(X[1]), expected)
    assert repr(model) == repr(copies[0])


@rows("PoissonEncoder")
def test_lanes_and_a_batch_step_as_each_alone(name: str) -> None:
    alone = [made(name) for _ in X[:2]]
    first = alone[0]
    for other in alone:  # with the parameters and connections of the first
        graph.update_states(other, first.states(ParamState))
        for path, state in other.states().items():
            if not isinstance(state, RandomState):
                state.value = first.states()[path].value
    batched, lanes = copy.deepcopy(first), copy.deepcopy(first)
    nn.init_all_states(batched, batch_size=2)
    expected = np.stack([model(x) for model, x in zip(alone, X[:2], strict=True)])
    assert_close(batched(X[:2]), expected, 16)
    kept = lanes.states((HiddenState, ShortTermState))
    for state in kept.values():
        state.value = jnp.stack([state.value, state.value])
    mapped = vmap(lanes, in_states=kept, out_states=kept) if kept else vmap(lanes)
    assert_close(mapped(X[:2]), expected, 16)


@rows("PoissonEncoder")
def test_gradients_are_finite_in_a_compiled_loop(name: str) -> None:
    model = ROWS[name]()

    def loss(xs: Any) -> Any:
        nn.init_all_states(model)

        def step(i: Any, x: Any) -> Any:
            with environ.context(t=i * 0.5):
                return model(x)

        return (for_loop(step, jnp.arange(6.0), xs) ** 2).sum()

    slope = jit(grad(loss))(X)
    assert slope.shape == X.shape
    assert jnp.isfinite(slope).all()


@rows("Izhikevich")  # which explodes in half precision, as it does on paper
@pytest.mark.parametrize("dtype", ["float16", pytest.param("bfloat16", marks=pytest.mark.slow)])
def test_half_precision_stays_half(name: str, dtype: str) -> None:
    model = made(name).to(dtype)
    out = eval_shape(lambda x: for_loop(model, x), X.astype(dtype))
    assert out.dtype == (bool if name == "PoissonEncoder" else dtype)


@rows()
def test_an_empty_batch_has_an_empty_result(name: str) -> None:
    out = made(name, batch_size=0)(jnp.zeros((0, 4)))
    assert out.shape[0] == 0


@rows()
def test_the_first_states_have_the_type_of_later_ones(name: str) -> None:
    # A weakly typed one would have a second call compile everything again.
    model = made(name)
    assert not any(state.value.weak_type for state in model.states(...).values())


@rows("PoissonEncoder")
def test_zero_steps_change_nothing(name: str) -> None:
    model = made(name)
    before = values(model)
    for_loop(model, X[:0])
    assert_same(values(model), before)
