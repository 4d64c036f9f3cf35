"""SparseLinear against the product with the dense matrix, from every format."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse

from brainlite import nn
from brainlite.errors import InputError, SizeError
from brainlite.state import ParamState
from brainlite.transform import grad, jit
from tests.closeness import assert_close

DENSE = np.array([[0, 2, 0, 0], [1, 0, 0, 5], [0, 0, 0, 0]], np.float32)  # (in, out)
X = np.arange(6.0, dtype=np.float32).reshape(2, 3)


class Compressed:
    """A matrix as scipy and brainunit have them: by rows, or (CSC) by columns."""

    def __init__(self, dense: Any) -> None:
        rows, self.indices = np.nonzero(dense)
        self.indptr = np.searchsorted(rows, np.arange(len(dense) + 1))
        self.data, self.shape = dense[rows, self.indices], dense.shape


class CSC(Compressed):
    def __init__(self, dense: Any) -> None:
        super().__init__(dense.T)
        self.shape = dense.shape


class Coordinates:
    def __init__(self, dense: Any) -> None:
        self.row, self.col = np.nonzero(dense)
        self.data, self.shape = dense[self.row, self.col], dense.shape


untyped: Any = sparse

FORMATS: list[Callable[[Any], Any]] = [
    untyped.BCOO.fromdense,
    lambda dense: untyped.BCOO.fromdense(dense, nse=7),
    untyped.BCSR.fromdense,
    untyped.CSR.fromdense,
    untyped.CSC.fromdense,
    untyped.COO.fromdense,
    Compressed,
    CSC,
    Coordinates,
]


@pytest.mark.parametrize("make", FORMATS)
def test_it_is_the_product_with_the_dense_matrix(make: Callable[[Any], Any]) -> None:
    layer = nn.SparseLinear(make(DENSE))
    assert layer.weight.value["weight"].shape == (3,)
    assert (layer.in_size, layer.out_size) == ((3,), (4,))
    for run in (layer, jit(layer)):
        assert_close(run(jnp.asarray(X)), X @ DENSE)
        assert_close(run(jnp.asarray(X[0])), X[0] @ DENSE)


def test_entries_and_bias_are_trained_and_nothing_else() -> None:
    layer = nn.SparseLinear(untyped.BCOO.fromdense(DENSE), b_init=nn.init.Constant(0.5))
    assert_close(layer(jnp.asarray(X)), X @ DENSE + 0.5)
    weights = np.arange(1.0, 5.0, dtype=np.float32)
    params = layer.states(ParamState)
    found = grad(lambda: (layer(jnp.asarray(X)) * weights).sum(), params)()["weight",]
    rows, columns = np.nonzero(DENSE)
    dense = X.T @ np.broadcast_to(weights, (2, 4))
    assert_close(found["weight"], dense[rows, columns])
    assert_close(found["bias"], 2 * weights)


def test_entries_of_one_place_add_up() -> None:
    twice = untyped.BCOO((jnp.array([1.0, 2.0]), jnp.array([[0, 1], [0, 1]])), shape=(2, 2))
    assert_close(nn.SparseLinear(twice)(jnp.array([10.0, 1.0])), np.array([0.0, 30.0], np.float32))


def test_half_precision_is_summed_in_single() -> None:
    column = nn.SparseLinear(untyped.BCOO.fromdense(jnp.ones((4096, 1), "float16")))
    out = column(jnp.ones(4096, "float16"))
    assert out.dtype == jnp.float16
    assert float(out[0]) == 4096


def test_what_does_not_fit_is_refused() -> None:
    for wrong in (jnp.ones((2, 3)), None, untyped.BCOO.fromdense(jnp.ones((2, 2, 2)))):
        with pytest.raises(InputError, match=r"no sparse matrix(.|\n)*BCOO\.fromdense"):
            nn.SparseLinear(wrong)
    with pytest.raises(SizeError, match=r"a last axis of 3(.|\n)*in_size=\(4,\)"):
        nn.SparseLinear(untyped.BCOO.fromdense(DENSE), in_size=4)
    assert nn.SparseLinear(untyped.BCOO.fromdense(DENSE), in_size=(7, 3)).out_size == (7, 4)
