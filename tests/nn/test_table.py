"""Each layer of the table, through what a user does with layers; tests/nn/table/ has the rows."""

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import display, environ, graph, nn, random
from brainlite._jax_compat import is_eager
from brainlite.errors import EnvironmentKeyError, InputError
from brainlite.nn import Module
from brainlite.state import HiddenState, ParamState
from brainlite.transform import eval_shape, for_loop, grad, jit, vmap
from tests.nn.table import handling as h
from tests.nn.table.descriptor import Bad, Described, floats
from tests.transform.checks import assert_close, assert_same

ROWS = dict(h.gathered())
BAD = {f"{name}-{n}": (row, bad) for name, row in ROWS.items() for n, bad in enumerate(row.bad)}
# Public modules that have no row, and why.
NOT_LAYERS = {
    "ElementWiseBlock": "the base of layers that keep shapes",
    "Module": "the base of all",
    "ModuleDict": "a container, which is not called",
    "ModuleList": "a container, which is not called",
    "ParameterDict": "a container, which is not called",
    "ParameterList": "a container, which is not called",
    "RNNCell": "the base of cells",
}


def rows(where: Callable[[Described], bool] = lambda _: True) -> pytest.MarkDecorator:
    chosen = [pytest.param(row, id=name) for name, row in ROWS.items() if where(row)]
    return pytest.mark.parametrize("row", chosen)


def test_every_public_layer_has_a_row() -> None:
    public = {name: each for name in nn.__all__ if inspect.isclass(each := getattr(nn, name))}
    layers = {name for name, each in public.items() if issubclass(each, Module)}
    described = {type(row.make()) for row in ROWS.values()}
    # Losses take two arrays and give one number; tests/nn/layers/test_losses.py has their table.
    losses = {name for name in layers if name.endswith("Loss")}
    # What moves with time has its table in tests/nn/dynamics/test_table.py.
    moving = {name for name in layers if "_dynamics" in public[name].__module__}
    missing = {name for name in layers - losses - moving if public[name] not in described}
    assert missing == set(NOT_LAYERS)


@rows()
def test_returns_finite_numbers_and_draws_only_if_it_says_so(row: Described) -> None:
    for training in (False, True) if row.mode else (False,):
        layer = h.made(row, training=training)
        key = random.DEFAULT.value
        h.assert_finite(layer(*row.inputs))
        assert (random.DEFAULT.value is not key) == (row.draws and (training or not row.mode))


@rows()
def test_is_displayed_by_its_name(row: Described) -> None:
    layer = row.make()
    assert str(layer).startswith(type(layer).__name__)
    assert type(layer).__name__ in display.render_to_html(layer, compressed=False)


@rows()
def test_copies_are_equal_and_independent(row: Described) -> None:
    layer = h.made(row)
    ways: list[Callable[[Any], Any]] = [
        copy.deepcopy,
        graph.clone,
        lambda layer: pickle.loads(pickle.dumps(layer)),
        lambda layer: graph.merge(*graph.split(layer)),
    ]
    before = h.values(layer)
    twins = [way(layer) for way in ways]
    assert [str(twin) for twin in twins] == [str(layer)] * len(twins)
    outputs = [twin(*row.inputs) for twin in twins]
    h.assert_unchanged(layer, before)
    expected = layer(*row.inputs)
    for twin, output in zip(twins, outputs, strict=True):
        assert type(twin) is type(layer)
        assert_same(output, expected)
        assert_same(twin.states().to_values(), layer.states().to_values())


@rows()
def test_entries_carry_all_that_matters_to_a_new_layer(row: Described) -> None:
    layer, other = h.made(row), h.made(row, seed=1)
    other.load_state_dict(layer.state_dict())
    assert_same(other(*row.inputs), layer(*row.inputs))


@rows()
def test_compiled_batched_mapped_and_looped_as_sample_by_sample(row: Described) -> None:
    layer = h.made(row)
    xs = h.samples(row, 2)
    if h.writes(layer, row.inputs):  # the samples depend on one another
        twin = copy.deepcopy(layer)
        assert_close(jit(lambda layer, xs: for_loop(layer, *xs))(layer, xs), h.one_by_one(twin, xs))
        assert_close(layer.states().to_values(), twin.states().to_values())
        return
    expected = h.one_by_one(layer, xs)
    before = h.values(layer)

    def every_way(layer: Any, xs: Any) -> dict[str, Any]:
        first = jax.tree.map(lambda leaf: leaf[0], xs)
        found = {
            "jit": jax.tree.map(lambda y: y[None], layer(*first)),
            "vmap": vmap(layer)(*xs),
            "loop": for_loop(layer, *xs),
        }
        if row.batch:
            two = layer(*jax.tree.map(lambda leaf: leaf[None], xs))
            found |= {"batch": layer(*xs), "two axes": jax.tree.map(lambda y: y[0], two)}
        return found

    found = jit(every_way)(layer, xs)
    for way, ys in found.items():
        wanted = jax.tree.map(lambda y: y[:1], expected) if way == "jit" else expected
        assert jax.tree.map(np.shape, ys) == jax.tree.map(np.shape, wanted), way
        assert_close(ys, wanted)
    h.assert_unchanged(layer, before)


@rows(lambda row: bool(h.made(row).states(HiddenState)))
def test_a_batch_of_hidden_states_is_as_sample_by_sample(row: Described) -> None:
    xs = h.samples(row, 2)
    batched = nn.init_all_states(h.made(row), batch_size=2)
    expected = h.one_by_one(lambda *x: h.made(row)(*x), xs)
    assert_close(batched(*xs), expected)


@rows(lambda row: row.slope and (row.differentiable or bool(h.parameters(row.make()))))
def test_gradient_under_jit_is_the_slope(row: Described) -> None:
    loss, x = h.Loss(row), row.inputs[0]
    both: Any = jit(grad(loss, loss.params, argnums=0 if row.differentiable else None))(x)
    by_params, by_input = both if row.differentiable else (both, None)
    h.assert_finite((by_params, by_input))
    if by_params:
        way = h.direction_of(loss.at)
        expected = h.slope(lambda moved: loss.pure(moved, x), loss.at, way)
        np.testing.assert_allclose(h.inner(by_params, way), expected, rtol=2e-2, atol=4e-3)
    if row.differentiable:
        way = h.direction_of(x)
        expected = h.slope(lambda moved: loss.pure(loss.at, moved), x, way)
        np.testing.assert_allclose(h.inner(by_input, way), expected, rtol=2e-2, atol=4e-3)


@rows(lambda row: bool(row.dtypes))
def test_dtypes_are_promoted(row: Described) -> None:
    for dtype in set(row.dtypes) & {"bfloat16"}:  # of the others, below, by their numbers
        for layer, inputs in (
            (h.made(row), h.cast(row.inputs, dtype)),
            (h.made(row).to(dtype), row.inputs),
            (h.made(row).to(dtype), h.cast(row.inputs, dtype)),
        ):
            expected = h.expected_dtype(layer, inputs)
            for leaf in h.float_leaves(eval_shape(layer, *inputs)):
                assert leaf.dtype == expected


@rows()
def test_data_of_numpy_that_a_compiled_function_holds_is_taken(row: Described) -> None:
    # What is looked at outside is not to be computed by what is being traced.
    layer = h.made(row)
    held = jax.tree.map(lambda x: np.asarray(x) if isinstance(x, jax.Array) else x, row.inputs)
    assert eval_shape(lambda: layer(*held)) == eval_shape(layer, *row.inputs)


@rows(h.takes_dtype)
def test_dtype_and_param_dtype_choose_the_types(
    row: Described, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = h.with_options(row, monkeypatch, dtype="bfloat16")
    outputs = h.float_leaves(eval_shape(layer, *row.inputs))
    assert {leaf.dtype for leaf in outputs} <= {jnp.dtype("bfloat16")}
    params = h.float_leaves(h.parameters(layer).to_values())
    assert {leaf.dtype for leaf in params} <= {jnp.dtype("float32")}
    layer = h.with_options(row, monkeypatch, param_dtype="bfloat16")
    params = h.float_leaves(h.parameters(layer).to_values())
    assert {leaf.dtype for leaf in params} <= {jnp.dtype("bfloat16")}


@rows(lambda row: row.mode)
def test_needs_a_mode_from_the_layer_or_the_environment(row: Described) -> None:
    random.seed(0)
    layer: Any = row.make()
    before = h.values(layer)
    with pytest.raises(EnvironmentKeyError, match="not known whether this module is being trained"):
        layer(*row.inputs)
    h.assert_unchanged(layer, before)
    for training in (False, True):
        with environ.context(fit=training):
            output = layer(*row.inputs)
        assert_same(output, h.made(row, training=training)(*row.inputs))
        layer = h.made(row).train(None)


@rows(lambda row: row.draws)
def test_draws_anew_at_each_call_and_the_same_from_one_seed(row: Described) -> None:
    found: list[list[Any]] = []
    for wrap in (lambda layer: layer, lambda layer: layer, jit):
        run = wrap(h.made(row, training=True))
        random.seed(1)
        found.append([run(*row.inputs) for _ in range(3)])
        first, second, _ = map(jax.tree.leaves, found[-1])
        assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert_same(found[1], found[0])
    assert_close(found[2], found[0])


@pytest.mark.parametrize(("row", "bad"), BAD.values(), ids=BAD)
def test_a_mistake_raises_and_changes_nothing(
    row: Described, bad: Bad, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind: Any = type(row.make())
    called = kind.__call__

    def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
        before = h.values(self)
        try:
            return called(self, *args, **kwargs)
        except bad.error:
            h.assert_unchanged(self, before)
            raise

    monkeypatch.setattr(kind, "__call__", watched)
    with pytest.raises(bad.error, match=bad.match):
        bad.call()


@pytest.mark.slow
@rows()
def test_eager_loops_maps_and_gradients_are_those_under_jit(row: Described) -> None:
    loss, xs = h.Loss(row), h.samples(row, 2)
    if row.differentiable:
        start = loss.layer.states().to_values()
        eager = grad(loss, loss.params, argnums=0)(row.inputs[0])
        loss.layer.states().assign(start)
        assert_close(jit(grad(loss, loss.params, argnums=0))(row.inputs[0]), eager, terms=100)

        def pure(params: Any, x: Any) -> Any:
            return loss.pure(params, x, jnp)

        assert_close(eager, jax.grad(pure, argnums=(0, 1))(loss.at, row.inputs[0]), terms=100)
    layer = h.made(row)
    assert_close(for_loop(copy.deepcopy(layer), *xs), h.one_by_one(copy.deepcopy(layer), xs))
    if not h.writes(layer, row.inputs):
        assert_close(vmap(layer)(*xs), h.one_by_one(layer, xs))


@pytest.mark.slow
@rows(lambda row: bool(row.dtypes))
def test_low_precision_is_near_the_numbers_of_float32(row: Described) -> None:
    for training in (False, True) if row.mode and not row.draws else (False,):
        exact = h.float_leaves(h.made(row, training=training)(*row.inputs))
        for dtype in row.dtypes:
            layer = h.made(row, training=training).to(dtype)
            inputs = h.cast(row.inputs, dtype)
            expected = h.expected_dtype(layer, inputs)
            for low, high in zip(h.float_leaves(layer(*inputs)), exact, strict=True):
                assert low.dtype == expected
                scale = float(jnp.abs(high).max()) + 1e-3
                found = np.asarray(low, np.float32)
                np.testing.assert_allclose(found, high, rtol=0.05, atol=0.05 * scale)


@pytest.mark.slow
@rows(lambda row: row.draws)
def test_lanes_draw_for_themselves(row: Described) -> None:
    layer = h.made(row, training=True)
    same = jax.tree.map(lambda leaf: jnp.stack([jnp.asarray(leaf)] * 2), row.inputs)
    output = jax.tree.leaves(jit(vmap(layer))(*same))
    assert any(not np.array_equal(y[0], y[1]) for y in output)


class Broken(Module):
    """Keeps none of the promises that the table looks at."""

    def __init__(self) -> None:
        self.scale = ParamState(random.uniform(1.0, 2.0, 3))
        self.plain = float(random.uniform(1.0, 2.0))
        self.calls = ParamState(jnp.zeros(()))

    def update(self, x: Any) -> Any:
        self.calls.value = self.calls.value + 1
        if x.shape[-1] != 3:
            raise InputError("wrong")
        doubled = x * (1.0 if is_eager() else 2.0)
        return self.plain * random.rand() * jax.lax.stop_gradient(self.scale.value) * doubled


@pytest.mark.parametrize(
    "test",
    [
        test_returns_finite_numbers_and_draws_only_if_it_says_so,
        test_copies_are_equal_and_independent,
        test_entries_carry_all_that_matters_to_a_new_layer,
        test_compiled_batched_mapped_and_looped_as_sample_by_sample,
        test_gradient_under_jit_is_the_slope,
        test_needs_a_mode_from_the_layer_or_the_environment,
    ],
)
def test_the_table_finds_a_broken_layer(test: Callable[[Described], None]) -> None:
    # pytest.fail, of a missing error, is no AssertionError.
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        test(Described("Broken", Broken, (floats(3),)))


def test_the_table_finds_what_a_failing_call_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = Bad(lambda: Broken()(floats(4)), InputError, "wrong")
    with pytest.raises(AssertionError, match="not equal"):
        test_a_mistake_raises_and_changes_nothing(
            Described("Broken", Broken, (floats(3),)), bad, monkeypatch
        )
