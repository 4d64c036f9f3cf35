import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import random
from brainlite.errors import SizeError
from brainlite.nn._init.orthogonal import DeltaOrthogonal, Orthogonal
from tests.closeness import assert_close


@pytest.mark.parametrize(
    ("initializer", "shape", "numbers"),
    [
        (Orthogonal(), (5, 7), [0.44460475, -0.61084372, -0.30222535]),
        (Orthogonal(), (7, 5), [0.44460475, 0.037510417, -0.39861363]),
        (Orthogonal(), (3, 4, 6), [0.25992179, 0.23188221, -0.42840531]),
        (Orthogonal(2.0, 0), (5, 7), [0.88920951, -1.2216874, -0.6044507]),
        (Orthogonal(axis=1), (3, 4, 6), [0.18041098, -0.36413673, -0.052650008]),
    ],
)
def test_numbers_are_those_of_brainstate(
    initializer: Orthogonal, shape: tuple[int, ...], numbers: list[float]
) -> None:
    # brainstate 0.5.4: random.seed(42), then init.Orthogonal
    random.seed(42)
    drawn = initializer(shape)
    assert_close(drawn[(0,) * (drawn.ndim - 1)][:3], numbers)


def test_delta_orthogonal_numbers_are_those_of_brainstate() -> None:
    # brainstate 0.5.4: random.seed(42), then init.DeltaOrthogonal
    random.seed(42)
    drawn = DeltaOrthogonal()((3, 3, 4, 5))
    expected = [0.28414178, -0.57350463, -0.082922213]
    assert_close(drawn[1, 1, 0, :3], expected)


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (4, 4), (2, 3, 4), (1, 1)])
@pytest.mark.parametrize("axis", [0, -1])
def test_rows_or_columns_are_orthonormal(shape: tuple[int, ...], axis: int) -> None:
    drawn = np.asarray(Orthogonal(3.0, axis, seed=0)(shape)) / 3
    matrix = np.moveaxis(drawn, axis, 0).reshape(shape[axis], -1)
    smaller = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    assert_close(smaller, np.eye(len(smaller)))


def test_orthogonal_has_half_precision_although_qr_has_not() -> None:
    assert Orthogonal()((2, 3), jnp.float16).dtype == jnp.float16


def test_orthogonal_needs_its_axis() -> None:
    with pytest.raises(SizeError, match=r"an axis -1\n  got:      \(\)"):
        Orthogonal()(())


@pytest.mark.parametrize("kernel", [(3,), (3, 5), (2, 3, 4)])
def test_delta_orthogonal_is_orthogonal_at_the_centre_only(kernel: tuple[int, ...]) -> None:
    drawn = np.array(DeltaOrthogonal(2.0, seed=0)((*kernel, 2, 4)))
    center = tuple((size - 1) // 2 for size in kernel)
    matrix = drawn[center].copy() / 2
    assert_close(matrix @ matrix.T, np.eye(2))
    drawn[center] = 0
    assert not drawn.any()


@pytest.mark.parametrize("shape", [(3, 4), (3, 3, 3, 3, 3, 3), (3, 5, 4)])
def test_delta_orthogonal_refuses_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(SizeError, match=r"in <= out\n  got:      \("):
        DeltaOrthogonal()(shape)
