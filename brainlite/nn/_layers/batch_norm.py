"""Batch normalisation: moments of the batch in training, running ones in evaluation."""

import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from brainlite._given import Doubt
from brainlite.errors import OptionError, SizeError
from brainlite.nn import init
from brainlite.nn._functional.kernel import kernel
from brainlite.nn._layers.families import ByRank
from brainlite.nn._layers.layer import Init, Params
from brainlite.nn._layers.normalization import (
    AxisNames,
    Moments,
    Norm,
    Over,
)
from brainlite.nn._modules.torch_names import TorchView, view_of
from brainlite.state import BatchState, ParamState
from brainlite.state._face import refused
from brainlite.typing import Array, ArrayLike, DTypeLike, Shape, Size


class BatchNorm(Norm, ByRank):
    r"""The base of batch normalisation over zero to three spatial axes.

    Brings each channel to mean 0 and variance 1 over a batch and all positions, then scales and
    shifts it. In training the moments are those of the batch, and running averages of them are
    kept; in evaluation those averages are used. Moments are computed in float32 at least;
    numbers beyond some 1e19 become 0 before the bias, as in :class:`LayerNorm`.

    Parameters
    ----------
    in_size : int or sequence of int
        The sizes of one sample, (*spatial, C). The input may have any number of batch axes in
        front, and other spatial sizes, for which None may stand.
    feature_axis : int or sequence of int
        The axes of in_size that are normalised element by element, by default the last.
    track_running_stats : bool
        Whether to keep running averages; without, the moments are those of the batch at any time.
    epsilon : float
        Added to the variance, by default 1e-5.
    momentum : float or None
        How much of a running average stays at each call in training, by default 0.99. This is one
        minus torch's. None: the plain average of all calls.
    affine : bool
        Whether there are a scale and a bias.
    bias_initializer, scale_initializer : callable or array
        Their first values, or what makes them from their shape: zeros and ones.
    axis_name : str or sequence of str, optional
        The name of an axis of ``vmap`` or ``shard_map``, whose lanes are one batch.
    axis_index_groups : sequence of sequence of int, optional
        Which lanes of that axis belong together: as in ``jax.lax.psum``.
    use_fast_variance : bool
        As in :class:`LayerNorm`.
    name : str, optional
        A name of its own.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`. Running averages have the type of the parameters.
    param_type, mean_type : type
        The kinds of state that hold parameters, and running averages.

    Attributes
    ----------
    weight : ParamState or None
        ``{'bias': ..., 'scale': ...}`` of the shape of in_size, with 1 for the positions.
    running_mean, running_var : BatchState or None
        The averages, of the same shape. The variance is that of the batch, as in brainstate;
        torch averages :math:`n / (n - 1)` times it.

    Raises
    ------
    SizeError
        in_size does not have as many axes as the layer asks for, or an axis is none of them.
    OptionError
        epsilon is negative, or momentum is outside of [0, 1].
    EnvironmentKeyError
        At the call: it is not known whether the layer is trained (see ``Module.training``).
    InputError
        At the call: the features are not those of in_size, or in training there is but one value
        for each of them.

    References
    ----------
    Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167.

    Examples
    --------
    >>> layer = brainlite.nn.BatchNorm0d(1, momentum=0.5)
    >>> layer.train()(jnp.array([[1.0], [3.0]]))[:, 0].round(3)
    Array([-1.,  1.], dtype=float32)
    >>> layer.running_mean.value
    Array([1.], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size | Sequence[int | None],
        feature_axis: int | Sequence[int] = -1,
        *,
        track_running_stats: bool = True,
        epsilon: float = 1e-5,
        momentum: float | None = 0.99,
        affine: bool = True,
        bias_initializer: Init = init.Constant(0.0),
        scale_initializer: Init = init.Constant(1.0),
        axis_name: AxisNames = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        use_fast_variance: bool = False,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        mean_type: type[BatchState[Any]] = BatchState,
    ) -> None:
        self.name = name
        self._set_norm(
            _known(in_size), feature_axis, epsilon, use_fast_variance, axis_name, axis_index_groups
        )
        self._check_features(in_size)
        self._check_options(momentum)
        self.track_running_stats: bool = track_running_stats
        self.momentum: float | None = momentum
        scale, bias = (scale_initializer, bias_initializer) if affine else (None, None)
        self.weight: ParamState[Params] | None = self._make_params(
            scale, bias, param_type, dtype, param_dtype
        )
        self.running_mean: BatchState[Array] | None = None
        self.running_var: BatchState[Array] | None = None
        if track_running_stats:
            shape = self._param_shape()
            self.running_mean = mean_type(self._make(init.ZeroInit(), shape))
            self.running_var = mean_type(self._make(init.Constant(1.0), shape))
            if momentum is None:
                self.num_batches_tracked = mean_type(jnp.zeros((), jnp.int32))

    num_batches_tracked: BatchState[Array] | None = None

    def _check_features(self, given: Any) -> None:
        """Raise for None where the number of features is."""
        if isinstance(given, Sequence) and any(given[axis] is None for axis in self.feature_axes):
            raise SizeError(
                "the number of features is not known",
                where=type(self).__name__,
                expected=f"a number at axis {self.feature_axes[0]} of in_size",
                got=f"in_size={given}",
                fix="None may stand for a size of positions only",
            )

    @classmethod
    def _doubt(cls, *_args: Any, momentum: Any = None, **_named: Any) -> Doubt | None:
        if not isinstance(momentum, int | float) or not 0 < momentum < 0.5:
            return None
        return Doubt(
            f"momentum={momentum}",
            f"lets {momentum} of a running average stay, and takes the rest from the batch",
            f"momentum={1 - momentum:g}",
            "filter this warning",
        )

    def _check_options(self, momentum: float | None) -> None:
        """Raise for sizes of another rank, and for a momentum that is no share."""
        kind, rank = type(self).__name__, self._rank + 1
        if len(self.in_size) != rank:
            raise SizeError(
                "in_size has the wrong number of axes",
                where=kind,
                expected=f"{rank} sizes: {self._rank} of space, then the channels"
                if rank > 1
                else "the number of channels",
                got=f"in_size={self.in_size}",
                fix=f"leave batch axes out, or use BatchNorm{max(len(self.in_size) - 1, 0)}d",
            )
        if momentum is not None and not 0 <= momentum <= 1:
            raise OptionError(
                "momentum is no share of a running average",
                where=kind,
                expected="a number from 0 to 1, or None for the plain average",
                got=f"momentum={momentum!r}",
                fix="pass one minus torch's momentum: 0.9 for its 0.1",
            )

    def update(self, x: Array, mask: ArrayLike | None = None) -> Array:
        """Normalise a batch.

        Parameters
        ----------
        x : array, shape (..., *in_size)
        mask : array of bool, optional
            What counts for the moments, of a shape that broadcasts to that of ``x``.

        Returns
        -------
        array of the shape of ``x``
        """
        self._check(x)
        features = {axis + x.ndim for axis in self.feature_axes}
        over = self._over([axis for axis in range(x.ndim) if axis not in features])
        if self.running_mean is None or self.running_var is None:
            return self._normalize(x, self.weight, over, mask)[0]
        if not self.training:
            kept = Moments(self.running_mean.value, self.running_var.value)
            return self._normalize(x, self.weight, over, mask, kept)[0]
        self._check_count(x, over)
        y, found = self._normalize(x, self.weight, over, mask)
        self._keep(found, self.running_mean, self.running_var)
        return y

    def _torch_views(self) -> list[TorchView]:
        views = super()._torch_views()
        counted = () if self.num_batches_tracked is not None else ("num_batches_tracked",)
        for name in ("running_mean", "running_var"):
            state: BatchState[Array] | None = getattr(self, name)
            if state is not None:
                views.append(view_of(state, {name: self._torch_layout()}, counted))
        return views

    def _image_size(self) -> Shape | None:
        return self.in_size if self.feature_axes == (-1,) else None

    def _check_count(self, x: Array, over: Over) -> None:
        """Raise where there is one value only, which is its own mean (lanes may bring others)."""
        if self.axis_name is None and math.prod(x.shape[axis] for axis in over.axes) == 1:
            raise refused(
                self,
                "there is one value only for each channel, and so no variance",
                expected="a batch of several samples in training",
                got=f"an array of shape {x.shape}",
                fix="pass a larger batch, or call `eval()` to use the running averages",
            )

    def _keep(self, found: Moments, mean: BatchState[Array], var: BatchState[Array]) -> None:
        """Let the moments of a batch take part in the running averages."""
        batches = self.num_batches_tracked
        stays: ArrayLike | None = self.momentum
        if batches is not None:
            some = True if found.number is None else (found.number > 0).any()
            batches.value = batches.value + some
            stays = 1 - 1 / jnp.maximum(batches.value, 1)
        mean.value, var.value = _averaged((mean.value, var.value), found, stays)


@kernel()
def _averaged(old: tuple[Array, Array], found: Moments, stays: Any) -> tuple[Array, Array]:
    """Return what is left of old averages and the new moments in them, in their shapes and types.

    No gradient passes on to the batches that come, as in torch. Moments of no numbers leave them
    as they are.
    """
    shape = old[0].shape
    some = True if found.number is None else found.number.reshape(shape) > 0

    def averaged(a: Array, b: ArrayLike) -> Array:
        b = jax.lax.stop_gradient(jnp.reshape(b, shape))
        return jnp.where(some, stays * a + (1 - stays) * b, a).astype(a.dtype)

    return averaged(old[0], found.mean), averaged(old[1], found.var)


class BatchNorm0d(BatchNorm, rank=0):
    """Batch normalisation of (..., C)."""


class BatchNorm1d(BatchNorm, rank=1):
    """Batch normalisation of (..., L, C)."""


class BatchNorm2d(BatchNorm, rank=2):
    """Batch normalisation of (..., H, W, C)."""


class BatchNorm3d(BatchNorm, rank=3):
    """Batch normalisation of (..., D, H, W, C)."""


def _known(in_size: Any) -> Any:
    """Return a size with 1 where it is left open: no statistic depends on the positions."""
    if not isinstance(in_size, Sequence):
        return in_size
    return [1 if size is None else size for size in in_size]
