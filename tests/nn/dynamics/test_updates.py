"""What runs around a call is called with what it asks for."""

from typing import Any

import jax.numpy as jnp

from brainlite import environ, nn


class Noted(nn.Module):
    """A module as an update: it notes in a plain list, which only an eager test may do."""

    def __init__(self, calls: list[Any]) -> None:
        self.calls = calls

    def update(self, *args: Any) -> None:
        self.calls.append(args)


@nn.receive_update_input
class WithInput(Noted):
    pass


@nn.not_receive_update_output
class WithoutOutput(Noted):
    pass


@nn.receive_update_output
class WithOutputAgain(WithoutOutput):
    pass


@nn.not_receive_update_input
class WithoutInputAgain(WithInput):
    pass


class Echo(nn.Dynamics):
    def update(self, x: Any, y: Any = 0) -> Any:
        return x + y


def test_updates_get_what_they_ask_for_in_their_order() -> None:
    echo = Echo(1)
    calls: dict[str, list[Any]] = {name: [] for name in "abcdefgh"}
    order: list[str] = []
    echo.add_before_update("a", Noted(calls["a"]))
    echo.add_before_update("b", WithInput(calls["b"]))
    echo.add_before_update("c", WithoutInputAgain(calls["c"]))
    echo.add_before_update("d", lambda: order.append("first"))
    echo.add_after_update("e", Noted(calls["e"]))
    echo.add_after_update("f", WithoutOutput(calls["f"]))
    echo.add_after_update("g", WithOutputAgain(calls["g"]))
    echo.add_after_update("h", nn.not_receive_update_output(lambda: order.append("last")))
    assert echo(2, 3) == 5
    expected = {"a": [()], "b": [(2, 3)], "c": [()], "e": [(5,)], "f": [()], "g": [(5,)]}
    assert {name: calls[name] for name in expected} == expected
    assert order == ["first", "last"]
    assert list(echo.before_updates or {}) == list("abcd")
    assert list(echo.after_updates or {}) == list("efgh")


def test_functions_are_marked_as_classes_are() -> None:
    seen: list[Any] = []

    @nn.receive_update_input
    def look(x: Any) -> None:
        seen.append(x)

    neurons = nn.init_all_states(nn.LIF(1))
    neurons.add_before_update("look", look)
    with environ.context(dt=1.0):
        neurons(jnp.ones(1))
        nn.not_receive_update_input(look)
        neurons.add_before_update("nothing", lambda: seen.append("nothing"))
    assert len(seen) == 1
