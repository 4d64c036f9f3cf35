"""Random programs out of states and transforms, and two ways to run them.

A program is a list of statements about one model: it writes states, makes them anew, exchanges
them, lets two places share one, puts them into a dict or a list, makes them where none was, in
loops, branches, compiled functions, gradients and maps. It is run once with the transforms of the
library and once as Python says: loops are loops, branches are ifs, states are boxes, and a
gradient is that of plain jax.
"""

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from hypothesis import strategies as st

from brainlite import transform
from brainlite.graph import Node
from brainlite.state import State

PLACES = ("a", "b", "c")
WEIGHT = 0.7

Block = tuple[tuple[Any, ...], ...]


class Box:
    """What a state is to Python: something with a value."""

    def __init__(self, value: Any) -> None:
        self.value = value


class PlainModel:
    """An object with attributes."""


class Model(Node):
    """A node with the same attributes."""


def fill(model: Any, make: Callable[[Any], Any]) -> Any:
    """Give a model the attributes that programs are about."""
    for number, place in enumerate(PLACES):
        setattr(model, place, make(jnp.float32(number + 1)))
    model.w = make(jnp.float32(WEIGHT))
    model.ticks = make(jnp.float32(0))
    model.d = {}
    model.l = [make(jnp.float32(5))]
    return model


class Plain:
    """Run as Python says."""

    def __init__(self) -> None:
        self.model = fill(PlainModel(), Box)
        self.make: Callable[[Any], Any] = Box

    def loop(self, body: Callable[[Any], Any], length: int) -> Any:
        return sum([body(jnp.float32(n)) for n in range(length)], jnp.float32(0))

    def cond(self, holds: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return yes() if holds else no()

    def jit(self, body: Callable[[], Any]) -> Any:
        return body()

    def grad(self, body: Callable[[], Any]) -> Any:
        before = self.model

        def loss(weight: Any) -> Any:
            self.model = copy.deepcopy(before)
            self.model.w.value = weight
            return body()

        slope = jax.grad(loss)(before.w.value)
        self.model = before
        body()
        return slope

    def lanes(self, body: Callable[[Any], Any]) -> Any:
        return sum([body(jnp.float32(n)) for n in range(3)], jnp.float32(0))


class Lifted:
    """Run with the transforms of the library."""

    def __init__(self) -> None:
        self.model = fill(Model(), State)
        self.make: Callable[[Any], Any] = State

    def loop(self, body: Callable[[Any], Any], length: int) -> Any:
        return transform.for_loop(body, jnp.arange(length, dtype=jnp.float32)).sum()

    def cond(self, holds: Any, yes: Callable[[], Any], no: Callable[[], Any]) -> Any:
        return transform.cond(holds, yes, no)

    def jit(self, body: Callable[[], Any]) -> Any:
        return transform.jit(body)()

    def grad(self, body: Callable[[], Any]) -> Any:
        return transform.grad(body, self.model.w)()

    def lanes(self, body: Callable[[Any], Any]) -> Any:
        return transform.vmap(body)(jnp.arange(3, dtype=jnp.float32)).sum()


def run(block: Block, runner: Any, x: Any) -> Any:
    """Run the statements of a block one after another; return a number that depends on them."""
    total = jnp.float32(0)
    for name, *arguments in block:
        total = total + _STATEMENTS[name](runner, x, *arguments)
    return total


def _value(runner: Any, place: str) -> Any:
    return getattr(runner.model, place).value


def _write(runner: Any, x: Any, to: str, by: str, factor: float) -> Any:
    getattr(runner.model, to).value = _value(runner, by) * factor + x
    return _value(runner, to)


def _make(runner: Any, x: Any, to: str, by: str, factor: float) -> Any:
    setattr(runner.model, to, runner.make(_value(runner, by) * factor + runner.model.w.value))
    return _value(runner, to) + x


def _exchange(runner: Any, x: Any, one: str, other: str) -> Any:
    model = runner.model
    first, second = getattr(model, one), getattr(model, other)
    setattr(model, one, second)
    setattr(model, other, first)
    return _value(runner, one) * x


def _share(runner: Any, x: Any, one: str, other: str) -> Any:
    setattr(runner.model, one, getattr(runner.model, other))
    return _value(runner, one) + x


def _begin(runner: Any, x: Any) -> Any:
    if not hasattr(runner.model, "h"):
        runner.model.h = runner.make(jnp.float32(0))
    runner.model.h.value = runner.model.h.value * runner.model.w.value + x
    return runner.model.h.value


def _put(runner: Any, x: Any, key: str, by: str) -> Any:
    found = runner.model.d.get(key)
    before = jnp.float32(0) if found is None else found.value
    runner.model.d[key] = runner.make(before + _value(runner, by) + x)
    return runner.model.d[key].value


def _turn(runner: Any, x: Any) -> Any:
    runner.model.l = [*runner.model.l[1:], runner.make(runner.model.l[0].value * 0.5)]
    return runner.model.l[-1].value + x


def _append(runner: Any, x: Any, by: str) -> Any:
    runner.model.l.append(runner.make(_value(runner, by) * 0.5))
    return runner.model.l[0].value + x


def _tick(runner: Any, x: Any) -> Any:
    runner.model.ticks.value = runner.model.ticks.value + 1
    return runner.model.ticks.value * x


def _loop(runner: Any, x: Any, length: int, block: Block) -> Any:
    return runner.loop(lambda y: run(block, runner, y + x * 0.1), length)


def _cond(runner: Any, x: Any, least: int, yes: Block, no: Block) -> Any:
    holds = runner.model.ticks.value >= least
    return runner.cond(holds, lambda: run(yes, runner, x), lambda: run(no, runner, x))


def _jit(runner: Any, x: Any, block: Block) -> Any:
    return runner.jit(lambda: run(block, runner, x))


def _grad(runner: Any, x: Any, to: str, block: Block) -> Any:
    slope = runner.grad(lambda: run(block, runner, x) * runner.model.w.value)
    getattr(runner.model, to).value = _value(runner, to) + 0.1 * slope
    return slope


def _lanes(runner: Any, x: Any, by: str) -> Any:
    return runner.lanes(lambda y: _value(runner, by) * y + x)


_STATEMENTS: dict[str, Callable[..., Any]] = {
    "write": _write,
    "make": _make,
    "exchange": _exchange,
    "share": _share,
    "begin": _begin,
    "put": _put,
    "turn": _turn,
    "append": _append,
    "tick": _tick,
    "loop": _loop,
    "cond": _cond,
    "jit": _jit,
    "grad": _grad,
    "lanes": _lanes,
}


_place = st.sampled_from(PLACES)
_factor = st.sampled_from([0.5, -1.0, 0.25])
# What changes values only, or makes states where some are.
_calm = st.one_of(
    st.tuples(st.just("write"), _place, _place, _factor),
    st.tuples(st.just("make"), _place, _place, _factor),
    st.tuples(st.just("tick")),
    st.tuples(st.just("lanes"), _place),
)
# What may change which states are where, which a branch cannot leave open.
_lively = st.one_of(
    st.tuples(st.just("begin")),
    st.tuples(st.just("put"), st.sampled_from(["k", "m"]), _place),
    st.tuples(st.just("exchange"), _place, _place),
    st.tuples(st.just("share"), _place, _place),
    st.tuples(st.just("turn")),
    st.tuples(st.just("append"), _place),
)


def _around(inner: Any) -> Any:
    block = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        st.tuples(st.just("loop"), st.integers(1, 3), block),
        st.tuples(st.just("jit"), block),
        st.tuples(st.just("grad"), _place, block),
    )


def _branched(inner: Any) -> Any:
    block = st.lists(inner, min_size=1, max_size=3).map(tuple)
    cond = st.tuples(st.just("cond"), st.integers(0, 2), block, block)
    return st.one_of(_around(inner), cond, cond)


def programs() -> st.SearchStrategy[Block]:
    """Return a strategy for blocks that nest up to three transforms."""
    calm = st.recursive(_calm, _branched, max_leaves=4)
    deep = st.recursive(st.one_of(_calm, _lively, calm), _around, max_leaves=4)
    first = st.lists(_lively, max_size=2)
    rest = st.lists(_branched(calm) | _around(deep) | _around(deep), min_size=1, max_size=3)
    blocks: st.SearchStrategy[Block] = st.tuples(first, rest).map(lambda two: (*two[0], *two[1]))
    return blocks


class Outcome(NamedTuple):
    """What a model holds: values by place, and which places share one state."""

    values: list[float]
    sharing: list[int]


def outcome(model: Any) -> Outcome:
    """Look at a model without changing it."""
    names = [*PLACES, "w", "ticks", *(["h"] if "h" in vars(model) else [])]
    found = [getattr(model, name) for name in names]
    found += [model.d[key] for key in sorted(model.d)] + list(model.l)
    first = [next(n for n, one in enumerate(found) if one is each) for each in found]
    return Outcome([float(each.value) for each in found], first)
