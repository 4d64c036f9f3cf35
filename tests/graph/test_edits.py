"""Lists and dicts that are edited in place while a function is traced."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.errors import TracedAttributeError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.transform import grad, jit, scan
from tests.transform.checks import says


class Bag(Node):
    """Holds containers of states."""

    def __init__(self) -> None:
        self.items = [State(jnp.asarray(1.0))]
        self.table: dict[str, Any] = {}
        self.nested = {"inner": [State(jnp.asarray(2.0))]}
        self.ordered = OrderedDict(first=State(jnp.asarray(3.0)))
        self.numbers = [1, 2]


def append(bag: Bag, x: Any) -> None:
    bag.items.append(State(x))


def insert_first(bag: Bag, x: Any) -> None:
    bag.items.insert(0, State(x))


def remove(bag: Bag, x: Any) -> None:
    bag.items.pop()


def put(bag: Bag, x: Any) -> None:
    bag.table["new"] = State(x)


def put_nested(bag: Bag, x: Any) -> None:
    bag.nested["inner"].append(State(x))


def reorder(bag: Bag, x: Any) -> None:
    bag.ordered["second"] = State(x)
    bag.ordered.move_to_end("first")


EDITS = [append, insert_first, remove, put, put_nested, reorder]


def content(bag: Bag) -> list[Any]:
    return [
        [float(state.value) for state in bag.items],
        {key: float(state.value) for key, state in bag.table.items()},
        [float(state.value) for state in bag.nested["inner"]],
        [(key, float(state.value)) for key, state in bag.ordered.items()],
    ]


@pytest.mark.parametrize("edit", EDITS)
def test_what_a_compiled_function_puts_into_a_container_arrives(
    edit: Callable[[Bag, Any], None],
) -> None:
    compiled_bag, bag = Bag(), Bag()
    lists = (compiled_bag.items, compiled_bag.table, compiled_bag.nested, compiled_bag.ordered)
    compiled = jit(lambda x: edit(compiled_bag, x))
    for x in (4.0, 5.0)[: 1 if edit is remove else 2]:
        compiled(x)
        edit(bag, jnp.asarray(x))
        assert content(compiled_bag) == content(bag)
    # Whoever holds the containers sees it, too.
    found = (compiled_bag.items, compiled_bag.table, compiled_bag.nested, compiled_bag.ordered)
    assert all(one is other for one, other in zip(lists, found, strict=True))


@pytest.mark.parametrize("edit", EDITS)
def test_it_arrives_from_the_argument_of_a_compiled_function(
    edit: Callable[[Bag, Any], None],
) -> None:
    compiled_bag, bag = Bag(), Bag()
    jit(edit)(compiled_bag, 4.0)
    edit(bag, jnp.asarray(4.0))
    assert content(compiled_bag) == content(bag)


@pytest.mark.parametrize("edit", EDITS)
def test_it_arrives_through_nested_transforms(edit: Callable[[Bag, Any], None]) -> None:
    compiled_bag, bag = Bag(), Bag()

    def loss(x: Any) -> Any:
        edit(compiled_bag, x)
        return x**2

    assert float(jit(grad(loss))(4.0)) == 8.0
    edit(bag, jnp.asarray(4.0))
    assert content(compiled_bag) == content(bag)


@pytest.mark.parametrize("edit", EDITS)
def test_an_exception_undoes_it(edit: Callable[[Bag, Any], None]) -> None:
    bag = Bag()
    before = content(bag)

    def fails(carry: Any, x: Any) -> Any:
        edit(bag, x)
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        scan(fails, 0.0, jnp.ones(2))
    assert content(bag) == before


def test_a_traced_value_in_a_container_raises() -> None:
    bag = Bag()
    message = says(
        "attribute 'numbers' was set to a traced value inside jit",
        where="Bag",
        expected="a State",
        got="a plain attribute set to",
        fix="use a state",
    )
    with pytest.raises(TracedAttributeError, match=message):
        jit(lambda x: bag.numbers.append(x))(1.0)
    assert bag.numbers == [1, 2]


def test_a_number_put_into_a_container_warns() -> None:
    bag = Bag()
    with pytest.warns(UserWarning, match=r"Bag\.numbers is a plain attribute"):
        jit(lambda: bag.numbers.append(3))()
    assert bag.numbers == [1, 2, 3]


def test_what_is_only_read_stays_as_it_is() -> None:
    bag = Bag()
    assert float(jit(lambda: bag.items[0].value + bag.nested["inner"][0].value)()) == 3.0
    assert content(bag) == content(Bag())
