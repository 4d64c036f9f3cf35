"""Names of modules and parameters, as torch has them: children, dotted names, what they lead to."""

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import NameNotFoundError
from brainlite.nn import Linear, Module, ModuleList
from brainlite.nn._modules.tree import children_first, iter_places
from brainlite.transform import jit
from brainlite.typing import Array


class Block(Module):
    def __init__(self) -> None:
        self.inner = Linear(2, 2)
        self.scale = brainlite.ParamState(jnp.ones(2))


class Net(Module):
    def __init__(self) -> None:
        self.blocks = [Block(), Block()]
        self.heads = {"mean": Linear(2, 1), 3: (Linear(2, 1),)}
        self.more = ModuleList([Linear(2, 2)])
        self.again = self.blocks[0].inner


def test_named_modules_start_with_the_root_and_list_each_once() -> None:
    net = Net()
    named = dict(net.named_modules())
    assert list(named) == [
        "",
        "blocks.0",
        "blocks.0.inner",
        "blocks.1",
        "blocks.1.inner",
        "heads.mean",
        "heads.3.0",
        "more",
        "more.0",
    ]
    assert named[""] is net
    assert list(net.modules()) == list(named.values())


def test_prefixes_and_parts_of_the_listing_are_as_in_torch() -> None:
    net = Net()
    assert [name for name, _ in net.more.named_modules("net.more")] == ["net.more", "net.more.0"]
    assert list(net.more.modules(include_self=False)) == [net.more[0]]
    block = net.blocks[0]
    block.tied = block.inner.weight
    named = [name for name, _ in block.named_parameters("block", recurse=False)]
    assert named == ["block.scale", "block.tied"]
    assert [name for name, _ in block.named_parameters()] == ["inner.weight", "scale"]
    assert list(block.parameters(recurse=False)) == [block.scale, block.inner.weight]


def test_children_are_the_modules_directly_below() -> None:
    net = Net()
    # A part of a child that is also an attribute here is a child here, too.
    names = ["blocks.0", "blocks.1", "heads.mean", "heads.3.0", "more", "again"]
    assert [name for name, _ in net.named_children()] == names
    assert next(net.children()) is net.blocks[0]


def test_a_child_under_two_names_is_listed_once() -> None:
    net = Net()
    net.twice = net.more
    assert sum(child is net.more for child in net.children()) == 1


def test_apply_visits_children_first_and_each_module_once() -> None:
    net = Net()
    seen: list[Module] = []
    assert net.apply(seen.append) is net
    assert len(seen) == len(list(net.modules())) == len(set(seen))
    assert seen[-1] is net
    assert all(
        seen.index(child) < seen.index(module) for module in seen for child in module.children()
    )


def test_a_cycle_is_walked_once() -> None:
    net = Net()
    net.blocks[1].parent = net
    assert len(children_first(net, Module)) == len(list(net.modules()))
    assert sum(state is net.again.weight for _, state in iter_places(net)) == 2


def test_dotted_names_lead_through_attributes_indices_and_keys() -> None:
    net = Net()
    assert net.get_submodule("") is net
    assert net.get_submodule("blocks.1.inner") is net.blocks[1].inner
    assert net.get_submodule("more.0") is net.more[0]
    assert net.get_submodule("heads.mean") is net.heads["mean"]
    assert net.get_submodule("heads.3.0") is dict(net.named_modules())["heads.3.0"]
    assert net.get_parameter("again.weight") is net.blocks[0].inner.weight
    for name, parameter in net.named_parameters():
        assert net.get_parameter(name) is parameter


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("blocks.1.iner", r"(?s)no Module called 'blocks.1.iner'.*did you mean 'blocks.1.inner'\?"),
        ("blocks.2", r"did you mean 'blocks.[01]'\?"),
        ("blocks.0.scale", r"got: +a ParamState"),
        ("blocks", r"got: +a list"),
        ("zzz", r"use one of blocks.0, blocks.0.inner, "),
    ],
)
def test_a_name_that_leads_to_no_module_suggests_another(name: str, message: str) -> None:
    with pytest.raises(NameNotFoundError, match=message):
        Net().get_submodule(name)


def test_a_name_that_leads_to_no_parameter_suggests_another() -> None:
    with pytest.raises(NameNotFoundError, match=r"did you mean 'blocks.0.scale'\?"):
        Net().get_parameter("blocks.0.scael")


def test_a_compiled_walk_over_children_sees_a_new_child() -> None:
    class Chain(Module):
        def __init__(self) -> None:
            self.first = Linear(2, 2, w_init=jnp.eye(2) * 2)

        def update(self, x: Array) -> Array:
            for _, child in self.named_children():
                x = x >> child
            return x

    chain = Chain()
    run = jit(chain)
    assert run(jnp.ones(2)).tolist() == [2.0, 2.0]
    chain.second = Linear(2, 2, w_init=jnp.eye(2) * 3)
    assert run(jnp.ones(2)).tolist() == [6.0, 6.0]
