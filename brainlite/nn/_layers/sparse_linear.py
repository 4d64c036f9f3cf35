"""A linear map whose weight is a sparse matrix."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from brainlite._given import is_quantity, own
from brainlite.errors import InputError, SizeError
from brainlite.nn import init
from brainlite.nn._layers.layer import Init, Layer, Params, check_features
from brainlite.state import LongTermState, ParamState
from brainlite.typing import Array, DTypeLike, Size


class SparseLinear(Layer):
    """A linear map of the last axis, by a sparse matrix: only what it holds is stored and trained.

    Parameters
    ----------
    spar_mat : sparse matrix of shape (in, out)
        Of :mod:`jax.experimental.sparse`, of scipy, or of brainunit: coordinates, or rows or
        columns that are compressed. Entries of one place count together.
    b_init : callable, array or None
        The bias, or what makes it from its shape (out,); None for no bias.
    in_size : int or sequence of int, optional
        The size of the input, whose last axis is that of the matrix.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the parameters.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`; by default the parameters have the type of the matrix.

    Attributes
    ----------
    weight : ParamState
        ``{'weight': (entries,), 'bias': (out,)}``; without ``'bias'`` where there is none.
    index : LongTermState
        ``{'row': (entries,), 'column': (entries,)}``.

    Raises
    ------
    InputError
        That is no sparse matrix of two axes; or at the call: the last axis of the input is not
        that of the matrix.
    SizeError
        in_size does not end with the rows of the matrix.
    OptionError
        A dtype is none of floats.

    Examples
    --------
    >>> from jax.experimental import sparse
    >>> matrix = sparse.BCOO.fromdense(jnp.array([[0.0, 2.0], [0.0, 0.0], [3.0, 0.0]]))
    >>> layer = brainlite.nn.SparseLinear(matrix)
    >>> print(layer(jnp.ones((4, 3)))[0], layer.weight.value["weight"].shape)
    [3. 2.] (2,)
    """

    def __init__(
        self,
        spar_mat: Any,
        b_init: Init | None = None,
        in_size: Size | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        *,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        rows, columns, data = _entries(spar_mat)
        inputs, outputs = spar_mat.shape
        self.in_size = inputs if in_size is None else in_size
        if self.in_size[-1:] != (inputs,):
            raise SizeError(
                "in_size does not fit the matrix",
                where="SparseLinear",
                expected=f"a last axis of {inputs}",
                got=f"in_size={self.in_size}",
                fix="leave it out, or pass the transposed matrix: its shape is (in, out)",
            )
        self.out_size = (*self.in_size[:-1], outputs)
        self._set_dtypes(dtype, param_dtype)
        self.index: LongTermState[Params] = LongTermState(
            {"row": jnp.asarray(rows, jnp.int32), "column": jnp.asarray(columns, jnp.int32)}
        )
        weight = own(data, param_dtype)
        params = {"weight": weight}
        if b_init is not None:
            params["bias"] = own(init.param(b_init, (outputs,)), weight.dtype)
        self.weight: ParamState[Params] = param_type(params)

    def update(self, x: Array) -> Array:
        """Map the last axis.

        Parameters
        ----------
        x : array, shape (..., in)

        Returns
        -------
        array, shape (..., out)
        """
        check_features(self, x, self.in_size[-1])
        params, index = self.weight.value, self.index.value
        if self.dtype is not None:
            x, params = self._cast(x, params)
        products = jnp.asarray(x)[..., index["row"]] * params["weight"]
        kind = products.dtype  # sums of half precision are of single precision
        out = jnp.zeros((*x.shape[:-1], self.out_size[-1]), jnp.promote_types(kind, jnp.float32))
        out = out.at[..., index["column"]].add(products).astype(kind)
        return out + params["bias"].astype(kind) if "bias" in params else out


def _entries(matrix: Any) -> tuple[Any, Any, Any]:
    """Return rows, columns and values of a sparse matrix."""
    shape: Any = getattr(matrix, "shape", None)
    data: Any = getattr(matrix, "data", None)
    if is_quantity(data):
        raise InputError(
            "this sparse matrix has a unit",
            where="SparseLinear",
            expected="plain numbers",
            got=f"entries in {data.unit}",
            fix="divide it by its unit, and multiply the output",
        )
    if isinstance(shape, Sequence) and len(shape) == 2 and np.ndim(data) == 1:
        data = data if hasattr(data, "dtype") else np.asarray(data)
        found = _places(matrix)
        if found is not None:
            rows, columns = (np.asarray(each) for each in found)
            # Some matrices are filled up with entries that lie outside.
            inside = (rows < shape[0]) & (columns < shape[1])
            return rows[inside], columns[inside], data[inside]
    raise InputError(
        "this is no sparse matrix",
        where="SparseLinear",
        expected="a matrix of jax.experimental.sparse, scipy.sparse or brainunit.sparse, of two "
        "axes",
        got=f"a {type(matrix).__name__}" + (f" of shape {tuple(shape)}" if shape else ""),
        fix="make one: `jax.experimental.sparse.BCOO.fromdense(weight)`; or use nn.Linear",
    )


def _places(matrix: Any) -> tuple[Any, Any] | None:
    """Return rows and columns of the entries, from any of the formats."""
    if hasattr(matrix, "indptr"):
        indices, starts = np.asarray(matrix.indices), np.asarray(matrix.indptr)
        along = np.searchsorted(starts, np.arange(len(indices)), side="right") - 1
        by_columns = "CSC" in type(matrix).__name__.upper()
        return (indices, along) if by_columns else (along, indices)
    if hasattr(matrix, "indices"):
        return matrix.indices[:, 0], matrix.indices[:, 1]
    if hasattr(matrix, "row") and hasattr(matrix, "col"):
        return matrix.row, matrix.col
    return None
