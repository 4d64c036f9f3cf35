"""Embedding: a table of vectors, looked up by index."""

import math
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import explicit_sharding, explicit_spec, laid_out, own, to_size, whole
from brainlite._jax_compat import Tracer
from brainlite.errors import OptionError, SizeError
from brainlite.nn import init
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.layer import Init, Layer, check_array
from brainlite.state import ParamState
from brainlite.state._face import refused
from brainlite.transform import check
from brainlite.typing import Array, ArrayLike, DTypeLike, Shape, Size


class Embedding(Layer):
    """A table of vectors: returns the row of each index.

    An index outside of the table (below 0, too) raises where its value is known, and is an
    error of ``brainlite.transform.checkify``. In other compiled code its row is NaN.

    Parameters
    ----------
    num_embeddings : int
        The number of rows.
    embedding_size : int or sequence of int
        The shape of a row.
    embedding_init : callable or array
        The table, or what makes it from its shape.
    padding_idx : int, optional
        A row that is 0 at first and gets no gradient; a negative one counts from the end.
    max_norm : float, optional
        Rows of a greater norm are shortened to it when they are looked up, and the short rows are
        written to the table, as in torch whatever the mode. No gradient passes through the norm.
    norm_type : float
        The p of that norm.
    scale_grad_by_freq : bool
        Whether to divide the gradient of a row by how many of the indices of a call name it.
    freeze : bool
        Whether the table is left untrained: see ``Module.requires_grad_``.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the table.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`.

    Attributes
    ----------
    weight : ParamState
        The table, of shape (num_embeddings, *embedding_size).

    Raises
    ------
    SizeError
        A size is negative or not whole, or padding_idx is outside of the table.
    OptionError
        max_norm or norm_type is not above 0.
    InputError
        At the call: indices are not whole numbers, or outside of the table.

    References
    ----------
    ``torch.nn.Embedding``, for the options.

    Examples
    --------
    >>> words = brainlite.nn.Embedding(10, 3, padding_idx=0)
    >>> words(jnp.array([[2, 5, 0], [7, 0, 0]])).shape
    (2, 3, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_size: Size,
        embedding_init: Init = init.LecunUniform(),
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        freeze: bool = False,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
    ) -> None:
        self.name = name
        self.num_embeddings: int = to_size(num_embeddings, "num_embeddings", "Embedding")[0]
        self.embedding_size: Shape = to_size(embedding_size, "embedding_size", "Embedding")
        self.out_size = self.embedding_size
        self._set_options(padding_idx, max_norm, norm_type, scale_grad_by_freq)
        self._set_dtypes(dtype, param_dtype)
        table = self._make(embedding_init, (self.num_embeddings, *self.embedding_size))
        if self.padding_idx is not None:
            table = table.at[self.padding_idx].set(0)
        self.weight: ParamState[Array] = param_type(table)
        if freeze:
            self.weight.requires_grad = False

    padding_idx: int | None = None
    max_norm: float | None = None
    norm_type: float = 2.0
    scale_grad_by_freq: bool = False

    def _set_options(
        self, padding_idx: int | None, max_norm: float | None, norm_type: float, by_freq: bool
    ) -> None:
        """Check and keep the options of an embedding."""
        rows = self.num_embeddings
        if padding_idx is not None:
            if not -rows <= padding_idx < rows:
                raise SizeError(
                    "padding_idx is outside of the table",
                    where="Embedding",
                    expected=f"an index of one of {rows} rows",
                    got=f"padding_idx={padding_idx}",
                    fix="pass the index of the row that pads",
                )
            self.padding_idx = padding_idx % rows
        if max_norm is not None:
            if not (max_norm > 0 and norm_type > 0):
                raise OptionError(
                    "rows cannot be shortened to this norm",
                    where="Embedding",
                    expected="max_norm and norm_type above 0",
                    got=f"max_norm={max_norm}, norm_type={norm_type}",
                    fix="leave out max_norm for rows of any length",
                )
            self.max_norm, self.norm_type = max_norm, norm_type
        if by_freq:
            self.scale_grad_by_freq = by_freq

    @classmethod
    def from_pretrained(
        cls,
        embeddings: ArrayLike,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        freeze: bool = True,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
    ) -> Self:
        """Return a layer with a given table, by default frozen.

        Parameters
        ----------
        embeddings : array, shape (num_embeddings, *embedding_size)
            The table. The row of ``padding_idx`` stays as it is.
        padding_idx, max_norm, norm_type, scale_grad_by_freq, freeze, name, param_type
            As in the class.

        Examples
        --------
        >>> brainlite.nn.Embedding.from_pretrained(jnp.eye(3))(jnp.array(1))
        Array([0., 1., 0.], dtype=float32)
        """
        table = own(embeddings)
        layer = cls(
            table.shape[0],
            table.shape[1:],
            table,
            padding_idx,
            max_norm,
            norm_type,
            scale_grad_by_freq,
            freeze,
            name,
            param_type,
        )
        layer.weight.value = table
        return layer

    def update(self, indices: ArrayLike) -> Array:
        """Look rows up.

        Parameters
        ----------
        indices : array of int, shape (...)
            Which rows.

        Returns
        -------
        array, shape (..., *embedding_size)
        """
        check_array(self, indices, "the indices", scalar=True)
        where = self._checked(whole(indices))
        table = self.weight.value
        rows = _look_up(table, where)
        if self.max_norm is not None:
            short = self._shorten(rows)
            rows = _instead(rows, short, jnp.ones((), rows.dtype))
            # The whole table takes the place of the old one, so that also later lookups of the
            # same function have a gradient.
            new = _with_rows(table, where, short)
            self.weight.value = _instead(table, new, jnp.ones((), table.dtype))
        share = self._share(where)
        if share is not None:
            share = share.reshape(where.shape + (1,) * len(self.embedding_size))
            rows = _instead(rows, rows, share.astype(rows.dtype))
        out: Array = self._cast(rows)[0]
        return out

    def _checked(self, indices: Array) -> Array:
        """Return the indices, or raise where they are seen to be none."""
        rows = self.num_embeddings
        outside = _outside(indices, rows)
        if not jnp.issubdtype(indices.dtype, jnp.integer):
            problem, got = "indices are not whole numbers", f"{indices.dtype}{[*indices.shape]}"
        elif isinstance(outside, Tracer):
            # Only checkify sees it: without one it is dropped, and costs nothing.
            lowest = np.iinfo(indices.dtype).min
            worst = jnp.where(outside, indices, lowest).max(initial=lowest)
            message = f"Embedding: index {{index}} is outside of the table of {rows} rows"
            check(~outside.any(), message, index=worst, debug=True)
            return indices
        elif outside.any():
            problem = "an index is outside of the table"
            got = f"index {np.asarray(indices)[np.asarray(outside)][0]}"
        else:
            return indices
        raise refused(
            self,
            problem,
            expected=f"whole numbers from 0 to {rows - 1}",
            got=got,
            fix="map what is unknown to a row of its own, or make a table of more rows",
        )

    def _shorten(self, rows: Array) -> Array:
        """Return rows of norm ``max_norm`` at most."""
        axes = tuple(range(rows.ndim - len(self.embedding_size), rows.ndim))
        size = jnp.abs(rows).astype(jnp.promote_types(rows.dtype, jnp.float32))
        if math.isinf(self.norm_type):
            norm = size.max(axes, keepdims=True)
        else:
            norm = (size**self.norm_type).sum(axes, keepdims=True) ** (1 / self.norm_type)
        assert self.max_norm is not None
        # 1e-7 as torch has it.
        factor = jnp.where(norm > self.max_norm, self.max_norm / (norm + 1e-7), 1)
        return (rows * factor).astype(rows.dtype)

    def _share(self, where: Array) -> Array | None:
        """Return how much of its gradient each row gets, if not all."""
        share = None
        if self.scale_grad_by_freq:
            share = 1 / _look_up(_counts(where, self.num_embeddings), where)
        if self.padding_idx is not None:
            share = jnp.where(where == self.padding_idx, 0, 1.0 if share is None else share)
        return share


@kernel("rows")
def _outside(indices: Array, rows: int) -> Array:
    return (indices < 0) | (indices >= rows)


@kernel()
def _look_up(table: Array, where: Array) -> Array:
    def look(table: Array, where: Array) -> Array:
        return table.at[where].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)

    return laid_out(look, explicit_sharding(_spec_of_rows(table, where), where, table))(
        table, where
    )


def _spec_of_rows(table: Array, where: Array) -> list[Any]:
    """Return how rows are cut on explicit axes: as the indices and, over other axes, the table."""
    found = [*(explicit_spec(where) or [None] * where.ndim)]
    taken = {axis for names in found for axis in (names if isinstance(names, tuple) else (names,))}
    for names in (explicit_spec(table) or [None] * table.ndim)[1:]:
        free = [n for n in (names if isinstance(names, tuple) else (names,)) if n not in taken]
        found.append(tuple(free) or None)
    return found


def _with_rows(table: Array, where: Array, rows: Array) -> Array:
    """Return a table with other rows."""

    def put(table: Array, where: Array, rows: Array) -> Array:
        return table.at[where].set(rows, mode="drop", wrap_negative_indices=False)

    spec = explicit_spec(table) or ()
    return laid_out(put, explicit_sharding(spec, table, where))(table, where, rows)


def _counts(where: Array, rows: int) -> Array:
    """Return how many of the indices name each row."""

    def count(where: Array) -> Array:
        return jnp.zeros(rows).at[where].add(1, mode="drop")

    return laid_out(count, explicit_sharding((), where))(where)


@jax.custom_jvp
def _instead(old: Array, new: Array, share: Array) -> Array:
    """Return ``new`` with the gradient of ``old`` times ``share``."""
    del old, share
    return new


@_instead.defjvp
def _instead_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    _, new, share = primals
    return new, tangents[0] * share
