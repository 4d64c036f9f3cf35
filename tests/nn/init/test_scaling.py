import jax.numpy as jnp
import pytest

from brainlite import random
from brainlite.errors import OptionError, SizeError
from brainlite.nn._init.scaling import (
    Distribution,
    FanMode,
    KaimingNormal,
    KaimingUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    XavierNormal,
    XavierUniform,
)
from tests.closeness import assert_close


@pytest.mark.parametrize(
    ("initializer", "shape", "numbers"),
    [
        (KaimingUniform(), (5, 7), [0.49878737, 0.63068622, -0.69737291]),
        (KaimingUniform(), (3, 4, 6), [0.32196584, 0.40710619, -0.45015228]),
        (KaimingUniform(in_axis=-1, out_axis=-2), (3, 4, 6), [0.26288402, 0.3324008, -0.36754778]),
        (KaimingNormal(), (5, 7), [0.41332406, 0.54259491, -0.61500484]),
        (KaimingNormal(), (3, 4, 6), [0.26679954, 0.35024354, -0.39698392]),
        (KaimingNormal(seed=3), (3, 3, 4, 5), [-0.44721183, 0.026803931, -0.01217137]),
        (XavierUniform(), (3, 4, 6), [0.20362909, 0.25747657, -0.28470132]),
        (XavierNormal(), (5, 7), [0.26679954, 0.35024354, -0.39698392]),
        (LecunUniform(), (3, 4, 6), [0.22766423, 0.28786755, -0.31830573]),
        (LecunNormal(), (5, 7), [0.29226422, 0.38367254, -0.43487406]),
        (
            VarianceScaling(1.5, "fan_out", "normal"),
            (3, 4, 6),
            [0.17486902, 0.23066415, -0.26238462],
        ),
        (
            VarianceScaling(1.5, "fan_avg", "uniform"),
            (3, 4, 6),
            [0.24939369, 0.31534311, -0.34868646],
        ),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, VarianceScaling) else None,
)
def test_numbers_are_those_of_brainstate(
    initializer: VarianceScaling, shape: tuple[int, ...], numbers: list[float]
) -> None:
    # brainstate 0.5.4: random.seed(42), then the initialiser of this name
    random.seed(42)
    drawn = initializer(shape)
    first_row = drawn[(0,) * (drawn.ndim - 1)]
    assert_close(first_row[:3], numbers)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["truncated_normal", "normal", "uniform"])
def test_the_variance_is_scale_over_the_fan(mode: FanMode, distribution: Distribution) -> None:
    fans = {"fan_in": 9 * 40, "fan_out": 9 * 80, "fan_avg": 9 * 60}
    drawn = VarianceScaling(3.0, mode, distribution, seed=1)((3, 3, 40, 80))
    assert abs(float(drawn.var()) * fans[mode] / 3 - 1) < 0.03
    assert abs(float(drawn.mean())) < 0.01


def test_an_empty_parameter_can_be_made() -> None:
    assert KaimingNormal()((0, 3)).shape == (0, 3)


def test_half_precision_is_drawn_as_such() -> None:
    assert KaimingNormal()((2, 3), jnp.float16).dtype == jnp.float16


@pytest.mark.parametrize("shape", [(6,), ()])
def test_a_vector_has_no_fans(shape: tuple[int, ...]) -> None:
    with pytest.raises(SizeError, match=r"XavierNormal needs .*\n.* axes -2 and -1\n.*\n.*Normal"):
        XavierNormal()(shape)


def test_both_axes_must_differ() -> None:
    with pytest.raises(SizeError, match=r"axes 1 and -1\n  got:      \(2, 3\)"):
        XavierNormal(in_axis=1)((2, 3))


def test_unknown_options_are_refused() -> None:
    with pytest.raises(OptionError, match=r"no such mode\n.*'fan_avg'\n  got:      mode='fan'"):
        VarianceScaling(1.0, "fan", "normal")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        OptionError, match=r"no such distribution\n.*\n  got:      distribution='beta'"
    ):
        VarianceScaling(1.0, "fan_in", "beta")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
