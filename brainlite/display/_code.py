"""The code of an object: an expression that evaluates to an equal one."""

import dataclasses
import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from brainlite.display._leaf import is_array, leaf_text
from brainlite.display._open import described, is_displayable
from brainlite.display._protocol import Shown, ShownMapping, ShownSequence

WIDTH: Final = 88  # characters of a line
_LITERALS: Final = (type(None), bool, int, str, bytes, type(Ellipsis), slice, range)
# Where names are public: the modules that define them are not.
_ROOMS: Final = {
    "jax": ("jax", "jax.nn", "jax.numpy", "jax.lax", "jax.random"),
    "brainlite": ("brainlite", "brainlite.nn", "brainlite.nn.init", "brainlite.nn.functional"),
}


class Construction(NamedTuple):
    """A call that makes an equal object."""

    function: Callable[..., Any]
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = {}


def to_code(obj: object) -> str:
    """Return an expression that evaluates to an equal object, as far as there is one.

    Modules, definitions, states, collections of states, initialisers, arrays, Python's own
    containers, functions and classes are written as code. ``eval`` needs the packages that it
    names: ``{"brainlite": brainlite, "jax": jax, "numpy": numpy}``, and the classes of
    ``__main__`` by their names.

    Parameters
    ----------
    obj : object
        The object. The numbers of its arrays are copied from the device and written in full.

    Returns
    -------
    str
        The code. What cannot be written so stands in angle brackets, which are no code: lambdas,
        functions and classes inside functions, and objects of unknown classes. Not kept are the
        devices of arrays, weak types, and that two arrays are the same one.

    Examples
    --------
    >>> import jax, numpy
    >>> state = brainlite.State(jnp.arange(3), tag="seen")
    >>> print(to_code(state))
    brainlite.State(value=jax.numpy.array([0, 1, 2], 'int32'), tag=frozenset(['seen']))
    >>> model = eval(to_code(brainlite.nn.Linear(2, 3)))
    >>> model.weight.value["weight"].shape
    (2, 3)
    """
    return _Writer().write(obj)


@functools.singledispatch
def construction_of(obj: Any) -> Construction | None:
    """Return the call that makes an object equal to ``obj``; rooms add what they know."""
    kind = type(obj)
    if is_displayable(obj) and getattr(kind, "__display_constructs__", False):
        match described(obj):
            case Shown(_, fields):
                return Construction(kind, (), dict(fields))
            case ShownSequence(_, items):
                return Construction(kind, (items,))
            case ShownMapping(items, _):
                return Construction(kind, (dict(items),))
    plain: Any = object.__reduce__
    if kind.__reduce__ is not plain:
        parts = obj.__reduce__()
        return Construction(*parts) if isinstance(parts, tuple) and len(parts) == 2 else None
    if dataclasses.is_dataclass(obj):
        names = [field.name for field in dataclasses.fields(obj) if field.init]
        return Construction(kind, (), {name: getattr(obj, name) for name in names})
    return None


def _fits(call: Construction) -> bool:
    """Say whether the function takes these arguments, as far as it tells."""
    try:
        signature = inspect.signature(call.function)
    except (TypeError, ValueError):  # a class written in C
        return True
    try:
        signature.bind(*call.args, **call.kwargs)
    except TypeError:
        return False
    return True


class _Writer:
    """Writes an expression; what it is in the midst of it does not write again."""

    def __init__(self) -> None:
        self._open: set[int] = set()

    def write(self, value: Any) -> str:
        """Return the code of a value."""
        if id(value) in self._open:
            return f"<a {type(value).__name__} inside itself>"
        self._open.add(id(value))
        try:
            code = self._code(value)
        except Exception as error:
            return f"<{type(value).__name__}: {type(error).__name__}>"
        finally:
            self._open.discard(id(value))
        return f"<{' '.join(leaf_text(value).split())}>" if code is None else code

    def _code(self, value: Any) -> str | None:
        """Return the code of what is neither an object with a call of its own nor a container."""
        kind = type(value)
        if kind in _LITERALS:
            return repr(value)
        if kind in (float, complex):
            return repr(value) if np.isfinite(value) else f"{kind.__name__}({str(value)!r})"
        if isinstance(value, Enum):
            return f"{self.write(kind)}[{value.name!r}]"
        if isinstance(value, np.generic):
            return f"{self.write(kind)}({self.write(value.item())})"
        if isinstance(value, np.dtype):
            return f"numpy.dtype({value.name!r})"
        if is_array(value):
            return _array(value)
        if callable(value) and isinstance(getattr(value, "__qualname__", None), str):
            return _name(value)
        return self._container(value) or self._call(value)

    def _container(self, value: Any) -> str | None:
        """Return the code of a container of Python's own, item by item."""
        kind = type(value)
        if kind is dict:
            items = [f"{self.write(key)}: {self.write(item)}" for key, item in value.items()]
            return _laid_out("{", items, "}")
        if kind is list or (kind is tuple and len(value) != 1):
            left, right = "[]" if kind is list else "()"
            return _laid_out(left, [self.write(item) for item in value], right)
        if kind is tuple:
            return f"({self.write(value[0])},)"
        if isinstance(value, set | frozenset):
            return _laid_out(f"{self.write(kind)}([", sorted(map(self.write, value)), "])")
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return self._arguments(Construction(kind, value))
        if isinstance(value, int | float | str):  # a subclass: a reference in a definition
            base = int if isinstance(value, int) else float if isinstance(value, float) else str
            return self._arguments(Construction(kind, (base(value),)))
        return None

    def _call(self, value: Any) -> str | None:
        call = construction_of(value)
        return None if call is None or not _fits(call) else self._arguments(call)

    def _arguments(self, call: Construction) -> str:
        items = [self.write(arg) for arg in call.args]
        items += [f"{name}={self.write(arg)}" for name, arg in call.kwargs.items()]
        return _laid_out(f"{self.write(call.function)}(", items, ")")


def _laid_out(left: str, items: Sequence[str], right: str) -> str:
    line = f"{left}{', '.join(items)}{right}"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    body = "".join(f"{item},\n" for item in items)
    return f"{left}\n" + "".join(f"  {line}\n" for line in body.splitlines()) + right


def _name(thing: Any) -> str | None:
    """Return the shortest name by which a class or function is found, or None."""
    home, name = str(thing.__module__), str(thing.__qualname__)
    if home in ("builtins", "__main__"):
        return name if _find(home, name) is thing else None
    parts = home.split(".")
    rooms = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for room in [*_ROOMS.get(parts[0], ()), *rooms]:
        if _find(room, name) is thing:
            return f"{room}.{name}"
    return None


def _find(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _array(array: Any) -> str | None:
    """Return the code of an array: None where it has no numbers to write down."""
    if isinstance(array, jax.ShapeDtypeStruct):
        return f"jax.ShapeDtypeStruct({array.shape!r}, {array.dtype.name!r})"
    if jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
        data, kind = _array(jax.random.key_data(array)), jax.random.key_impl(array)
        return f"jax.random.wrap_key_data({data}, impl={str(kind)!r})"
    package = "jax.numpy" if isinstance(array, jax.Array) else "numpy"
    numbers = np.asarray(array)
    if not numbers.size:
        return f"{package}.zeros({array.shape!r}, {array.dtype.name!r})"
    with np.printoptions(
        threshold=sys.maxsize, floatmode="unique", nanstr="numpy.nan", infstr="numpy.inf"
    ):
        text = "".join(np.array2string(numbers, separator=",").split()).replace(",", ", ")
    return f"{package}.array({text}, {array.dtype.name!r})"
