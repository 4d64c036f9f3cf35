"""The way to cuDNN: what is packed, when it is taken, and what is computed elsewhere.

There is no GPU here. Values and gradients are compared with ``jax.experimental.rnn.lstm_ref``,
JAX's reference for cuDNN, and with it in the place of cuDNN's own calls. What is compiled for CUDA
is looked at as text.
"""

import functools
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax.experimental import rnn
from jax.interpreters import mlir
from jaxlib import gpu_rnn

import brainlite
from brainlite.errors import OptionError
from brainlite.nn import LSTM
from brainlite.nn._recurrent import cudnn, torch_recurrent, torch_rnn
from brainlite.nn._recurrent.lengths import valid_steps
from brainlite.nn._recurrent.recurrence import Marks, Weights
from brainlite.transform import grad, jit
from tests.closeness import assert_leaves_close

T, B, F, H = 5, 3, 2, 4
X = brainlite.random.RandomState(0).randn(T, B, F)
LENGTHS = jnp.array([3, 5, 1])


def states(layer: Any) -> tuple[Any, Any]:
    shape = (layer.num_layers * (2 if layer.bidirectional else 1), B, H)
    draw = brainlite.random.RandomState(1).randn
    return draw(*shape), draw(*shape)


slow = pytest.mark.slow  # each compiles a few programs of its own


@pytest.mark.parametrize("both", [pytest.param(False, marks=slow), True])
@pytest.mark.parametrize(
    "lengths", [pytest.param(None, marks=slow), LENGTHS], ids=["full", "lengths"]
)
def test_packed_parameters_give_the_values_and_gradients_of_the_reference(
    lengths: Any, both: bool
) -> None:
    layer: Any = LSTM(F, H, 2, bidirectional=both, batch_first=True)
    x, hx = X.swapaxes(0, 1), states(layer)
    counted = jnp.full(B, T) if lengths is None else lengths
    params = layer.states(brainlite.ParamState)
    names = list(layer.to_torch_state_dict())

    def loss(results: Any) -> Any:
        ys, last = results
        return (ys**2).sum() + sum(jnp.sin(each).sum() for each in jax.tree.leaves(last))

    def reference(x: Any, hx: Any, values: Any) -> Any:
        flat = cudnn.pack([Weights(*map(values.get, each)) for _, each in layer._names()])
        parts = rnn.unpack_lstm_weights(flat, F, H, 2, both)
        ys, h, c = rnn.lstm_ref(x, *hx, *parts, counted, F, H, 2, 0.0, both)
        return loss((ys, (h, c)))

    own: Any = grad(
        lambda x, hx: loss(layer(x, hx, lengths=lengths)), params, argnums=(0, 1), return_value=True
    )
    (found, (d_x, d_hx)), value = jit(own)(x, hx)
    values = {name: getattr(layer, name).value for name in names}
    there = jax.jit(jax.value_and_grad(reference, (0, 1, 2)))(x, hx, values)
    assert_leaves_close((value, (d_x, d_hx, {name: found[name,] for name in names})), there)
    assert cudnn.pack(layer._weights()).size == rnn.get_num_params_in_lstm(F, H, 2, both)


@pytest.fixture
def in_place(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put the reference in the place of cuDNN's calls; return which of them were traced."""
    called: list[str] = []

    def run(sizes: Any, *inputs: Any) -> Any:
        x, h, c, flat, lengths = inputs
        parts = rnn.unpack_lstm_weights(flat, *sizes)
        return rnn.lstm_ref(x, h, c, *parts, lengths, *sizes[:3], 0.0, sizes[3])

    def forward(*inputs: Any) -> Any:
        called.append("forward")
        *sizes, _, both, _ = inputs[5:]
        out = run((*sizes, both), *inputs[:5])
        return out, (*inputs[:5], out[0], jnp.ones(7))

    def backward(*given: Any) -> Any:
        called.append("backward")
        *sizes, _, both, _, kept, slopes = given
        *inputs, lengths = kept[:5]
        pull = jax.vjp(lambda *inputs: run((*sizes, both), *inputs, lengths), *inputs)[1]
        return *pull(slopes), jnp.zeros_like(lengths)

    monkeypatch.setattr(rnn, "lstm_fwd", forward)
    monkeypatch.setattr(rnn, "lstm_bwd", backward)
    return called


def on_cudnn(layer: Any, lengths: Any = None) -> Any:
    """Return a function of input, states and parameters, as it is compiled for CUDA."""
    plan = layer._plan(False, True)
    layers = functools.partial(torch_recurrent.run_counted, plan)
    return lambda xs, hx, weights: cudnn.by_cudnn(layers, plan.directions, xs, hx, weights, lengths)


def in_jax(layer: Any, lengths: Any = None) -> Any:
    """Return the same in plain JAX."""
    plan = layer._plan(False, False)
    marks = Marks(valid_steps(T, lengths, None), None, None)
    return lambda xs, hx, weights: torch_recurrent.run_layers(
        plan, xs, hx, hx, weights, marks, None
    )[:2]


OPTIONS = [
    pytest.param({"num_layers": 2}, None, id="two layers", marks=slow),
    pytest.param({"bias": False}, jnp.array([3, 0, 5]), id="no bias, an empty sequence"),
    pytest.param({"num_layers": 2, "bidirectional": True}, LENGTHS, id="both", marks=slow),
]


@pytest.mark.parametrize(("options", "lengths"), OPTIONS)
def test_cudnn_is_called_with_what_gives_the_values_and_gradients_of_the_layer(
    options: Any, lengths: Any, in_place: list[str]
) -> None:
    layer: Any = LSTM(F, H, **options)
    inputs = (X, states(layer), layer._weights())

    def everything(run: Any) -> Any:
        out, pull = jax.vjp(run, *inputs)
        return out, pull(jax.tree.map(jnp.cos, out))

    expected = jax.jit(lambda: everything(in_jax(layer, lengths)))()
    assert not in_place
    assert_leaves_close(jax.jit(lambda: everything(on_cudnn(layer, lengths)))(), expected)
    assert in_place == ["forward", "backward"]


def test_a_vmap_and_second_derivatives_are_computed_without_cudnn(in_place: list[str]) -> None:
    layer: Any = LSTM(F, H)
    inputs = (X, states(layer), layer._weights())

    def results(run: Any) -> Any:
        def loss(scale: Any, xs: Any) -> Any:
            ys, (_, c) = run(xs * scale, *inputs[1:])
            return (ys**2).sum() + c.sum()

        lanes = jnp.stack([X, 2 * X])
        each = jax.vmap(jax.value_and_grad(loss), (None, 0))(1.5, lanes)
        return each, jax.grad(jax.grad(loss))(1.5, X)

    expected = jax.jit(lambda: results(in_jax(layer)))()
    assert_leaves_close(jax.jit(lambda: results(on_cudnn(layer)))(), expected)


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let JAX lower for CUDA without its plugin, as on a machine with one GPU."""

    class Kernels:
        @staticmethod
        def build_rnn_descriptor(*_: Any) -> bytes:
            return b""

    for way, primitive in (("fwd", rnn.rnn_fwd_p), ("bwd", rnn.rnn_bwd_p)):
        lower: Any = getattr(gpu_rnn, f"_rnn_{way}_lowering")
        rule = functools.partial(lower, Kernels, "cu")
        mlir.register_lowering(primitive, rule, platform="cuda")
    name = "compute_rnn_workspace_reserve_space_sizes"
    monkeypatch.setattr(gpu_rnn, name, lambda *_: (16, 16), raising=False)
    monkeypatch.setattr(torch_rnn, "has_cudnn_rnn", lambda: True)
    monkeypatch.setattr(cudnn, "has_cudnn_rnn", lambda: True)
    monkeypatch.setattr(jax, "device_count", lambda: 1)
    yield
    kernel: Any = torch_recurrent.layers_kernel  # one of functools.lru_cache
    kernel.cache_clear()


def targets(layer: Any, platform: str, **given: Any) -> set[str]:
    """Return which of cuDNN's functions the value and gradient call, compiled for a platform."""
    params = layer.states(brainlite.ParamState)
    run: Any = grad(lambda x: (layer(x, **given)[0] ** 2).sum(), params, return_value=True)
    traced = jax.jit(lambda x: jax.tree.leaves(run(x))).trace(X)
    text = traced.lower(lowering_platforms=(platform,)).as_text()
    return {name for name in ("cudnn_rnn_ffi", "cudnn_rnn_bwd_ffi") if f"@{name}" in text}


def without_cudnn(layer: Any) -> Any:
    other = LSTM(F, H, implementation="xla")
    other.load_torch_state_dict(layer.to_torch_state_dict())
    return other


@pytest.mark.usefixtures("plugin")
def test_code_for_cuda_calls_cudnn_and_code_for_cpu_does_not() -> None:
    both = {"cudnn_rnn_ffi", "cudnn_rnn_bwd_ffi"}
    layer = LSTM(F, H)
    assert targets(layer, "cuda") == both
    assert targets(layer, "cuda", lengths=LENGTHS) == both
    assert targets(layer, "cpu") == set()
    assert_leaves_close(layer(X), without_cudnn(layer)(X))


SPECIAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "implementation": ({"implementation": "xla"}, {}),
    "proj_size": ({"proj_size": 2}, {}),
    "tbptt": ({"tbptt": 2}, {}),
    "remat": ({"remat": True}, {}),
    "mask": ({}, {"mask": jnp.ones((T, B), bool)}),
    "reset": ({}, {"reset": jnp.zeros((T, B), bool)}),
}


@pytest.mark.usefixtures("plugin")
@pytest.mark.parametrize("name", SPECIAL)
def test_what_cudnn_does_not_have_is_not_asked_of_it(name: str) -> None:
    options, given = SPECIAL[name]
    assert targets(LSTM(F, H, **options), "cuda", **given) == set()
    if name != "implementation":
        layer = LSTM(F, H, implementation="cudnn", **options)
        with pytest.raises(OptionError, match=rf"LSTM: cuDNN cannot run(.|\n)*it has no {name}"):
            layer(X, **given)


@pytest.mark.usefixtures("plugin")
def test_dropout_keeps_calls_from_cudnn_while_it_acts() -> None:
    layer = LSTM(F, H, 2, dropout=0.5, implementation="cudnn")
    before = brainlite.random.get_key()
    with (
        brainlite.environ.context(fit=True),
        pytest.raises(OptionError, match="it has no dropout"),
    ):
        layer(X)
    assert_leaves_close(
        jax.random.key_data(brainlite.random.get_key()), jax.random.key_data(before)
    )
    with brainlite.environ.context(fit=False):
        assert targets(layer, "cuda")


@pytest.mark.usefixtures("plugin")
def test_other_types_and_precisions_and_empty_input_are_not_for_cudnn() -> None:
    layer = LSTM(F, H, implementation="cudnn").half()
    with pytest.raises(OptionError, match=r"float32(.|\n)*float16"):
        layer(X.astype(jnp.float16))
    layer = LSTM(F, H, implementation="cudnn")
    with pytest.raises(OptionError, match=r"empty, of shape \(0, 3, 2\)"):
        layer(X[:0])
    with (
        jax.default_matmul_precision("bfloat16"),
        pytest.raises(OptionError, match=r"jax_default_matmul_precision is 'bfloat16'"),
    ):
        layer(X)


def test_on_cpu_cudnn_is_not_there_and_no_other_implementation_is() -> None:
    with pytest.raises(OptionError, match=r"default_backend\(\) is 'cpu', without cuDNN"):
        LSTM(F, H, implementation="cudnn")(X)
    untyped: Any = LSTM
    with pytest.raises(OptionError, match=r"'xla' or 'cudnn'(.|\n)*'gpu'"):
        untyped(F, H, implementation="gpu")
