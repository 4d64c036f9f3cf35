"""What a state says where it is used as the array that it holds, or as a tensor of torch."""

from collections.abc import Callable
from typing import Any

from brainlite._given import OF_ARRAYS
from brainlite.errors import StateUseError
from brainlite.state._locate import locate

_OPERATORS = ("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow")
_ALONE = ("neg", "pos", "abs", "invert")


def no_such(state: object, value: object, name: str) -> AttributeError:
    """Return the error for an attribute that a state does not have, and its value may have."""
    if name[:2] == "__":  # Python and other libraries probe for these: no message is read
        return AttributeError(name)
    text = f"{type(state).__name__!r} object has no attribute {name!r}"
    known = OF_ARRAYS.get(name)
    if name == "data":
        text += ". The array is in `.value`, which is read and written"
    elif known is not None:
        text += f". It holds an array, `.value`; torch's `{name}` is here, for an array x: {known}"
    elif hasattr(value, name):
        text += f". It holds an array: write `.value.{name}`"
    return AttributeError(text)


def _refuse(symbol: str) -> Callable[..., Any]:
    """Return what a state has in place of an operator of arrays: it raises."""

    def operator(state: object, *_other: object) -> Any:
        raise StateUseError(
            f"a {type(state).__name__} is no array, and `{symbol}` does not work on it",
            where=locate(state),
            expected="the array that it holds",
            got="the state itself",
            fix="write `.value` behind it: `x @ self.weight.value`",
        )

    return operator


def refused_operators() -> dict[str, Callable[..., Any]]:
    """Return the operators of arrays, by the names of their methods, which all raise."""
    both = [f"{side}{name}" for name in _OPERATORS for side in ("", "r")]
    return {f"__{name}__": _refuse(name.lstrip("r")) for name in (*both, *_ALONE)}
