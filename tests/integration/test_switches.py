"""The library under switches of jax: the same numbers, and none of the errors they look for."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

PROGRAM = """
import json
import jax, jax.numpy as jnp
import brainlite as bl
from brainlite.transform import checkpoint, cond, for_loop, grad, jit, scan, vmap, while_loop

weights = jnp.linspace(-1.0, 1.0, 12, dtype="float32").reshape(3, 4)

class Net(bl.nn.Module):
    def __init__(self):
        self.cell = bl.nn.GRUCell(4, 3)
        self.norm = bl.nn.LayerNorm(3)
        self.readout = bl.nn.Linear(3, 2)
        self.steps = bl.State(jnp.zeros((), "int32"))

    def update(self, xs):
        bl.nn.init_all_states(self.cell, batch_size=xs.shape[1])
        self.steps.value = self.steps.value + 1
        return self.readout(self.norm(for_loop(self.cell, xs)))

net = Net()
params = net.states(bl.ParamState)
for state in params.values():  # whatever generator is in use
    state.value = jax.tree.map(
        lambda w: jnp.sin(jnp.arange(w.size, dtype=w.dtype)).reshape(w.shape), state.value)
xs = jnp.sin(jnp.arange(40, dtype="float32")).reshape(5, 2, 4)

@jit
def step(xs):
    gradients, loss = bl.transform.grad(
        lambda: (net(xs) ** 2).mean(), params, return_value=True)()
    for path, state in params.items():
        state.value = jax.tree.map(lambda w, g: w - 0.1 * g, state.value, gradients[path])
    return loss

out = [step(xs), step(xs)]
count = bl.State(jnp.zeros(()))
def add(x):
    count.value = count.value + x
    return count.value
out += [for_loop(add, xs[:, 0, 0]), cond(True, add, add, xs[0, 0, 0])]
out += [scan(lambda c, x: (c + x, add(x)), jnp.zeros(()), xs[:, 0, 0])]
out += [while_loop(lambda x: x < 3.0, lambda x: x + 1.0, jnp.zeros(()))]
out += [vmap(lambda row: net.readout(row).sum())(weights.T), checkpoint(add)(xs[0, 0, 0])]
out += [grad(lambda x: checkpoint(lambda x: x * add(x))(x))(jnp.ones(()))]
out += [net.steps.value, count.value]
bl.random.seed(0)
drawn = jit(lambda: bl.random.randn(3))()
assert bool(jnp.isfinite(drawn).all())
print(json.dumps([float(jnp.sum(leaf)) for leaf in jax.tree.leaves(out)]))
"""

SWITCHES: dict[str, dict[str, str]] = {
    "debug_nans": {"JAX_DEBUG_NANS": "1"},
    "debug_infs": {"JAX_DEBUG_INFS": "1"},
    "check_tracer_leaks": {"JAX_CHECK_TRACER_LEAKS": "1"},
    "enable_checks": {"JAX_ENABLE_CHECKS": "1"},
    "disable_jit": {"JAX_DISABLE_JIT": "1"},
    "strict dtypes": {"JAX_NUMPY_DTYPE_PROMOTION": "strict"},
    "explicit ranks": {"JAX_NUMPY_RANK_PROMOTION": "raise"},
    "another generator": {"JAX_DEFAULT_PRNG_IMPL": "rbg"},
    "not partitionable": {"JAX_THREEFRY_PARTITIONABLE": "0"},
    "wide numbers": {"JAX_ENABLE_X64": "1"},
}


# Under this switch jnp.linspace raises by itself, and so does `array + 1` outside of a compiled
# function. Around what is compiled it is of use: there a step, a loop or a draw copies nothing
# behind one's back.
GUARDED = """
from brainlite.transform import ifelse, map as map_slices, switch
one, yes, column, rows = jnp.ones(()), jnp.asarray(True), xs[:, 0, 0], weights.T
third = jnp.asarray(2)
draw = jit(lambda: bl.random.randn(3))
lstm = bl.nn.LSTM(4, 3)
calls = {
    "a compiled step": lambda: step(xs),
    "a compiled draw": draw,
    "a draw": lambda: bl.random.randn(3),
    "for_loop": lambda: for_loop(add, column),
    "a loop that draws": lambda: for_loop(lambda x: bl.random.randn(3) * x, column),
    "scan": lambda: scan(lambda c, x: (c + x, add(x)), one, column),
    "while_loop": lambda: while_loop(lambda x: x < 3.0, lambda x: x + 1.0, one),
    "cond": lambda: cond(yes, add, add, one),
    "switch": lambda: switch(third, [add, add, add], one),
    "ifelse": lambda: ifelse([yes, yes], [lambda: one, lambda: one, lambda: one]),
    "a map in batches": lambda: map_slices(lambda x: x + x, rows, batch_size=2),
    "vmap": lambda: vmap(lambda row: net.readout(row).sum())(rows),
    "checkpoint": lambda: checkpoint(add)(one),
    "a layer": lambda: lstm(xs),
}
for name, call in calls.items():
    call()  # what is compiled may be put in place
    with jax.transfer_guard("disallow"):
        try:
            call()
        except Exception as error:
            raise AssertionError(name) from error
"""


def run(settings: dict[str, str], program: str = PROGRAM) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def without() -> Any:
    return run({})


@pytest.mark.slow
@pytest.mark.parametrize("name", SWITCHES)
def test_the_numbers_are_the_same_under_a_switch_of_jax(name: str, without: Any) -> None:
    # Some thirty operations of float32, summed over a few numbers each.
    np.testing.assert_allclose(run(SWITCHES[name]), without, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_what_is_compiled_copies_nothing_from_the_host() -> None:
    run({}, PROGRAM + GUARDED)
