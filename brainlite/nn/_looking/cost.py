"""How many floating-point operations a traced function takes, as XLA counts them."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

from brainlite._jax_compat import ClosedJaxpr, Jaxpr, jaxpr_as_fun


class Flops(NamedTuple):
    """The operations of a function: of all steps of its loops, and of one step of each."""

    all: float
    once: float


def count_flops(closed: ClosedJaxpr, known: dict[str, Flops]) -> Flops:
    """Return XLA's estimate for a jaxpr, which is lowered but not compiled.

    Parameters
    ----------
    closed : ClosedJaxpr
        The function.
    known : dict
        What was counted before, by the text of the jaxpr: equal layers are counted once.
    """
    text = str(closed.jaxpr)
    if text not in known:
        struct: Any = jax.ShapeDtypeStruct  # its constructor has no types
        arguments = [struct(v.aval.shape, v.aval.dtype) for v in closed.jaxpr.invars]
        cost: Any = jax.jit(jaxpr_as_fun(closed)).lower(*arguments).cost_analysis() or {}
        # XLA does not know how often the body of a loop runs, and counts it once.
        once = all_steps = float(cost.get("flops", 0.0))
        for length, body in _loops(closed.jaxpr):
            step = count_flops(body, known)
            all_steps += length * step.all - step.once
        known[text] = Flops(all_steps, once)
    return known[text]


def _loops(jaxpr: Jaxpr) -> Iterator[tuple[int, ClosedJaxpr]]:
    """Yield the length and the body of each outermost loop of known length."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "scan":
            yield equation.params["length"], equation.params["jaxpr"]
            continue
        for leaf in jax.tree.leaves(equation.params, is_leaf=_is_jaxpr):
            if _is_jaxpr(leaf):
                yield from _loops(leaf.jaxpr if isinstance(leaf, ClosedJaxpr) else leaf)


def _is_jaxpr(value: Any) -> bool:
    return isinstance(value, ClosedJaxpr | Jaxpr)
