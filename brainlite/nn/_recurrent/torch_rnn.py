"""Recurrent layers with torch's equations, parameters and results: RNN, GRU and LSTM.

The equations, the names of the parameters and the order of the gates in them are those of the
documentation of ``torch.nn.RNN``, ``torch.nn.GRU`` and ``torch.nn.LSTM``.
"""

import functools
from collections.abc import Callable
from fractions import Fraction
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp

from brainlite._given import check_choice, to_size
from brainlite._jax_compat import has_cudnn_rnn
from brainlite.errors import OptionError
from brainlite.nn._recurrent import cudnn
from brainlite.nn._recurrent.recurrence import Cell, Hidden
from brainlite.nn._recurrent.sequence import Given, Inputs, Lengths, where_is
from brainlite.nn._recurrent.squash import SAME, SIGMOID, TANH, Apply
from brainlite.nn._recurrent.torch_recurrent import TorchRecurrent
from brainlite.state import HiddenState
from brainlite.typing import Array


class _OneState(TorchRecurrent):
    """A layer whose hidden state is its output."""

    def update(
        self,
        x: Array,
        hx: Array | None = None,
        *,
        lengths: Lengths = None,
        mask: Given = None,
        reset: Given = None,
    ) -> tuple[Array, Array]:
        """Run over a sequence.

        Parameters
        ----------
        x : array, shape (T, B, input_size), (B, T, input_size) if batch_first, or (T, input_size)
        hx : array, shape (num_layers * directions, [B,] hidden_size), optional
            The initial state. By default zeros, or the state kept from the last call if stateful.
        lengths : array of int, shape (B,), optional
            How many steps of each sequence count. Outputs after them are zero, the final state is
            the one after the last of them, and there the backward direction starts.
        mask : array of bool, shape (T, B) or (B, T), optional
            The same, told step by step: a step that is False is left out.
        reset : array of bool, shape (T, B) or (B, T), optional
            Where the state is set back to ``hx``, or zeros, before a step: a new sequence starts
            there. The backward direction is set back between the same two steps.

        Returns
        -------
        output : array, shape (T, B, directions * hidden_size)
            The states of the last layer at every step; the axes are those of ``x``.
        h_n : array, shape (num_layers * directions, [B,] hidden_size)
            The final state of each layer and direction.

        Raises
        ------
        InputError
            An argument does not fit the layer or the other arguments.
        StateMissingError
            The layer is stateful, and ``init_all_states`` was not called.
        """
        ys, (h,) = self._apply(x, None if hx is None else (hx,), lengths, mask, reset)
        return ys, h


class RNN(_OneState):
    r"""The plain recurrent layer of torch.

    :math:`h' = \phi(W_{ih} x + b_{ih} + W_{hh} h + b_{hh})`.

    Parameters
    ----------
    input_size, hidden_size : int
        The numbers of input features and of hidden units.
    num_layers : int
        How many layers lie above each other.
    nonlinearity : {'tanh', 'relu'}
        :math:`\phi`.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether input and output are (B, T, features) rather than (T, B, features). States are not.
    dropout : float
        The probability that an output of a layer is zero for the next, while the layer trains:
        under ``brainlite.environ.context(fit=True)`` or after ``train()``; see ``training``.
    bidirectional : bool
        Whether each layer runs backward, too; its outputs follow those of the forward direction.
    stateful : bool
        Whether a call goes on from the state that the last call ended with, which
        ``init_all_states`` makes and ``reset_all_states`` sets back.
    tbptt : int, optional
        Cut the gradient every so many steps: it does not pass along time from a step whose number
        is a multiple of this to the one before.
    remat : bool
        Keep the hidden states at some sqrt(T) steps only for the backward pass, and compute the
        rest again.
    name : str, optional
        A name of its own.

    Attributes
    ----------
    weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ... : ParamState
        As in torch, ``_l1`` for the next layer, ``_l0_reverse`` for the backward direction. They
        are drawn uniformly from :math:`\pm 1 / \sqrt{hidden\_size}`.

    Raises
    ------
    OptionError, SizeError
        An option has a value that it cannot have.

    References
    ----------
    .. [1] The documentation of ``torch.nn.RNN``.

    Examples
    --------
    >>> rnn = brainlite.nn.RNN(10, 20, num_layers=2, bidirectional=True)
    >>> output, h_n = rnn(jnp.ones((7, 3, 10)), lengths=jnp.array([7, 4, 0]))
    >>> output.shape, h_n.shape
    ((7, 3, 40), (4, 3, 20))
    """

    gates: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        stateful: bool = False,
        tbptt: int | None = None,
        remat: bool = False,
        name: str | None = None,
    ) -> None:
        fix = "for others use brainlite.nn.Recurrent(brainlite.nn.VanillaRNNCell(...))"
        check_choice("RNN", "nonlinearity", nonlinearity, list(_PLAIN), fix)
        self.nonlinearity: str = nonlinearity
        self._build(
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            stateful=stateful,
            tbptt=tbptt,
            remat=remat,
            name=name,
        )

    def _cell(self) -> Cell:
        return _PLAIN[self.nonlinearity]


class GRU(_OneState):
    r"""The gated recurrent layer of torch.

    :math:`r, z = \sigma(W x + b + W_h h + b_h)`,
    :math:`n = \tanh(W_{in} x + b_{in} + r (W_{hn} h + b_{hn}))` and
    :math:`h' = (1 - z) n + z h`. The weights hold the gates in the order r, z, n.

    Parameters and results are those of :class:`RNN`, without ``nonlinearity``.

    References
    ----------
    .. [1] The documentation of ``torch.nn.GRU``.
    .. [2] Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.

    Examples
    --------
    >>> gru = brainlite.nn.GRU(10, 20, batch_first=True, stateful=True)
    >>> gru = brainlite.nn.init_all_states(gru, batch_size=3)
    >>> for chunk in jnp.ones((4, 3, 5, 10)):  # a stream, five steps at a time
    ...     output, h_n = gru(chunk)
    >>> output.shape, h_n.shape
    ((3, 5, 20), (1, 3, 20))
    """

    gates: ClassVar[int] = 3

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        stateful: bool = False,
        tbptt: int | None = None,
        remat: bool = False,
        name: str | None = None,
    ) -> None:
        self._build(
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            stateful=stateful,
            tbptt=tbptt,
            remat=remat,
            name=name,
        )

    def _cell(self) -> Cell:
        return _GRU


class LSTM(TorchRecurrent):
    r"""The long short-term memory of torch.

    :math:`i, f, g, o = W x + b + W_h h + b_h`,
    :math:`c' = \sigma(f) c + \sigma(i) \tanh(g)` and :math:`h' = \sigma(o) \tanh(c')`, or
    :math:`W_{hr}` times that with a projection.

    Parameters are those of :class:`RNN`, without ``nonlinearity``, and

    Parameters
    ----------
    proj_size : int
        The size of the output and of ``h``, where they are projected; 0 for no projection.
    implementation : {'xla', 'cudnn'}, optional
        Who runs the steps. By default that is cuDNN where it can, and plain JAX, compiled by XLA,
        elsewhere; see Notes.

    Notes
    -----
    Where JAX has one device, an NVIDIA GPU, calls in float32 go to cuDNN through
    ``jax.experimental.rnn``, which knows ``lengths`` but no ``mask``, ``reset``, ``proj_size``,
    ``tbptt``, ``remat`` or active dropout. It multiplies in TF32 unless
    ``jax_default_matmul_precision`` asks for more. It has no forward mode (``jvp``, ``jacfwd``):
    ``implementation="xla"`` has. Among several devices XLA can share out a loop, but not a call
    of cuDNN, which ``implementation="cudnn"`` asks for. What goes to cuDNN is tested on CPU; it
    was not timed on a GPU yet.

    References
    ----------
    .. [1] The documentation of ``torch.nn.LSTM``.
    .. [2] Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997.
    .. [3] Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning", arXiv:1410.0759, 2014.
    .. [4] Sak et al., "Long Short-Term Memory Based Recurrent Neural Network Architectures for
       Large Vocabulary Speech Recognition", 2014: the projection.

    Examples
    --------
    >>> output, (h_n, c_n) = brainlite.nn.LSTM(10, 20, proj_size=5)(jnp.ones((7, 3, 10)))
    >>> output.shape, h_n.shape, c_n.shape
    ((7, 3, 5), (1, 3, 5), (1, 3, 20))
    """

    gates: ClassVar[int] = 4
    hidden_names: ClassVar[tuple[str, ...]] = ("h", "c")
    proj_size: int
    c: HiddenState[Array]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        *,
        stateful: bool = False,
        tbptt: int | None = None,
        remat: bool = False,
        implementation: Literal["xla", "cudnn"] | None = None,
        name: str | None = None,
    ) -> None:
        check_choice("LSTM", "implementation", implementation, (None, "xla", "cudnn"))
        self.implementation: Literal["xla", "cudnn"] | None = implementation
        [self.proj_size] = to_size(proj_size, "proj_size", "LSTM")
        self._build(
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            bias=bias,
            batch_first=batch_first,
            dropout=dropout,
            bidirectional=bidirectional,
            stateful=stateful,
            tbptt=tbptt,
            remat=remat,
            name=name,
        )

    def _cell(self) -> Cell:
        return _LSTM

    def _widths(self) -> tuple[int, ...]:
        return self.proj_size or self.hidden_size, self.hidden_size

    def _on_cudnn(self, call: Inputs, fit: bool) -> bool:
        """Say whether cuDNN computes the same, and may be asked."""
        asked = self.implementation == "cudnn"
        if not asked and (self.implementation or not has_cudnn_rnn() or jax.device_count() > 1):
            return False
        special = {
            "proj_size": self.proj_size > 0,
            "tbptt": self.tbptt is not None,
            "remat": self.remat,
            "dropout": fit,
            "mask": call.mask is not None,
            "reset": call.reset is not None,
        }
        dtype = jnp.result_type(call.x, self.weight_ih_l0.value)
        names = [name for name, there in special.items() if there]
        why = cudnn.obstacle(call.x, dtype, names)
        if asked and why:
            raise OptionError(
                "cuDNN cannot run this call",
                where=where_is(self),
                expected="a plain call in float32 on an NVIDIA GPU, for implementation='cudnn'",
                got=why,
                fix="leave out implementation: then cuDNN runs the calls that it can",
            )
        return why is None

    def update(
        self,
        x: Array,
        hx: tuple[Array, Array] | None = None,
        *,
        lengths: Lengths = None,
        mask: Given = None,
        reset: Given = None,
    ) -> tuple[Array, tuple[Array, Array]]:
        """Run over a sequence, as :meth:`RNN.update` does.

        Parameters
        ----------
        x, lengths, mask, reset
            As in :meth:`RNN.update`.
        hx : (h_0, c_0), optional
            Of shapes (num_layers * directions, [B,] proj_size or hidden_size) and
            (num_layers * directions, [B,] hidden_size).

        Returns
        -------
        output : array, shape (T, B, directions * (proj_size or hidden_size))
        (h_n, c_n) : arrays
            The final states, of the shapes of ``hx``.
        """
        ys, (h, c) = self._apply(x, hx, lengths, mask, reset)
        return ys, (h, c)


def _plain(act: Callable[[Array], Array]) -> Cell:
    return Cell(lambda _apply, pre, _hidden: (act(pre),))  # to keep the gates is as good


_PLAIN = {"tanh": _plain(jnp.tanh), "relu": _plain(jax.nn.relu)}


def _point_gru(apply: Apply, pre: Array, hidden: Hidden) -> Hidden:
    # The parts of the candidate are apart, (B, 4 H): the reset gate weighs the second one.
    r, z, n_x, n_h = jnp.split(pre, 4, axis=-1)
    z = apply(SIGMOID, z)
    n = apply(TANH, n_x + apply(SIGMOID, r) * apply(SAME, n_h))
    return ((1 - z) * n + z * hidden[0],)


def _point_lstm(apply: Apply, pre: Array, hidden: Hidden, axis: int = -1) -> Hidden:
    i, f, g, o = jnp.split(pre, 4, axis)
    c = apply(SIGMOID, f) * hidden[1] + apply(SIGMOID, i) * apply(TANH, g)
    return apply(SIGMOID, o) * jnp.tanh(c), c  # this one is cheaper to compute than to keep


_GRU = Cell(_point_gru, apart=Fraction(1, 3))
_LSTM = Cell(_point_lstm, columns=functools.partial(_point_lstm, axis=0))
