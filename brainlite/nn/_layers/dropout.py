"""Layers that drop a part of their input at random, in training."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from brainlite import random
from brainlite._given import Doubt, to_size
from brainlite.errors import OptionError
from brainlite.nn._layers.elementwise import ElementWiseBlock
from brainlite.nn._layers.families import ByRank
from brainlite.nn._layers.layer import check_array
from brainlite.state import ShortTermState
from brainlite.state._face import refused
from brainlite.typing import Array, Shape, Size


class Dropping(ElementWiseBlock):
    """The base of all: when to drop, and where."""

    prob: float

    @classmethod
    def _doubt(cls, prob: Any = None, /, *_rest: Any, **_named: Any) -> Doubt | None:
        if not isinstance(prob, int | float) or not 0 < prob < 0.5:
            return None
        return Doubt(f"{prob}", f"keeps a share of {prob}", f"p={prob}", f"prob={prob}")

    def _set_prob(self, prob: float | None, p: float | None) -> None:
        """Set the probability to keep an element, of which one or the other was given, or raise."""
        for name, given in (("prob", prob), ("p", p)):
            if given is not None and not 0 <= given <= 1:
                raise OptionError(
                    "a probability is outside of [0, 1]",
                    where=type(self).__name__,
                    expected="a number from 0 to 1",
                    got=f"{name}={given}",
                    fix="prob is the probability to keep an element, p that to drop it",
                )
        if prob is not None and p is not None:
            raise OptionError(
                "prob and p say the same thing",
                where=type(self).__name__,
                expected="prob, the probability to keep, or p, that to drop: 1 - prob",
                got=f"prob={prob}, p={p}",
                fix="leave out one of them",
            )
        if prob is None:
            prob = 0.5 if p is None else 1 - p
        self.prob = prob

    def update(self, x: Array) -> Array:
        """Drop in training; return the input as it is in evaluation.

        Parameters
        ----------
        x : array

        Returns
        -------
        array of the shape of x
        """
        check_array(self, x)
        shape, prob = self._mask_shape(x), self.prob
        if prob == 1 or not self.training:
            return x
        # With nothing kept there is nothing to scale, and a scale of 1 / 0 would spoil gradients.
        return self._drop(x, self._mask(shape)) if prob else jnp.zeros_like(x)

    def _mask_shape(self, x: Array) -> Shape:
        """Return the shape of what is drawn for an input, which it broadcasts to."""
        return x.shape

    def _mask(self, shape: Shape) -> Array:
        """Return where to keep."""
        return random.bernoulli(self.prob, shape)

    def _drop(self, x: Array, mask: Array) -> Array:
        """Return x where the mask says so, scaled, and 0 elsewhere."""
        return jnp.where(mask, x / self.prob, 0)

    def _count(self, x: Array, axis: int, first: int) -> int:
        """Return an axis counted from 0, which must not lie before ``first``."""
        counted = axis + x.ndim if axis < 0 else axis
        if 0 <= first <= counted < x.ndim:
            return counted
        raise refused(
            self,
            "the input has too few axes",
            expected=f"at least {x.ndim - first}, with the channels in axis {axis} among the last",
            got=f"an array of shape {x.shape}",
            fix="add the axes that are missing, or pass channel_axis",
        )


class Dropout(Dropping):
    """Sets elements to 0 at random in training, and divides the others by ``prob``.

    Parameters
    ----------
    prob : float
        The probability to keep an element, by default 0.5. torch's is that to drop it: ``p``.
    broadcast_dims : sequence of int
        Axes of the input along which all is kept or dropped together.
    name : str, optional
        A name of its own.
    p : float, optional
        The probability to drop an element, instead of ``prob``.

    Raises
    ------
    OptionError
        A probability is outside of [0, 1], or both are given.
    EnvironmentKeyError
        At the call: it is not known whether the layer is trained (see ``Module.training``).
    InputError
        At the call: the input lacks one of ``broadcast_dims``.

    References
    ----------
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 2014.

    Examples
    --------
    >>> layer = brainlite.nn.Dropout(0.8)
    >>> set(layer.train()(jnp.ones(100)).tolist()), set(layer.eval()(jnp.ones(100)).tolist())
    ({0.0, 1.25}, {1.0})
    """

    def __init__(
        self,
        prob: float | None = None,
        broadcast_dims: Sequence[int] = (),
        name: str | None = None,
        *,
        p: float | None = None,
    ) -> None:
        self.name = name
        self._set_prob(prob, p)
        self.broadcast_dims: tuple[int, ...] = tuple(broadcast_dims)

    def _mask_shape(self, x: Array) -> Shape:
        shared = {self._count(x, axis, 0) for axis in self.broadcast_dims}
        return tuple(1 if axis in shared else n for axis, n in enumerate(x.shape))


class DropoutNd(Dropping, ByRank):
    """The base of dropout of whole channels: each sample keeps or drops its own.

    Parameters
    ----------
    prob : float
        The probability to keep a channel, by default 0.5. torch's is that to drop it: ``p``.
    channel_axis : int
        Where the channels are; the one, two or three spatial axes are the others of the last
        two, three or four axes. Any axes in front are those of the batch.
    name : str, optional
        A name of its own.
    p : float, optional
        The probability to drop a channel, instead of ``prob``.

    Raises
    ------
    OptionError
        A probability is outside of [0, 1], or both are given.
    InputError
        The input has too few axes.
    EnvironmentKeyError
        At the call: it is not known whether the layer is trained.

    References
    ----------
    Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015.

    Examples
    --------
    >>> y = brainlite.nn.Dropout2d(0.8).train()(jnp.ones((32, 5, 5, 3)))
    >>> bool((y == y[:, :1, :1]).all())
    True
    """

    def __init__(
        self,
        prob: float | None = None,
        channel_axis: int = -1,
        name: str | None = None,
        *,
        p: float | None = None,
    ) -> None:
        self.name = name
        self._set_prob(prob, p)
        self.channel_axis = channel_axis

    def _mask_shape(self, x: Array) -> Shape:
        first = x.ndim - self._rank - 1
        channel = self._count(x, self.channel_axis, first)
        return tuple(n if i < first or i == channel else 1 for i, n in enumerate(x.shape))


class Dropout1d(DropoutNd, rank=1):
    """Drops whole channels of (..., length, channels)."""


class Dropout2d(DropoutNd, rank=2):
    """Drops whole channels of (..., height, width, channels)."""


class Dropout3d(DropoutNd, rank=3):
    """Drops whole channels of (..., depth, height, width, channels)."""


class AlphaDropout(Dropping):
    r"""Dropout for :class:`SELU`: input of mean 0 and variance 1 keeps both.

    Dropped elements become :math:`\alpha' = -1.7581`, the limit of SELU, and all are scaled and
    shifted: :math:`a x + b` with :math:`a = (q + \alpha'^2 q (1 - q))^{-1/2}`,
    :math:`b = -a (1 - q) \alpha'` for the probability q to keep.

    Parameters
    ----------
    prob, name, p
        As in :class:`Dropout`. With nothing kept the output is 0.

    References
    ----------
    Klambauer, Unterthiner, Mayr and Hochreiter, "Self-normalizing neural networks", NIPS 2017.

    Examples
    --------
    >>> y = brainlite.nn.AlphaDropout(0.8).train()(brainlite.random.randn(10_000))
    >>> bool(abs(y.mean()) < 0.1), bool(abs(y.std() - 1) < 0.1)
    (True, True)
    """

    def __init__(
        self, prob: float | None = None, name: str | None = None, *, p: float | None = None
    ) -> None:
        self.name = name
        self._set_prob(prob, p)

    def _drop(self, x: Array, mask: Array) -> Array:
        keep, limit = self.prob, -1.0507009873554805 * 1.6732632423543772
        a = (keep + limit**2 * keep * (1 - keep)) ** -0.5
        y: Array = a * jnp.where(mask, x, limit) - a * (1 - keep) * limit
        return y


class FeatureAlphaDropout(AlphaDropout):
    """:class:`AlphaDropout` of whole channels, of each sample for itself.

    Parameters
    ----------
    prob, name, p
        As in :class:`Dropout`.
    channel_axis : int
        Where the channels are. The first axis is that of the batch; all others are shared.

    Raises
    ------
    InputError
        At the call: the input has too few axes.

    Examples
    --------
    >>> layer = brainlite.nn.FeatureAlphaDropout(0.8).train()
    >>> layer(brainlite.random.randn(20, 4, 32, 16)).shape
    (20, 4, 32, 16)
    """

    def __init__(
        self,
        prob: float | None = None,
        channel_axis: int = -1,
        name: str | None = None,
        *,
        p: float | None = None,
    ) -> None:
        super().__init__(prob, name, p=p)
        self.channel_axis = channel_axis

    def _mask_shape(self, x: Array) -> Shape:
        kept = {0, self._count(x, self.channel_axis, min(1, x.ndim - 1))}
        return tuple(n if axis in kept else 1 for axis, n in enumerate(x.shape))


class DropoutFixed(Dropping):
    """Dropout of the same elements at every call, until the state is made or reset again.

    In a recurrent network all steps of a sequence then drop the same elements.

    Parameters
    ----------
    in_size : int or sequence of int
        The shape of one input.
    prob, name, p
        As in :class:`Dropout`.

    Attributes
    ----------
    mask : ShortTermState
        Where to keep, of shape ([batch_size,] *in_size): made by ``init_state``, drawn again by
        ``reset_state``.

    Raises
    ------
    StateMissingError
        In training: the mask was not made. Call ``brainlite.nn.init_all_states(model)``.
    InputError
        In training: the input does not have the shape of the mask.
    SizeError
        The size is negative or not whole.

    References
    ----------
    Gal and Ghahramani, "A theoretically grounded application of dropout in recurrent neural
    networks", NIPS 2016.

    Examples
    --------
    >>> layer = brainlite.nn.init_all_states(brainlite.nn.DropoutFixed(20, 0.8), batch_size=10)
    >>> x = jnp.ones((10, 20))
    >>> bool((layer.train()(x) == layer(x)).all())
    True
    """

    mask: ShortTermState[Array]

    @classmethod
    def _doubt(cls, _in_size: Any = None, prob: Any = None, /, **_named: Any) -> Doubt | None:
        return super()._doubt(prob)

    def __init__(
        self,
        in_size: Size,
        prob: float | None = None,
        name: str | None = None,
        *,
        p: float | None = None,
    ) -> None:
        self.name = name
        self.in_size = self.out_size = to_size(in_size, name="in_size", where="DropoutFixed")
        self._set_prob(prob, p)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Draw the mask.

        Parameters
        ----------
        batch_size : int, optional
            The length of an axis in front.
        **kwargs
            What is meant for other modules.
        """
        del kwargs
        self.mask = ShortTermState(self._draw(batch_size))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Draw the mask again; the arguments are those of :meth:`init_state`."""
        del kwargs
        self.mask.value = self._draw(batch_size)

    def _draw(self, batch_size: int | None) -> Array:
        lead = () if batch_size is None else to_size(batch_size, "batch_size", "DropoutFixed")
        return super()._mask((*lead, *self.in_size))

    def _mask(self, shape: Shape) -> Array:
        """Return the mask that is there, which the input must have the shape of."""
        mask = self.mask.value
        if mask.shape == shape:
            return mask
        raise refused(
            self,
            "the input does not have the shape of the mask",
            expected=f"an array of shape {mask.shape}",
            got=f"an array of shape {shape}",
            fix="make the mask for it: brainlite.nn.init_all_states(model, batch_size=...)",
        )
