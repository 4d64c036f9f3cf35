import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ
from brainlite.display import to_text
from brainlite.errors import SizeError
from brainlite.nn._init.initializer import Constant, Identity, Initializer, Unit, ZeroInit
from brainlite.nn.init import KaimingNormal, Normal, Uniform
from brainlite.typing import Array, DTypeLike, Size


class Meter:
    """A unit, as a package of units would have it."""

    def __rmul__(self, other: Any) -> Any:
        return ("metres", other)

    def __repr__(self) -> str:
        return "metre"


def test_zero_init_prints_as_on_the_page() -> None:
    assert repr(ZeroInit()) == "ZeroInit(\n  unit=Unit(10.0^0)\n)"


def test_an_initializer_prints_its_parameters() -> None:
    assert to_text(Normal(0.5, 0.1, seed=3)) == (
        "Normal(\n  mean=0.5,\n  scale=0.1,\n  unit=Unit(10.0^0),\n  seed=3\n)"
    )


@pytest.mark.parametrize("shape", [(), 3, (2, 3), [2, 3], (0, 4), np.array([2, 3])])
def test_zeros_and_constants_have_the_shape(shape: Any) -> None:
    expected = (shape,) if isinstance(shape, int) else tuple(shape)
    assert ZeroInit()(shape).shape == Constant(2.0)(shape).shape == expected
    assert (Constant(2.0)(shape) == 2).all()
    assert not ZeroInit()(shape).any()


def test_dtype_is_the_environments_or_the_one_asked_for() -> None:
    for initializer in (ZeroInit(), Constant(3), Identity()):
        assert initializer((2, 2)).dtype == jnp.float32
        assert initializer((2, 2), jnp.int8).dtype == jnp.int8
        with environ.context(precision=16):
            assert initializer((2, 2)).dtype == jnp.float16


def test_constant_broadcasts_an_array() -> None:
    assert Constant(jnp.arange(3.0))((2, 3)).tolist() == [[0.0, 1.0, 2.0]] * 2
    with pytest.raises(SizeError, match=r"broadcasts to \(2, 2\)\n  got:      shape \(3,\)"):
        Constant(jnp.arange(3.0))((2, 2))


def test_identity_is_a_multiple_of_the_identity_matrix() -> None:
    assert Identity(2.0)(2).tolist() == [[2.0, 0.0], [0.0, 2.0]]
    assert Identity()((2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(SizeError, match=r"one or two axes\n  got:      \(2, 3, 4\)"):
        Identity()((2, 3, 4))


@pytest.mark.parametrize("initializer", [ZeroInit(), Constant(), Normal(), Identity()])
def test_a_shape_that_is_none_is_refused(initializer: Initializer) -> None:
    with pytest.raises(SizeError, match=r"shape is no size\n.*\n  got:      -1"):
        initializer((-1, 2))


def test_a_unit_multiplies_the_values() -> None:
    name, values = ZeroInit(unit=Meter())(3)
    assert name == "metres"
    assert values.shape == (3,)
    assert "unit=metre" in repr(ZeroInit(unit=Meter()))
    assert (Normal(unit=10.0, seed=1)(3) == 10 * Normal(seed=1)(3)).all()


def test_the_dimensionless_unit_changes_nothing() -> None:
    array = jnp.ones(3)
    assert array * Unit() is array
    assert Unit() == Unit()
    assert hash(Unit()) == hash(Unit())


def test_initializers_are_equal_by_type_and_parameters() -> None:
    assert KaimingNormal() == KaimingNormal()
    assert hash(KaimingNormal(seed=3)) == hash(KaimingNormal(seed=3))
    assert Normal(0.0, 1.0) != Normal(0.0, 2.0)
    assert Normal() != Uniform()
    assert ZeroInit() != "ZeroInit"
    assert Constant(np.ones(3)) == Constant(np.ones(3))
    assert Constant(np.ones(3)) != Constant(np.zeros(3))
    assert hash(Constant(jnp.ones(3))) == hash(Constant(jnp.ones(3)))
    assert Normal(seed=jax.random.key(1)) == Normal(seed=jax.random.key(1))
    assert Normal(seed=jax.random.key(1)) != Normal(seed=jax.random.key(2))


def test_initializers_of_traced_values_are_equal_only_to_themselves() -> None:
    def body(x: Array) -> Array:
        assert Constant(x) == Constant(x)
        assert Constant(x) != Constant(x + 1)
        return Constant(x)(2)

    assert jax.jit(body)(2.0).tolist() == [2.0, 2.0]


def test_initializers_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="scale"):
        Normal().scale = 2.0  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def test_initializers_can_be_copied() -> None:
    for initializer in (ZeroInit(), Normal(seed=3)):
        for each in (copy.deepcopy(initializer), pickle.loads(pickle.dumps(initializer))):
            assert each == initializer
            assert each(2).shape == (2,)


def test_a_subclass_only_needs_a_call() -> None:
    class Ramp(Initializer):
        def __init__(self, stop: float) -> None:
            self.stop = stop

        def __call__(self, shape: Size, dtype: DTypeLike | None = None) -> Array:
            assert isinstance(shape, tuple)
            return jnp.linspace(0, self.stop, shape[0], dtype=dtype)

    assert repr(Ramp(2.0)) == "Ramp(\n  stop=2.0\n)"
    assert Ramp(2.0) == Ramp(2.0) != Ramp(3.0)


def test_the_base_cannot_be_used_alone() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Initializer()  # type: ignore[abstract]  # pyright: ignore[reportAbstractUsage]
