"""What layers of a family show whoever asks for help."""

import inspect

import pytest

from brainlite import nn
from brainlite.nn._layers.families import ByRank, continue_doc


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.BatchNorm0d, nn.ZeroPad3d, nn.AdaptiveMaxPool1d])
def test_help_shows_what_the_family_has_in_common_below_a_line_of_its_own(layer: type) -> None:
    text = inspect.getdoc(layer) or ""
    first, *_ = text.splitlines()
    assert "base of" not in text.split("\n\n")[0]
    assert first.endswith(".")
    assert text.count("\nParameters\n---") == text.count("\nExamples\n---") == 1
    for name in inspect.signature(layer).parameters:
        assert name in text


def test_a_loss_is_documented_by_its_function() -> None:
    text = inspect.getdoc(nn.CrossEntropyLoss) or ""
    assert text.startswith("Cross entropy of logits")
    assert "label_smoothing : float" in text


def test_sections_of_its_own_stay_alone() -> None:
    class Base(ByRank):
        """Common.

        Parameters
        ----------
        size : int
        value : float
            Of another kind only.
        """

        def __init__(self, size: int) -> None:
            self.size = size

    class One(Base, rank=1):
        """One axis."""

    class Two(Base, rank=2):
        """Two axes.

        Parameters
        ----------
        sizes : tuple
        """

    class Plain:
        """Nothing to add."""

    assert inspect.getdoc(One) == "One axis.\n\nParameters\n----------\nsize : int"
    assert "size : int" not in (inspect.getdoc(Two) or "")
    continue_doc(Plain, None, "No sections.", takes=())
    assert inspect.getdoc(Plain) == "Nothing to add."


def test_what_a_function_takes_and_a_layer_does_not_are_inputs_of_its_calls() -> None:
    text = inspect.getdoc(nn.MSELoss) or ""
    parameters, inputs = text.index("Parameters\n---"), text.index("Inputs\n---")
    assert parameters < text.index("reduction : str") < inputs < text.index("input, target : arr")
    assert "Output\n------\narray" in text
    assert "Returns" not in text
    alone = inspect.getdoc(nn.ReLU) or ""
    assert "Parameters" not in alone
    assert alone.index("Inputs\n---") < alone.index("x : array_like")
