"""Gradient descent and its relatives, with the arguments and results of torch's."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

from typing_extensions import Unpack

from brainlite.errors import OptionError
from brainlite.optim._named import NamedOptimizer, OptimizerOptions
from brainlite.optim._rules import AdadeltaRule, AdagradRule, LARSRule, RMSpropRule, SGDRule
from brainlite.optim._transformation import Rate, Transformation


class SGD(NamedOptimizer):
    """Gradient descent, with momentum if that is asked for.

    Parameters
    ----------
    lr, weight_decay, maximize, **options
        As for :class:`brainlite.optim.Adam`.
    momentum : float
        How much of the last step is added to the next.
    dampening : float
        By how much less than the whole gradient goes into the momentum.
    nesterov : bool
        Whether to look a step ahead.

    References
    ----------
    Sutskever, Martens, Dahl and Hinton, "On the importance of initialization and momentum in deep
    learning", ICML 2013; the learning rate stands outside of the momentum here, as in torch.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.SGD(0.1, momentum=0.9).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        if nesterov and (not momentum or dampening):
            raise OptionError(
                "Nesterov's momentum is one, and is not dampened",
                where="SGD, nesterov",
                expected="momentum above 0 and dampening=0",
                got=f"momentum={momentum!r}, dampening={dampening!r}",
                fix="pass momentum=0.9, or drop nesterov",
            )
        rule = SGDRule(weight_decay, False, maximize, momentum, dampening, nesterov)
        super().__init__(lr, rule, options)


class RMSprop(NamedOptimizer):
    """Gradients over the root of the running mean of their squares.

    Parameters
    ----------
    lr, weight_decay, maximize, **options
        As for :class:`brainlite.optim.Adam`.
    alpha : float
        The decay of the mean.
    eps : float
        Is added to its root.
    momentum : float
        How much of the last step is added to the next.
    centered : bool
        Whether the variance counts, not the mean square.

    References
    ----------
    Hinton, "Neural networks for machine learning", lecture 6e, 2012; Graves, "Generating sequences
    with recurrent neural networks", 2013, for the centered one.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.RMSprop(0.01).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = RMSpropRule(weight_decay, False, maximize, alpha, eps, momentum, centered)
        super().__init__(lr, rule, options)


class Adagrad(NamedOptimizer):
    """Gradients over the root of the sum of all their squares.

    Parameters
    ----------
    lr, weight_decay, maximize, **options
        As for :class:`brainlite.optim.Adam`.
    lr_decay : float
        How fast the learning rate falls: it is ``lr / (1 + lr_decay * steps)``.
    initial_accumulator_value : float
        Where the sum begins.
    eps : float
        Is added to its root.

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 2011.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Adagrad(0.01).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = AdagradRule(weight_decay, False, maximize, lr_decay, initial_accumulator_value, eps)
        super().__init__(lr, rule, options)


class Adadelta(NamedOptimizer):
    """Steps whose size comes from that of the steps before.

    Parameters
    ----------
    lr, weight_decay, maximize, **options
        As for :class:`brainlite.optim.Adam`.
    rho : float
        The decay of the running means of squares.
    eps : float
        Is added to them.

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Adadelta(1.0).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(lr, AdadeltaRule(weight_decay, False, maximize, rho, eps), options)


class LARS(NamedOptimizer):
    """Momentum for large batches: the gradient of each array is a part as long as the array is.

    Parameters
    ----------
    lr, weight_decay, maximize, **options
        As for :class:`brainlite.optim.Adam`.
    momentum : float
        How much of the last step is added to the next.
    trust_coefficient : float
        The part.
    eps : float
        Is added to the length of the gradient.

    References
    ----------
    You, Gitman and Ginsburg, "Large batch training of convolutional networks", 2017.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.LARS(1.0).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1.0,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
        trust_coefficient: float = 1e-3,
        eps: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = LARSRule(weight_decay, False, maximize, momentum, trust_coefficient, eps)
        super().__init__(lr, rule, options)


@dataclass(frozen=True)
class _LBFGS:
    """Makes optax's transformation of a learning rate."""

    history_size: int
    search: bool

    def __call__(self, rate: Any) -> Transformation:
        try:
            optax: Any = import_module("optax")
        except ImportError as error:
            raise ImportError(
                "LBFGS needs optax, which is not installed: pip install brainlite[train]"
            ) from error
        line = {} if self.search else {"linesearch": None}
        made: Transformation = optax.lbfgs(rate, memory_size=self.history_size, **line)
        return made


class LBFGS(NamedOptimizer):
    """Steps that know the curvature from the last gradients: for losses without noise.

    Train with :meth:`~Optimizer.minimize`, one iteration at each call. optax computes it.

    Parameters
    ----------
    lr : float or schedule
        The length of a step, or of the first that a line search tries.
    history_size : int
        How many steps are remembered.
    line_search_fn : str, optional
        ``'strong_wolfe'`` searches along each step; None, as in torch, takes it as it is.
    **options
        Those of :class:`Optimizer`.

    Raises
    ------
    OptionError, InputError
        As for :class:`Adam`; or there is no such search.

    References
    ----------
    Nocedal and Wright, "Numerical optimization", second edition, 2006, algorithms 7.4 and 3.5.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.LBFGS(1.0).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1.0,
        history_size: int = 100,
        line_search_fn: Literal["strong_wolfe"] | None = None,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        if line_search_fn not in (None, "strong_wolfe"):
            raise OptionError(
                "there is no such line search",
                where="LBFGS, line_search_fn",
                expected="'strong_wolfe' or None",
                got=repr(line_search_fn),
                fix="others of optax: Optimizer(model, optax.lbfgs(linesearch=...))",
            )
        whole: Any = history_size
        if not isinstance(whole, int) or history_size < 1:
            raise OptionError(
                "steps are remembered in whole numbers",
                where="LBFGS, history_size",
                expected="1 or more",
                got=repr(history_size),
                fix="leave it out for 100",
            )
        super().__init__(lr, _LBFGS(history_size, line_search_fn is not None), options)
