"""Containers: they behave as lists and dicts, check what they hold, and edits are never missed."""

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import ContainerError, NameTakenError
from brainlite.graph import clone, merge, split
from brainlite.nn import (
    Linear,
    Module,
    ModuleDict,
    ModuleList,
    ParameterDict,
    ParameterList,
    Sequential,
)
from brainlite.transform import grad, jit
from brainlite.typing import Array


class Times(Module):
    def __init__(self, factor: float) -> None:
        self.factor = brainlite.ParamState(jnp.asarray(factor))

    def update(self, x: Array) -> Array:
        return x * self.factor.value


class Net(Module):
    def __init__(self, *factors: float) -> None:
        self.blocks = ModuleList(map(Times, factors))

    def update(self, x: Array) -> Array:
        for block in self.blocks:
            x = block(x)
        return x


def factors(blocks: ModuleList[Times]) -> list[float]:
    return [float(block.factor.value) for block in blocks]


def test_a_module_list_reads_like_a_list() -> None:
    modules = [Times(1), Times(2), Times(3)]
    blocks = ModuleList(modules)
    assert len(blocks) == 3
    assert list(blocks) == modules
    assert blocks[-1] is modules[2]
    assert modules[1] in blocks
    assert Times(2) not in blocks
    assert list(reversed(blocks)) == modules[::-1]
    assert blocks.index(modules[1]) == 1
    assert isinstance(blocks[1:], ModuleList)
    assert list(blocks[::-1]) == modules[::-1]
    with pytest.raises(IndexError):
        blocks[3]


EDITS: list[Callable[[Any], Any]] = [
    lambda items: items.append(Times(7)),
    lambda items: items.extend([Times(7), Times(8)]),
    lambda items: items.insert(0, Times(7)),
    lambda items: items.insert(-1, Times(7)),
    lambda items: items.pop(0),
    lambda items: items.pop(),
    lambda items: items.__delitem__(1),
    lambda items: items.__delitem__(slice(0, 2)),
    lambda items: items.__setitem__(-1, Times(7)),
]


@pytest.mark.parametrize("edit", EDITS)
def test_a_module_list_is_edited_like_a_list(edit: Callable[[Any], Any]) -> None:
    modules = [Times(1), Times(2), Times(3)]
    blocks, plain = ModuleList(modules), list(modules)
    edit(blocks)
    edit(plain)
    assert factors(blocks) == [float(block.factor.value) for block in plain]
    assert [name for name, _ in blocks.named_children()] == [str(n) for n in range(len(plain))]


@pytest.mark.parametrize("edit", EDITS)
def test_compiled_functions_see_every_edit(edit: Callable[[Any], Any]) -> None:
    net = Net(2.0, 3.0, 5.0)
    run = jit(net)
    assert float(run(jnp.ones(()))) == 30.0
    edit(net.blocks)
    assert float(run(jnp.ones(()))) == float(net(jnp.ones(())))


def test_names_are_those_of_torch() -> None:
    net = Net(1.0, 2.0)
    assert [name for name, _ in net.named_parameters()] == ["blocks.0.factor", "blocks.1.factor"]
    assert list(net.state_dict()) == ["blocks.0.factor", "blocks.1.factor"]
    assert net.get_submodule("blocks.1") is net.blocks[1]


def test_an_error_below_names_the_position() -> None:
    net = ModuleList([Linear(2, 3)])
    with pytest.raises(brainlite.errors.StateOverwriteError, match=r"ModuleList\[0\] \(Linear\)"):
        net[0].weight = jnp.ones(2)  # type: ignore[assignment]  # the mistake under test


@pytest.mark.parametrize(
    "copied",
    [clone, lambda m: merge(*split(m)), copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))],
)
def test_copies_are_independent(copied: Callable[[Any], Any]) -> None:
    blocks = ModuleList([Times(1), Times(2)])
    blocks.append(blocks[0])
    twin = copied(blocks)
    assert factors(twin) == [1.0, 2.0, 1.0]
    assert twin[0] is twin[2]
    twin.pop()
    assert len(blocks) == 3


def test_a_module_dict_reads_and_is_edited_like_a_dict() -> None:
    one, two = Times(1), Times(2)
    heads = ModuleDict(OrderedDict(one=one, two=two))
    assert (list(heads), list(heads.values()), dict(heads)) == (
        ["one", "two"],
        [one, two],
        {"one": one, "two": two},
    )
    assert heads["two"] is heads.get_submodule("two") is two
    assert "one" in heads
    assert heads.get("three") is None
    assert heads.pop("one") is one
    heads["three"] = Times(3)
    assert list(heads.state_dict()) == ["two.factor", "three.factor"]
    with pytest.raises(KeyError):
        del heads["one"]
    assert len({heads, heads}) == 1
    assert heads != ModuleDict(dict(heads))
    heads.clear()
    assert len(heads) == 0


def test_compiled_functions_see_edits_of_a_module_dict() -> None:
    heads = ModuleDict({"a": Times(2)})
    total = jit(lambda x: sum(head(x) for head in heads.values()))
    assert float(total(jnp.ones(()))) == 2.0
    heads["b"] = Times(3)
    assert float(total(jnp.ones(()))) == 5.0
    heads["a"] = Times(10)
    assert float(total(jnp.ones(()))) == 13.0
    del heads["b"]
    assert float(total(jnp.ones(()))) == 10.0


def test_parameter_containers_make_parameters_of_arrays() -> None:
    shared = brainlite.ParamState(jnp.ones(2))
    listed = ParameterList([jnp.ones(3), shared, 2.0])
    named = ParameterDict({"w": shared, "b": jnp.zeros(1)})
    assert [type(p) for p in listed] == [brainlite.ParamState] * 3
    assert listed[1] is named["w"] is shared
    assert list(listed.state_dict()) == ["0", "1", "2"]
    assert [name for name, _ in named.named_parameters()] == ["w", "b"]
    listed[0] = jnp.zeros(3)
    assert listed[0].value.tolist() == [0.0] * 3
    both = ModuleDict({"l": listed, "n": named})
    assert len(list(both.parameters())) == 4  # the shared one once
    slopes = grad(lambda: jnp.sum(listed[1].value * named["w"].value), shared)()
    assert slopes.tolist() == [2.0, 2.0]


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        (ModuleList, [Linear], r"(?s)ModuleList holds modules only.*instance, not the class"),
        (ModuleList, [jnp.tanh], r"(?s)got: .*a plain list or dict; a Sequential also takes"),
        (ModuleDict, {"a": 1}, r"(?s)ModuleDict holds modules only.*got: +a int 1"),
        (ParameterList, ["a"], r"(?s)ParameterList holds parameters only.*got: +a str 'a'"),
        (ParameterDict, {"h": brainlite.HiddenState(0)}, r"ParameterDict holds parameters only"),
        (Sequential, Linear, r"(?s)Sequential holds layers only.*instance, not the class"),
        (Sequential, 3, r"(?s)a module or a function.*got: +a int 3"),
    ],
)
def test_what_does_not_belong_into_a_container_is_refused(
    kind: Callable[[Any], Any], given: Any, message: str
) -> None:
    with pytest.raises(ContainerError, match=message):
        kind(given)


@pytest.mark.parametrize("key", ["keys", "a.b", "training", "_x"])
def test_a_key_that_would_hide_something_is_refused(key: str) -> None:
    with pytest.raises(NameTakenError, match=r"ModuleDict: this cannot be the name of a Times"):
        ModuleDict({key: Times(1)})


def test_a_refused_edit_changes_nothing() -> None:
    blocks = ModuleList([Times(1)])
    with pytest.raises(ContainerError):
        blocks.extend([Times(2), 3])  # type: ignore[list-item]  # the mistake under test
    assert factors(blocks) == [1.0]


def test_containers_print_as_what_they_are() -> None:
    assert repr(ModuleList([Module()])) == "ModuleList([\n  Module()\n])"
    assert repr(ModuleDict({"a": Module()})) == "ModuleDict({\n  'a': Module()\n})"
    assert "0" not in dir(ModuleList([Module()]))
    assert "a" in dir(ModuleDict({"a": Module()}))
