"""What watchers see of loops, branches and compiled functions, without modules."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import LoopStateError, RawTransformError
from brainlite.transform import cond, for_loop, jit, scan
from brainlite.transform._engine._watch import Watcher, watchers
from brainlite.typing import Array
from tests.transform.small import Counter

X = jnp.arange(4.0)


class Double(Watcher):
    """Keeps whatever is given to `look`, doubled; counts how often code will run."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[int] = []


def look(x: Array) -> Array:
    for watcher in watchers():
        watcher.put("x", x * 2)
        if isinstance(watcher, Double):
            watcher.seen.append(watcher.repeats)
    return x


@pytest.mark.parametrize("wrap", [lambda f: f, jit], ids=["eager", "jit"])
@pytest.mark.parametrize("reverse", [False, True])
def test_what_is_kept_in_a_loop_is_stacked(wrap: object, reverse: bool) -> None:
    def loop(xs: Array) -> Array:
        return for_loop(look, xs, reverse=reverse)

    run = wrap(loop)  # type: ignore[operator]  # a decorator
    watcher = Double()
    with watcher.watching():
        np.testing.assert_array_equal(run(X), X)
    np.testing.assert_array_equal(watcher.trails["x"].value, X * 2)
    assert watcher.seen == [4]
    assert watcher.repeats == 1


def test_two_watchers_and_a_loop_in_a_loop() -> None:
    outer, inner = Double(), Double()
    grid = jnp.arange(6.0).reshape(2, 3)
    with outer.watching(), inner.watching():
        for_loop(lambda row: for_loop(look, row), grid)
    for watcher in (outer, inner):
        np.testing.assert_array_equal(watcher.trails["x"].value, grid * 2)
        assert watcher.seen == [6]


def test_a_compiled_function_is_found_again() -> None:
    watcher, run = Double(), jit(look)
    run(X)
    for x in (X, X + 1, X[:2]):
        with watcher.watching():
            run(x)
        np.testing.assert_array_equal(watcher.trails["x"].value, x * 2)
        run(X + 7)  # unseen
        np.testing.assert_array_equal(watcher.trails["x"].value, x * 2)
    assert len(watcher.seen) == 2  # one for each shape


def test_a_branch_and_a_loop_of_no_steps_keep_nothing() -> None:
    watcher = Double()
    with watcher.watching():
        cond(True, look, lambda x: x, X)
        for_loop(look, X[:0])
    assert all(trail.value is None for trail in watcher.trails.values())


def test_states_are_written_as_without_a_watcher() -> None:
    counter = Counter()
    with Double().watching():
        ys = for_loop(lambda x: look(counter(x)), X)
    np.testing.assert_array_equal(ys, X * jnp.arange(1, 5))
    assert int(counter.count.value) == 4


def test_a_wrong_body_is_refused_as_ever() -> None:
    with pytest.raises(LoopStateError, match="did not return a pair"), Double().watching():
        scan(lambda carry, _: carry, 0.0, X)  # type: ignore[arg-type, return-value]  # wrong on purpose


def test_a_plain_jax_transform_is_refused() -> None:
    with pytest.raises(RawTransformError, match="use brainlite"), Double().watching():
        jax.jit(look)(X)
