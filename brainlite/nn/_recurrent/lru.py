"""The linear recurrent unit: a recurrence of complex numbers that are apart from one another."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from brainlite import environ, random
from brainlite._given import check_option, to_size
from brainlite.nn._functional.kernel import compiled_for
from brainlite.nn._recurrent.linear_recurrence import check_parts, marked_recurrence, to_parts
from brainlite.nn._recurrent.recurrence import Hidden
from brainlite.nn._recurrent.sequence import (
    Given,
    Inputs,
    Lengths,
    SequenceLayer,
    arrange,
    put_back,
)
from brainlite.state import ParamState
from brainlite.typing import Array, Shape

_NAMES = ("nu_log", "theta_log", "gamma_log", "B_re", "B_im", "C_re", "C_im", "D")


class LRU(SequenceLayer):
    r"""The linear recurrent unit, whose steps are taken in parallel.

    :math:`h_t = \lambda \odot h_{t-1} + \gamma \odot (B u_t)` and
    :math:`y_t = \mathrm{Re}(C h_t) + D \odot u_t` for an input :math:`u`, with complex hidden
    units. :math:`\lambda = \exp(-\exp(\nu) + i \exp(\theta))` is always inside of the unit circle,
    so that no sequence is too long; :math:`\gamma` keeps the size of the hidden units that of the
    input. The output is real and has the features of the input.

    Parameters
    ----------
    input_size, hidden_size : int
        The numbers of features, of input and output, and of complex hidden units.
    batch_first : bool
        Whether input and output are (B, T, features) rather than (T, B, features).
    r_min, r_max : float
        The ring that :math:`\lambda` is drawn from, evenly by area: the closer to 1, the longer
        the memory at first.
    max_phase : float
        The largest phase of :math:`\lambda` at first, in radians. With less than the default,
        :math:`2 \pi`, there are fewer fast oscillations, which helps on long sequences.
    sequential, parts, stateful, name
        As in :class:`MinGRU`.

    Attributes
    ----------
    nu_log, theta_log, gamma_log : ParamState, shape (hidden_size,)
        The logarithms of :math:`\nu`, :math:`\theta` and :math:`\gamma`, which starts as
        :math:`\sqrt{1 - |\lambda|^2}`.
    B_re, B_im : ParamState, shape (hidden_size, input_size)
        Real and imaginary part of :math:`B`, drawn from a normal distribution of variance
        1 / (2 input_size).
    C_re, C_im : ParamState, shape (input_size, hidden_size)
        The same of :math:`C`, of variance 1 / hidden_size.
    D : ParamState, shape (input_size,)
        Drawn from a standard normal distribution.

    Raises
    ------
    SizeError
        A size is negative or not whole, or there are no parts.
    OptionError
        The ring is none, or ``max_phase`` is no positive angle.
    InputError
        At the call: the sequence does not divide into the parts.

    References
    ----------
    .. [1] Orvieto et al., "Resurrecting Recurrent Neural Networks for Long Sequences",
       arXiv:2303.06349, 2023, sections 3.2 to 3.4 and appendix A.

    Examples
    --------
    >>> output, h_n = brainlite.nn.LRU(10, 20, r_min=0.9)(jnp.ones((7, 3, 10)))
    >>> output.shape, h_n.shape, h_n.dtype
    ((7, 3, 10), (3, 20), dtype('complex64'))
    """

    input_size: int
    hidden_size: int

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        batch_first: bool = False,
        *,
        r_min: float = 0.0,
        r_max: float = 1.0,
        max_phase: float = 2 * math.pi,
        sequential: bool = False,
        parts: int = 1,
        stateful: bool = False,
        name: str | None = None,
    ) -> None:
        [self.input_size] = to_size(input_size, "input_size", "LRU")
        [self.hidden_size] = to_size(hidden_size, "hidden_size", "LRU")
        ring = (r_min, r_max)
        rings = 0 <= r_min < r_max <= 1
        check_option("LRU", "(r_min, r_max)", ring, rings, "0 <= r_min < r_max <= 1")
        turns = 0 < max_phase <= 2 * math.pi
        check_option("LRU", "max_phase", max_phase, turns, "more than 0, at most 2 pi")
        self.sequential: bool = sequential
        self.parts: int = to_parts(parts, "LRU")
        self._set_up(self.input_size, self.input_size, batch_first, stateful, name)
        self._draw(r_min, r_max, max_phase)

    def _draw(self, r_min: float, r_max: float, max_phase: float) -> None:
        """Draw eigenvalues in a ring, and the maps before and after the recurrence."""
        features, hidden = self.input_size, self.hidden_size
        finfo: Any = jnp.finfo  # which has no types
        tiny = float(finfo(environ.dftype()).eps)  # so that no logarithm is of zero
        area, turn = [random.uniform(tiny, 1.0, hidden) for _ in range(2)]
        nu = -0.5 * jnp.log(area * (r_max**2 - r_min**2) + r_min**2)
        b_scale, c_scale = math.sqrt(2 * max(features, 1)), math.sqrt(max(hidden, 1))
        self.nu_log: ParamState[Array] = ParamState(jnp.log(nu))
        self.theta_log: ParamState[Array] = ParamState(jnp.log(max_phase * turn))
        self.gamma_log: ParamState[Array] = ParamState(0.5 * jnp.log(-jnp.expm1(-2 * nu)))
        self.B_re: ParamState[Array] = ParamState(random.randn(hidden, features) / b_scale)
        self.B_im: ParamState[Array] = ParamState(random.randn(hidden, features) / b_scale)
        self.C_re: ParamState[Array] = ParamState(random.randn(features, hidden) / c_scale)
        self.C_im: ParamState[Array] = ParamState(random.randn(features, hidden) / c_scale)
        self.D: ParamState[Array] = ParamState(random.randn(features))

    def _shapes(self, batch: Shape) -> list[Shape]:
        return [(*batch, self.hidden_size)]

    def _zeros(self, batch_size: int | None) -> Hidden:
        zeros = super()._zeros(batch_size)
        wide = [h.astype(jnp.promote_types(h.dtype, jnp.float32)) for h in zeros]
        return tuple([jax.lax.complex(h, h) for h in wide])

    def update(
        self,
        x: Array,
        hx: Array | None = None,
        *,
        lengths: Lengths = None,
        mask: Given = None,
        reset: Given = None,
    ) -> tuple[Array, Array]:
        """Run over a sequence, as :meth:`RNN.update` does.

        Parameters
        ----------
        x, lengths, mask, reset
            As in :meth:`RNN.update`.
        hx : array of complex, shape ([B,] hidden_size), optional
            The initial state.

        Returns
        -------
        output : array, shape (T, B, input_size)
        h_n : array of complex, shape ([B,] hidden_size)
        """
        call = self._begin(x, None if hx is None else (hx,), lengths, mask, reset)
        check_parts(self, self.parts, x)
        run = _kernel(self.batch_first, self.sequential, self.parts)
        ys, last = run(call, {name: getattr(self, name).value for name in _NAMES})
        self._end(last)
        return ys, last[0]


@compiled_for
def _kernel(batch_first: bool, sequential: bool, parts: int) -> Callable[..., Any]:
    """Return the layer, compiled."""

    def run(call: Inputs, params: dict[str, Array]) -> Any:
        xs, marks = arrange(call, batch_first)
        dtype = jnp.result_type(xs, *params.values())
        # There are no complex numbers of less than 32 bits a part.
        exact = jnp.promote_types(dtype, jnp.float32)
        xs, p = xs.astype(exact), {name: each.astype(exact) for name, each in params.items()}
        nu, phase, gamma = [jnp.exp(p[f"{name}_log"]) for name in ("nu", "theta", "gamma")]
        size = jnp.exp(-nu)
        a = jax.lax.complex(size * jnp.cos(phase), size * jnp.sin(phase))
        b = jax.lax.complex(gamma * (xs @ p["B_re"].T), gamma * (xs @ p["B_im"].T))
        a = jnp.broadcast_to(a, (len(xs), 1, *a.shape))
        hs, last = marked_recurrence(call, marks, a, b, sequential, parts)
        ys = hs.real @ p["C_re"].T - hs.imag @ p["C_im"].T + p["D"] * xs
        ys = (ys if marks.valid is None else jnp.where(marks.valid[..., None], ys, 0)).astype(dtype)
        return put_back(call, batch_first, ys, (last,))

    return run
