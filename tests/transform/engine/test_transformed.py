"""What the transforms return, as it prints and as a function among others."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import treescope

from brainlite.graph import Node
from brainlite.nn import Module
from brainlite.state import ParamState, State
from brainlite.transform import (
    checkify,
    checkpoint,
    fwd_grad,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jit,
    make_jaxpr,
    shard_map,
    value_and_grad,
    vector_grad,
    vmap,
    vmap_new_states,
)
from brainlite.typing import Array
from tests.transform.small import Scale


def total(x: Array, *, times: int = 1) -> Array:
    """Sum up."""
    return x.sum() * times


def _over_shards(fun: Callable[..., Array]) -> Callable[..., Array]:
    make_spec: Any = jax.sharding.PartitionSpec  # its constructor has no types
    whole = make_spec()
    return shard_map(fun, jax.make_mesh((1,), ("x",)), whole, whole)


_TRANSFORMS: dict[str, Any] = {
    "checkify": checkify,
    "checkpoint": checkpoint,
    "fwd_grad": fwd_grad,
    "grad": grad,
    "hessian": hessian,
    "jacfwd": jacfwd,
    "jacrev": jacrev,
    "jit": jit,
    "make_jaxpr": make_jaxpr,
    "shard_map": _over_shards,
    "value_and_grad": value_and_grad,
    "vector_grad": vector_grad,
    "vmap": vmap,
    "vmap_new_states": vmap_new_states,
}


@pytest.mark.parametrize("name", _TRANSFORMS)
def test_each_transform_prints_as_what_it_is(name: str) -> None:
    made = _TRANSFORMS[name](total)
    argument = "fn" if name == "vmap" else "fun"  # as brainstate calls it
    assert str(made).startswith(f"{name}(\n  {argument}=<function total at 0x")
    assert treescope.render_to_text(made).startswith(f"{name}(")


@pytest.mark.parametrize("name", _TRANSFORMS)
def test_each_transform_keeps_name_docstring_and_signature(name: str) -> None:
    made = _TRANSFORMS[name](total)
    assert (made.__name__, made.__doc__, made.__module__) == ("total", "Sum up.", __name__)
    assert list(inspect.signature(made).parameters) == ["x", "times"]


def test_a_module_under_a_transform_is_shown() -> None:
    assert str(vmap(Scale(2.0), in_axes=1)) == (
        "vmap(\n  fn=Scale(\n    weight=ParamState(\n      value=ShapedArray(float32[3])\n    ),\n"
        "    factor=2.0\n  ),\n  in_axes=1\n)"
    )


def test_options_are_shown_where_they_are_not_the_defaults() -> None:
    states = [State(jnp.zeros(3))]
    text = str(grad(total, states, has_aux=False, argnums=(0, 1), return_value=True))
    assert [line.strip().partition("=")[0] for line in text.splitlines()[2:]] == [
        "grad_states", "State(", "value", ")", "],", "argnums", "return_value", ")",
    ]  # fmt: skip
    assert "argnums=(0, 1)" in text
    assert "static_argnames='times'" in str(jit(total, static_argnames="times"))


def test_transforms_of_transforms_are_nested() -> None:
    assert str(jit(vmap(grad(total)))).startswith("jit(\n  fun=vmap(\n    fn=grad(\n")


def test_a_decorator_with_options_prints_as_well() -> None:
    @vmap(in_axes=1)
    def rows(x: Array) -> Array:
        return x

    assert "in_axes=1" in str(rows)


def test_a_transformed_function_is_a_method_of_its_class() -> None:
    class Scaled(Node):
        def __init__(self) -> None:
            self.weight = ParamState(jnp.full((), 3.0))

        @vmap(in_axes=(None, 0))
        def each(self, x: Array) -> Array:
            return x * self.weight.value

    assert Scaled().each(jnp.ones(2)).tolist() == [3.0, 3.0]
    assert "Scaled.each of" in repr(Scaled().each)


def test_a_copy_is_the_function_itself() -> None:
    made = vmap(total)
    assert copy.copy(made) is made
    assert copy.deepcopy([made])[0] is made


def test_attributes_of_the_function_go_along() -> None:
    def tagged(x: Array) -> Array:
        return x

    tagged.tag = "mine"  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]  # that a function can take any is the point
    untyped: Any = vmap(tagged)
    assert untyped.tag == "mine"


def test_jit_sees_the_states_that_a_gradient_was_asked_for() -> None:
    class Holder(Module):
        def __init__(self) -> None:
            self.weight = ParamState(jnp.full((), 3.0))

    holder = Holder()
    kept = holder.weight
    gradient = grad(lambda: kept.value**2, holder.states(ParamState))
    run = jit(lambda: gradient())
    assert float(run()["weight",]) == 6.0
    kept.value = jnp.full((), 4.0)
    assert float(run()["weight",]) == 8.0
