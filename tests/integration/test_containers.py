"""Lists and dicts of states that functions edit, in nested transforms, against Python."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite.errors import TransformError
from brainlite.graph import Node
from brainlite.state import State
from brainlite.transform import checkpoint, for_loop, grad, jit, vmap

Way = Callable[[Callable[[], object]], object]


class Holder(Node):
    """Two dicts, a list, and a list in a dict."""

    def __init__(self) -> None:
        self.d = {"k": new(1)}
        self.e = {"k": new(2)}
        self.l = [new(3), new(4)]
        self.n: dict[str, Any] = {"in": [new(5)]}


def new(value: Any) -> State[Any]:
    return State(jnp.float32(value))


def zero_after(run: Callable[[], object]) -> Any:
    run()
    return jnp.float32(0)


WAYS: dict[str, Way] = {
    "Python": lambda run: run(),
    "jit": lambda run: jit(lambda: zero_after(run))(),
    "for_loop": lambda run: for_loop(lambda x: x + zero_after(run), jnp.arange(1.0)),
    "grad": lambda run: grad(lambda x: x + zero_after(run))(1.0),
    "vmap": lambda run: vmap(lambda x: x + zero_after(run))(jnp.arange(1.0)),
    "checkpoint": lambda run: checkpoint(lambda: zero_after(run))(),
}


def seen(holder: Holder) -> dict[str, Any]:
    """Say what is where: values, with a number for each state and container."""
    numbers: dict[int, int] = {}

    def look(thing: Any) -> Any:
        number = numbers.setdefault(id(thing), len(numbers))
        if isinstance(thing, State):
            return number, float(thing.value)
        if isinstance(thing, dict):
            return number, {key: look(item) for key, item in thing.items()}
        return number, [look(item) for item in thing]

    return {name: look(getattr(holder, name)) for name in ("d", "e", "l", "n")}


def set_inside_and_around(m: Holder, within: Way) -> None:
    within(lambda: m.d.update(m=new(1)))
    within(lambda: m.d.update(k=new(m.d["k"].value + 1)))
    m.d["k"] = new(m.d["k"].value + 10)


def edit_the_list(m: Holder, within: Way) -> None:
    within(lambda: m.l.append(new(8)))
    within(lambda: m.l.reverse())
    m.l[0] = new(m.l[1].value + 1)


def edit_below(m: Holder, within: Way) -> None:
    within(lambda: m.n["in"].append(new(6)))
    m.n["in"][0] = new(11)
    within(lambda: m.n.update(other=[new(m.n["in"][0].value + 1)]))


def set_anew_and_edit(m: Holder, within: Way) -> None:
    m.d = {"a": new(1)}
    within(lambda: m.d.update(b=new(m.d["a"].value + 1)))
    m.d["c"] = new(m.d["b"].value + 1)


def through_vars(m: Holder, within: Way) -> None:
    within(lambda: vars(m)["d"].update(m=new(1)))
    vars(m)["d"]["k"] = new(5)


def exchange(m: Holder, within: Way) -> None:
    m.d, m.e = m.e, m.d
    within(lambda: m.d.update(j=new(m.e["k"].value + 1)))
    m.e["i"] = new(m.d["j"].value)


EDITS = [
    set_inside_and_around,
    edit_the_list,
    edit_below,
    set_anew_and_edit,
    through_vars,
    exchange,
]


@pytest.mark.parametrize("around", WAYS)
@pytest.mark.parametrize("within", WAYS)
@pytest.mark.parametrize("edit", EDITS)
def test_edits_arrive_as_in_python(
    edit: Callable[[Holder, Way], None], within: str, around: str
) -> None:
    plain, transformed = Holder(), Holder()
    edit(plain, WAYS["Python"])
    WAYS[around](lambda: edit(transformed, WAYS[within]))
    assert seen(transformed) == seen(plain)


def put_into_two_attributes(m: Holder) -> None:
    m.d = m.e


def put_into_two_keys(m: Holder) -> None:
    m.n["other"] = m.n["in"]


def put_into_two_new_places(m: Holder) -> None:
    m.d = m.e = {"k": new(3)}


def read_after(edit: Callable[[Holder], None], m: Holder) -> object:
    edit(m)
    return (m.e["k"].value, m.n["in"][0].value)


@pytest.mark.parametrize("way", [each for each in WAYS if each != "Python"])
@pytest.mark.parametrize(
    "edit", [put_into_two_attributes, put_into_two_keys, put_into_two_new_places]
)
def test_a_container_that_is_put_into_two_places_raises(
    edit: Callable[[Holder], None], way: str
) -> None:
    holder = Holder()
    before = seen(holder)
    with pytest.raises(TransformError, match=r"is in two places when \w+ ends(.|\n)*put a copy"):
        WAYS[way](lambda: read_after(edit, holder))
    assert seen(holder) == before


def test_a_container_that_is_in_two_places_is_edited_for_both() -> None:
    holder = Holder()
    holder.d = holder.e

    @jit
    def step() -> Any:
        holder.d["j"] = new(7)
        return holder.e["j"].value + holder.d["k"].value

    assert step() == 9
    assert holder.d is holder.e
    assert [*holder.d] == ["k", "j"]
    with pytest.raises(TransformError, match=r"the attributes '\w' and '\w'"):
        jit(lambda: for_loop(lambda _: step(), jnp.arange(2)))()


def test_what_has_gone_to_another_attribute_is_in_one_place() -> None:
    holder = Holder()
    kept = holder.e

    @jit
    def move() -> None:
        holder.d, holder.e = holder.e, {}
        holder.d["j"] = new(1)

    move()
    assert [*holder.d] == ["k", "j"]
    assert holder.e == {}
    assert [*kept] == ["k", "j"] or kept is not holder.d
