import pytest

from brainlite.errors import SizeError
from brainlite.nn._modules.size import to_size
from brainlite.random import _size


def test_layers_and_draws_have_one_rule_for_sizes() -> None:
    assert to_size is _size.to_size


@pytest.mark.parametrize(("size", "got"), [(-1, "-1"), (2.5, r"2\.5"), (True, "True")])
def test_the_message_names_argument_and_layer(size: int, got: str) -> None:
    with pytest.raises(SizeError, match=rf"^Linear: num_in is no size\n.*\n  got:      {got}\n"):
        to_size(size, name="num_in", where="Linear")
