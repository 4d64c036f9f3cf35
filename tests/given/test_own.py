from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import nn
from brainlite._given._own import own, owned
from brainlite.errors import StateValueError
from brainlite.state import HiddenState, ParamState, State
from brainlite.state._state import adopt, overwrite
from brainlite.transform import for_loop, jit
from tests.closeness import assert_same


def aligned(*shape: int, dtype: str = "float32") -> Any:
    """Return zeros of numpy in memory that jax takes over as it is."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.zeros(size + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + size].view(dtype).reshape(shape)


def test_the_memory_of_the_test_is_one_that_jax_shares() -> None:
    source = aligned(4, 4)
    shared = jax.device_put(source).block_until_ready()
    source[:] = 7
    if not (np.asarray(shared) == 7).all():
        pytest.skip("this jax shares no memory on this machine")


class Tensor:
    """What is known of a tensor of torch: arrays come by this protocol, after `detach`."""

    def __init__(self, source: Any) -> None:
        self.source = source

    def detach(self) -> Any:
        return self.source

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        raise RuntimeError("Can't call numpy() on a tensor that requires grad.")


def _by_write(source: Any) -> State[Any]:
    state = State[Any](jnp.ones((4, 4)))
    state.value = source
    return state


def _in_loop(source: Any) -> State[Any]:
    state = State[Any](jnp.ones((4, 4)))

    def body(_: Any) -> None:
        state.value = source

    for_loop(body, jnp.arange(2))
    return state


def _made_in_jit(source: Any) -> State[Any]:
    made = State[Any](jnp.ones((4, 4)))

    def body() -> None:
        made.value = State[Any](source).value

    jit(body)()
    return made


def _overwritten(source: Any) -> State[Any]:
    state = ParamState[Any](jnp.ones(3))
    overwrite([state], [source])
    return state


WAYS: dict[str, Callable[[Any], State[Any]]] = {
    "made": lambda source: State[Any](source),
    "written": _by_write,
    "parameter": lambda source: ParamState[Any](source),
    "replaced": lambda source: HiddenState[Any](jnp.ones(2)).replace(source),
    "adopted": lambda source: adopt(State[Any](jnp.ones(2)), source),
    "overwritten": _overwritten,
    "in a loop": _in_loop,
    "made under jit": _made_in_jit,
}


@pytest.mark.parametrize("wrap", [lambda a: a, Tensor], ids=["numpy", "tensor"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_what_enters_a_state_is_copied(
    way: Callable[[Any], State[Any]], wrap: Callable[[Any], Any]
) -> None:
    source = aligned(4, 4)
    state = way(wrap(source))
    state.value.block_until_ready()
    source[:] = 7
    assert isinstance(state.value, jax.Array)
    np.testing.assert_array_equal(state.value, np.zeros((4, 4)))


def test_each_leaf_of_a_tree_is_copied_and_arrays_of_jax_stay_the_same() -> None:
    source, mine = aligned(4), jnp.ones(3)
    state = State[Any]({"theirs": source, "mine": mine, "number": 2.0, "none": None})
    source[:] = 7
    np.testing.assert_array_equal(state.value["theirs"], np.zeros(4))
    assert state.value["mine"] is mine
    assert state.value["number"] == 2.0
    both = {"a": mine, "b": (mine, 1)}
    assert owned(both) == both
    assert owned(both) is not both
    assert owned(both)["a"] is mine
    assert owned(mine) is mine


def test_numbers_of_numpy_which_nobody_can_write_in_stay() -> None:
    number = np.float32(2)
    assert State[Any](number).value is number


def test_arrays_of_numpy_have_the_dtype_that_jax_gives_them() -> None:
    state = ParamState[Any](np.ones(3))
    assert state.value.dtype == jnp.ones(3).dtype
    state.value = np.zeros(3)
    assert own(np.ones(3, "float16"), jnp.float32).dtype == jnp.float32
    assert own(jnp.ones(3, "float16")).dtype == jnp.float16
    with pytest.raises(StateValueError, match=r"expected: float32\[3\](.|\n)*got: +float16\[3\]"):
        state.value = np.zeros(3, "float16")


def test_a_value_that_was_refused_is_not_kept() -> None:
    state = ParamState[Any](jnp.ones(3))
    with pytest.raises(StateValueError, match=r"got: +float32\[4\]"):
        state.value = aligned(4)
    np.testing.assert_array_equal(state.value, np.ones(3))


def test_a_type_that_numpy_does_not_have_comes_by_dlpack() -> None:
    class Narrow:
        """A tensor of bfloat16."""

        def __init__(self, array: Any) -> None:
            self.array = array

        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            raise TypeError("Got unsupported ScalarType BFloat16")

        def __dlpack__(self, **options: Any) -> Any:
            return self.array.__dlpack__(**options)

        def __dlpack_device__(self) -> Any:
            return self.array.__dlpack_device__()

    state = State[Any](Narrow(jnp.arange(3, dtype="bfloat16")))
    assert state.value.dtype == jnp.bfloat16
    assert state.value.tolist() == [0, 1, 2]


def test_bfloat16_comes_back_from_a_file_of_numpy_which_has_no_name_for_it(tmp_path: Path) -> None:
    numbers = jnp.array([1.0, -2.5, jnp.inf], "bfloat16")
    np.savez(tmp_path / "a.npz", numbers=np.asarray(numbers))
    loaded = np.load(tmp_path / "a.npz")["numbers"]
    assert loaded.dtype.kind == "V", "numpy knows it by now"
    assert_same(own(loaded), numbers)
    state = State(jnp.zeros(3, "bfloat16"))
    state.value = loaded
    assert_same(state.value, numbers)
    model = nn.Linear(2, 3).bfloat16()
    entries: dict[str, Any] = dict(model.state_dict())
    np.savez(tmp_path / "b.npz", **entries)
    other = nn.Linear(2, 3).bfloat16()
    other.load_state_dict(dict(np.load(tmp_path / "b.npz")))
    assert_same(other.weight.value, model.weight.value)
    assert all(isinstance(leaf, jax.Array) for leaf in other.weight.value.values())
