"""The layer over any cell, the user's own included."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError, LoopStateError, OptionError
from brainlite.nn import BatchNorm0d, GRUCell, LSTMCell, Module, Recurrent, init_all_states
from brainlite.transform import for_loop, grad, jit
from brainlite.typing import Array
from tests.closeness import assert_leaves_close

T, B, F, H = 6, 3, 2, 4
X = brainlite.random.RandomState(2).randn(T, B, F)


class Leaky(Module):
    """A cell of a user's own, with a state that is a dict and a counter that is no hidden state."""

    def __init__(self) -> None:
        self.inner = GRUCell(F, H)
        self.rate = brainlite.ParamState(jnp.full(H, 0.9))
        self.steps = brainlite.State(0)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        shape = (H,) if batch_size is None else (batch_size, H)
        self.trace = brainlite.HiddenState({"slow": jnp.ones(shape)})

    def update(self, x: Array) -> Array:
        slow = self.rate.value * self.trace.value["slow"] + self.inner(x)
        self.trace.value = {"slow": slow}
        self.steps.value += 1
        return slow


def test_a_cell_of_the_library_gives_what_a_loop_over_it_gives() -> None:
    cell = LSTMCell(F, H)
    ys, last = Recurrent(cell)(X)
    init_all_states(cell, batch_size=B)
    assert_leaves_close(ys, for_loop(cell, X))
    assert_leaves_close(last, {("c",): cell.c.value, ("h",): cell.h.value})


@pytest.mark.parametrize("remat", [False, True])
def test_a_cell_of_ones_own_takes_lengths_resets_and_states(remat: bool) -> None:
    layer = Recurrent(Leaky(), remat=remat)
    lengths, reset = jnp.array([6, 3, 0]), jnp.zeros((T, B), bool).at[4, 0].set(True)
    ys, last = jit(lambda x: layer(x, lengths=lengths, reset=reset))(X)
    assert int(layer.cell.steps.value) == T
    for lane, pieces in enumerate([(slice(0, 4), slice(4, 6)), (slice(0, 3),), (slice(0, 0),)]):
        outs = [layer(X[piece, lane]) for piece in pieces]
        found = ys[: int(lengths[lane]), lane]
        assert_leaves_close(found, jnp.concatenate([out for out, _ in outs]))
        assert_leaves_close(last["trace",]["slow"][lane], outs[-1][1]["trace",]["slow"])
    first, state = layer(X[:2])
    second, _ = layer(X[2:], state)
    assert_leaves_close(jnp.concatenate([first, second]), layer(X)[0])


def test_truncated_gradients_are_those_of_the_chunks() -> None:
    layer = Recurrent(GRUCell(F, H), tbptt=4)
    params = layer.states(brainlite.ParamState)
    found = grad(lambda: (layer(X)[0] ** 2).sum(), params)()
    chunked = Recurrent(layer.cell)

    def in_chunks() -> Array:
        first, state = chunked(X[:4])
        second, _ = chunked(X[4:], jax.lax.stop_gradient(state))
        return (first**2).sum() + (second**2).sum()

    expected = grad(in_chunks, params)()
    assert_leaves_close(found, expected)
    whole = grad(lambda: (chunked(X)[0] ** 2).sum(), params)()
    assert not np.allclose(
        whole["cell", "Wh", "weight"]["weight"], found["cell", "Wh", "weight"]["weight"]
    )


def test_truncation_keeps_the_gradient_of_the_state_that_is_passed_in() -> None:
    layer, whole = Recurrent(GRUCell(F, H), tbptt=4), Recurrent(GRUCell(F, H))
    whole.cell = layer.cell
    h = jnp.linspace(-0.5, 0.5, B * H).reshape(B, H)

    def loss(layer: Recurrent, xs: Array) -> Callable[[Array], Array]:
        return lambda h: (layer(xs, {("h",): h})[0] ** 2).sum()

    found = grad(loss(layer, X), argnums=0)(h)
    assert_leaves_close(found, grad(loss(whole, X[:4]), argnums=0)(h))
    assert np.abs(found).max() > 1e-3


def test_a_stream_is_reset_to_where_it_began() -> None:
    layer = init_all_states(Recurrent(Leaky(), stateful=True), batch_size=B)
    first, _ = layer(X[:2])
    again, _ = layer(X[:2], reset=jnp.zeros((2, B), bool).at[0].set(True))
    assert_leaves_close(again, first)
    onward, _ = layer(X[2:])
    assert_leaves_close(jnp.concatenate([again, onward]), Recurrent(layer.cell)(X)[0])


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Recurrent(jnp.tanh), "a module with an update"),
        (lambda: Recurrent(GRUCell(F, H), tbptt=0), "tbptt=0"),
    ],
)
def test_options_that_cannot_be_are_refused(make: Any, text: str) -> None:
    with pytest.raises(OptionError, match=text):
        make()


class _Normed(Module):
    def __init__(self) -> None:
        self.cell = GRUCell(2, 3)
        self.norm = BatchNorm0d(3)

    def update(self, x: Array) -> Array:
        return self.norm(self.cell(x))


@pytest.mark.parametrize("marks", [{"lengths": [4, 2]}, {"mask": jnp.ones((4, 2), bool)}])
def test_batch_normalisation_in_a_cell_refuses_padding(marks: dict[str, Any]) -> None:
    layer = Recurrent(_Normed()).train()
    x = jnp.asarray(np.random.RandomState(0).randn(4, 2, 2), jnp.float32)
    text = r"Recurrent\.cell\.norm(.|\n)*count the padding(.|\n)*BatchNorm0d(.|\n)*LayerNorm"
    for call in (layer, jit(layer)):
        with pytest.raises(InputError, match=text):
            call(x, **marks)
    assert jnp.array_equal(layer.cell.norm.running_mean.value, jnp.zeros(3))
    layer(x)  # without padding all counts
    ys = layer.eval()(x, **marks)[0]
    garbage = layer(x.at[2:, 1].set(9.0), **marks)[0]
    assert jnp.array_equal(ys[:, 0], garbage[:, 0])


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_wide_input_of_a_half_model_is_told_to_be_cast(half: str) -> None:
    layer = Recurrent(LSTMCell(2, 3)).to(half)
    x = jnp.ones((4, 1, 2))
    text = rf"(?s)computes in {half}, what it was given is float32: .*`x\.astype\('{half}'\)`"
    with pytest.raises(LoopStateError, match=text):
        layer(x)
    assert layer(x.astype(half))[0].dtype == half
