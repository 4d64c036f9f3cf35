"""What a transform returns may hold modules, states and collections of them, as in Python."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from brainlite import graph, nn, random
from brainlite.errors import ResultError, TracedAttributeError
from brainlite.graph import NestedDict, Node, StateDict
from brainlite.state import ParamState, State
from brainlite.transform import (
    checkpoint,
    cond,
    eval_shape,
    for_loop,
    grad,
    jit,
    scan,
    vmap,
)
from brainlite.transform import (
    map as map_slices,
)
from brainlite.typing import Array
from tests.transform.checks import assert_close, assert_same, values
from tests.transform.small import Chain, Counter, Scale

STEPS = jnp.arange(3)


class Pair(Node):
    """A count and a weight, and plain attributes of several kinds."""

    def __init__(self, size: int = 2) -> None:
        self.count = State(jnp.zeros(()))
        self.weight = ParamState(jnp.ones(size))
        self.scale = jnp.full(size, 3.0)
        self.notes = {"name": "pair", "scale": [self.scale * 2]}
        self.both: list[Any] = [self.weight, {"again": self.weight}]
        self.size = size


def counted(pair: Pair) -> StateDict[State[Array]]:
    pair.count.value = pair.count.value + 1.0
    return graph.states(pair)


def made_and_counted(_: Pair) -> StateDict[State[Array]]:
    return counted(Pair())


def grad_aux(f: Callable[[], Any], pair: Pair) -> Any:
    gradient = grad(lambda: (pair.weight.value.sum(), f()), pair.weight, has_aux=True)
    return gradient()[1]


class Way(NamedTuple):
    """A way to run a function, and how many values come out of it, if not one."""

    run: Callable[[Callable[[], Any], Pair], Any]
    steps: int = 0


def disabled(run: Callable[[Callable[[], Any], Pair], Any]) -> Callable[..., Any]:
    def run_disabled(f: Callable[[], Any], pair: Pair) -> Any:
        with jax.disable_jit():
            return run(f, pair)

    return run_disabled


def compiled(run: Callable[[Callable[[], Any], Pair], Any]) -> Callable[..., Any]:
    return lambda f, pair: jit(lambda: run(f, pair))()


JIT = Way(lambda f, pair: jit(f)())
LOOP = Way(lambda f, pair: for_loop(lambda i: f(), STEPS), steps=3)
SCAN = Way(lambda f, pair: scan(lambda c, x: (c, f()), 0.0, STEPS)[1], steps=3)
MAP = Way(lambda f, pair: map_slices(lambda i: f(), STEPS), steps=3)
COND = Way(lambda f, pair: cond(True, f, f))
GRAD = Way(grad_aux)
REMAT = Way(lambda f, pair: checkpoint(f)())
WAYS = {
    "jit": JIT,
    "for_loop": LOOP,
    "scan": SCAN,
    "map": MAP,
    "cond": COND,
    "grad": GRAD,
    "checkpoint": REMAT,
    "jit of for_loop": Way(compiled(LOOP.run), steps=3),
    "jit of grad": Way(compiled(GRAD.run)),
    "jit of cond": Way(compiled(COND.run)),
    "jit, disabled": Way(disabled(JIT.run)),
    "for_loop, disabled": Way(disabled(LOOP.run), steps=3),
    "grad, disabled": Way(disabled(GRAD.run)),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_a_collection_of_states_has_the_values_after_the_writes(way: Way, nested: bool) -> None:
    pair = Pair()
    found = way.run(lambda: counted(pair).to_nest() if nested else counted(pair), pair)
    assert isinstance(found, NestedDict if nested else StateDict)
    flat = found.to_flat() if isinstance(found, NestedDict) else found
    steps = jnp.arange(1.0, way.steps + 1) if way.steps else jnp.ones(())
    assert_same(flat["count",].value, steps)
    assert_same(pair.count.value, steps[-1] if way.steps else steps)
    assert type(flat["weight",]) is ParamState


@pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))
def test_a_collection_of_states_made_inside_has_their_values(way: Way) -> None:
    pair = Pair()
    found = way.run(lambda: made_and_counted(pair), pair)
    assert_same(found["count",].value, jnp.ones([way.steps] if way.steps else []))
    assert float(pair.count.value) == 0.0


def test_each_lane_of_a_vmap_returns_the_values_of_its_states() -> None:
    pair = Pair()
    found = vmap(lambda x: (counted(pair), x), out_axes=(0, 0))(jnp.arange(2.0))[0]
    assert_same(found["count",].value, jnp.ones(2))
    made = vmap(lambda x: made_and_counted(pair))(jnp.arange(2.0))
    assert_same(made["weight",].value, jnp.ones((2, 2)))


def test_jit_makes_a_module_at_each_call() -> None:
    make = jit(lambda: nn.Linear(2, 3))
    random.seed(0)
    first, second = make(), make()
    random.seed(0)
    expected = nn.Linear(2, 3), nn.Linear(2, 3)
    for ours, theirs in zip((first, second), expected, strict=True):
        assert type(ours) is nn.Linear
        assert_close(ours.weight.value, theirs.weight.value)
        assert_close(ours(jnp.ones(2)), theirs(jnp.ones(2)))


@pytest.mark.parametrize("run", [jit, disabled(lambda f, _: f())], ids=["jit", "disabled"])
def test_what_sits_in_a_module_comes_out_with_its_sharing(run: Any) -> None:
    def make() -> Pair:
        return Pair(3)

    pair = jit(make)() if run is jit else run(jit(make), None)
    assert pair.both[0] is pair.weight
    assert pair.both[1]["again"] is pair.weight
    assert pair.notes["name"] == "pair"
    assert_same(pair.scale + 1, jnp.full(3, 4.0))
    assert_same(pair.notes["scale"][0], jnp.full(3, 6.0))


def test_modules_of_other_sizes_are_told_apart() -> None:
    make = jit(lambda x: Pair(x.shape[0]))
    sizes = [2, 5, 2, 5, 3]
    assert [make(jnp.ones(size)).size for size in sizes] == sizes


@pytest.mark.parametrize("wrapped", [False, True])
def test_what_was_there_comes_back_as_itself(wrapped: bool) -> None:
    held, one, other = Scale(1.0), Scale(2.0), Scale(3.0)

    def both(model: Scale) -> dict[str, Any]:
        return {"model": model, "held": [held, held.weight], "weights": graph.states(model)}

    returns = jit(both)
    if wrapped:
        inner, returns = returns, jit(lambda model: inner(model))
    for model in (one, other, one):
        found = returns(model)
        assert found["model"] is model
        assert found["held"][0] is held
        assert found["held"][1] is held.weight
        assert found["weights"]["weight",] is model.weight


def test_a_new_part_that_is_returned_is_the_one_in_place() -> None:
    class Grown(Node):
        """Makes a state and a module at each call."""

        def __call__(self, x: Array) -> Any:
            self.state = State(x * 2)
            self.part = Scale(4.0)
            return self.state, self.part, {"new": Counter()}

    grown = Grown()
    grow = jit(grown)
    for x in (1.0, 3.0):
        state, part, rest = grow(jnp.full((), x))
        assert state is grown.state
        assert part is grown.part
        assert_same(state.value, jnp.full((), 2 * x))
        assert_same(values(rest["new"].count), [0])


def test_an_inner_jit_returns_modules_to_the_outer_one() -> None:
    inner = jit(lambda: Pair(2))

    @jit
    def outer() -> tuple[Array, Chain]:
        pair = inner()
        pair.count.value = pair.count.value + 5.0
        return pair.count.value * 2, Chain(Scale(2.0), Scale(3.0))

    for _ in range(2):
        number, chain = outer()
        assert float(number) == 10.0
        assert_same(chain(jnp.ones(3)), jnp.full(3, 24.0))


def test_values_of_a_module_are_laid_out_as_asked() -> None:
    mesh = jax.make_mesh((1,), ("data",))
    spec: Any = PartitionSpec  # its constructor has no types
    whole = NamedSharding(mesh, spec())
    pair, number = jit(lambda: (Pair(), jnp.ones(2)), out_shardings=(whole, None))()
    assert pair.weight.value.sharding == whole
    assert isinstance(number, jax.Array)
    states = eval_shape(lambda: graph.states(Pair()))
    shardings = jax.tree.map(lambda _: whole, states)
    found = jit(lambda: graph.states(Pair()), out_shardings=shardings)()
    assert all(state.value.sharding == whole for state in found.values())


def test_aux_of_a_gradient_may_hold_modules() -> None:
    scale = Scale(2.0)

    def loss() -> tuple[Array, Any]:
        made = Counter()
        made(jnp.ones(()))
        return scale(jnp.ones(3)).sum(), (scale, made)

    _, (same, made) = grad(loss, scale.weight, has_aux=True)()
    assert same is scale
    assert values(made.count) == [1]


def test_nothing_of_a_trace_is_kept() -> None:
    with jax.checking_leaks():
        pair = jit(lambda: Pair())()
        number = jit(lambda: Pair().weight.value.sum())()
    assert_same(pair.weight.value, jnp.ones(2))
    assert float(number) == 2.0


def test_states_and_arrays_of_the_trace_in_one_container_raise() -> None:
    class Mixed(Node):
        def __init__(self) -> None:
            self.both = [State(jnp.ones(2)), jnp.ones(2) * 2]

    with pytest.raises(ResultError, match=r"(?s)attribute 'both': a Mixed .*fix: .*in a State"):
        jit(Mixed)()


@pytest.mark.parametrize("transform", [jit, lambda f: jit(checkpoint(f))], ids=["jit", "inner"])
def test_a_new_module_with_arrays_of_the_trace_stays_in_no_attribute(transform: Any) -> None:
    class Grown(Node):
        def __call__(self, x: Array) -> Array:
            self.part = Pair()
            return x * self.part.weight.value

    grown = Grown()
    with pytest.raises(TracedAttributeError, match=r"(?s)attribute 'scale'.*fix: .*use a state"):
        transform(grown)(jnp.ones(2))
    assert not hasattr(grown, "part")
