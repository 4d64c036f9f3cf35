"""Each layer and each loss refuses what is no array: with its path, what it takes, what came."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite.errors import BrainliteError, InputError, OptionError, SizeError
from brainlite.nn import functional
from brainlite.transform import jit
from brainlite.typing import ArrayLike
from tests.nn.table import handling as h

# One that returns what it gets, and two that map over what they get, which may be a tree.
OTHERS = {"Identity", "Map", "Vmap"}
ROWS = {type(row.make()).__name__: row for _, row in h.gathered()}
LOSSES = {name: getattr(nn, name) for name in nn.__all__ if name.endswith("Loss")}


class _Tensor:
    """What a tensor of torch looks like from here."""

    dtype = "torch.float32"

    def __init__(self, like: Any) -> None:
        self.shape = like.shape
        self.ndim = like.ndim
        self._like = like

    def __array__(self, *_args: Any, **_kwargs: Any) -> Any:
        return np.asarray(self._like)


_Tensor.__module__ = "torch"
_Tensor.__qualname__ = _Tensor.__name__ = "Tensor"
WRONG: dict[str, tuple[Callable[[Any], Any], str]] = {
    "nothing": (lambda x: None, r"got: +None\n +fix: +.*layer before"),
    "a text": (lambda x: "text", r"got: +'text', a str\n +fix: .*asarray\(x\)"),
    "a list": (lambda x: np.asarray(x).tolist() or [0], r"got: +a list\n +fix: .*asarray\(x\)"),
    "a tuple": (lambda x: (x, x), r"got: +a tuple\n +fix: .*asarray\(x\)"),
    "a dict": (lambda x: {"x": x}, r"got: +a dict\n +fix: .*asarray\(x\)"),
    "a function": (lambda x: jnp.sin, r"got: +a .*\n +fix: .*asarray\(x\)"),
    "a tensor": (_Tensor, r"got: +a torch\.Tensor of torch\.float32\n +fix: .*x\.numpy\(\)"),
    "objects": (
        lambda x: np.full(x.shape, None, object),
        r"got: +a numpy\.ndarray of object\n +fix: .*asarray\(x\)",
    ),
}


def _refusal(path: str, call: Callable[[], Any], match: str) -> None:
    expected = rf"^{path}: [\w ]+ is no array\n +expected: an array of jax or numpy\n +{match}"
    with pytest.raises(InputError, match=expected):
        call()


@pytest.mark.parametrize("name", [name for name in ROWS if name not in OTHERS])
def test_a_layer_refuses_what_is_no_array(name: str) -> None:
    row = ROWS[name]
    layer = h.made(row)
    before = h.values(layer)
    for place, x in enumerate(row.inputs):
        for make, match in WRONG.values():
            given = [*row.inputs[:place], make(x), *row.inputs[place + 1 :]]
            if given[place] is not None or not place:  # without the others a layer may do
                _refusal(r"\w+.*", functools.partial(layer, *given), match)
    h.assert_unchanged(layer, before)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_refuses_what_is_no_array(name: str) -> None:
    x = jnp.ones((2, 3))
    count = {"GaussianNLLLoss": 3, "TripletMarginLoss": 3, "MarginRankingLoss": 3}.get(name, 2)
    count = {"CosineEmbeddingLoss": 3, "CTCLoss": 4}.get(name, count)
    for place in range(2):
        for make, match in WRONG.values():
            given: list[Any] = [x] * count
            given[place] = make(x)
            _refusal(name, functools.partial(LOSSES[name](), *given), match)


RECURRENT: dict[str, Callable[[], Any]] = {
    "GRU": lambda: nn.GRU(2, 3),
    "LSTM": lambda: nn.LSTM(2, 3),
    "Recurrent": lambda: nn.Recurrent(nn.GRUCell(2, 3)),
    "MinGRU": lambda: nn.MinGRU(2, 3),
    "LRU": lambda: nn.LRU(2, 3),
}
NORMS: dict[str, Callable[[], Any]] = {
    "LayerNorm": lambda: nn.LayerNorm(2),
    "RMSNorm": lambda: nn.RMSNorm(2),
    "GroupNorm": lambda: nn.GroupNorm(2, num_groups=1),
    "BatchNorm0d": lambda: nn.BatchNorm0d(2).train(),
}
MARK = jnp.ones((4, 2), bool)


@pytest.mark.parametrize("name", RECURRENT)
def test_a_recurrent_layer_refuses_marks_and_states_that_are_no_arrays(name: str) -> None:
    layer: Any = RECURRENT[name]()
    x = jnp.ones((4, 2, 2))
    for argument in ("lengths", "mask", "reset"):
        for what, (make, match) in WRONG.items():
            if what == "nothing" or (argument == "lengths" and what in ("a list", "a tuple")):
                continue  # they are allowed
            call = functools.partial(layer, x, **{argument: make(MARK)})
            with pytest.raises(
                InputError, match=rf"{name}.*: {argument} is no array\n(.|\n)*{match}"
            ):
                call()
    for wrong in (5, 1.5, "text", [None], jnp.sin, (_Tensor(jnp.ones((1, 2, 3))),) * 2):
        with pytest.raises(InputError, match=rf"{name}.*: .*hidden state(.|\n)*got: +\S"):
            layer(x, wrong)


@pytest.mark.parametrize("name", NORMS)
def test_a_normalisation_refuses_masks_that_are_none(name: str) -> None:
    layer: Any = NORMS[name]()
    x = jnp.ones((4, 2, 2))
    for what, (make, match) in WRONG.items():
        if what != "nothing":
            with pytest.raises(InputError, match=rf"{name}: the mask is no array\n(.|\n)*{match}"):
                layer(x, mask=make(MARK))
    for shape in ((5,), (4, 1, 2, 2), (3, 2, 2)):
        with pytest.raises(InputError, match=rf"{name}: the mask does not fit(.|\n)*\(4, 2, 2\)"):
            layer(x, mask=jnp.ones(shape, bool))
    assert layer(x, mask=jnp.ones((2, 1), bool)).shape == x.shape


def test_the_path_of_the_layer_is_told() -> None:
    nothing: Any = lambda x: None  # noqa: E731
    model: Any = nn.Sequential(nothing, nn.Sequential(nn.Linear(3, 3)))
    with pytest.raises(InputError, match=r"^Sequential\[1\]\[0\] \(Linear\): the input is no"):
        model(jnp.ones(2))


@pytest.mark.parametrize("x", [3, 2.5, np.float32(2), np.ones(()), True])
def test_activations_take_numbers(x: Any) -> None:
    layer: Any = nn.ReLU()
    assert float(layer(x)) == float(x)


@pytest.mark.parametrize("dtype", ["foo", None, 5, "cuda", "int32"])
def test_a_model_is_cast_to_dtypes_only(dtype: Any) -> None:
    layer = nn.Linear(2, 3)
    with pytest.raises(OptionError, match=r"floating-point dtypes only(.|\n)*float32"):
        layer.to(dtype)
    with pytest.raises(BrainliteError, match=r"dtype(.|\n)*float32"):
        nn.Linear(2, 3, dtype=dtype if dtype is not None else "foo")
    assert layer.weight.value["weight"].dtype == jnp.float32


def _array_arguments(function: Any) -> dict[str, bool]:
    """Return the parameters that are arrays, with whether they must be given."""
    wanted = set(get_args(ArrayLike))
    found: dict[str, bool] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        kinds = set(get_args(parameter.annotation))
        if parameter.annotation is jax.Array or wanted <= kinds:
            found[name] = parameter.default is parameter.empty
    return found


FUNCTIONS = {
    name: getattr(functional, name)
    for name in functional.__all__
    if inspect.isfunction(getattr(functional, name)) and _array_arguments(getattr(functional, name))
}
EXTRA = {"one_hot": {"num_classes": 3}}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("traced", [False, True])
def test_a_function_refuses_what_is_no_array(name: str, traced: bool) -> None:
    function = FUNCTIONS[name]
    required = [each for each, must in _array_arguments(function).items() if must]
    assert required
    # Each argument as a shape that it may have, so that nothing else is wrong.
    good = {each: jnp.ones((2, 3)) for each in required} | EXTRA.get(name, {})
    for wrong in required:
        for what, (make, match) in WRONG.items():
            given = {**good, wrong: make(jnp.ones((2, 3)))}
            call = functools.partial(function, **given)
            if what in ("a list", "a tuple", "a tensor") and name != "scaled_dot_product_attention":
                continue  # some of jax's functions take them
            with pytest.raises(InputError, match=rf"^{name}: {wrong} is no array\n(.|\n)*{match}"):
                (jit(call) if traced else call)()


@pytest.mark.parametrize("wrong", [None, "text", [0, "text"], {"a": 1.5}], ids=repr)
def test_gradients_to_clip_are_arrays(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"grad.*: a gradient is no array\n(.|\n)*got: +\S"):
        functional.clip_grad_norm(wrong, 1.0)


@pytest.mark.parametrize("wrong", [None, "text", jnp.ones(2), -1.0, float("nan")], ids=repr)
def test_the_norm_to_clip_to_is_one_number(wrong: Any) -> None:
    with pytest.raises(OptionError, match=r"max_norm >= 0, one number(.|\n)*max_norm="):
        functional.clip_grad_norm([jnp.ones(2)], wrong)


@pytest.mark.parametrize("wrong", [None, "text", 2.5, -1], ids=repr)
def test_a_number_of_classes_is_a_whole_number(wrong: Any) -> None:
    with pytest.raises(SizeError, match=r"one_hot: num_classes is no size(.|\n)*got: +\S"):
        functional.one_hot(jnp.arange(2), wrong)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    "mask",
    [jnp.zeros((4, 2, 2)), jnp.ones((4, 2, 2), "int32"), jnp.full((4, 2, 1), jnp.nan), 0.5, 1],
    ids=["added to scores", "of ints", "of NaN", "a half", "one"],
)
def test_a_mask_of_a_normalisation_is_of_bools(name: str, mask: Any) -> None:
    layer: Any = NORMS[name]()
    before = h.values(layer)
    for run in (layer, jit(layer)):
        with pytest.raises(InputError, match=rf"{name}.*: the mask(.|\n)*bools(.|\n)*a mask of \w"):
            run(jnp.ones((4, 2, 2)), mask=mask)
    h.assert_unchanged(layer, before)
    layer(jnp.ones((4, 2, 2)), mask=True)
