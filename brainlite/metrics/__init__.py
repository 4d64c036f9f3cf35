"""Metrics: what is counted over many batches, in states that transforms find.

A metric is a node that holds :class:`MetricState`: ``update`` adds a batch, eagerly or inside any
transform, ``compute`` returns what it is so far, ``reset`` starts anew, and ``merge`` adds what
other lanes or processes have counted. Updates by parts give what one update by all gives.

What is summed is kept in two floats, so that the rounding of millions of updates does not add up;
what is counted by class is whole numbers of 32 bits. A ``mask`` says which elements count: what
stands elsewhere is not looked at, be it NaN.
"""

from brainlite.metrics._average import AccuracyMetric, AverageMetric
from brainlite.metrics._classes import (
    ConfusionMatrix,
    F1ScoreMetric,
    PrecisionMetric,
    RecallMetric,
)
from brainlite.metrics._metric import Metric, MetricState
from brainlite.metrics._multi import MultiMetric
from brainlite.metrics._welford import Statistics, WelfordMetric

__all__ = [
    "AccuracyMetric",
    "AverageMetric",
    "ConfusionMatrix",
    "F1ScoreMetric",
    "Metric",
    "MetricState",
    "MultiMetric",
    "PrecisionMetric",
    "RecallMetric",
    "Statistics",
    "WelfordMetric",
]
