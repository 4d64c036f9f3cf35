"""Optimizers: they train parameters, and all that they remember from step to step are states."""

from brainlite.optim._group import Group, Part
from brainlite.optim._optimizer import Optimizer
from brainlite.optim._scaling import LossScale
from brainlite.optim._slots import OptimState
from brainlite.optim._transformation import Factory, Rate, Schedule, Transformation

__all__ = [
    "Factory",
    "Group",
    "LossScale",
    "OptimState",
    "Optimizer",
    "Part",
    "Rate",
    "Schedule",
    "Transformation",
]
