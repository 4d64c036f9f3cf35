"""Padding sequences, and the checks of what says which steps count."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite.errors import InputError, OptionError
from brainlite.nn import RNN, mask_from_lengths, pad_sequences
from brainlite.transform import jit


@pytest.mark.parametrize(("bucket", "steps"), [(1, 5), (4, 8), (5, 5), ((3, 6, 9), 6), ([20], 20)])
def test_padded_to_the_next_bucket(bucket: Any, steps: int) -> None:
    rows = [np.full((n, 2), n, np.float32) for n in (3, 5, 0)]
    padded, lengths = pad_sequences(rows, bucket=bucket, padding_value=-1)
    assert padded.shape == (steps, 3, 2)
    assert lengths.tolist() == [3, 5, 0]
    for number, row in enumerate(rows):
        np.testing.assert_array_equal(padded[: len(row), number], row)
        assert (padded[len(row) :, number] == -1).all()
    turned, _ = pad_sequences(rows, batch_first=True, bucket=bucket, padding_value=-1)
    np.testing.assert_array_equal(turned, padded.swapaxes(0, 1))


def test_padding_may_be_traced() -> None:
    def scaled(scale: Any) -> Any:
        return pad_sequences([scale * jnp.ones(2), jnp.ones(3)])[0].sum()

    assert float(jax.jit(jax.grad(scaled))(2.0)) == 2.0


def test_buckets_bound_the_number_of_compilations() -> None:
    layer, traced = RNN(2, 3), 0

    @jit
    def run(x: Any, lengths: Any) -> Any:
        nonlocal traced
        traced += 1
        return layer(x, lengths=lengths)

    for longest in range(1, 11):
        run(*pad_sequences([jnp.ones((longest, 2)), jnp.ones((1, 2))], bucket=5))
    assert traced == 2


@pytest.mark.parametrize(
    ("rows", "bucket", "error", "text"),
    [
        ([], 1, InputError, r"cannot be put into one array(.|\n)*shapes \[\]"),
        ([np.ones((2, 3)), np.ones((2, 4))], 1, InputError, r"\[\(2, 3\), \(2, 4\)\]"),
        ([np.ones(())], 1, InputError, r"shapes \[\(\)\]"),
        ([np.ones(5)], (2, 4), OptionError, r"one is 5 or more(.|\n)*bucket=\(2, 4\)"),
        ([np.ones(5)], 0, OptionError, "bucket=0"),
    ],
)
def test_what_cannot_be_padded_is_said(rows: Any, bucket: Any, error: Any, text: str) -> None:
    with pytest.raises(error, match=text):
        pad_sequences(rows, bucket=bucket)


def call(layer: Any, shape: tuple[int, ...], marks: Any) -> None:
    layer(jnp.ones(shape), **marks)


@pytest.mark.parametrize(
    ("marks", "text"),
    [
        ({"lengths": [8, 1, 1]}, r"from 0 to 7, of shape \(3,\)(.|\n)*\[8 1 1\]"),
        ({"lengths": [-1, 1, 1]}, r"RNN: lengths do not fit(.|\n)*\[-1 *1 *1\]"),
        ({"lengths": [1, 1]}, r"of shape \(3,\)(.|\n)*of shape \(2,\)"),
        ({"lengths": [1.0, 1.0, 1.0]}, "float"),
        ({"mask": np.ones((3, 7), bool)}, r"mask does not fit(.|\n)*\(7, 3\)(.|\n)*\(3, 7\)"),
        ({"reset": np.ones((7, 3))}, r"reset does not fit(.|\n)*bool(.|\n)*float"),
        ({"lengths": [1, 1, 1], "mask": np.ones((7, 3), bool)}, "both lengths and mask"),
    ],
)
def test_marks_that_do_not_fit_are_refused(marks: Any, text: str) -> None:
    given = {name: np.asarray(each) for name, each in marks.items()}
    with pytest.raises(InputError, match=text):
        call(RNN(2, 3), (7, 3, 2), given)
    if "both" not in text:  # the same numbers, with the batch first
        turned = {n: each.T if each.ndim == 2 else each for n, each in given.items()}
        with pytest.raises(InputError, match=next(iter(marks))):
            call(RNN(2, 3, batch_first=True), (3, 7, 2), turned)


def test_a_mask_is_what_the_lengths_say() -> None:
    expected = [[True, True], [True, True], [False, True]]
    for lengths in ([2, 3], np.array([2, 3], np.uint8), jnp.array([2, 3])):
        assert mask_from_lengths(lengths).tolist() == expected
    assert mask_from_lengths([0, 1], 2, batch_first=True).tolist() == [[False] * 2, [True, False]]
    assert mask_from_lengths([], 2).shape == (2, 0)
    under_jit = jax.jit(lambda lengths: mask_from_lengths(lengths, 3))(jnp.array([1, 3]))
    assert under_jit.T.tolist() == [[True, False, False], [True] * 3]


@pytest.mark.parametrize(
    ("lengths", "steps"), [([1, 4], 3), ([-1, 2], 3), ([1.5], 3), ([[1]], 3), (2, 3)]
)
def test_lengths_that_make_no_mask_are_refused(lengths: Any, steps: int) -> None:
    with pytest.raises(InputError, match=r"these lengths make no mask[\s\S]*pad_sequences"):
        mask_from_lengths(lengths, steps)
    with pytest.raises(InputError, match="steps= under jit"):
        jax.jit(mask_from_lengths)(jnp.array([1]))
