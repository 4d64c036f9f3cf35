"""What the optimizers with names have in common: made first, told later what they train."""

from typing import TYPE_CHECKING, Any, Self, cast

from typing_extensions import TypedDict

from brainlite.errors import OptionError
from brainlite.graph import Node
from brainlite.optim._arguments import check_options
from brainlite.optim._optimizer import Optimizer, Trained
from brainlite.optim._scaling import LossScale
from brainlite.optim._transformation import Factory, Rate, check_rate
from brainlite.typing import Array, ArrayLike, DTypeLike, Filter


class OptimizerOptions(TypedDict, total=False):
    """What every optimizer takes: see :class:`Optimizer`."""

    wrt: Filter
    clip_norm: float | None
    accumulate: int
    skip_nonfinite: bool
    average: float | None
    loss_scale: LossScale | None
    master_dtype: DTypeLike | None


class NamedOptimizer(Optimizer):
    """The base of the optimizers that are made before they are told what to train."""

    _given: tuple[Factory, Rate, OptimizerOptions] | None = None

    if not TYPE_CHECKING:  # to whom the signatures of the classes say it

        def __new__(cls, *first, **options):
            """Refuse torch's order of arguments: Python would say that lr was given twice."""
            if first and "lr" in options:
                raise OptionError(
                    "an optimizer with a name is told its rate first, and then what it trains",
                    where=cls.__name__,
                    expected="lr= and options",
                    got=f"a {type(first[0]).__name__} before lr=",
                    fix=f"write {cls.__name__}(lr=...).register_trainable_weights(model)",
                )
            return super().__new__(cls)

    def __init__(self, lr: Rate, factory: Factory, options: OptimizerOptions) -> None:
        unknown = sorted(options.keys() - OptimizerOptions.__annotations__.keys())
        if unknown:
            raise TypeError(f"{type(self).__name__}() got an unexpected argument {unknown[0]!r}")
        model = isinstance(cast("object", lr), Node)  # which can be called, as a schedule can
        if model or not callable(lr):
            _check_number(lr, type(self).__name__)
        checked: dict[str, Any] = {
            name: options.get(name)
            for name in ("clip_norm", "average", "loss_scale", "master_dtype")
        }
        check_options(accumulate=options.get("accumulate", 1), **checked)
        self._given = (factory, lr, options)

    def register_trainable_weights(self, states: Trained) -> Self:
        """Say what is trained, once: a model, or ``model.states(ParamState)``.

        Parameters
        ----------
        states : Node, or StateDict of ParamState
            As for :class:`Optimizer`.

        Returns
        -------
        The optimizer.

        Raises
        ------
        OptionError
            There is nothing to train, or it was said before.

        Examples
        --------
        >>> model = brainlite.nn.Linear(2, 3)
        >>> optimizer = brainlite.optim.Adam(lr=1e-3).register_trainable_weights(model)
        >>> list(optimizer.params)
        [('weight',)]
        """
        if self._given is None:
            raise OptionError(
                "this optimizer trains something already",
                where=type(self).__name__,
                expected="register_trainable_weights to be called once",
                got=f"{len(self.params)} parameters, and more",
                fix="make another optimizer, or register all parameters together",
            )
        factory, rate, options = self._given
        super().__init__(states, factory, learning_rate=rate, **options)
        self._given = None
        return self

    @property
    def lr(self) -> Array:
        """The learning rate, under torch's name."""
        return self.learning_rate

    @lr.setter
    def lr(self, rate: ArrayLike) -> None:
        self.learning_rate = rate


def _check_number(lr: Any, name: str) -> None:
    """Raise where the first argument is no learning rate, as with a model in its place."""
    try:
        check_rate(lr, "lr")
    except OptionError as error:
        raise OptionError(
            "the first argument of an optimizer with a name is its learning rate",
            where=f"{name}, lr",
            expected="a finite number of 0 or more, or a schedule",
            got=f"a {type(lr).__name__}"
            + (f" {lr!r}" if isinstance(lr, int | float | str) else ""),
            fix=f"write {name}(1e-3).register_trainable_weights(model)",
        ) from error
