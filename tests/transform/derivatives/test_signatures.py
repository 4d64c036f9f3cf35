"""The overloads cost nothing at run time: what checkers see of them is in tests/typing."""

import inspect

from brainlite.transform import fwd_grad, grad, hessian, jacfwd, jacrev, vector_grad
from brainlite.transform._derivatives._signatures import differentiator


def test_an_implementation_stays_the_function_that_it_is() -> None:
    def implementation(fun: object, option: int = 1) -> object:
        return fun

    assert differentiator(implementation) is implementation


def test_each_transform_of_the_family_takes_the_arguments_that_the_overloads_name() -> None:
    for transform in (grad, vector_grad, fwd_grad, jacrev, jacfwd, hessian):
        taken = inspect.signature(transform).parameters
        assert {"fun", "grad_states", "argnums", "has_aux", "return_value"} <= taken.keys()
