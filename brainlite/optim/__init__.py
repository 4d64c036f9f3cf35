"""Optimizers: they train parameters, and all that they remember from step to step are states.

The words
---------
transformation
    What makes updates of gradients: one of optax, or a rule of this room (:class:`Adam`, ...).
slot
    What is remembered of one parameter: a state under its name, such as
    ``optimizer.groups[0].slots["mu"]["cell.weight"]``.
update, step
    A step is a call with gradients. It updates the parameters, or adds its gradients to those of
    the steps before (``accumulate=``), or is skipped since they are not finite. The count
    ``optimizer.step``, and with it schedules, are about updates.

The invariant
-------------
What the optimizer remembers is in its states, whole: taken apart with the model, copied, written
to a checkpoint and put together again, it goes on as if nothing had been. A parameter that takes no
part in a step, frozen or not looked at by the loss, keeps its value and its slots.
"""

from brainlite.optim._adam import Adam, Adamax, AdamW, Lamb, Lion, NAdam, RAdam
from brainlite.optim._descent import LARS, LBFGS, SGD, Adadelta, Adagrad, RMSprop
from brainlite.optim._group import Group, Part
from brainlite.optim._optimizer import Optimizer
from brainlite.optim._scaling import LossScale
from brainlite.optim._slots import OptimState
from brainlite.optim._transformation import Factory, Rate, Schedule, Transformation

# The name of brainstate.
RMSProp = RMSprop

__all__ = [
    "LARS",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Factory",
    "Group",
    "Lamb",
    "Lion",
    "LossScale",
    "NAdam",
    "OptimState",
    "Optimizer",
    "Part",
    "RAdam",
    "RMSProp",
    "RMSprop",
    "Rate",
    "Schedule",
    "Transformation",
]
