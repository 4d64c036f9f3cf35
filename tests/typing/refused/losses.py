"""Mistakes with losses."""

from jax import Array

from brainlite import nn
from brainlite.nn import functional as f


def losses(x: Array) -> None:
    f.mse_loss(x)  # E: call-arg reportCallIssue
    f.mse_loss(x, x, "average")  # E: arg-type reportArgumentType
    f.mse_loss(x, x, "batchmean")  # E: arg-type reportArgumentType
    f.huber_loss(x, x, beta=1.0)  # E: call-arg reportCallIssue
    nn.MSELoss(reduction="average")  # E: arg-type reportArgumentType
    nn.HuberLoss(delta="1")  # E: arg-type reportArgumentType
    nn.MSELoss()(x)  # E: call-arg reportCallIssue
    nn.CrossEntropyLoss(smoothing=0.1)  # E: call-arg reportCallIssue
    print(nn.CTCLoss()(x, x))  # E: call-arg reportCallIssue
