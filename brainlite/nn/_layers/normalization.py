"""What layers share that normalise: moments in float32 at least, then scale and bias."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import Elsewhere, to_size
from brainlite.errors import OptionError, SizeError
from brainlite.nn._functional.floating import floating
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.layer import Init, Layer, Params, check_array
from brainlite.nn._modules.torch_names import TorchLayout, TorchView, view_of
from brainlite.state import ParamState
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike, DTypeLike, Shape, Size

AxisNames: TypeAlias = str | Sequence[str] | None


class Moments(NamedTuple):
    """What is normalised with; the mean is 0 where only the size of the numbers counts."""

    mean: ArrayLike
    var: Array
    number: Array | None = None  # of how many values they are, where that may be none


class Over(NamedTuple):
    """How a normalisation goes; all of it is known before any number is."""

    axes: tuple[int, ...]
    epsilon: float
    fast: bool = False
    centered: bool = True
    groups: tuple[int, int] | None = None  # an axis, and into how many groups it is cut
    axis_name: str | tuple[str, ...] | None = None
    axis_index_groups: tuple[tuple[int, ...], ...] | None = None


class Norm(Layer):
    """The base of layers that take mean and variance of their input, and scale and shift it."""

    feature_axes: tuple[int, ...]
    epsilon: float
    use_fast_variance: bool = False
    axis_name: str | tuple[str, ...] | None = None
    axis_index_groups: tuple[tuple[int, ...], ...] | None = None

    if not TYPE_CHECKING:
        bias = Elsewhere()

    def _set_norm(
        self,
        in_size: Size,
        feature_axes: int | Sequence[int],
        epsilon: float,
        use_fast_variance: bool,
        axis_name: AxisNames,
        axis_index_groups: Sequence[Sequence[int]] | None,
    ) -> None:
        """Check and keep the options that all normalisations have."""
        kind = type(self).__name__
        self.in_size = self.out_size = to_size(in_size, name="in_size", where=kind)
        self.feature_axes = self._to_axes(feature_axes, "feature_axes")
        if not 0 <= epsilon < math.inf:
            raise OptionError(
                "this epsilon cannot be added to a variance",
                where=kind,
                expected="a number, 0 or more",
                got=f"epsilon={epsilon!r}",
                fix="pass a small number, such as 1e-5",
            )
        self.epsilon = float(epsilon)
        # Attributes only where they were given, so that others print as ever.
        if use_fast_variance:
            self.use_fast_variance = True
        if axis_name is not None:
            self.axis_name = axis_name if isinstance(axis_name, str) else tuple(axis_name)
        if axis_index_groups is not None:
            self.axis_index_groups = tuple(map(tuple, axis_index_groups))

    def _to_axes(self, axes: int | Sequence[int], name: str) -> tuple[int, ...]:
        """Return axes of in_size as they count from the end, where batch axes do not matter."""
        rank = len(self.in_size)
        given: tuple[Any, ...] = tuple(axes) if isinstance(axes, Sequence) else (axes,)
        if not all(type(axis) is int for axis in given):
            raise SizeError(
                f"{name} are no axes",
                where=type(self).__name__,
                expected="whole numbers: axes of in_size",
                got=f"{axes!r}",
                fix="write `epsilon=` for what is added to the variance"
                if isinstance(axes, float)
                else "count axes from the end: -1 is the last",
            )
        found = {axis - rank if axis >= 0 else axis for axis in given if -rank <= axis < rank}
        if len(found) == len(given) > 0:
            return tuple(sorted(found))
        raise SizeError(
            f"{name} are not axes of in_size",
            where=type(self).__name__,
            expected=f"different axes from {-rank} to {rank - 1}, of in_size={self.in_size}",
            got=f"{axes!r}",
            fix="leave batch axes out of in_size, and count from the end: -1 is the last",
        )

    def _param_shape(self) -> Shape:
        """Return the shape of scale and bias: that of in_size with 1 for what is no feature."""
        rank = len(self.in_size)
        sizes = enumerate(self.in_size, -rank)
        return tuple(size if axis in self.feature_axes else 1 for axis, size in sizes)

    def _make_params(
        self,
        scale: Init | None,
        bias: Init | None,
        param_type: type[ParamState[Any]],
        dtype: DTypeLike | None,
        param_dtype: DTypeLike | None,
    ) -> ParamState[Params] | None:
        """Return the state of scale and bias, each where there is an initialiser."""
        self._set_dtypes(dtype, param_dtype)
        given = {"bias": bias, "scale": scale}
        shape = self._param_shape()
        made = {name: self._make(each, shape) for name, each in given.items() if each is not None}
        return param_type(made) if made else None

    def _torch_views(self) -> list[TorchView]:
        state = getattr(self, "scale", None) or getattr(self, "weight", None)
        names = {"weight": self._torch_layout("scale"), "bias": self._torch_layout("bias")}
        return [] if state is None else [view_of(state, names)]

    def _torch_layout(self, key: str | None = None) -> TorchLayout:
        """Return how torch has what is here of the rank of in_size: with the axes of features."""
        shape = self._param_shape()
        kept = tuple(self.in_size[axis] for axis in self.feature_axes)
        return TorchLayout(
            key, lambda array: array.reshape(kept), lambda array: array.reshape(shape)
        )

    def _check(self, x: Array) -> None:
        """Raise unless the features of ``x`` are those of in_size."""
        check_array(self, x)
        size, shape = self.in_size, x.shape
        if len(shape) >= len(size) and all(shape[a] == size[a] for a in self.feature_axes):
            return
        others = ", ".join(
            str(n) if axis in self.feature_axes else "*" for axis, n in enumerate(size, -len(size))
        )
        raise refused(
            self,
            "the input does not have the features that are normalised",
            expected=f"an array of shape (..., {others}), as in_size={size}",
            got=f"an array of shape {shape}",
            fix="pass such an array, or make the layer for the sizes that come",
        )

    def _check_mask(self, x: Array, mask: ArrayLike) -> None:
        """Raise for a mask that does not broadcast to the input."""
        check_array(self, mask, "the mask", scalar=True)
        shape = np.shape(mask)
        sizes = zip(reversed(shape), reversed(x.shape), strict=False)
        if len(shape) > x.ndim or any(n not in (1, size) for n, size in sizes):
            raise refused(
                self,
                "the mask does not fit the input",
                expected=f"bools of a shape that broadcasts to {x.shape}",
                got=f"a mask of shape {shape}",
                fix="give it the axes of the input, each of its size or 1",
            )
        dtype = jnp.result_type(mask)
        # A mask that is to be added to scores is 0 where an element counts.
        if not jnp.issubdtype(dtype, jnp.bool_):
            raise refused(
                self,
                "the mask does not fit the input",
                expected="bools: True where an element counts",
                got=f"a mask of {dtype}",
                fix="make it one: `mask > 0`, or `mask == 0` of one that is added to scores",
            )

    def _over(self, axes: Sequence[int], groups: tuple[int, int] | None = None) -> Over:
        return Over(
            tuple(axes),
            self.epsilon,
            self.use_fast_variance,
            groups=groups,
            axis_name=self.axis_name,
            axis_index_groups=self.axis_index_groups,
        )

    def _normalize(
        self,
        x: Array,
        state: ParamState[Params] | None,
        over: Over,
        mask: ArrayLike | None = None,
        given: Moments | None = None,
    ) -> tuple[Array, Moments]:
        """Normalise by given moments, or by those of the input; return these, too."""
        if mask is not None:
            self._check_mask(x, mask)
        params: Any = {} if state is None else state.value
        x, params = self._cast(x, params)
        return _normalized(over, x, params, mask, given)


def moments(over: Over, x: Array, mask: ArrayLike | None = None) -> Moments:
    """Return mean and variance over axes, which are kept, and over the lanes of a named axis.

    Those of no numbers are 0.
    """
    if mask is None and not math.prod(x.shape[axis] for axis in over.axes):
        mask = True
    count: Array | None = None
    if mask is not None:
        mask = jnp.broadcast_to(jnp.asarray(mask, bool), x.shape)
        count = mask.sum(over.axes, dtype=x.dtype, keepdims=True)
        count = _across(jax.lax.psum, count, over)

    def average(values: Array) -> Array:
        if mask is None or count is None:
            found = values.mean(over.axes, keepdims=True)
            mean: Array = _across(jax.lax.pmean, found, over)
            return mean
        total = jnp.where(mask, values, 0).sum(over.axes, keepdims=True)
        share: Array = _across(jax.lax.psum, total, over) / jnp.maximum(count, 1)
        return share

    if not over.centered:
        return Moments(0.0, average(jnp.square(x)), count)
    mean = average(x)
    if over.fast:
        var = jnp.maximum(average(jnp.square(x)) - jnp.square(mean), 0)
        return Moments(mean, var, count)
    return Moments(mean, average(jnp.square(x - mean)), count)


def _across(collective: Any, values: Any, over: Over) -> Any:
    if over.axis_name is None:
        return values
    return collective(values, over.axis_name, axis_index_groups=over.axis_index_groups)


@kernel("over")
def _normalized(
    over: Over, x: Array, params: Params, mask: ArrayLike | None, given: Moments | None
) -> tuple[Array, Moments]:
    """Return the input with mean 0 and variance 1 over some axes, then scaled and shifted."""
    if mask is not None:
        # Replaced before any arithmetic: 0 times NaN would be the gradient otherwise.
        mask = jnp.broadcast_to(jnp.asarray(mask, bool), x.shape)
        x = jnp.where(mask | jnp.isfinite(x), x, 0)
    # Half precision has too few digits for a variance.
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    if over.groups is not None:
        axis, count = over.groups
        parts = (*x.shape[:axis], count, x.shape[axis] // count, *x.shape[axis + 1 :])
        wide = wide.reshape(parts)
        mask = None if mask is None else mask.reshape(parts)
    found = moments(over, wide, mask) if given is None else given
    y = ((wide - found.mean) * jax.lax.rsqrt(found.var + over.epsilon)).reshape(x.shape)
    if "scale" in params:
        y = y * params["scale"]
    if "bias" in params:
        y = y + params["bias"]
    return y.astype(jnp.result_type(floating(x), *params.values())), found
