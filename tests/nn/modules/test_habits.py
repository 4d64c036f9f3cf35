"""Torch's ways with modules: what is called otherwise here is told, what is doubtful asked."""

import copy
import inspect
import json
import pickle
import warnings
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite._given import _habits
from brainlite.errors import (
    InputError,
    TorchHabitWarning,
    UnknownOptionError,
    UpdateMissingError,
)
from brainlite.graph import clone
from brainlite.transform import grad, jit
from brainlite.typing import Array
from tests.integration.data.make_torch_names import PATH

THERE: Any = json.loads(PATH.read_text("utf-8"))
LAYERS = [name for name in THERE["options"] if hasattr(nn, name)]


@pytest.fixture(autouse=True)
def _asked_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_habits, "_asked", set())


@pytest.mark.parametrize("name", LAYERS)
def test_each_option_of_torch_is_taken_or_told_what_is_written_here(name: str) -> None:
    kind: Any = getattr(nn, name)
    for option in THERE["options"][name]:
        if option in inspect.signature(kind.__init__).parameters:
            continue
        with pytest.raises(UnknownOptionError, match=rf"{name}: there is no option '{option}'"):
            kind(**{option: 1})


def test_a_subclass_has_options_of_its_own() -> None:
    class Mine(nn.Linear):
        def __init__(self, bias: bool) -> None:
            super().__init__(2, 3, b_init=nn.init.ZeroInit() if bias else None)

    assert set(Mine(bias=False).weight.value) == {"weight"}
    with pytest.raises(TypeError, match="unexpected keyword argument 'inplace'"):
        Mine(inplace=True)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # the mistake


def test_what_nobody_knows_python_refuses() -> None:
    make: Any = nn.Linear
    with pytest.raises(TypeError, match="unexpected keyword argument 'bies'"):
        make(2, 3, bies=False)
    with pytest.raises(UnknownOptionError, match=r"(?s)'bias'.*bias=False.*write b_init=None"):
        make(2, 3, bias=False)


@pytest.mark.parametrize("name", [n for n in THERE["modules"] if not hasattr(nn.Linear(1, 1), n)])
def test_each_attribute_of_torch_is_there_or_told(name: str) -> None:
    if name in ("T_destination", "call_super_init", "dump_patches") or "_dict_" in name:
        return  # what torch needs for itself, and hooks of state dicts
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'. torch's `{name}` is here: "):
        getattr(nn.Linear(1, 1), name)


DOUBTFUL: list[tuple[Callable[[], Any], str, list[Callable[[], Any]]]] = [
    (
        lambda: nn.Dropout(0.1),
        r"Dropout\(0.1\) keeps a share of 0.1. Write p=0.1 .*, or prob=0.1",
        [lambda: nn.Dropout(p=0.1), lambda: nn.Dropout(prob=0.1), lambda: nn.Dropout(0.5)],
    ),
    (
        lambda: nn.Dropout2d(0.25),
        r"Dropout2d\(0.25\) keeps",
        [lambda: nn.Dropout2d(0.75), lambda: nn.Dropout2d(p=0.25)],
    ),
    (
        lambda: nn.DropoutFixed(3, 0.1),
        r"DropoutFixed\(0.1\) keeps",
        [lambda: nn.DropoutFixed(3, p=0.1), lambda: nn.DropoutFixed(3, prob=0.1)],
    ),
    (
        lambda: nn.BatchNorm0d(3, momentum=0.1),
        r"momentum=0.1\) lets 0.1 .* stay.* Write momentum=0.9 ",
        [lambda: nn.BatchNorm0d(3, momentum=0.9), lambda: nn.BatchNorm0d(3, momentum=None)],
    ),
    (
        lambda: nn.AvgPool2d(2),
        r"AvgPool2d\(kernel_size=2\) moves by 1. Write kernel_size=2, stride=None",
        [lambda: nn.AvgPool2d(2, 2), lambda: nn.AvgPool2d(2, stride=1), lambda: nn.AvgPool2d(1)],
    ),
    (
        lambda: nn.Flatten(),
        r"Flatten\(\) merges all axes.* Write Flatten\(1\) .*, or Flatten\(0\)",
        [lambda: nn.Flatten(1), lambda: nn.Flatten(0), lambda: nn.Flatten(in_size=(2, 3))],
    ),
    (
        lambda: nn.ZeroPad2d((1, 2, 3, 4)),
        r"\(\(1, 2, 3, 4\)\) pads the first .*\(\(3, 4\), \(1, 2\)\) .* or \(\(1, 2\), \(3, 4\)\)",
        [
            lambda: nn.ZeroPad2d(((1, 2), (3, 4))),
            lambda: nn.ZeroPad2d((1, 2, 1, 2)),
            lambda: nn.ZeroPad1d((1, 2)),
            lambda: nn.ZeroPad2d(1),
        ],
    ),
]


@pytest.mark.parametrize(("make", "match", "sure"), DOUBTFUL)
def test_a_value_that_looks_like_torchs_is_asked_about_once(
    make: Callable[[], Any], match: str, sure: list[Callable[[], Any]]
) -> None:
    with pytest.warns(TorchHabitWarning, match=match) as asked:
        make()
    assert [each.filename for each in asked] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make()
        for each in sure:
            each()


def test_both_ways_to_write_a_doubt_mean_what_they_say() -> None:
    # The same layer as the doubtful one, and the one that torch would have made.
    with pytest.warns(TorchHabitWarning):
        assert nn.Dropout(0.1).prob == nn.Dropout(prob=0.1).prob
        assert nn.Dropout(p=0.1).prob == 0.9
        pads = nn.ZeroPad2d((1, 2, 3, 4)).padding
        assert pads == nn.ZeroPad2d(((1, 2), (3, 4))).padding
        x = jnp.arange(16.0).reshape(4, 4, 1)
        assert nn.AvgPool2d(2)(x).shape == nn.AvgPool2d(2, stride=1)(x).shape == (3, 3, 1)
    assert nn.AvgPool2d(2, stride=None)(x).shape == (2, 2, 1)


class Forward(nn.Module):
    def __init__(self) -> None:
        self.layer = nn.Linear(2, 3)

    def forward(self, x: Array) -> Array:
        return self.layer(x)


X = jnp.ones((4, 2))


@pytest.mark.parametrize(
    "call",
    [
        lambda model: model(X),
        lambda model: jit(model)(X),
        lambda model: jit(lambda x: model(x))(X),
        lambda model: grad(lambda x: model(x).sum())(X),
        lambda model: nn.Sequential(nn.Linear(2, 2), model)(X),
        lambda model: X >> model,
        lambda model: nn.Vmap(model)(X),
    ],
)
def test_a_model_with_forward_is_told_to_have_update(call: Callable[[Any], Any]) -> None:
    with pytest.raises(UpdateMissingError, match=r"(?s)`forward` is defined.*def update\(self"):
        call(Forward())


def test_the_path_of_what_has_no_update_is_told() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            self.blocks = nn.ModuleList([Forward()])

        def update(self, x: Array) -> Any:
            block: Any = self.blocks[0]
            return block(x)

    with pytest.raises(UpdateMissingError, match=r"Net.blocks\[0\] \(Forward\): `forward`"):
        Net()(X)


def test_a_list_of_layers_cannot_be_called() -> None:
    layers: Any = nn.ModuleList([nn.Linear(2, 3)])
    with pytest.raises(UpdateMissingError, match=r"(?s)a call of a ModuleList.*for layer in"):
        layers(X)
    nothing: Any = nn.Module()
    with pytest.raises(UpdateMissingError, match=r"(?s)no `update`.*define `def update"):
        nothing(X)


def test_forward_over_an_update_that_does_not_know_it_is_warned_of() -> None:
    with pytest.warns(TorchHabitWarning, match=r"Twice defines `forward`.* that of Affine") as told:

        class Twice(nn.Linear):
            def forward(self, x: Array) -> Array:
                return 2 * self.update(x)

    assert told[0].filename == __file__
    assert Twice(2, 3)(X).shape == (4, 3)


def test_forward_that_update_calls_is_nobodys_business() -> None:
    class Flow(nn.Module):
        def update(self, x: Array) -> Any:
            return self.forward(x)

        def forward(self, x: Array) -> Array:
            raise NotImplementedError

    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Doubling(Flow):
            def forward(self, x: Array) -> Array:
                return 2 * x

        class Both(nn.Linear):
            def forward(self, x: Array) -> Array:
                return x

            def update(self, x: Array) -> Array:
                return self.forward(x)

    assert Doubling()(1.0) == 2  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # a number
    assert Both(2, 3)(X) is X


def test_a_layer_whose_init_was_not_called_says_so() -> None:
    class Forgot(nn.Linear):
        def __init__(self) -> None:
            self.size = 3

    class Remembers(nn.Linear):
        def __init__(self) -> None:
            super().__init__(2, 3)

    with pytest.raises(AttributeError, match=r"`__init__` of Forgot does not call that of \w+"):
        Forgot()(X)
    with pytest.raises(AttributeError, match="no attribute 'size'"):
        _ = Remembers().size  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # not there


def test_copies_are_not_asked_again() -> None:
    layers = [nn.Flatten(1), nn.Flatten(0), nn.Dropout(p=0.1), nn.AvgPool1d(3, stride=None)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for layer in layers:
            for again in (copy.copy(layer), copy.deepcopy(layer), clone(layer)):
                assert repr(again) == repr(layer)
            assert repr(pickle.loads(pickle.dumps(layer))) == repr(layer)


@pytest.mark.parametrize(
    "layer",
    [nn.Linear(3, 2), nn.Conv1d((8, 4), 2, 3), nn.LayerNorm(4), nn.AllToAll(3, 2)],
    ids=lambda layer: type(layer).__name__,
)
def test_a_bias_that_is_an_item_of_the_parameters_is_neither_read_nor_set_as_an_attribute(
    layer: Any,
) -> None:
    for do in (lambda: layer.bias, lambda: setattr(layer, "bias", jnp.ones(2))):
        with pytest.raises(AttributeError, match=r"layer\.weight\.value = \{\*\*layer\.weight"):
            do()
    assert not hasattr(layer, "bias")
    jit(lambda: None)()
    with pytest.raises(AttributeError, match=r"\{\*\*layer\.weight"):
        jit(lambda: setattr(layer, "bias", 1))()


def test_freezing_a_module_by_an_attribute_is_refused() -> None:
    layer: Any = nn.Linear(3, 2)
    with pytest.raises(AttributeError, match=r"module\.requires_grad_\(False\)"):
        layer.requires_grad = False
    assert layer.requires_grad_(False).weight.requires_grad is False


def test_a_pair_in_place_of_an_array_is_taken_apart_by_the_message() -> None:
    gru, head = nn.GRU(3, 4), nn.Linear(4, 2)
    untyped: Any = head
    with pytest.raises(
        InputError, match=r"\(output, last\), as recurrent layers return, take `y\[0\]`"
    ):
        untyped(gru(jnp.ones((5, 3))))
