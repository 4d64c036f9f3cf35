"""Mistakes with the environment, random numbers, displays and errors."""

import jax.numpy as jnp
from jax import Array

from brainlite import display, environ, errors, random
from brainlite.typing import Shape, Size


def settings() -> None:
    environ.set(precision=3.5)  # E: arg-type reportArgumentType
    environ.set(dt="fast")  # E: arg-type reportArgumentType
    environ.set_precision(None)  # E: arg-type reportArgumentType
    environ.get(3)  # E: arg-type reportArgumentType
    environ.get()  # E: call-arg reportCallIssue
    environ.context("fit")  # E: call-arg misc reportCallIssue
    environ.dt()  # E: attr-defined reportAttributeAccessIssue


def draws(x: Array) -> None:
    random.seed("x")  # E: arg-type reportArgumentType
    random.normal(size="3")  # E: arg-type reportArgumentType
    random.normal(sacle=3.0)  # E: call-arg reportCallIssue
    random.rand((2, 3))  # E: arg-type reportArgumentType
    random.uniform(0.0, 1.0, key="k")  # E: arg-type reportArgumentType
    random.norml(3)  # E: attr-defined reportAttributeAccessIssue
    random.RandomState(3).norml(3)  # E: attr-defined reportAttributeAccessIssue
    random.RandomState("x")  # E: arg-type reportArgumentType
    random.DEFAULT.value = None  # E: assignment reportAttributeAccessIssue
    random.split_key("n")  # E: arg-type reportArgumentType
    shape: Shape = random.rand(3)  # E: assignment reportAssignmentType
    print(shape, x)


def displays() -> None:
    display.to_text(3, dept=3)  # E: call-arg reportCallIssue
    display.to_text(3, depth="all")  # E: arg-type reportArgumentType
    display.Shown("Scale")  # E: call-arg reportCallIssue
    shown: display.Displayable = 3  # E: assignment reportAssignmentType
    print(shown)


def failures() -> None:
    errors.BrainliteError()  # E: call-arg reportCallIssue
    errors.StateError("no", were="h")  # E: call-arg reportCallIssue
    error: errors.StateError = errors.GraphError("no")  # E: assignment reportAssignmentType
    size: Size = "3"  # E: assignment reportAssignmentType
    other: Size = jnp.zeros(3)  # E: assignment reportAssignmentType
    print(error, size, other)
