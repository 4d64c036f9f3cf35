"""What RNN, GRU and LSTM share: parameters, options, dropout, truncation and memory."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import (
    EnvironmentKeyError,
    OptionError,
    SizeError,
    StateDictError,
)
from brainlite.nn import GRU, LSTM, RNN, init_all_states
from brainlite.nn._recurrent.torch_recurrent import layers_kernel
from brainlite.transform import for_loop, grad, jit
from tests.closeness import assert_close, assert_leaves_close, assert_same

T, B, F, H = 6, 3, 2, 4
X = brainlite.random.RandomState(2).randn(T, B, F)


def test_parameters_have_the_names_and_the_order_of_torch() -> None:
    layer = LSTM(F, H, num_layers=2, bidirectional=True, proj_size=3)
    names = [
        f"{kind}_l{number}{side}"
        for number in (0, 1)
        for side in ("", "_reverse")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
    ]
    assert list(layer.to_torch_state_dict()) == names
    assert [".".join(map(str, path)) for path in layer.states(brainlite.ParamState)] == names
    shapes = {name: value.shape for name, value in layer.to_torch_state_dict().items()}
    assert shapes["weight_ih_l1_reverse"] == (4 * H, 2 * 3)
    assert shapes["weight_hr_l0"] == (3, H)
    bound = max(float(abs(value).max()) for value in layer.to_torch_state_dict().values())
    assert 0.45 < bound <= 0.5  # 1 / sqrt(hidden_size)


def test_a_state_dict_goes_out_and_in_and_in_only_as_a_whole() -> None:
    one, other = GRU(F, H, num_layers=2), GRU(F, H, num_layers=2)
    other.load_torch_state_dict(one.to_torch_state_dict())
    assert_leaves_close(other(X), one(X))
    before = one.to_torch_state_dict()
    for bad, text in (
        ({k: v for k, v in before.items() if k != "bias_hh_l1"}, r"missing: bias_hh_l1"),
        ({**before, "weight_hr_l0": np.ones(3)}, r"unexpected: weight_hr_l0"),
        (
            {**before, "bias_ih_l0": np.ones(5)},
            r"misfit: bias_ih_l0: float64\[5\] for float32",
        ),
    ):
        with pytest.raises(StateDictError, match=rf"GRU: these entries(.|\n)*{text}"):
            one.load_torch_state_dict({name: value + 1 for name, value in bad.items()})
    assert_same(one.to_torch_state_dict(), before)


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (
            lambda: LSTM(F, H, proj_size=H),
            OptionError,
            r"LSTM: proj_size(.|\n)*below hidden_size=4",
        ),
        (lambda: LSTM(F, H, proj_size=-1), SizeError, "proj_size is no size"),
        (lambda: RNN(F, H, nonlinearity="gelu"), OptionError, r"'tanh' or 'relu'(.|\n)*'gelu'"),
        (lambda: GRU(F, 0), OptionError, "hidden_size=0"),
        (lambda: GRU(F, H, num_layers=0), OptionError, "num_layers=0"),
        (lambda: GRU(F, H, num_layers=2, dropout=1.5), OptionError, r"0 to 1(.|\n)*dropout=1.5"),
        (lambda: GRU(F, H, tbptt=0), OptionError, "tbptt=0"),
        (lambda: GRU(-1, H), SizeError, "input_size is no size"),
    ],
)
def test_options_that_cannot_be_are_refused(make: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        make()


def test_dropout_acts_between_layers_and_only_where_fitting() -> None:
    brainlite.random.seed(3)
    layer = RNN(F, H, num_layers=2, dropout=0.5)
    run = jit(layer)
    with pytest.raises(EnvironmentKeyError, match=r"RNN(.|\n)*context\(fit=True\)"):
        layer(X)  # as with every layer that drops: it is not guessed
    with brainlite.environ.context(fit=False):
        plain, dropless = run(X), RNN(F, H, num_layers=2)
    dropless.load_torch_state_dict(layer.to_torch_state_dict())
    assert_leaves_close(plain, dropless(X))
    with brainlite.environ.context(fit=True):
        first, second = run(X), run(X)
        assert_leaves_close(dropless(X), plain)
    assert not np.allclose(first[0], second[0])  # drawn anew at each call
    assert (np.asarray(first[0]) != 0).all()  # not on the output
    assert_leaves_close(first[1][0], plain[1][0])  # nor on the first layer
    layer.eval()
    assert_leaves_close(run(X), plain)


def test_dropout_keeps_the_mean() -> None:
    layer = RNN(1, 1, num_layers=2, nonlinearity="relu", dropout=0.25, bias=False)
    names = layer.to_torch_state_dict()
    layer.load_torch_state_dict({n: np.full((1, 1), "ih" in n, np.float32) for n in names})
    with brainlite.environ.context(fit=True):
        ys, _ = layer(jnp.ones((1, 20000, 1)))
    assert_close(np.unique(ys), [0, 1 / 0.75])
    assert float(ys.mean()) == pytest.approx(1, abs=0.03)
    with brainlite.environ.context(fit=True):
        layer.dropout = 1.0
        assert (np.asarray(layer(X[..., :1])[0]) == 0).all()


def test_dropout_without_a_second_layer_warns() -> None:
    with pytest.warns(UserWarning, match=r"GRU: dropout=0.5 has no effect with one layer"):
        GRU(F, H, dropout=0.5)


def gradients(layer: Any, xs: Any) -> Any:
    params = layer.states(brainlite.ParamState)
    return jit(grad(lambda xs: (layer(xs)[0] ** 2).sum(), params, argnums=0))(xs)


def test_truncated_gradients_are_those_of_the_chunks() -> None:
    layer, chunked = LSTM(F, H, 2, tbptt=4), LSTM(F, H, 2)
    chunked.load_torch_state_dict(layer.to_torch_state_dict())
    assert_leaves_close(layer(X), chunked(X))

    def in_chunks(xs: Any) -> Any:
        first, state = chunked(xs[:4])
        second, state = chunked(xs[4:], jax.lax.stop_gradient(state))
        return (first**2).sum() + (second**2).sum()

    params = chunked.states(brainlite.ParamState)
    expected: Any = jit(grad(in_chunks, params, argnums=0))(X)
    assert_leaves_close(gradients(layer, X), expected)
    assert not np.allclose(gradients(chunked, X)[1], expected[1], atol=1e-4)


def test_truncation_keeps_the_gradient_of_the_state_that_is_passed_in() -> None:
    layer, whole = GRU(F, H, tbptt=4), GRU(F, H)
    whole.load_torch_state_dict(layer.to_torch_state_dict())
    h = jnp.linspace(-0.5, 0.5, B * H).reshape(1, B, H)
    found = grad(lambda h: (layer(X, h)[0] ** 2).sum(), argnums=0)(h)
    expected = grad(lambda h: (whole(X[:4], h)[0] ** 2).sum(), argnums=0)(h)
    assert_leaves_close(found, expected)
    assert np.abs(found).max() > 1e-3


def bytes_of(compiled: Any) -> int:
    return int(compiled.memory_analysis().temp_size_in_bytes)


def test_remat_gives_the_same_gradients_from_less_memory() -> None:
    layer = GRU(F, 32)
    xs = brainlite.random.randn(400, B, F)
    found: list[Any] = []
    sizes: list[int] = []
    for layer.remat in (False, True):
        run = jit(grad(lambda xs: layer(xs)[1].sum(), layer.states(brainlite.ParamState)))
        found.append(run(xs))
        sizes.append(bytes_of(run.lower(xs).compile()))
    assert_leaves_close(found[1], found[0], terms=200)
    assert sizes[1] < 0.4 * sizes[0]


@pytest.mark.slow
def test_ten_thousand_steps_take_a_tenth_of_the_memory() -> None:
    sizes: list[int] = []
    for remat in (False, True):
        layer = LSTM(16, 32, remat=remat)
        run = jit(grad(lambda xs, at=layer: at(xs)[1][0].sum(), layer.states(brainlite.ParamState)))
        sizes.append(bytes_of(run.lower(jnp.ones((10_000, 4, 16))).compile()))
    assert sizes[1] < 0.1 * sizes[0]


def test_a_stream_also_runs_inside_a_loop_of_the_library() -> None:
    layer = init_all_states(LSTM(F, H, stateful=True), batch_size=B)
    pieces = for_loop(lambda x: layer(x[None])[0][0], X)
    alone = LSTM(F, H)
    alone.load_torch_state_dict(layer.to_torch_state_dict())
    ys, (h, c) = alone(X)
    assert_leaves_close((pieces, layer.h.value, layer.c.value), (ys, h, c))


def test_an_eager_call_is_compiled_once_for_its_shapes() -> None:
    layer = RNN(F, H)
    layer(X)
    kernel: Any = layers_kernel  # one of functools.lru_cache
    before = kernel.cache_info().misses
    for _ in range(3):
        layer(X + 1)
    assert kernel.cache_info().misses == before
