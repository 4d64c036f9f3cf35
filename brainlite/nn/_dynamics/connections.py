"""Connections that bring spikes to neurons: dense, or a few for each neuron."""

import operator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from brainlite._given import check_option, to_size
from brainlite.errors import OptionError, SizeError
from brainlite.nn import init
from brainlite.nn._dynamics import delivery
from brainlite.nn._layers.layer import Init, check_features
from brainlite.nn._modules.module import Module
from brainlite.random import DEFAULT, RandomState
from brainlite.state import LongTermState, ParamState
from brainlite.typing import Array, SeedOrKey, Size


class EventLinear(Module):
    """A linear map of spikes, without a bias: of few spikes it takes only their rows.

    Parameters
    ----------
    in_size, out_size : int or sequence of int
        The sizes; one axis each.
    weight : callable or array
        The matrix, or what makes it from its shape (in, out).
    float_as_event : bool
        Whether a float that is not 0 counts as one spike; else it is multiplied. A float keeps its
        derivative in both cases.
    block_size : int
        Up to how many spikes rows are taken; for more, and for batches, the whole product is
        computed. The result is the same up to rounding.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the weight.

    Raises
    ------
    SizeError
        A size has more than one axis, or the weight does not fit.
    InputError
        The last axis of the input is not in_size.
    OptionError
        ``block_size`` is no whole number above 0.

    Examples
    --------
    >>> layer = brainlite.nn.EventLinear(3, 2, jnp.arange(6.0).reshape(3, 2))
    >>> layer(jnp.array([True, False, True]))
    Array([4., 6.], dtype=float32)
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        weight: Init,
        float_as_event: bool = True,
        block_size: int = 64,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
    ) -> None:
        self.name = name
        self.in_size, self.out_size = (
            _one_axis(self, in_size, "in_size"),
            _one_axis(self, out_size, "out_size"),
        )
        self.float_as_event: bool = float_as_event
        self.block_size: int = _positive("EventLinear", "block_size", block_size)
        shape = (self.in_size[0], self.out_size[0])
        self.weight: ParamState[Array] = param_type(init.param(weight, shape))

    def update(self, spikes: Array) -> Array:
        """Map spikes.

        Parameters
        ----------
        spikes : array of bool, int or float, shape (..., in)

        Returns
        -------
        array, shape (..., out)
        """
        check_features(self, spikes, self.in_size[0])
        weight = self.weight.value
        events = delivery.as_events(spikes, self.float_as_event).astype(weight.dtype)
        if events.ndim > 1:
            return events @ weight
        return delivery.times_matrix(self.block_size, events, weight)


class FixedNumConn(Module):
    """Random connections: each neuron has a fixed number of partners.

    Parameters
    ----------
    in_size, out_size : int or sequence of int
        How many neurons there are before and after; one axis each.
    conn_num : int or float
        How many partners each neuron has; below 1 the part of all that are.
    conn_weight : number, array or callable
        One weight for all, or one for each connection, of the shape of ``index``.
    efferent_target : {'post', 'pre'}
        Whether each neuron before has ``conn_num`` targets, or each one after as many sources.
    afferent_ratio : float
        The part of the neurons before that have connections, drawn at random.
    allow_multi_conn : bool
        Whether two neurons may be connected more than once.
    seed : int or key, optional
        Where the draw starts; by default the generator of the library says.
    name : str, optional
        A name of its own.
    param_type : type
        The kind of state that holds the weight.

    Attributes
    ----------
    index : LongTermState
        The partners, of shape (pre, m), or (post, m) for 'pre'.
    weight : ParamState
        A number, or an array of that shape.

    Raises
    ------
    OptionError
        ``conn_num`` is not positive, or more than there are without multiple connections; a ratio
        lies outside of [0, 1].
    InputError
        The last axis of the input is not in_size.
    SizeError
        A size has more than one axis.

    Examples
    --------
    >>> connections = brainlite.nn.FixedNumConn(100, 50, 5, 0.1, seed=0)
    >>> connections.index.value.shape
    (100, 5)
    >>> round(float(connections(jnp.ones(100)).sum()), 3)
    50.0
    """

    _block_size = 0  # how many spikes are gathered at most
    _float_as_event = False

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        conn_num: float,
        conn_weight: Init,
        efferent_target: str = "post",
        afferent_ratio: float = 1.0,
        allow_multi_conn: bool = True,
        seed: SeedOrKey | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
    ) -> None:
        kind = type(self).__name__
        self.name = name
        self.in_size = _one_axis(self, in_size, "in_size")
        self.out_size = _one_axis(self, out_size, "out_size")
        known = ("post", "pre")
        check_option(
            kind, "efferent_target", efferent_target, efferent_target in known, "post, pre"
        )
        check_option(kind, "afferent_ratio", afferent_ratio, 0 <= afferent_ratio <= 1, "0 to 1")
        self.efferent_target: str = efferent_target
        rng = _generator(seed)
        [pre], [post] = self.in_size, self.out_size
        # With a ratio below 1: which of those before have connections.
        self.sources: LongTermState[Array] | None = None
        if afferent_ratio < 1:
            pre = round(afferent_ratio * pre)
            chosen = np.sort(rng.choice(self.in_size[0], pre, replace=False))
            self.sources = LongTermState(jnp.asarray(chosen, jnp.int32))
        rows, partners = (pre, post) if efferent_target == "post" else (post, pre)
        self.conn_num: int = _number_of(kind, conn_num, partners, allow_multi_conn)
        drawn = _draw(rng, rows, partners, self.conn_num, allow_multi_conn)
        self.index: LongTermState[Array] = LongTermState(jnp.asarray(drawn, jnp.int32))
        one = isinstance(conn_weight, int | float) or (
            not callable(conn_weight) and jnp.ndim(conn_weight) == 0
        )
        value = init.param(conn_weight, () if one else drawn.shape)
        self.weight: ParamState[Array] = param_type(value)

    def update(self, spikes: Array) -> Array:
        """Bring spikes to where they go.

        Parameters
        ----------
        spikes : array of bool, int or float, shape (..., in)

        Returns
        -------
        array, shape (..., out)
            For each neuron after, the sum of the weights (times the spikes) of those that arrive.
        """
        check_features(self, spikes, self.in_size[0])
        weight, index = self.weight.value, self.index.value
        events = delivery.as_events(spikes, self._float_as_event).astype(weight.dtype)
        if self.sources is not None:
            events = events[..., self.sources.value]
        [post] = self.out_size
        most = self._block_size if events.ndim == 1 else 0  # in a batch both ways would be computed

        def deliver(events: Array) -> Array:
            if self.efferent_target == "pre":
                return delivery.gather_events(events, weight, index)
            return delivery.scatter(most, post, events, weight, index)

        return delivery.over_batch(deliver, events)


class EventFixedNumConn(FixedNumConn):
    """Random connections for spikes: of few spikes only their targets are looked at.

    Parameters
    ----------
    in_size, out_size, conn_num, conn_weight, efferent_target, afferent_ratio, allow_multi_conn
        As for :class:`FixedNumConn`. With targets for each neuron before (``'post'``) the cost is
        in proportion to the spikes.
    seed, name, param_type
        As for :class:`FixedNumConn`.
    float_as_event : bool
        Whether a float that is not 0 counts as one spike; else it is multiplied. A float keeps its
        derivative in both cases.
    block_size : int, optional
        Up to how many spikes only their targets are looked at; by default a hundredth of the
        neurons, 64 at least. Where more spike, and in a batch, all are. The result is the same up
        to rounding.

    Examples
    --------
    >>> connections = brainlite.nn.EventFixedNumConn(1000, 500, 0.02, 0.6, seed=0)
    >>> spikes = jnp.zeros(1000, bool).at[jnp.array([3, 5])].set(True)
    >>> connections.conn_num, round(float(connections(spikes).sum()), 3)
    (10, 12.0)
    """

    def __init__(
        self,
        in_size: Size,
        out_size: Size,
        conn_num: float,
        conn_weight: Init,
        efferent_target: str = "post",
        afferent_ratio: float = 1.0,
        allow_multi_conn: bool = True,
        seed: SeedOrKey | None = None,
        float_as_event: bool = True,
        block_size: int | None = None,
        name: str | None = None,
        param_type: type[ParamState[Any]] = ParamState,
    ) -> None:
        super().__init__(
            in_size,
            out_size,
            conn_num,
            conn_weight,
            efferent_target,
            afferent_ratio,
            allow_multi_conn,
            seed,
            name,
            param_type,
        )
        self._float_as_event: bool = float_as_event
        if block_size is None:
            block_size = max(64, self.in_size[0] // 100)
        self._block_size: int = _positive(type(self).__name__, "block_size", block_size)


EventFixedProb = EventFixedNumConn


def _one_axis(owner: Module, size: Size, name: str) -> tuple[int]:
    """Return a size of one axis, or raise."""
    shape = to_size(size, name, type(owner).__name__)
    if len(shape) != 1:
        raise SizeError(
            f"{name} has several axes",
            where=type(owner).__name__,
            expected="one axis: the number of neurons",
            got=f"{shape}",
            fix="flatten the population: pass the product of the sizes, and reshape the spikes",
        )
    return (shape[0],)


def _positive(kind: str, name: str, value: object) -> int:
    fits = isinstance(value, int | np.integer) and not isinstance(value, bool) and value > 0
    check_option(kind, name, value, bool(fits), "a whole number above 0")
    return operator.index(value)  # type: ignore[arg-type]  # it was looked at


def _number_of(kind: str, number: Any, partners: int, several: bool) -> int:
    """Return how many partners each neuron has, or raise."""
    part = isinstance(number, float | np.floating) and 0 < number < 1
    count = round(float(number) * partners) if part else number
    whole = isinstance(count, int | np.integer) and not isinstance(count, bool) and count >= 0
    if whole and (part or count > 0) and (several or count <= partners) and (partners or not count):
        return int(count)
    raise OptionError(
        "a neuron cannot have so many connections",
        where=kind,
        expected="conn_num: a whole number above 0"
        + ("" if several else f", at most {partners}")
        + ", or a part between 0 and 1",
        got=f"conn_num={number!r}",
        fix="pass how many partners each neuron has, or which part of all of them",
    )


def _generator(seed: SeedOrKey | None) -> np.random.Generator:
    """Return a generator of numpy that starts where the one of the library does."""
    rng = DEFAULT if seed is None else RandomState(seed)
    start = jax.random.key_data(rng.split_key())
    return np.random.default_rng(np.asarray(start, np.uint32).tolist())


def _draw(
    rng: np.random.Generator, rows: int, partners: int, number: int, several: bool
) -> np.ndarray[Any, Any]:
    """Draw the partners of each neuron."""
    if several or not number:
        return rng.integers(0, max(partners, 1), (rows, number))
    drawn = [rng.choice(partners, number, replace=False, shuffle=False) for _ in range(rows)]
    return np.asarray(drawn).reshape(rows, number)
