"""Every exception: one tree, one way to say what happened."""

import copy
import inspect
import pickle
import re

import pytest

from brainlite import errors
from brainlite.errors import BrainliteError, EnvironmentKeyError, StateMissingError, StateValueError

ERRORS: list[type[BrainliteError]] = [
    kind
    for name, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, BrainliteError) and kind.__name__ == name
]

BUILT_IN = {
    "StateValueError": ValueError,
    "StateLostError": RuntimeError,
    "StateOverwriteError": TypeError,
    "StateUseError": TypeError,
    "StateMissingError": AttributeError,
    "RawTransformError": RuntimeError,
    "TracedAttributeError": TypeError,
    "EscapedTracerError": RuntimeError,
    "LoopStateError": TypeError,
    "BranchError": TypeError,
    "MapStateError": ValueError,
    "ArgumentError": ValueError,
    "EnvironmentLeakError": RuntimeError,
    "ResultError": TypeError,
    "GradError": TypeError,
    "GraphError": ValueError,
    "FilterError": TypeError,
    "NameNotFoundError": AttributeError,
    "NameTakenError": KeyError,
    "ContainerError": TypeError,
    "StateDictError": ValueError,
    "CheckpointError": ValueError,
    "ShardingError": ValueError,
    "SizeError": ValueError,
    "InputError": ValueError,
    "NonFiniteError": ArithmeticError,
    "OptionError": ValueError,
    "UnknownOptionError": TypeError,
    "UpdateMissingError": TypeError,
    "EnvironmentKeyError": KeyError,
}


def test_the_tree_in_the_documentation_is_the_tree_of_the_classes() -> None:
    parents: dict[str, str] = {}
    open_branches: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        drawn = re.match(r"    ([│├└─ ]*)(\w+Error)\b", line)
        if drawn is None:
            continue
        depth, name = len(drawn[1]), drawn[2]
        while open_branches and open_branches[-1][0] >= depth:
            open_branches.pop()
        if open_branches:
            parents[name] = open_branches[-1][1]
        open_branches.append((depth, name))
    assert parents == {
        kind.__name__: kind.__bases__[0].__name__ for kind in ERRORS if kind is not BrainliteError
    }


def test_every_exception_is_public() -> None:
    warnings = [name for name in errors.__all__ if issubclass(getattr(errors, name), Warning)]
    # Names of brainstate for the same errors.
    others = [name for name in errors.__all__ if getattr(errors, name).__name__ != name]
    assert sorted([kind.__name__ for kind in ERRORS] + warnings + others) == errors.__all__


@pytest.mark.parametrize("kind", ERRORS)
def test_every_exception_has_the_built_in_one_that_code_would_expect(
    kind: type[BrainliteError],
) -> None:
    expected = BUILT_IN.get(kind.__name__)
    assert expected is None or issubclass(kind, expected)
    leaf = not kind.__subclasses__()
    assert (expected is not None) == leaf


@pytest.mark.parametrize("kind", ERRORS)
def test_every_exception_is_documented(kind: type[BrainliteError]) -> None:
    assert kind.__doc__


@pytest.mark.parametrize("kind", ERRORS)
def test_a_message_says_where_what_and_what_to_do(kind: type[BrainliteError]) -> None:
    error = kind("it broke", where="Net.cell", expected="3", got="4", fix="pass 3")
    assert str(error) == "Net.cell: it broke\n  expected: 3\n  got:      4\n  fix:      pass 3"
    with pytest.raises(kind, match=r"^Net\.cell: it broke$"):
        raise kind("it broke", where="Net.cell")


def test_parts_that_are_not_known_are_left_out() -> None:
    assert str(BrainliteError("it broke")) == "it broke"
    assert str(BrainliteError("it broke", got="4")) == "it broke\n  got:      4"


def test_line_breaks_show_where_the_built_in_exception_would_escape_them() -> None:
    error = EnvironmentKeyError("no key", fix="set it")
    assert str(error) == "no key\n  fix:      set it"
    with pytest.raises(KeyError, match=r"no key\n  fix: "):
        raise error


def test_a_missing_state_is_a_missing_attribute() -> None:
    class Cell:
        @property
        def h(self) -> float:
            raise StateMissingError("not made yet")

    assert not hasattr(Cell(), "h")


@pytest.mark.parametrize("kind", ERRORS)
def test_an_exception_can_be_copied_and_pickled(kind: type[BrainliteError]) -> None:
    error = kind("it broke", where="Net", fix="mend it")
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is kind
        assert str(twin) == str(error)


def test_notes_may_be_added() -> None:
    error = StateValueError("it broke")
    error.add_note("in step 3")
    assert error.__notes__ == ["in step 3"]
