"""What can be saved, and under which names."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import brainlite
from brainlite import nn, transform
from brainlite.checkpoint import restore, save
from brainlite.errors import (
    GraphError,
    OptionError,
    TransformError,
)
from tests.checkpoint.parts import Counter, Net, saved, values


@pytest.mark.parametrize(
    ("item", "match"),
    [
        (jnp.ones(3), r"x: this is nothing that a checkpoint can hold[\s\S]*State\(opt_state\)"),
        ([jnp.ones(3)], "nothing that a checkpoint can hold"),
        (len, "got: +builtin_function_or_method"),
        (Counter, "got: +type"),
    ],
)
def test_an_item_of_no_known_kind_is_refused(tmp_path: Path, item: Any, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        save(tmp_path / "a", x=item)
    assert not list(tmp_path.iterdir())


def test_two_values_of_one_name_are_refused(tmp_path: Path) -> None:
    state = brainlite.State({"a.b": jnp.ones(1), "a": {"b": jnp.ones(2)}})
    with pytest.raises(GraphError, match=r"x\.a\.b: two values of a checkpoint have one name"):
        save(tmp_path / "a", x=state)


def test_saving_inside_a_transform_is_refused(tmp_path: Path) -> None:
    model = nn.Linear(2, 2)

    def body() -> None:
        save(tmp_path / "a", model=model)

    with pytest.raises(TransformError, match="inside a transform"):
        transform.jit(body)()

    def plain(x: jax.Array) -> jax.Array:
        save(tmp_path / "a", x=brainlite.State(x))
        return x

    with pytest.raises(TransformError, match="inside a transform"):
        jax.jit(plain)(jnp.ones(2))
    assert not list(tmp_path.iterdir())


def test_a_collection_and_a_state_are_items(tmp_path: Path) -> None:
    net = Net(3)
    params = net.states(brainlite.ParamState)
    directory = saved(tmp_path, params=params, count=brainlite.State(jnp.array(4)), pair=[net.rng])
    other = Net(0)
    count = brainlite.State(jnp.array(0))
    restore(directory, params=other.states(brainlite.ParamState), count=count, pair=[other.rng])
    assert count.value == 4
    assert values(other.states(brainlite.ParamState)) == values(params)
    assert other.rng.value == net.rng.value


def test_metrics_and_torch_like_objects_are_items(tmp_path: Path) -> None:
    class Scheduler:
        def __init__(self) -> None:
            self.last = 0

        def state_dict(self) -> dict[str, Any]:
            return vars(self)

        def load_state_dict(self, state: dict[str, Any]) -> None:
            vars(self).update(state)

    accuracy, schedule = brainlite.metrics.AccuracyMetric(), Scheduler()
    accuracy.update(logits=jnp.eye(2)[jnp.array([0, 1, 1])], labels=jnp.array([0, 1, 0]))
    schedule.last = 9
    directory = saved(tmp_path, accuracy=accuracy, schedule=schedule)
    other, fresh = brainlite.metrics.AccuracyMetric(), Scheduler()
    restore(directory, accuracy=other, schedule=fresh)
    assert other.compute() == accuracy.compute()
    assert fresh.last == 9


@pytest.mark.parametrize("strict", [True, False])
def test_a_filter_that_selects_nothing_is_refused(tmp_path: Path, strict: bool) -> None:
    net = nn.Linear(2, 3)
    save(tmp_path / "a", net=net)
    misspelt = brainlite.graph.PathContains("nett")
    match = r"select: this filter selects nothing of the items[\s\S]*some of net\.weight\.bias"
    with pytest.raises(OptionError, match=match):
        restore(tmp_path / "a", strict=strict, select=misspelt, net=net)
    with pytest.raises(OptionError, match=match):
        save(tmp_path / "b", select=misspelt, net=net)
    assert not (tmp_path / "b").exists()
    # What holds nothing that lasts is saved as it is.
    save(tmp_path / "c", net=nn.ReLU())


def test_an_object_whose_numbers_are_plain_attributes_is_refused(tmp_path: Path) -> None:
    class Best(brainlite.graph.Node):
        def __init__(self) -> None:
            self.age = 0
            self.loss = float("inf")

    with pytest.raises(OptionError, match=r"best: (.|\n)*age, loss(.|\n)*self\.age = State\("):
        save(tmp_path / "there", best=Best())
    assert not (tmp_path / "there").exists()
    save(tmp_path / "there", layer=nn.Flatten())  # of a layer they are its structure
