"""The activations as layers: values and gradients of torch, options, errors."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import brainlite
from brainlite import nn
from brainlite.errors import InputError, OptionError
from brainlite.nn._layers import activations
from brainlite.transform import grad
from tests.closeness import assert_close
from tests.nn.layers.data import make_torch_corners as torch_corners
from tests.nn.layers.data import make_torch_layers as torch_layers

STORED = np.load(torch_layers.PATH)


@pytest.mark.parametrize("name", torch_layers.ACTIVATIONS)
def test_values_and_gradients_are_those_of_torch(name: str) -> None:
    kind, options = torch_layers.ACTIVATIONS[name]
    layer = getattr(nn, kind)(**options).eval()
    x = torch_layers.draw(2, 4, 6, seed=0)
    if name == "PReLU-channels":  # torch's channels are in axis 1
        x = x.swapaxes(1, 2)
    weigh = torch_layers.draw(*np.shape(layer(jnp.asarray(x))), seed=1)
    if name == "PReLU-channels":
        weigh = torch_layers.draw(2, 4, 6, seed=1).swapaxes(1, 2)
    params = layer.states(brainlite.ParamState)

    def loss(x: brainlite.typing.Array) -> brainlite.typing.Array:
        total: brainlite.typing.Array = (layer(x) * weigh).sum()
        return total

    by_params, by_x = grad(loss, params, argnums=0)(jnp.asarray(x))
    found = [layer(jnp.asarray(x)), by_x]
    if name == "PReLU-channels":
        found = [jnp.swapaxes(each, 1, 2) for each in found]
    vector = np.concatenate([np.ravel(each) for each in (*found, *by_params.values())])
    assert_close(vector, STORED[name])


@pytest.mark.slow
def test_stored_results_are_those_of_the_installed_torch() -> None:
    pytest.importorskip("torch")
    for name, vector in torch_layers.compute().items():
        np.testing.assert_allclose(vector, STORED[name], rtol=1e-6, atol=1e-6, err_msg=name)
    for name, found in torch_corners.compute().items():
        np.testing.assert_allclose(found, CORNERS[name], rtol=1e-6, atol=1e-6, err_msg=name)


CORNERS = np.load(torch_corners.PATH)
QUICK = {
    *((name, "float32") for name in ("LeakyReLU", "PReLU", "RReLU", "Hardtanh", "Threshold")),
    *((name, "float32") for name in ("Hardshrink", "Softshrink")),
    ("SiLU", "float16"),
}
# Where torch has NaN for what is defined: it multiplies infinity with 0, or overflows.
DEFINED = {
    ("GELU", np.inf): np.inf,
    ("GELU", 3e38): 3e38,
    ("Hardswish", 3e38): 3e38,
}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        pytest.param(name, kind, marks=() if (name, kind) in QUICK else pytest.mark.slow)
        for name in (*torch_corners.POINTWISE, *torch_corners.ALONG)
        for kind in ("float32", "float16")
    ],
)
def test_nan_infinities_and_kinks_are_those_of_torch(name: str, kind: str) -> None:
    along = name in torch_corners.ALONG
    title, options = (name, {"dim": -1}) if along else torch_corners.POINTWISE[name]
    points = torch_corners.ROWS if along else torch_corners.POINTS
    layer = getattr(nn, title)(**options).eval().to(kind)
    with np.errstate(over="ignore"):
        x = jnp.asarray(points.astype(kind))
    y, back = jax.vjp(layer.update, x)
    slope = back(jnp.ones_like(y))[0]
    stored = CORNERS[f"{name} {kind}"]
    width = y.shape[-1]
    right, right_slope = (
        stored
        if stored.ndim > points.ndim
        else (
            stored[..., :width],
            stored[..., width:],
        )
    )
    expected = np.array(right)
    for (kinds, point), value in DEFINED.items():
        if kinds == title:
            with np.errstate(over="ignore"):
                expected[points == point] = np.asarray(value).astype(kind)
    rtol = {"float32": 1e-5, "float16": 2e-3}[kind]
    np.testing.assert_allclose(np.asarray(y, float), expected, rtol=rtol, atol=1e-6)
    # The slope at NaN is of no use, and differs among the functions of torch.
    some = ~np.isnan(x) if not along else ~np.isnan(x).any(-1)
    near = {"float32": 1e-6, "float16": 1e-3}[kind]
    found = np.asarray(slope, float)[some]
    np.testing.assert_allclose(found, right_slope[some], rtol=rtol, atol=near)


def test_every_activation_was_compared() -> None:
    assert {kind for kind, _ in torch_layers.ACTIVATIONS.values()} == set(activations.__all__)


def test_signature_and_print_show_the_options() -> None:
    assert str(inspect.signature(nn.Hardtanh)) == (
        "(min_val: float = -1.0, max_val: float = 1.0) -> None"
    )
    assert str(inspect.signature(nn.ReLU)) == "(name: str | None = None) -> None"
    assert str(nn.ReLU()) == "ReLU()"
    assert str(nn.LeakyReLU(0.2)) == "LeakyReLU(negative_slope=0.2)"
    assert nn.Tanh("squash").name == "squash"


def test_rrelu_draws_slopes_in_training_only() -> None:
    x = -jnp.ones(500)
    slopes = -nn.RReLU(0.1, 0.3).train()(x)
    assert len(set(slopes.tolist())) > 400
    assert 0.1 <= slopes.min() < 0.11 < 0.29 < slopes.max() < 0.3
    assert_close(-nn.RReLU(0.1, 0.3).eval()(x), 0.2)


def test_softmax_takes_the_last_axis_by_default() -> None:
    assert_close(nn.Softmax()(jnp.zeros((2, 4))), 0.25)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: nn.Hardtanh(1.0, -1.0), r"(?s)Hardtanh.*min_val below max_val.*min_val=1\.0"),
        (lambda: nn.CELU(0.0), r"(?s)CELU.*alpha not to be 0"),
        (lambda: nn.Softplus(0.0), r"(?s)Softplus.*beta not to be 0.*threshold=20\.0"),
        (lambda: nn.RReLU(0.5, 0.1), r"(?s)RReLU.*lower not to be above upper"),
        (lambda: nn.Softshrink(-1.0), r"(?s)Softshrink.*lambd=-1\.0"),
        (lambda: nn.GELU("erf"), r"(?s)GELU.*approximate='erf'"),  # type: ignore[arg-type]  # wrong on purpose
    ],
)
def test_options_that_do_not_fit(make: type[nn.Module], match: str) -> None:
    with pytest.raises(OptionError, match=match):
        make()


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(InputError, match=r"(?s)GLU.*even length.*\(3,\)"):
        nn.GLU()(jnp.ones(3))
    with pytest.raises(InputError, match=r"(?s)Softmax2d.*axis -3.*\(2, 2\)"):
        nn.Softmax2d()(jnp.ones((2, 2)))
    with pytest.raises(InputError, match=r"(?s)PReLU.*features.*\(\.\.\., 3\)"):
        nn.PReLU(3)(jnp.ones((3, 2)))
