"""What makes no sense is refused, with what was expected."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from brainlite import environ, nn, random, transform
from brainlite.errors import BrainliteError
from brainlite.nn import functional
from brainlite.state import ParamState

BYTES: Any = [jnp.ones(2, "uint8"), jnp.ones(3, "uint8")]
WHOLE: Any = [jnp.ones(2, "int32"), jnp.ones(3, "int32")]


def _write_none() -> None:
    layer: Any = nn.Linear(2, 3)
    layer.weight.value = None


NONSENSE: dict[str, tuple[Callable[[], Any], str]] = {
    "negative variance": (
        lambda: functional.gaussian_nll_loss(jnp.ones(2), jnp.ones(2), jnp.array([1.0, -2.0])),
        r"a variance is negative(.|\n)*-2\.0",
    ),
    "a parameter of None": (_write_none, r"expected: (.|\n)*weight(.|\n)*got: +None"),
    "a mode": (lambda: nn.Linear(2, 3).train("yes"), r"no mode(.|\n)*'yes'"),  # type: ignore[arg-type]  # wrong on purpose
    "no state dict": (lambda: nn.Linear(2, 3).load_state_dict(None), r"mapping(.|\n)*None"),  # type: ignore[arg-type]  # wrong on purpose
    "half in whole numbers": (
        lambda: nn.pad_sequences(WHOLE, padding_value=0.5),
        r"whole number(.|\n)*int32(.|\n)*0\.5",
    ),
    "negative bytes": (
        lambda: nn.pad_sequences(BYTES, padding_value=-1),
        r"from 0 to 255(.|\n)*=-1",
    ),
    "a number to compile": (lambda: transform.jit(5), r"cannot be called(.|\n)*5, of type int"),  # type: ignore[call-overload]  # wrong on purpose
    "a number to map": (lambda: transform.vmap(5), r"cannot be called(.|\n)*5, of type int"),  # type: ignore[call-overload]  # wrong on purpose
    "a number to differentiate": (
        lambda: transform.value_and_grad(5),  # type: ignore[call-overload]  # wrong on purpose
        r"cannot be called(.|\n)*5, of type int",
    ),
    "no unrolling": (
        lambda: transform.for_loop(jnp.sin, jnp.ones(3), unroll=0),
        r"1 or more(.|\n)*unroll=0",
    ),
    "half an unrolling": (
        lambda: transform.scan(lambda c, x: (c, x), 0.0, jnp.ones(3), unroll=1.5),  # type: ignore[call-overload]  # wrong on purpose
        r"unroll=1\.5",
    ),
    "chances above 1 in all": (
        lambda: random.choice(3, p=[0.5, 0.5, 0.5]),
        r"a sum of 1(.|\n)*0\.5 0\.5 0\.5",
    ),
    "chances below 1 in all": (lambda: random.choice(2, p=[0.5, 0.3]), r"a sum of 1(.|\n)*0\.3"),
    "a chance below 0": (lambda: random.choice(2, p=[-0.5, 1.5]), r">= 0(.|\n)*-0\.5"),
    "outcomes above 1 in all": (
        lambda: random.multinomial(5, [0.5, 0.5, 0.5]),
        r"a sum of 1(.|\n)*0\.5 0\.5 0\.5",
    ),
    "outcomes above 1 in one row": (
        lambda: random.multinomial(5, jnp.array([[0.5, 0.5], [0.5, 1.0]])),
        r"a sum of 1(.|\n)*\[0\.5 1\. \] at index \(1,\)",
    ),
    "an outcome below 0": (
        lambda: random.multinomial(5, [-0.5, 1.5]),
        r"within \[0, 1\](.|\n)*-0\.5",
    ),
    "a text as buffer": (
        lambda: nn.Linear(2, 3).register_buffer("b", "abc"),
        r"Linear\.b: (.|\n)*an array(.|\n)*'abc'",
    ),
    "a number as parameter": (
        lambda: nn.Linear(2, 3).register_parameter("b", 5),  # type: ignore[arg-type]  # wrong on purpose
        r"no ParamState(.|\n)*5, of type int",
    ),
    "a number as module": (
        lambda: nn.Linear(2, 3).add_module("q", 5),  # type: ignore[arg-type]  # wrong on purpose
        r"Linear\.q: this is no Module(.|\n)*5, of type int",
    ),
    "a text as mode of a block": (lambda: environ.context(fit="no"), r"training(.|\n)*fit='no'"),
    "a text as mode of the process": (lambda: environ.set(fit="no"), r"training(.|\n)*fit='no'"),
    "a number as mode": (lambda: environ.context(fit=2), r"training(.|\n)*fit=2"),
    "a misspelt keyword": (
        lambda: nn.init_all_states(nn.GRUCell(2, 3), batchsize=4),
        r"'batchsize'(.|\n)*batchsize=4(.|\n)*did you mean 'batch_size'",
    ),
    "a misspelt keyword of a reset": (
        lambda: nn.reset_all_states(nn.GRUCell(2, 3), batchsize=4),
        r"no reset_state(.|\n)*'batch_size'",
    ),
    "a misspelt keyword in lanes": (
        lambda: nn.vmap_init_all_states(nn.GRUCell(2, 3), axis_size=2, batchsize=4),
        r"did you mean 'batch_size'",
    ),
    "a keyword that nothing takes": (
        lambda: nn.init_all_states(nn.GRUCell(2, 3), seed=4),
        r"'seed'(.|\n)*one of batch_size, max_length(.|\n)*leave it out",
    ),
    "a misspelt keyword beside one's own": (
        lambda: nn.init_all_states([nn.GRUCell(2, 3), _Own()], batchsize=4),
        r"did you mean 'batch_size'",
    ),
    "states of a number": (lambda: nn.init_all_states(5), r"holds none(.|\n)*5, of type int"),
    "half around whole numbers": (
        lambda: nn.ConstantPad1d(1, 0.5)(jnp.ones((2, 2), "int32")),
        r"ConstantPad1d: (.|\n)*int32(.|\n)*value=0\.5",
    ),
    "300 around bytes": (
        lambda: nn.ConstantPad1d(1, 300)(jnp.ones((2, 2), "uint8")),
        r"from 0 to 255(.|\n)*value=300",
    ),
}


class _Own(nn.Module):
    def init_state(self, *args: Any, **kwargs: Any) -> None:
        self.seen = kwargs


def test_a_module_of_ones_own_may_take_any_keyword() -> None:
    own = nn.init_all_states(_Own(), seed=4)
    assert own.seen == {"seed": 4}


def test_models_without_states_ignore_the_keywords_of_those_that_have_some() -> None:
    layer = nn.Linear(2, 3)
    assert nn.init_all_states([layer], batch_size=4, max_length=7) == [layer]
    assert nn.init_all_states([]) == []


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_rounded_chances_are_no_nonsense(dtype: str) -> None:
    p = jnp.full(1000, 1e-3, dtype)
    assert random.choice(1000, p=p, key=0).shape == ()
    assert random.multinomial(5, p, key=0).sum() == 5


@pytest.mark.parametrize(("call", "match"), NONSENSE.values(), ids=NONSENSE)
def test_nonsense_is_refused(call: Callable[[], Any], match: str) -> None:
    with pytest.raises(BrainliteError, match=match):
        call()


def test_a_negative_variance_is_nan_where_it_cannot_be_seen() -> None:
    loss = jax.jit(functional.gaussian_nll_loss)
    assert np.isnan(loss(jnp.ones(2), jnp.ones(2), jnp.array([1.0, -2.0])))


@pytest.mark.parametrize("make", [lambda: nn.MinGRU(2, 3), lambda: nn.Recurrent(nn.GRUCell(2, 3))])
def test_lengths_may_be_a_list(make: Callable[[], Any]) -> None:
    layer, x = make(), jnp.ones((6, 2, 2))
    found = layer(x, lengths=[6, 3])[0]
    np.testing.assert_array_equal(found, layer(x, lengths=jnp.array([6, 3]))[0])
    compiled = transform.jit(lambda x, lengths: layer(x, lengths=lengths)[0])(x, [6, 3])
    np.testing.assert_allclose(compiled, found, rtol=1e-6, atol=1e-7)
    assert layer(x[:, :0], lengths=[])[0].shape == (6, 0, 3)
    with pytest.raises(BrainliteError, match=r"lengths do not fit(.|\n)*7"):
        layer(x, lengths=[7, 3])


def test_a_parameter_that_was_never_set_takes_any_value() -> None:
    state = ParamState[Any](None)
    state.value = jnp.ones(3)
    assert state.value.tolist() == [1, 1, 1]


def test_tied_weights_that_hold_nan_can_be_loaded() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    model = nn.Sequential(first, second)
    first.weight.value = {name: each * jnp.nan for name, each in first.weight.value.items()}
    saved = {name: np.array(each) for name, each in model.state_dict().items()}
    assert not any(model.load_state_dict(saved))
