"""What update takes, and what it refuses."""

import jax.numpy as jnp
import pytest

from brainlite import nn
from brainlite.errors import InputError
from brainlite.metrics import AverageMetric, WelfordMetric


class Trainer(nn.Module):
    def __init__(self) -> None:
        self.loss = AverageMetric("loss")


def test_a_message_has_the_path_of_the_metric() -> None:
    trainer = Trainer()
    with pytest.raises(InputError, match=r"Trainer\.loss \(AverageMetric\): mask does not fit"):
        trainer.loss.update(loss=jnp.ones((4, 3)), mask=jnp.ones(3, bool))


@pytest.mark.parametrize("shape", [(3,), (4, 3, 1), (2, 3)])
def test_masks_and_weights_have_the_first_axes(shape: tuple[int, ...]) -> None:
    metric = AverageMetric()
    with pytest.raises(InputError, match=r"mask does not fit(.|\n)*\(4, 3\), or of its first"):
        metric.update(values=jnp.ones((4, 3)), mask=jnp.ones(shape, bool))
    with pytest.raises(InputError, match=r"weights does not fit(.|\n)*reduction='none'"):
        metric.update(values=jnp.ones((4, 3)), weights=jnp.ones(shape))
    assert metric.count.value == 0


def test_a_mask_is_boolean() -> None:
    with pytest.raises(InputError, match=r"booleans(.|\n)*int32(.|\n)*mask != 0"):
        WelfordMetric().update(values=jnp.ones(2), mask=jnp.array([1, 0]))


def test_values_are_real() -> None:
    with pytest.raises(InputError, match=r"x are no real numbers(.|\n)*complex64"):
        WelfordMetric("x").update(x=jnp.ones(2, "complex64"))


@pytest.mark.parametrize("name", ["value", "masks"])
def test_another_name_is_told(name: str) -> None:
    metric = AverageMetric("loss")
    with pytest.raises(InputError, match=rf"update\(loss=...\)(.|\n)*update\({name}=...\)"):
        metric.update(**{name: jnp.ones(2)})
    with pytest.raises(InputError, match=rf"update\(loss=..., {name}=...\)"):
        metric.update(**{"loss": jnp.ones(2), name: jnp.ones(2)})
