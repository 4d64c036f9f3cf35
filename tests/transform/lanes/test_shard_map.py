"""``shard_map``: one program on four devices, which the processor stands for."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import PartitionSpec

from brainlite.errors import OptionError
from brainlite.state import State
from brainlite.transform._lanes._shard_map import shard_map
from brainlite.typing import Array
from tests.transform.checks import assert_same, values

ROOT = Path(__file__).parents[3]

SETUP = """
from typing import Any
import jax, jax.numpy as jnp, numpy as np, pytest
from jax.sharding import AxisType, PartitionSpec as P
from brainlite import nn, random
from brainlite.errors import MapStateError
from brainlite.state import HiddenState, ParamState, State
from brainlite.transform import for_loop, grad, jit
from brainlite.transform._lanes._shard_map import shard_map
from tests.transform.checks import Runs, assert_close, assert_same, values

X = jnp.arange(8.0)
runs = Runs()
weight, buffer = ParamState(jnp.asarray(3.0)), State(jnp.zeros(8))
total = State(jnp.zeros(()))
def program(x, times=1):
    runs.add()
    buffer.value = buffer.value + x * weight.value
    total.value = total.value + jax.lax.psum(x.sum(), "x")
    return x * weight.value * times
def over(mesh, fun=program, **options):
    options = {"state_in_specs": {buffer: P("x")}, **options}
    return shard_map(fun, mesh, P("x"), P("x"), **options)
"""

# Each is run in a process of its own with four devices, once for each kind of mesh axis.
STORIES = {
    "results and states": """
run = over(mesh)
for step, call in enumerate([run, run, jit(run), jit(run)], 1):
    assert runs.of(lambda: assert_same(call(X), X * 3)) == 1
    assert_same(values(buffer, total), [X * 3 * step, 28.0 * step])
assert_same(run(X, times=2), X * 6)
assert buffer.value.sharding.shard_shape((8,)) == (2,)
""",
    "raw jax": """
bare = jax.shard_map(lambda x, b: (x * 3, b + x * 3), mesh=mesh, in_specs=P("x"), out_specs=P("x"))
place = lambda x: jax.device_put(x, jax.sharding.NamedSharding(mesh, P("x")))
assert_same([over(mesh)(X), buffer.value], list(bare(place(X), place(jnp.zeros(8)))))
""",
    "gradient": """
@jit
def gradients(x):
    return grad(lambda x: over(mesh)(x).sum(), [weight], argnums=0)(x)
assert_close(gradients(X), ([28.0], jnp.full(8, 3.0)))
assert_same(values(buffer, total), [X * 3, 28.0])
""",
    "loop": """
assert_same(for_loop(over(mesh), jnp.stack([X, X])), jnp.stack([X, X]) * 3)
assert_same(values(buffer, total), [X * 6, 56.0])
""",
    "out specs": """
cut = over(mesh, lambda x: setattr(total, "value", x), state_in_specs=None,
           state_out_specs={total: P("x")})
shard_map(cut.__wrapped__, mesh, P("x"), None, state_out_specs={total: P("x")})(X)
assert_same(total.value, X)
shard_map(cut.__wrapped__, mesh, P("x"), None, state_out_specs=P("x"))(X + 1)
assert_same(total.value, X + 1)
""",
    "new state": """
model = nn.Linear(2, 3)
def make(x):
    model.hidden = HiddenState(x * 2)
    return x
over(mesh, make, state_in_specs=None, state_out_specs=P("x"))(X)
assert_same(model.hidden.value, X * 2)
""",
    "module as argument": """
model = nn.Linear(2, 3)
x = jnp.ones((4, 2))
run = shard_map(lambda m, x: m(x), mesh, (P(), P("x")), P("x"))
assert_close(run(model, x), model(x))
""",
    "random numbers": """
random.seed(0)
same = np.asarray(over(mesh, lambda x: x + random.rand())(jnp.zeros(4)))
assert len(np.unique(same)) == 1
after = random.DEFAULT.value
random.seed(0)
assert_same(same[0], random.rand())
assert_same(after, random.DEFAULT.value)
""",
    "different values of a whole state": """
def differ(x):
    total.value = total.value + x.sum()
    return x
with pytest.raises(MapStateError, match=r"different value on each device[\\s\\S]*state_out_specs"):
    over(mesh, differ)(X)
assert_same(values(total), [0.0])
""",
    "state that cannot be cut": """
for state in (total, State(jnp.zeros(6))):
    with pytest.raises(MapStateError, match=r"cannot be cut[\\s\\S]*axes that {'x': 4} divides"):
        over(mesh, lambda x: x * state.value[:1].sum(), state_in_specs={state: P("x")})(X)
""",
    "a layer that is cut by its outputs": """
for weight_of in ({"weight": P(None, "x"), "bias": P("x")},):
    layer, second = nn.Linear(8, 8), nn.Linear(8, 2)
    cut = {layer.weight: weight_of, second.weight: {"weight": P("x", None), "bias": P()}}
    def run(x):
        # The bias once, not from each device.
        half = jax.nn.relu(layer(x)) @ second.weight.value["weight"]
        return jax.lax.psum(half, "x") + second.weight.value["bias"]
    y = shard_map(run, mesh, P(), P(), state_in_specs=cut)(X[None])
    assert_close(y, second(jax.nn.relu(layer(X[None]))))
""",
    "each array of a written state in its own way": """
both = State({"cut": jnp.zeros(8), "whole": jnp.zeros(())})
def write(x):
    old = both.value
    both.value = {"cut": old["cut"] + x, "whole": old["whole"] + jax.lax.psum(x.sum(), "x")}
    return x
for _ in range(2):
    over(mesh, write, state_in_specs={both: {"cut": P("x"), "whole": P()}})(X)
assert_same(both.value, {"cut": X * 2, "whole": 56.0})
assert both.value["cut"].sharding.spec == P("x")
for wrong in ({"cut": P("x")}, {"cut": P("x"), "whole": "x"}, [P("x")]):
    with pytest.raises(MapStateError, match=r"do not fit its value[\\s\\S]*'cut': float32\\[8\\]"):
        over(mesh, write, state_in_specs={both: wrong})(X)
assert_same(both.value["whole"], 56.0)
""",
    "a declared state": """
kept = State(jnp.zeros(8))
kept.sharding = jax.sharding.NamedSharding(mesh, P("x"))
over(mesh, lambda x: kept.__setattr__("value", kept.value + x.sum()), state_in_specs=None)
def add(x):
    kept.value = kept.value + jax.lax.psum(x.sum(), "x")
    return x
for call in (over(mesh, add), jit(over(mesh, add))):
    call(X)
    assert kept.value.sharding == kept.sharding
assert_same(kept.value, jnp.full(8, 56.0))
""",
    "gradients of what is whole are sums already": """
w = ParamState(jnp.ones(()))
def slope(x):
    return grad(lambda: (w.value * x).sum(), [w])()
got = shard_map(slope, mesh, P("x"), [P()])(X)
assert_same(got, [28.0])
mean = lambda x: grad(lambda: jax.lax.pmean((w.value * x).sum(), "x"), [w])()
assert_same(shard_map(mean, mesh, P("x"), [P()])(X), [7.0])
""",
    "failure": """
def fails(x):
    program(x)
    raise RuntimeError("stop")
with pytest.raises(RuntimeError, match="stop"):
    over(mesh, fails)(X)
assert_same(values(buffer, total), [jnp.zeros(8), 0.0])
""",
}


@pytest.mark.slow
def test_on_four_devices() -> None:
    code = [SETUP]
    for name, story in STORIES.items():
        body = "\n".join(f"    {line}" for line in story.strip().splitlines())
        code += [
            "for kind in (AxisType.Auto, AxisType.Explicit):",
            "    mesh = jax.make_mesh((4,), ('x',), axis_types=(kind,))",
            "    buffer.value, total.value = jnp.zeros(8), jnp.zeros(())",
            f"    print({name!r}, kind)",
            body,
        ]
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=4",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Explicit") == len(STORIES)


def test_on_one_device() -> None:
    spec: Any = PartitionSpec  # neither has types
    psum: Any = jax.lax.psum
    mesh = jax.make_mesh((1,), ("x",))
    state = State(jnp.zeros(2))

    def add(x: Array) -> Array:
        state.value = state.value + x
        total: Array = psum(x, "x")
        return total

    cut, whole = spec("x"), spec()
    run = shard_map(add, mesh, cut, whole, state_in_specs=cut)
    assert_same(run(jnp.ones(2)), jnp.ones(2))
    assert_same(values(state), [jnp.ones(2)])
    with pytest.raises(OptionError, match="one spec for each of 1 positional arguments"):
        shard_map(add, mesh, (cut, cut), cut)(jnp.ones(2))
