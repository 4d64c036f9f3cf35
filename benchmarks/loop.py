"""What a compiled ``for_loop`` costs beside a ``lax.scan`` written by hand.

The body is an LSTM cell. Its states are the carry, which the loop has to find out; the hand-written
loop names them. The table also says whether the bodies of both have the same equations in the
same order.
"""

import os
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import brainstate
import jax
import jax.numpy as jnp

import brainlite
from benchmarks._measure import Named, Row, compare, repeated
from benchmarks._report import main

LENGTH = 100
LONG = 2000
BATCH = 32
SIZE = 128
GOAL = 1.02

Call = Callable[[], Any]


def make_input() -> jax.Array:
    """Return the sequence that every loop reads."""
    return jax.random.normal(jax.random.key(0), (LENGTH, BATCH, SIZE))


@jax.jit
def scan_by_hand(params: dict[str, jax.Array], carry: Any, xs: jax.Array) -> tuple[Any, jax.Array]:
    """Run an LSTM over a sequence, from the carry ``(c, h)``."""

    def step(carry: tuple[jax.Array, jax.Array], x: jax.Array) -> tuple[Any, jax.Array]:
        c, h = carry
        gates = jnp.dot(jnp.concatenate([x, h], axis=-1), params["weight"]) + params["bias"]
        i, g, f, o = jnp.split(gates, 4, axis=-1)
        c = jax.nn.sigmoid(f + 1.0) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (c, h), h

    return jax.lax.scan(step, carry, xs)


def make_cell(library: Any) -> Any:
    """Return the cell, of brainlite or brainstate."""
    cell = library.nn.LSTMCell(SIZE, SIZE)
    library.nn.init_all_states(cell, batch_size=BATCH)
    return cell


def plain_jax() -> Call:
    """Return a call of the hand-written loop; the carry of a call is the start of the next."""
    cell, xs = make_cell(brainlite), make_input()
    params, carry = cell.W.weight.value, (cell.c.value, cell.h.value)

    def call() -> jax.Array:
        nonlocal carry
        carry, ys = scan_by_hand(params, carry, xs)
        return ys

    return call


def lifted(library: Any) -> Call:
    """Return a call of the compiled loop of brainlite or brainstate."""
    cell, xs = make_cell(library), make_input()
    run = library.transform.jit(lambda xs: library.transform.for_loop(cell, xs))
    return lambda: run(xs)


def has_same_equations() -> bool:
    """Compare the body of brainlite's loop with the one written by hand."""
    cell, xs = make_cell(brainlite), make_input()
    run = brainlite.transform.jit(lambda xs: brainlite.transform.for_loop(cell, xs))
    carry = (cell.c.value, cell.h.value)
    own, by_hand = run.trace(xs), scan_by_hand.trace(cell.W.weight.value, carry, xs)
    return describe_body(own.jaxpr.jaxpr) == describe_body(by_hand.jaxpr.jaxpr)


def describe_body(jaxpr: Any) -> list[tuple[str, list[str]]]:
    """Return the equations in the body of the one scan: each primitive, and what comes out."""
    [scan] = [each for each in equations(jaxpr) if each.primitive.name == "scan"]
    return [
        (each.primitive.name, [str(out.aval) for out in each.outvars])
        for each in scan.params["jaxpr"].jaxpr.eqns
    ]


def equations(jaxpr: Any) -> Iterator[Any]:
    """Yield the equations of a jaxpr, looking into compiled functions within."""
    for equation in jaxpr.eqns:
        inner = equation.params.get("jaxpr") if equation.primitive.name == "jit" else None
        if inner is None:
            yield equation
        else:
            yield from equations(inner.jaxpr)


def measure() -> list[Row]:
    """Return a row for each library; first check what brainlite's loop computes."""
    warnings.filterwarnings("ignore", module="brainstate|jax")
    same = "yes" if has_same_equations() else "no"
    subjects: dict[str, Callable[[], Call]] = {
        f"brainlite (same equations: {same})": lambda: lifted(brainlite),
        "brainstate": lambda: lifted(brainstate),
        "lax.scan, again": plain_jax,
    }
    rows = [
        compare(
            "compiled loop",
            f"LSTM, {LENGTH} steps of {BATCH} x {SIZE}",
            Named(name, repeated(make())),
            Named("lax.scan", repeated(plain_jax())),
            seconds=12.0 if name.startswith("brainlite") else 5.0,
            goal_ratio=GOAL if name.startswith("brainlite") else None,
        )
        for name, make in subjects.items()
    ]
    return [*rows, measure_progress()]


def measure_progress() -> Row:
    """Return what a bar with 100 updates costs on a loop of about a third of a second."""
    xs = jax.random.normal(jax.random.key(0), (LONG, BATCH, SIZE))

    def make(**options: Any) -> Call:
        cell = make_cell(brainlite)
        run = brainlite.transform.jit(lambda xs: brainlite.transform.for_loop(cell, xs, **options))
        return lambda: run(xs)

    silent = open(os.devnull, "w")  # for as long as the process lives  # noqa: PTH123, SIM115
    bar = brainlite.transform.ProgressBar(count=100, file=silent)
    return compare(
        "progress bar",
        f"LSTM, {LONG} steps, 100 updates",
        Named("with a bar", repeated(make(pbar=bar))),
        Named("without", repeated(make())),
        seconds=20.0,
        goal_ratio=1.05,
    )


if __name__ == "__main__":
    main(measure)
