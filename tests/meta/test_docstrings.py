"""The docstring of each public function and class says what it takes, gives back, and shows it."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import is_protocol

from brainlite.errors import OptionError, SizeError
from brainlite.typing import Array
from docs.reference import names_of, public_modules
from tests.meta.docstrings import (
    LIKE,
    described,
    lacks_errors,
    lacks_purpose,
    lacks_shapes,
    lacks_source,
    lacks_units,
)

# What a function returns is made by no user; its page shows it.
RESULT = re.compile(r"\A[^\n]*\bWhat (?::func:`|``|registering)|\A.*?, as :func:`\w+` returns it")


def lacks(value: Any) -> list[str]:
    """Say which parts are missing from the docstring of a function or a class."""
    text = inspect.getdoc(value) or ""
    if RESULT.search(text) and inspect.isclass(value):
        return []
    like = LIKE.search(text) is not None
    found = {
        "Parameters": any(f"\n{each}\n---" in text for each in ("Parameters", "Attributes"))
        or like
        or not takes_any(value),
        "Returns": "\nReturns\n---" in text or like or inspect.isclass(value) or is_none(value),
        "Examples": ">>> " in text,
    }
    return [part for part, there in found.items() if not there]


def takes_any(value: Any) -> bool:
    if is_protocol(value):  # of which no object is made
        return False
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return False
    return any(name not in ("self", "name") and name[0] != "_" for name in parameters)


def is_none(function: Any) -> bool:
    return getattr(function, "__annotations__", {}).get("return", 0) in (None, "None")


def test_docstrings_are_whole() -> None:
    found = {full: parts for full, name in described().items() if (parts := lacks(name.value))}
    assert found == {}


def untrue(value: Any) -> list[str]:
    """Return the names in a docstring's Parameters that a function or a class does not take."""
    section = re.search(
        r"\nParameters\n-+\n(.*?)(?:\n\n\S|\Z)", inspect.getdoc(value) or "", re.DOTALL
    )
    try:
        taken = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return []
    heads = re.findall(r"^(\S[^:\n]*)", section[1], re.MULTILINE) if section else []
    named = [name.strip().lstrip("*") for head in heads for name in head.split(",")]
    keywords = any(each.kind is each.VAR_KEYWORD for each in taken.values())
    return [name for name in named if name not in taken and not keywords]


def test_docstrings_name_parameters_that_there_are() -> None:
    found = {full: names for full, name in described().items() if (names := untrue(name.value))}
    assert found == {}


def square(x: float, name: str | None = None) -> float:
    """Return the square."""
    return x * x


def cube(x: float) -> float:
    """Return the cube.

    Parameters
    ----------
    x : number

    Returns
    -------
    number

    Examples
    --------
    >>> cube(2.0)
    8.0
    """
    return x**3


class Like:
    """Parameters are those of :class:`Other`.

    >>> Like(3).x
    3
    """

    def __init__(self, x: int) -> None:
        self.x: int = x


@pytest.mark.parametrize(
    ("value", "parts"),
    [(square, ["Parameters", "Returns", "Examples"]), (cube, []), (Like, [])],
)
def test_what_a_docstring_lacks_is_noticed(value: Any, parts: list[str]) -> None:
    assert lacks(value) == parts


def quartic(x: float) -> float:
    """Return the fourth power.

    Parameters
    ----------
    x, y : number
        The base.

    Returns
    -------
    number
    """
    return x**4


def test_a_parameter_that_there_is_not_is_noticed() -> None:
    assert untrue(quartic) == ["y"]
    assert untrue(cube) == untrue(square) == []


def test_every_public_function_and_class_is_looked_at() -> None:
    every = {id(name.value) for module in public_modules() for name in names_of(module)}
    assert {"brainlite.nn.GRUCell", "brainlite.transform.jit"} <= described().keys()
    assert {id(name.value) for name in described().values()} <= every
    assert len(described()) > 400


# ---------------------------------------------------------- errors, shapes, units, sources

# An error that the code could raise, and the user of this name cannot bring about.
OUT_OF_REACH = {
    "brainlite.display.text_repr": {"OptionError"},  # of `depth`, which it does not take
    "brainlite.nn.Recurrent": {"GraphError"},  # the cell is a module: that was asked before
    "brainlite.nn.functional.scaled_dot_product_attention": {"OptionError"},  # of a number of keys
    "brainlite.optim.Part": {"OptionError"},  # an optimizer makes it, which has looked
    "brainlite.transform.BoundJit": {"ArgumentError"},  # so has jit,
    "brainlite.transform.JitFunction": {"ArgumentError"},  # which returns them
}
OF_ARRAYS = ("brainlite.nn", "brainlite.random", "brainlite.metrics", "brainlite.surrogate")
ALGORITHMS = (
    *(f"brainlite.nn.{room}" for room in ("_layers", "_recurrent", "_dynamics", "_attention")),
    *("brainlite.nn._functional", "brainlite.nn._init", "brainlite.nn.functional"),
    *("brainlite.optim", "brainlite.surrogate", "brainlite.metrics"),
)
# Nobody is to be named for these.
WITHOUT_SOURCE = {
    "the line that says what it is, is all there is to it": """
        nn.Hardtanh nn.L1Loss nn.LogSigmoid nn.LogSoftmax nn.MSELoss nn.Sigmoid nn.Softmax2d
        nn.Softmin nn.Tanh nn.Tanhshrink nn.Threshold nn.functional.cosine_similarity
        nn.functional.hard_tanh nn.functional.l1_loss nn.functional.log_sigmoid
        nn.functional.log_softmax nn.functional.logsumexp nn.functional.mse_loss
        nn.functional.sigmoid nn.functional.softmin nn.functional.standardize
        nn.functional.tanh nn.functional.tanh_shrink nn.init.Constant nn.init.Exponential
        nn.init.Gamma nn.init.Normal nn.init.TruncatedNormal nn.init.Uniform nn.init.Unit
        nn.init.ZeroInit metrics.AccuracyMetric metrics.ConfusionMatrix""",
    "numbers are moved, and nothing is computed": """
        nn.CircularPad1d nn.CircularPad2d nn.CircularPad3d nn.ConstantPad1d nn.ConstantPad2d
        nn.ConstantPad3d nn.ReflectionPad1d nn.ReflectionPad2d nn.ReflectionPad3d
        nn.ReplicationPad1d nn.ReplicationPad2d nn.ReplicationPad3d nn.ZeroPad1d nn.ZeroPad2d
        nn.ZeroPad3d nn.Flatten nn.Unflatten nn.Identity nn.functional.one_hot
        nn.mask_from_lengths nn.pad_sequences""",
    "bases, and parts of others": """
        nn.Dynamics nn.ElementWiseBlock nn.InterpolationRegistry nn.Neuron nn.RNNCell nn.Synapse
        nn.init.Initializer metrics.Metric metrics.MetricState metrics.MultiMetric
        metrics.Statistics optim.OptimState optim.Part optim.Transformation surrogate.Surrogate""",
    "what connects models: who is connected, and when it arrives": """
        nn.Delay nn.DelayAccess nn.EventFixedNumConn nn.EventLinear
        nn.FixedNumConn nn.OutputDelayAt nn.Prefetch nn.PrefetchDelayAt nn.StateWithDelay
        nn.not_receive_update_input nn.not_receive_update_output nn.receive_update_input
        nn.receive_update_output""",
    "asks about functions": "nn.functional.is_pure nn.functional.resolve_activation",
}


def test_docstrings_say_what_is_raised() -> None:
    found: dict[str, list[str]] = {}
    for full, name in described().items():
        never = OUT_OF_REACH.get(full, set())
        errors = [each for each in lacks_errors(name.value) if each.partition(",")[0] not in never]
        found |= {full: errors} if errors else {}
    assert found == {}


def test_docstrings_say_shapes() -> None:
    found = [
        full
        for full, name in described().items()
        if name.module.startswith(OF_ARRAYS) and lacks_shapes(name.value)
    ]
    assert found == []


def test_docstrings_say_units() -> None:
    found = {full: lack for full, name in described().items() if (lack := lacks_units(name.value))}
    assert found == {}


def test_algorithms_name_their_source() -> None:
    free = {f"brainlite.{name}" for names in WITHOUT_SOURCE.values() for name in names.split()}
    lacking = {
        full
        for full, name in described().items()
        if name.source.startswith(ALGORITHMS) and lacks_source(name.value)
    }
    assert lacking == free  # who has one now needs no place in the list any more


def doubled(x: float) -> float:
    """Return twice a number.

    Raises
    ------
    SizeError
        It is 1.
    """
    if x == 1:
        raise SizeError("one")
    return _checked(x) * 2


def _checked(x: float) -> float:
    if x < 0:
        raise OptionError("negative")
    return x


class Doubling:
    """Doubles what comes; see :func:`doubled_rightly`."""

    def update(self, x: float) -> float:
        return self._twice(x)

    def _twice(self, x: float) -> float:
        return doubled(x)


def doubled_rightly(x: float) -> float:
    """Return twice a number. What is negative raises ``OptionError``, 1 a ``SizeError``."""
    return doubled(x)


def test_an_error_that_is_not_told_is_noticed() -> None:
    assert lacks_errors(doubled) == ["OptionError, by doubled > _checked"]
    assert lacks_errors(doubled_rightly) == []
    assert lacks_errors(Doubling) == []  # the function that it names tells it
    Untold = type("Untold", (Doubling,), {"__doc__": "Doubles what comes."})
    assert lacks_errors(Untold) == [
        "SizeError, by _twice > doubled",
        "OptionError, by _twice > doubled > _checked",
    ]


def shapeless(x: Array) -> Array:
    """Return an array.

    Examples
    --------
    >>> shapeless(jnp.ones((2, 3))).shape
    (2, 3)

    References
    ----------
    Somebody.
    """
    return x


def shaped(x: Array) -> Array:
    """Return an array of the shape of x."""
    return x


def test_shapes_and_sources_that_lack_are_noticed() -> None:
    assert lacks_shapes(shapeless) == ["shapes"]
    assert lacks_shapes(shaped) == lacks_shapes(doubled) == []
    assert lacks_source(shaped) == ["References"]
    assert lacks_source(shapeless) == []


def decayed(x: float, tau: float, time: float, V_th: float) -> float:
    """Return what is left.

    Parameters
    ----------
    x : float
        What there was.
    tau, time : float
        How fast, and for how long, in ms.
    V_th : float
        The threshold.
    """
    return 0.0 if x * 0.5 ** (time / tau) < V_th else x


def test_a_unit_that_lacks_is_noticed() -> None:
    assert lacks_units(decayed) == ["V_th"]
    assert lacks_units(doubled) == []


PACKAGE = Path(inspect.getfile(lacks_errors)).parents[2] / "brainlite"


def test_long_private_functions_say_what_they_are_for() -> None:
    found = {str(file): lacks_purpose(file.read_text()) for file in PACKAGE.rglob("*.py")}
    assert len(found) > 200
    assert {file: names for file, names in found.items() if names} == {}


def test_a_long_private_function_that_says_nothing_is_noticed() -> None:
    lines = [f"        x += {n}" for n in range(8)]
    silent = "\n".join(["class A:", "    def _sum(self, x):", *lines, "        return x"])
    told = silent.replace("        x += 0", '        """Add up."""\n        x += 0')
    assert lacks_purpose(silent) == ["_sum"]
    assert lacks_purpose(told) == lacks_purpose(silent.replace("_sum", "__add__")) == []
    assert lacks_purpose(silent.replace("        x += 0\n", "")) == []  # it is short
