"""Normalisation of each sample by itself: over features, groups of channels, or positions."""

from collections.abc import Sequence
from typing import Any

from brainlite.errors import SizeError
from brainlite.nn import init
from brainlite.nn._layers.layer import Init, Params
from brainlite.nn._layers.normalization import AxisNames, Norm
from brainlite.state import ParamState
from brainlite.typing import Array, ArrayLike, DTypeLike, Size


class LayerNorm(Norm):
    r"""Brings the features of each sample to mean 0 and variance 1, then scales and shifts them.

    :math:`y = (x - E[x]) / \sqrt{Var[x] + \epsilon} \cdot scale + bias`. Moments are computed in
    float32 at least. It cannot hold the squares of numbers beyond some 1e19: their variance is
    infinite, and they become 0 before the bias, as in torch.

    Parameters
    ----------
    in_size : int or sequence of int
        The sizes of one sample, or its last ones: (..., features).
    reduction_axes : int or sequence of int
        The axes of in_size that the moments are taken over, by default the last. torch's
        ``LayerNorm((10, 6))`` takes them over all that it is given: ``reduction_axes=(-2, -1),
        feature_axes=(-2, -1)`` here.
    feature_axes : int or sequence of int
        The axes of in_size that have a scale and a bias for each element, by default the last.
    epsilon : float
        Added to the variance, by default 1e-6; torch has 1e-5.
    use_bias, use_scale : bool
        Whether there is a bias, and a scale.
    bias_init, scale_init : callable or array
        Their first values, or what makes them from their shape: zeros and ones.
    axis_name : str or sequence of str, optional
        The name of an axis of ``vmap`` or ``shard_map``, over which moments are taken, too.
    axis_index_groups : sequence of sequence of int, optional
        Which lanes of that axis belong together: as in ``jax.lax.psum``.
    use_fast_variance : bool
        Whether to take the variance as :math:`E[x^2] - E[x]^2`, which reads the input once but
        loses its digits where the mean is large against the deviation. By default the mean comes
        first, as in torch; brainstate's default is the fast one.
    dtype, param_dtype : dtype, optional
        As in :class:`Linear`.
    param_type : type
        The kind of state that holds the parameters.
    name : str, optional
        A name of its own.

    Attributes
    ----------
    weight : ParamState or None
        ``{'bias': ..., 'scale': ...}`` of the shape of in_size, with 1 for axes without features.

    Raises
    ------
    SizeError
        A size is negative, or an axis is none of in_size.
    OptionError
        epsilon is negative.
    InputError
        At the call: the features are not those of in_size.

    References
    ----------
    Ba, Kiros and Hinton, "Layer Normalization", 2016, arXiv:1607.06450.

    Examples
    --------
    >>> brainlite.nn.LayerNorm(4)(jnp.array([1.0, 2.0, 3.0, 4.0]))
    Array([-1.34..., -0.44...,  0.44...,  1.34...], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        reduction_axes: int | Sequence[int] = -1,
        feature_axes: int | Sequence[int] = -1,
        *,
        epsilon: float = 1e-6,
        use_bias: bool = True,
        use_scale: bool = True,
        bias_init: Init = init.ZeroInit(),
        scale_init: Init = init.Constant(1.0),
        axis_name: AxisNames = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        use_fast_variance: bool = False,
        dtype: DTypeLike | None = None,
        param_dtype: DTypeLike | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        name: str | None = None,
    ) -> None:
        self.name = name
        self._set_norm(
            in_size, feature_axes, epsilon, use_fast_variance, axis_name, axis_index_groups
        )
        self.reduction_axes: tuple[int, ...] = self._to_axes(reduction_axes, "reduction_axes")
        scale, bias = scale_init if use_scale else None, bias_init if use_bias else None
        self.weight: ParamState[Params] | None = self._make_params(
            scale, bias, param_type, dtype, param_dtype
        )

    def update(self, x: Array, *, mask: ArrayLike | None = None) -> Array:
        """Normalise each sample.

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
        return self._normalize(x, self.weight, self._over(self.reduction_axes), mask)[0]


class RMSNorm(Norm):
    r"""Divides the features of each sample by their root mean square, then scales them.

    :math:`y = x / \sqrt{E[x^2] + \epsilon} \cdot scale`: no mean is taken, and there is no bias.
    Numbers beyond some 1e19 become 0, as in :class:`LayerNorm`.

    Parameters
    ----------
    in_size, reduction_axes, feature_axes
        As in :class:`LayerNorm`.
    epsilon : float
        Added to the mean square, by default 1e-6; torch has that of the dtype.
    use_scale : bool
        Whether there is a scale.
    scale_init : callable or array
        Its first value, or what makes it from its shape: ones.
    dtype, param_dtype, axis_name, axis_index_groups, param_type, name
        As in :class:`LayerNorm`.

    Attributes
    ----------
    scale : ParamState or None
        ``{'scale': ...}`` of the shape of in_size, with 1 for axes without features.

    Raises
    ------
    SizeError, OptionError, InputError
        As in :class:`LayerNorm`.

    References
    ----------
    Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019, arXiv:1910.07467.

    Examples
    --------
    >>> brainlite.nn.RMSNorm(2)(jnp.array([3.0, 4.0]))
    Array([0.848..., 1.131...], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        *,
        epsilon: float = 1e-6,
        dtype: DTypeLike | None = None,
        use_scale: bool = True,
        scale_init: Init = init.Constant(1.0),
        reduction_axes: int | Sequence[int] = -1,
        feature_axes: int | Sequence[int] = -1,
        axis_name: AxisNames = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        param_dtype: DTypeLike | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        name: str | None = None,
    ) -> None:
        self.name = name
        self._set_norm(in_size, feature_axes, epsilon, False, axis_name, axis_index_groups)
        self.reduction_axes: tuple[int, ...] = self._to_axes(reduction_axes, "reduction_axes")
        self.scale: ParamState[Params] | None = self._make_params(
            scale_init if use_scale else None, None, param_type, dtype, param_dtype
        )

    def update(self, x: Array, *, mask: ArrayLike | None = None) -> Array:
        """Normalise each sample.

        Parameters
        ----------
        x : array, shape (..., *in_size)
        mask : array of bool, optional
            What counts for the mean square, of a shape that broadcasts to that of ``x``.

        Returns
        -------
        array of the shape of ``x``
        """
        self._check(x)
        over = self._over(self.reduction_axes)._replace(centered=False)
        return self._normalize(x, self.scale, over, mask)[0]


class GroupNorm(Norm):
    """Normalises groups of channels of each sample, over all positions.

    Numbers beyond some 1e19 become 0 before the bias, as in :class:`LayerNorm`.

    Parameters
    ----------
    in_size : int or sequence of int
        The sizes of one sample, (*spatial, C), with any number of batch axes in front of the
        input; or as in brainstate only (C,), then the first axis of an input of several axes is
        that of the batch, and all between it and the channels are positions.
    feature_axis : int
        The axis of in_size with the channels, by default the last.
    num_groups : int, optional
        Into how many groups the channels go, by default 32.
    group_size : int, optional
        How many channels a group has, instead: then pass ``num_groups=None``.
    epsilon : float
        Added to the variance, by default 1e-6; torch has 1e-5.
    use_bias, use_scale, bias_init, scale_init
        As in :class:`LayerNorm`; each channel has its own.
    reduction_axes : int or sequence of int, optional
        The axes of in_size that moments are taken over, that of the channels among them; by
        default all.
    axis_name, axis_index_groups, use_fast_variance, dtype, param_dtype, param_type, name
        As in :class:`LayerNorm`.

    Attributes
    ----------
    weight : ParamState or None
        ``{'bias': ..., 'scale': ...}`` of the shape of in_size, with 1 for the positions.
    num_groups, group_size : int
        How many groups there are, and the channels of each.

    Raises
    ------
    SizeError
        The groups don't divide the channels, or both are given or neither.
    OptionError, InputError
        As in :class:`LayerNorm`.

    References
    ----------
    Wu and He, "Group Normalization", 2018, arXiv:1803.08494.

    Examples
    --------
    >>> layer = brainlite.nn.GroupNorm((8, 8, 6), num_groups=3)
    >>> layer(jnp.ones((5, 8, 8, 6))).shape
    (5, 8, 8, 6)
    """

    def __init__(
        self,
        in_size: Size,
        feature_axis: int = -1,
        num_groups: int | None = 32,
        group_size: int | None = None,
        *,
        epsilon: float = 1e-6,
        dtype: DTypeLike | None = None,
        use_bias: bool = True,
        use_scale: bool = True,
        bias_init: Init = init.ZeroInit(),
        scale_init: Init = init.Constant(1.0),
        reduction_axes: int | Sequence[int] | None = None,
        axis_name: AxisNames = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        use_fast_variance: bool = False,
        param_dtype: DTypeLike | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        name: str | None = None,
    ) -> None:
        self.name = name
        _check_order(in_size, feature_axis)
        self._set_norm(
            in_size, feature_axis, epsilon, use_fast_variance, axis_name, axis_index_groups
        )
        self.feature_axis: int = self.feature_axes[0]
        self._set_groups(num_groups, group_size)
        if reduction_axes is not None:
            self.reduction_axes = self._to_axes(reduction_axes, "reduction_axes")
        scale, bias = scale_init if use_scale else None, bias_init if use_bias else None
        self.weight: ParamState[Params] | None = self._make_params(
            scale, bias, param_type, dtype, param_dtype
        )

    reduction_axes: tuple[int, ...] | None = None

    def _set_groups(self, num_groups: int | None, group_size: int | None) -> None:
        """Keep the number of groups, which must divide the channels."""
        channels = self.in_size[self.feature_axis]
        given = [size for size in (num_groups, group_size) if size is not None]
        if len(given) != 1 or given[0] < 1 or channels % given[0]:
            fits = [n for n in range(1, channels + 1) if channels % n == 0]
            raise SizeError(
                "the channels cannot be cut into such groups",
                where=type(self).__name__,
                expected=f"num_groups or group_size, not both, that divides {channels} channels",
                got=f"num_groups={num_groups}, group_size={group_size}",
                fix=f"pass one of {fits}, and None for the other",
            )
        self.num_groups: int = given[0] if group_size is None else channels // given[0]
        self.group_size: int = channels // self.num_groups

    def update(self, x: Array, *, mask: ArrayLike | None = None) -> Array:
        """Normalise each sample.

        Parameters
        ----------
        x : array, shape (..., *in_size), or (batch, ..., C)
        mask : array of bool, optional
            What counts for the moments, of a shape that broadcasts to that of ``x``.

        Returns
        -------
        array of the shape of ``x``
        """
        self._check(x)
        channels = x.ndim + self.feature_axis
        if self.reduction_axes is not None:
            axes = [axis % x.ndim for axis in self.reduction_axes]
        else:  # with channels alone, the batch is one axis in front
            rank = len(self.in_size)
            axes = list(range(min(1, x.ndim - 1) if rank == 1 else x.ndim - rank, x.ndim))
        # The axis of the channels becomes two, (groups, channels of a group).
        parts = [axis + (axis >= channels) for axis in axes]
        over = self._over(parts, (channels, self.num_groups))
        return self._normalize(x, self.weight, over, mask)[0]


class InstanceNorm(GroupNorm):
    """Normalises each channel of each sample over all positions: groups of one channel.

    As in torch there is neither scale nor bias unless they are asked for, and epsilon is 1e-5.

    Parameters
    ----------
    in_size, feature_axis, epsilon, use_bias, use_scale, bias_init, scale_init, reduction_axes
        As in :class:`GroupNorm`.
    axis_name, axis_index_groups, use_fast_variance, dtype, param_dtype, param_type, name
        As in :class:`LayerNorm`.

    References
    ----------
    Ulyanov, Vedaldi and Lempitsky, "Instance Normalization", 2016, arXiv:1607.08022.

    Examples
    --------
    >>> brainlite.nn.InstanceNorm((3, 1))(jnp.array([[1.0], [2.0], [3.0]]))[:, 0].round(3)
    Array([-1.225,  0.   ,  1.225], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        feature_axis: int = -1,
        *,
        epsilon: float = 1e-5,
        dtype: DTypeLike | None = None,
        use_bias: bool = False,
        use_scale: bool = False,
        bias_init: Init = init.ZeroInit(),
        scale_init: Init = init.Constant(1.0),
        reduction_axes: int | Sequence[int] | None = None,
        axis_name: AxisNames = None,
        axis_index_groups: Sequence[Sequence[int]] | None = None,
        use_fast_variance: bool = False,
        param_dtype: DTypeLike | None = None,
        param_type: type[ParamState[Any]] = ParamState,
        name: str | None = None,
    ) -> None:
        super().__init__(
            in_size,
            feature_axis,
            None,
            1,
            epsilon=epsilon,
            dtype=dtype,
            use_bias=use_bias,
            use_scale=use_scale,
            bias_init=bias_init,
            scale_init=scale_init,
            reduction_axes=reduction_axes,
            axis_name=axis_name,
            axis_index_groups=axis_index_groups,
            use_fast_variance=use_fast_variance,
            param_dtype=param_dtype,
            param_type=param_type,
            name=name,
        )


def _check_order(in_size: Any, feature_axis: Any) -> None:
    """Raise for the arguments of torch's GroupNorm, in their order."""
    if isinstance(in_size, int) and isinstance(feature_axis, int) and feature_axis > 0:
        raise SizeError(
            "the channels come first here, and torch has the number of groups first",
            where="GroupNorm",
            expected="GroupNorm(in_size, num_groups=...), with the axis of channels second",
            got=f"GroupNorm({in_size}, {feature_axis})",
            fix=f"write GroupNorm({feature_axis}, num_groups={in_size}, epsilon=1e-5), or first "
            f"the sizes of one sample, as (28, 28, {feature_axis})",
        )
