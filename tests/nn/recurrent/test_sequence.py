"""What every layer over sequences does: lengths, masks, resets, streams, transforms, errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite.errors import InputError, OptionError, StateMissingError
from brainlite.nn import (
    GRU,
    LRU,
    LSTM,
    RNN,
    GRUCell,
    LSTMCell,
    MinGRU,
    Recurrent,
    init_all_states,
    reset_all_states,
)
from brainlite.state import _locate
from brainlite.transform import jit, vmap
from tests.closeness import assert_leaves_close

T, B, F, H = 6, 4, 2, 3
LENGTHS = jnp.array([4, 0, 6, 4])
X = brainlite.random.RandomState(1).randn(T, B, F)

MAKERS: dict[str, Callable[..., Any]] = {
    "LSTM": lambda **options: LSTM(F, H, 2, **options),
    "GRU": lambda **options: GRU(F, H, **options),
    "MinGRU": lambda **options: MinGRU(F, H, **options),
    "LRU": lambda **options: LRU(F, H, **options),
    "Recurrent": lambda **options: Recurrent(LSTMCell(F, H), **options),
}
BOTH_WAYS: dict[str, Callable[..., Any]] = {
    **MAKERS,
    "bidirectional": lambda **options: RNN(F, H, 2, bidirectional=True, **options),
    "reverse": lambda **options: Recurrent(GRUCell(F, H), reverse=True, **options),
    "remat": lambda **options: Recurrent(GRUCell(F, H), reverse=True, remat=True, **options),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
both_ways = pytest.mark.parametrize("make", BOTH_WAYS.values(), ids=BOTH_WAYS)


def lane(last: Any, number: int) -> Any:
    """Return the state of one sequence: the batch is the last axis but one."""
    return jax.tree.map(lambda each: each[..., number, :], last)


@both_ways
def test_a_sequence_whose_length_is_none_is_nan_where_lengths_are_traced(
    make: Callable[..., Any],
) -> None:
    layer = make()
    run = jit(lambda x, lengths: layer(x, lengths=lengths))
    wrong, right = run(X, jnp.array([4, -1, T + 1, 2])), run(X, jnp.array([4, T, T, 2]))
    for ys, last, found in ((*wrong, np.isnan), (*right, np.isfinite)):
        for number in (1, 2):
            assert found(ys[:, number]).all()
            assert all(found(each).all() for each in jax.tree.leaves(lane(last, number)))
    for number in (0, 3):
        assert_leaves_close(lane(wrong, number), lane(right, number))
        assert_leaves_close(wrong[0][:, number], right[0][:, number])


@both_ways
def test_padded_sequences_give_what_each_gives_alone(make: Callable[..., Any]) -> None:
    layer = make()
    ys, last = layer(X, lengths=LENGTHS)
    again = layer(X, mask=jnp.arange(T)[:, None] < LENGTHS)
    assert_leaves_close((ys, last), again)
    for number, length in enumerate(LENGTHS.tolist()):
        alone, end = layer(X[:length, number])
        assert_leaves_close(ys[:length, number], alone)
        assert (ys[length:, number] == 0).all()
        assert_leaves_close(lane(last, number), end)


@both_ways
def test_a_reset_starts_a_new_sequence(make: Callable[..., Any]) -> None:
    layer = make()
    reset = jnp.zeros((T, B), bool).at[0].set(True).at[2, 0].set(True).at[4, 0].set(True)
    ys, _last = jit(lambda: layer(X, reset=reset))()
    assert_leaves_close(ys[:, 1:], layer(X)[0][:, 1:])
    parts = [layer(X[piece, 0]) for piece in (slice(0, 2), slice(2, 4), slice(4, 6))]
    assert_leaves_close(ys[:, 0], jnp.concatenate([part for part, _ in parts]))


@every
def test_a_reset_goes_back_to_the_given_state_and_not_in_the_padding(
    make: Callable[..., Any],
) -> None:
    layer = make()
    _, some = layer(X)
    ys, last = layer(X, some, reset=jnp.ones((T, B), bool), lengths=LENGTHS)
    for t in range(T):
        step, _ = layer(X[t : t + 1], some)
        assert_leaves_close(ys[t], jnp.where(t < LENGTHS[:, None], step[0], 0))
    assert_leaves_close(lane(last, 1), lane(some, 1))  # no step at all
    _, end = layer(X[3:4], some)
    assert_leaves_close(
        lane(last, 0), lane(end, 0)
    )  # the last valid step; a reset in the padding is none


@every
def test_a_stream_in_chunks_gives_the_numbers_of_one_go(make: Callable[..., Any]) -> None:
    layer = make(stateful=True)
    runs: list[Any] = []
    for sizes in ([T], [1] * T, [2, 4]):
        init_all_states(layer, batch_size=B)
        pieces = jnp.split(X, np.cumsum(sizes)[:-1].tolist())
        run = jit(layer) if len(sizes) == 2 else layer
        results = [run(piece) for piece in pieces]
        runs.append((jnp.concatenate([ys for ys, _ in results]), results[-1][1]))
    assert_leaves_close(runs[1], runs[0])
    assert_leaves_close(runs[2], runs[0])
    reset_all_states(layer, batch_size=B)
    assert_leaves_close(layer(X), runs[0])
    first = jnp.zeros((T, B), bool).at[0].set(True)
    assert_leaves_close(layer(X, reset=first), runs[0])  # back to zeros, not to where the stream is


@every
def test_batch_first_unbatched_and_vmapped_are_the_same(make: Callable[..., Any]) -> None:
    layer = make()
    ys, last = layer(X, lengths=LENGTHS)
    layer.batch_first = True
    turned, end = layer(X.swapaxes(0, 1), lengths=LENGTHS)
    assert_leaves_close((turned.swapaxes(0, 1), end), (ys, last))
    alone, end = layer(X[:, 2], lengths=LENGTHS[2])
    assert_leaves_close((alone, end), (ys[:, 2], lane(last, 2)))
    if not isinstance(layer, Recurrent):  # whose states are written, and so declared to vmap
        lanes, _ = vmap(
            lambda x, length: layer(x, lengths=length), in_axes=(1, 0), out_axes=(1, 0)
        )(X, LENGTHS)
        assert_leaves_close(lanes, ys)


@every
def test_a_call_that_fails_leaves_the_states_as_they_were(make: Callable[..., Any]) -> None:
    layer = init_all_states(make(stateful=True), batch_size=B)
    layer(X)
    before = layer.states(brainlite.HiddenState).to_values()
    for bad in (X[..., :1], X[:, :2], X[0, 0], X[None]):
        with pytest.raises(InputError, match=r"expected:(.|\n)*got:(.|\n)*fix:"):
            layer(bad)
    with pytest.raises(InputError, match="lengths do not fit the input"):
        layer(X, lengths=LENGTHS + 1)
    assert before.keys() == layer.states(brainlite.HiddenState).keys()
    assert_leaves_close(layer.states(brainlite.HiddenState).to_values(), before)


def test_messages_name_the_place_the_shapes_and_what_to_do() -> None:
    class Model(brainlite.nn.Module):
        def __init__(self) -> None:
            self.rnn = LSTM(F, H, stateful=True)

        def update(self, x: Any, hx: Any = None) -> Any:
            return self.rnn(x, hx)

    model = Model()
    with pytest.raises(StateMissingError, match=r"Model.rnn \(LSTM\)(.|\n)*init_all_states"):
        model(X)
    init_all_states(model, batch_size=2)
    with pytest.raises(
        InputError, match=r"Model.rnn \(LSTM\): the hidden state(.|\n)*batch_size=4"
    ):
        model(X)
    with pytest.raises(InputError, match=r"\(1, 4, 3\)(.|\n)*a single array"):
        model(X, jnp.zeros((1, B, H)))
    with pytest.raises(InputError, match=r"the input is no sequence(.|\n)*\(2,\)"):
        model(jnp.ones(F))
    with pytest.raises(InputError, match=r"wrong number of features(.|\n)*\(6, 4, 5\)"):
        model(jnp.ones((T, B, 5)))


def test_a_stream_has_no_end_to_start_from() -> None:
    with pytest.raises(OptionError, match=r"stateful(.|\n)*bidirectional=True"):
        GRU(F, H, bidirectional=True, stateful=True)
    with pytest.raises(OptionError, match=r"Recurrent: stateful(.|\n)*reverse=True"):
        Recurrent(GRUCell(F, H), reverse=True, stateful=True)


@pytest.mark.parametrize(
    "layer",
    [GRU(2, 3), LSTM(2, 3), Recurrent(GRUCell(2, 3)), MinGRU(2, 3)],
    ids=lambda layer: type(layer).__name__,
)
def test_a_call_that_fits_looks_for_no_path(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError("a path is for error messages, and takes as long as many calls")

    x, mask = jnp.ones((5, 4, 2)), jnp.ones((5, 4), bool)
    layer(x, mask=mask)  # asks for hidden states that are not there yet
    monkeypatch.setattr(_locate, "_running", refuse)
    layer(x, mask=mask)
