"""Mistakes with metrics."""

import jax.numpy as jnp

from brainlite import metrics

LABELS = jnp.array([0, 1])

metrics.AccuracyMetric().update(logits=LABELS)  # E: call-arg reportCallIssue
metrics.AccuracyMetric().update(logits=LABELS, labels=LABELS, masks=LABELS)  # E: call-arg reportCallIssue
metrics.PrecisionMetric(3, "mean")  # E: arg-type reportArgumentType
metrics.MultiMetric(loss=3)  # E: arg-type reportArgumentType
metrics.ConfusionMatrix(3).merge(metrics.AccuracyMetric())  # E: arg-type reportArgumentType
metrics.Metric()  # E: abstract reportAbstractUsage
