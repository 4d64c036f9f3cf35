"""Adam and its relatives, with the arguments and results of torch's."""

from typing_extensions import Unpack

from brainlite.optim._named import NamedOptimizer, OptimizerOptions
from brainlite.optim._rules import (
    AdamaxRule,
    AdamRule,
    LambRule,
    LionRule,
    NAdamRule,
    RAdamRule,
)
from brainlite.optim._transformation import Rate

Betas = tuple[float, float]


class Adam(NamedOptimizer):
    """Running means of gradients and of their squares.

    Parameters
    ----------
    lr : float or schedule
        The learning rate. A schedule is a function of the number of updates that were applied.
    betas : (float, float)
        The decays of the two means.
    eps : float
        Is added to the root of the second.
    weight_decay : float
        Adds so much of the parameters to their gradients; :class:`AdamW` decays beside them.
    amsgrad : bool
        Whether the largest second mean so far counts.
    maximize : bool
        Whether to go uphill.
    **options
        Those of :class:`Optimizer`: ``clip_norm=``, ``accumulate=`` and so on.

    Raises
    ------
    OptionError
        An option makes no sense; or, when it is told what to train, as for :class:`Optimizer`.
    InputError
        At an update: a gradient is no array.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015; Reddi, Kale and Kumar,
    "On the convergence of Adam and beyond", ICLR 2018, for amsgrad.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Adam(lr=0.1, clip_norm=1.0)
    >>> optimizer = optimizer.register_trainable_weights(model.states(brainlite.ParamState))
    >>> gradient = brainlite.transform.grad(lambda: model(jnp.ones(2)).sum(), optimizer.params)
    >>> optimizer.update(gradient())
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = AdamRule(weight_decay, False, maximize, betas, eps, amsgrad)
        super().__init__(lr, rule, options)


class AdamW(NamedOptimizer):
    """Adam with weight decay beside the gradient, in proportion to the learning rate.

    Parameters
    ----------
    lr, betas, eps, amsgrad, maximize, **options
        As for :class:`Adam`.
    weight_decay : float
        By how much parameters shrink in a step, over the learning rate.

    References
    ----------
    Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.AdamW(3e-4, weight_decay=0.1).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = AdamRule(weight_decay, True, maximize, betas, eps, amsgrad)
        super().__init__(lr, rule, options)


class NAdam(NamedOptimizer):
    """Adam with Nesterov's momentum, which looks a step ahead.

    Parameters
    ----------
    lr, betas, eps, weight_decay, maximize, **options
        As for :class:`Adam`.
    momentum_decay : float
        How fast the momentum approaches ``betas[0]``.
    decoupled_weight_decay : bool
        Whether the decay is that of :class:`AdamW`.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.NAdam(2e-3).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = NAdamRule(
            weight_decay, decoupled_weight_decay, maximize, betas, eps, False, momentum_decay
        )
        super().__init__(lr, rule, options)


class RAdam(NamedOptimizer):
    """Adam that takes the size of gradients into account once it is known well enough.

    Parameters
    ----------
    lr, betas, eps, weight_decay, maximize, **options
        As for :class:`Adam`.
    decoupled_weight_decay : bool
        Whether the decay is that of :class:`AdamW`.

    References
    ----------
    Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.RAdam(1e-3).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decoupled_weight_decay: bool = False,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        rule = RAdamRule(weight_decay, decoupled_weight_decay, maximize, betas, eps, False)
        super().__init__(lr, rule, options)


class Adamax(NamedOptimizer):
    """Adam with the largest gradient, which decays, in place of the mean square.

    Parameters
    ----------
    lr, betas, eps, weight_decay, maximize, **options
        As for :class:`Adam`.

    References
    ----------
    Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Adamax(2e-3).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 2e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(lr, AdamaxRule(weight_decay, False, maximize, betas, eps), options)


class Lamb(NamedOptimizer):
    """Adam for large batches: the step of each array is as long as the array is.

    Parameters
    ----------
    lr, betas, maximize, **options
        As for :class:`Adam`.
    eps : float
        Is added to the root of the mean square.
    weight_decay : float
        Is part of what is scaled.

    References
    ----------
    You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR
    2020.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Lamb(1e-3).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-3,
        betas: Betas = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(lr, LambRule(weight_decay, True, maximize, betas, eps, False), options)


class Lion(NamedOptimizer):
    """The signs of a running mean of gradients.

    Parameters
    ----------
    lr, maximize, **options
        As for :class:`Adam`; a tenth of its learning rate is usual.
    betas : (float, float)
        The decay for the step, and that of what is remembered.
    weight_decay : float
        As for :class:`AdamW`.

    References
    ----------
    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    Examples
    --------
    >>> model = brainlite.nn.Linear(2, 1)
    >>> optimizer = brainlite.optim.Lion(1e-4).register_trainable_weights(model)
    >>> loss = optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
    >>> int(optimizer.step)
    1
    """

    def __init__(
        self,
        lr: Rate = 1e-4,
        betas: Betas = (0.9, 0.99),
        weight_decay: float = 0.0,
        *,
        maximize: bool = False,
        **options: Unpack[OptimizerOptions],
    ) -> None:
        super().__init__(lr, LionRule(weight_decay, True, maximize, betas), options)
