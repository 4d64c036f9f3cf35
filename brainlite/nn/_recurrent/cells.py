"""Recurrent cells: one step of a recurrent network, with its hidden state.

Every cell is a set of equations on plain arrays, and one base that keeps the states, checks the
input and runs the equations. Outside any trace the equations run as one compiled kernel, which is
one dispatch instead of some twenty.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import jax
import jax.numpy as jnp

from brainlite._given import explicit_sharding, explicit_spec, laid_out, to_size
from brainlite.errors import InputError
from brainlite.graph._face import fields
from brainlite.nn import init
from brainlite.nn._functional.kernel import compiled_for
from brainlite.nn._layers.layer import Init, check_array, check_features
from brainlite.nn._layers.linear import Linear, affine
from brainlite.nn._modules.module import Module
from brainlite.nn._modules.torch_names import TorchView
from brainlite.nn._recurrent.sequence import dtype_of_parameters
from brainlite.nn._recurrent.step import CompiledStep, is_untraced, prepared
from brainlite.nn._recurrent.torch_cells import torch_view
from brainlite.nn.functional import is_pure, resolve_activation
from brainlite.random import uniform
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._face import locate
from brainlite.transform._face import watchers
from brainlite.typing import Array

Activation: TypeAlias = str | Callable[[Array], Array]
Unary: TypeAlias = Callable[[Array], Array]
# (input, hidden states, affine maps, activation, further parameters) -> new hidden states
Equations: TypeAlias = Callable[
    [Array, Sequence[Array], Sequence[Unary], Unary, Sequence[Array]], tuple[Array, ...]
]


class RNNCell(Module):
    """The base of recurrent cells.

    A subclass makes its layers in ``__init__``, names its hidden states in ``hidden_names`` and
    its layers in ``layer_names``, and gives its ``equations``; or it defines ``init_state``,
    ``reset_state`` and ``update`` itself.

    Parameters
    ----------
    name, in_size, out_size
        As for :class:`Module`.

    Examples
    --------
    >>> class Leaky(brainlite.nn.RNNCell):
    ...     def __init__(self, num_in, num_out):
    ...         super().__init__()
    ...         self.num_out = num_out
    ...         self.W = brainlite.nn.Linear(num_in, num_out)
    ...
    ...     def init_state(self, batch_size=None, **kwargs):
    ...         batch = () if batch_size is None else (batch_size,)
    ...         self.h = brainlite.HiddenState(jnp.zeros((*batch, self.num_out)))
    ...
    ...     def update(self, x):
    ...         self.h.value = 0.9 * self.h.value + 0.1 * jnp.tanh(self.W(x))
    ...         return self.h.value
    >>> sequence = jnp.ones((7, 4, 2))
    >>> output, last = brainlite.nn.Recurrent(Leaky(2, 3))(sequence)
    >>> output.shape, bool((output[-1] == last["h",]).all())
    ((7, 4, 3), True)
    """

    h: HiddenState[Array]
    state_initializer: Init
    activation: Unary
    hidden_names: ClassVar[tuple[str, ...]] = ("h",)
    layer_names: ClassVar[tuple[str, ...]] = ()

    if TYPE_CHECKING:

        @staticmethod
        def equations(
            x: Array,
            hidden: Sequence[Array],
            maps: Sequence[Unary],
            act: Unary,
            extras: Sequence[Array],
        ) -> tuple[Array, ...]:
            """Return the new hidden states, in the order of ``hidden_names``."""
            ...

    def _set_up(
        self, num_in: int, num_out: int, state_init: Init, activation: Activation, name: str | None
    ) -> None:
        """Check and keep sizes, initial state and activation."""
        kind = type(self).__name__
        self.name = name
        [num_in] = to_size(num_in, name="num_in", where=kind)
        [num_out] = to_size(num_out, name="num_out", where=kind)
        self.in_size = num_in
        self.out_size = num_out
        self.num_out: int = num_out
        self.num_in: int = num_in
        self.state_initializer: Init = state_init
        self.activation: Unary = resolve_activation(activation, kind)

    def init_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Make the hidden states anew, of shape ([batch_size,] num_out)."""
        del kwargs
        for name in self.hidden_names:
            initial = self._initial(batch_size)
            # As under a transform, a state that is there already gets the new value. So whoever
            # makes the states before each sequence changes no attribute.
            state = getattr(self, name, None) if is_untraced() else None
            if type(state) is HiddenState:
                state.value = initial
            else:
                setattr(self, name, HiddenState(initial))

    def reset_state(self, batch_size: int | None = None, **kwargs: Any) -> None:
        """Set the hidden states back, to shape ([batch_size,] num_out)."""
        del kwargs
        for name in self.hidden_names:
            state: HiddenState[Array] = getattr(self, name)
            state.value = self._initial(batch_size)

    def _initial(self, batch_size: int | None) -> Array:
        initial: Array = init.param(self.state_initializer, self.num_out, batch_size)
        floats = jnp.issubdtype(initial.dtype, jnp.floating)
        return initial.astype(dtype_of_parameters(self)) if floats else initial

    def update(self, x: Array) -> Array:
        """Take one step.

        Parameters
        ----------
        x : array, shape ([batch,] num_in)

        Returns
        -------
        array, shape ([batch,] num_out)
            The new hidden state ``h``.

        Raises
        ------
        InputError
            The input does not have ``num_in`` features, or not the batch of the hidden state.
        StateMissingError
            The hidden states were not made: call ``init_all_states`` first.
        """
        check_array(self, x)  # a step that was kept asks for the shape alone
        step = prepared(self, x)
        if step is not None:
            return step.run(x)
        states: list[HiddenState[Array]] = [getattr(self, name) for name in self.hidden_names]
        hidden = tuple([state.value for state in states])
        self._check(x, hidden[0])
        layers: list[Any] = [getattr(self, name) for name in self.layer_names]
        extras = self._extras()
        plain = is_pure(self.activation) and all(_is_plain(layer) for layer in layers)
        if plain and is_untraced():
            step = CompiledStep(
                self._as_kernel(), states, [layer.weight for layer in layers], extras, x
            )
            step.keep(self)
            return step.run(x)
        values = tuple([state.value for state in extras])
        if plain and _on_explicit_axes(x, hidden, weights := _values_of(layers)):
            new = self._as_kernel()(x, hidden, weights, values)
        else:
            new = type(self).equations(x, hidden, layers, self.activation, values)
        for state, value in zip(states, new, strict=True):
            state.value = value
        return new[-1]

    def _as_kernel(self) -> Callable[..., tuple[Array, ...]]:
        return _kernel(type(self).equations, self.activation)

    def _extras(self) -> tuple[State[Array], ...]:
        """Return parameters of the equations beside those of the layers."""
        return ()

    def _check(self, x: Array, h: Array) -> None:
        """Raise where the input does not fit the weights, or the batch of the hidden state."""
        check_features(self, x, self.num_in)
        if x.shape[:-1] == h.shape[:-1]:
            return
        raise InputError(
            "the batch of the input is not that of the hidden state",
            where=locate(self) or type(self).__name__,
            expected=f"an input of shape {(*h.shape[:-1], self.num_in)}, for a hidden state of "
            f"shape {h.shape}",
            got=f"an input of shape {x.shape}",
            fix=f"call `init_all_states(model, batch_size={x.shape[0]})` for a batch"
            if x.ndim == 2
            else "call `init_all_states(model)`, without batch_size for unbatched input",
        )


def _is_plain(layer: Module) -> bool:
    # While somebody watches, or where a hook was set, a call is more than `update`.
    is_linear = type(layer) is Linear and layer.w_mask is None and layer.dtype is None
    return is_linear and not watchers() and not fields(layer).get("_forward_hooks")


@compiled_for
def _kernel(equations: Equations, activation: Unary) -> Callable[..., tuple[Array, ...]]:
    """Return the equations of a cell as one kernel."""

    def step(
        x: Array,
        hidden: tuple[Array, ...],
        weights: tuple[dict[str, Array], ...],
        extras: tuple[Array, ...],
    ) -> tuple[Array, ...]:
        maps = [functools.partial(affine, params, None) for params in weights]
        return equations(x, hidden, maps, activation, extras)

    def run(x: Array, hidden: tuple[Array, ...], *params: Any) -> tuple[Array, ...]:
        # On explicit axes the batch of the hidden states is cut as that of the input.
        batch = (explicit_spec(x) or explicit_spec(hidden[0]) or ())[: x.ndim - 1]
        where = explicit_sharding(batch, x, *hidden, *jax.tree.leaves(params))
        return laid_out(step, where)(x, hidden, *params)

    compiled: Callable[..., tuple[Array, ...]] = run
    return compiled


def _values_of(layers: Sequence[Any]) -> tuple[dict[str, Array], ...]:
    return tuple([layer.weight.value for layer in layers])


def _on_explicit_axes(*values: Any) -> bool:
    """Say whether how some of the arrays are laid out is a part of their types."""
    return explicit_sharding((), *jax.tree.leaves(values)) is not None


def _join(x: Array, h: Array) -> Array:
    return jnp.concatenate([x, h], axis=-1)


class ValinaRNNCell(RNNCell):
    r"""The plain recurrent cell, :math:`h' = \phi(W [x, h] + b)`. Also ``VanillaRNNCell``.

    Parameters
    ----------
    num_in, num_out : int
        The numbers of input features and of hidden units.
    state_init : callable or array
        What the hidden state starts from, made from its shape ([batch,] num_out).
    w_init : callable or array
        The weight, of shape (num_in + num_out, num_out).
    b_init : callable, array or None
        The bias, of shape (num_out,).
    activation : str or callable
        :math:`\phi`, by name or as a function.
    name : str, optional
        A name of its own.

    Raises
    ------
    SizeError
        A size is negative or not whole.
    OptionError
        There is no activation of this name.

    References
    ----------
    .. [1] Elman, "Finding Structure in Time", 1990.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.VanillaRNNCell(10, 20), batch_size=4)
    >>> cell(jnp.ones((4, 10))).shape
    (4, 20)
    """

    layer_names: ClassVar[tuple[str, ...]] = ("W",)

    def __init__(
        self,
        num_in: int,
        num_out: int,
        state_init: Init = init.ZeroInit(),
        w_init: Init = init.XavierNormal(),
        b_init: Init | None = init.ZeroInit(),
        activation: Activation = "relu",
        name: str | None = None,
    ) -> None:
        self._set_up(num_in, num_out, state_init, activation, name)
        self.W: Linear = Linear(self.num_in + self.num_out, self.num_out, w_init, b_init)

    @staticmethod
    def equations(
        x: Array,
        hidden: Sequence[Array],
        maps: Sequence[Unary],
        act: Unary,
        extras: Sequence[Array],
    ) -> tuple[Array, ...]:
        """Return the new ``(h,)``."""
        del extras
        return (act(maps[0](_join(x, hidden[0]))),)

    def _torch_views(self) -> list[TorchView]:
        return [torch_view(self.W.weight, self.num_in)]


VanillaRNNCell = ValinaRNNCell


class GRUCell(RNNCell):
    r"""The gated recurrent unit.

    :math:`r, z = \sigma(W_{rz} [x, h])`, then
    :math:`h' = (1 - z) h + z\, \phi(W_h [x, r h])`.

    Parameters are those of :class:`VanillaRNNCell`, in an order of their own.

    References
    ----------
    .. [1] Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder", 2014.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.GRUCell(10, 20))
    >>> cell(jnp.ones(10)).shape
    (20,)
    """

    layer_names: ClassVar[tuple[str, ...]] = ("Wrz", "Wh")

    def __init__(
        self,
        num_in: int,
        num_out: int,
        w_init: Init = init.Orthogonal(),
        b_init: Init | None = init.ZeroInit(),
        state_init: Init = init.ZeroInit(),
        activation: Activation = "tanh",
        name: str | None = None,
    ) -> None:
        self.state_initializer = state_init  # shown before the sizes
        self._set_up(num_in, num_out, state_init, activation, name)
        self.Wrz: Linear = Linear(self.num_in + self.num_out, 2 * self.num_out, w_init, b_init)
        self.Wh: Linear = Linear(self.num_in + self.num_out, self.num_out, w_init, b_init)

    @staticmethod
    def equations(
        x: Array,
        hidden: Sequence[Array],
        maps: Sequence[Unary],
        act: Unary,
        extras: Sequence[Array],
    ) -> tuple[Array, ...]:
        """Return the new ``(h,)``."""
        del extras
        (h,) = hidden
        r, z = jnp.split(jax.nn.sigmoid(maps[0](_join(x, h))), 2, axis=-1)
        candidate = act(maps[1](_join(x, r * h)))
        return ((1 - z) * h + z * candidate,)


class MGUCell(RNNCell):
    r"""The minimal gated unit: a GRU with one gate.

    :math:`f = \sigma(W_f [x, h])`, then :math:`h' = (1 - f) h + f\, \phi(W_h [x, f h])`.

    Parameters are those of :class:`VanillaRNNCell`, in an order of their own.

    References
    ----------
    .. [1] Zhou et al., "Minimal Gated Unit for Recurrent Neural Networks", 2016.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.MGUCell(10, 20))
    >>> cell(jnp.ones(10)).shape
    (20,)
    """

    layer_names: ClassVar[tuple[str, ...]] = ("Wf", "Wh")

    def __init__(
        self,
        num_in: int,
        num_out: int,
        w_init: Init = init.Orthogonal(),
        b_init: Init | None = init.ZeroInit(),
        state_init: Init = init.ZeroInit(),
        activation: Activation = "tanh",
        name: str | None = None,
    ) -> None:
        self.state_initializer = state_init  # shown before the sizes
        self._set_up(num_in, num_out, state_init, activation, name)
        self.Wf: Linear = Linear(self.num_in + self.num_out, self.num_out, w_init, b_init)
        self.Wh: Linear = Linear(self.num_in + self.num_out, self.num_out, w_init, b_init)

    @staticmethod
    def equations(
        x: Array,
        hidden: Sequence[Array],
        maps: Sequence[Unary],
        act: Unary,
        extras: Sequence[Array],
    ) -> tuple[Array, ...]:
        """Return the new ``(h,)``."""
        del extras
        (h,) = hidden
        f = jax.nn.sigmoid(maps[0](_join(x, h)))
        return ((1 - f) * h + f * act(maps[1](_join(x, f * h))),)


class LSTMCell(RNNCell):
    r"""The long short-term memory cell, with a forget bias of one.

    :math:`i, g, f, o = W [x, h]`, then
    :math:`c' = \sigma(f + 1) c + \sigma(i) \phi(g)` and :math:`h' = \sigma(o) \phi(c')`.

    Parameters are those of :class:`VanillaRNNCell`, in an order of their own.

    References
    ----------
    .. [1] Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997.
    .. [2] Jozefowicz et al., "An Empirical Exploration of Recurrent Network Architectures", 2015:
       the forget bias.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.LSTMCell(10, 20))
    >>> cell(jnp.ones(10)).shape, cell.c.value.shape
    ((20,), (20,))
    """

    hidden_names: ClassVar[tuple[str, ...]] = ("c", "h")
    layer_names: ClassVar[tuple[str, ...]] = ("W",)
    c: HiddenState[Array]

    def __init__(
        self,
        num_in: int,
        num_out: int,
        w_init: Init = init.XavierNormal(),
        b_init: Init | None = init.ZeroInit(),
        state_init: Init = init.ZeroInit(),
        activation: Activation = "tanh",
        name: str | None = None,
    ) -> None:
        self._set_up(num_in, num_out, state_init, activation, name)
        self.W: Linear = Linear(self.num_in + self.num_out, 4 * self.num_out, w_init, b_init)

    @staticmethod
    def equations(
        x: Array,
        hidden: Sequence[Array],
        maps: Sequence[Unary],
        act: Unary,
        extras: Sequence[Array],
    ) -> tuple[Array, ...]:
        """Return the new ``(c, h)``."""
        del extras
        c, h = hidden
        i, g, f, o = jnp.split(maps[0](_join(x, h)), 4, axis=-1)
        c = jax.nn.sigmoid(f + 1.0) * c + jax.nn.sigmoid(i) * act(g)
        return c, jax.nn.sigmoid(o) * act(c)

    def _torch_views(self) -> list[TorchView]:
        # torch's gates are i, f, g, o, and none of them has a constant of its own.
        return [torch_view(self.W.weight, self.num_in, order=(0, 2, 1, 3), extra=(0, 1, 0, 0))]


class URLSTMCell(RNNCell):
    r"""The LSTM cell with uniform gate initialisation and a refine gate.

    :math:`f, r, u, o = W [x, h]`, with a bias :math:`b` of its own
    :math:`f = \sigma(f + b)`, :math:`r = \sigma(r - b)`,
    :math:`g = 2 r f + (1 - 2 r) f^2`, then
    :math:`c' = g c + (1 - g) \phi(u)` and :math:`h' = \sigma(o) \phi(c')`.

    Parameters are those of :class:`VanillaRNNCell`, in an order of their own.

    References
    ----------
    .. [1] Gu et al., "Improving the Gating Mechanism of Recurrent Neural Networks", 2020.

    Examples
    --------
    >>> cell = brainlite.nn.init_all_states(brainlite.nn.URLSTMCell(10, 20))
    >>> cell(jnp.ones(10)).shape
    (20,)
    """

    hidden_names: ClassVar[tuple[str, ...]] = ("c", "h")
    layer_names: ClassVar[tuple[str, ...]] = ("W",)
    c: HiddenState[Array]

    def __init__(
        self,
        num_in: int,
        num_out: int,
        w_init: Init = init.XavierNormal(),
        state_init: Init = init.ZeroInit(),
        activation: Activation = "tanh",
        name: str | None = None,
    ) -> None:
        self._set_up(num_in, num_out, state_init, activation, name)
        self.W: Linear = Linear(self.num_in + self.num_out, 4 * self.num_out, w_init, None)
        # Gate biases such that the forget gates are uniform over the time scales up to num_out.
        share = uniform(1 / num_out, 1 - 1 / num_out, (num_out,))
        self.bias: ParamState[Array] = ParamState(-jnp.log(1 / share - 1))

    def _extras(self) -> tuple[State[Array], ...]:
        return (self.bias,)

    @staticmethod
    def equations(
        x: Array,
        hidden: Sequence[Array],
        maps: Sequence[Unary],
        act: Unary,
        extras: Sequence[Array],
    ) -> tuple[Array, ...]:
        """Return the new ``(c, h)``."""
        c, h = hidden
        (bias,) = extras
        f, r, u, o = jnp.split(maps[0](_join(x, h)), 4, axis=-1)
        f, r = jax.nn.sigmoid(f + bias), jax.nn.sigmoid(r - bias)
        g = 2 * r * f + (1 - 2 * r) * f**2
        c = g * c + (1 - g) * act(u)
        return c, jax.nn.sigmoid(o) * act(c)
