"""Hooks: what they see and change, with and without jit, in copies; and what calls cost."""

import copy
import pickle
import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import pytest

import brainlite
from brainlite.errors import OptionError
from brainlite.graph import clone, merge, split
from brainlite.nn import Module, ModuleList
from brainlite.transform import for_loop, grad, jit, vmap
from brainlite.typing import Array


class Double(Module):
    """Reads no attribute, so that a trace of it leaves no note."""

    def update(self, x: Any, *, plus: float = 0.0) -> Any:
        return x * 2 + plus


class Child(Double):
    pass


class Compiled(Module):
    def __init__(self) -> None:
        self.scale = brainlite.ParamState(jnp.asarray(3.0))

    @jit
    def update(self, x: Array) -> Array:
        return x * self.scale.value


def add_one(module: Any, args: Any, output: Any) -> Any:
    return output + 1


def test_a_forward_hook_sees_and_replaces_the_output() -> None:
    module, other = Double(), Double()
    seen: list[Any] = []

    def watch(module: Module, args: Any, output: Any) -> None:
        seen.append((module, args, output))

    module.register_forward_hook(watch)
    module.register_forward_hook(add_one)
    assert module(3.0) == 7.0
    assert seen == [(module, (3.0,), 6.0)]
    assert other(3.0) == 6.0


def test_a_pre_hook_sees_and_replaces_the_arguments() -> None:
    module = Double()
    module.register_forward_pre_hook(lambda module, args: args[0] + 1)
    module.register_forward_pre_hook(lambda module, args: (args[0] * 10,))
    module.register_forward_pre_hook(lambda module, args: None)
    assert module(1.0) == 40.0


def test_hooks_see_keywords_when_they_ask() -> None:
    module = Double()
    module.register_forward_pre_hook(
        lambda module, args, kwargs: (args, {"plus": kwargs["plus"] * 2}), with_kwargs=True
    )
    module.register_forward_hook(
        lambda module, args, kwargs, output: (output, kwargs), with_kwargs=True
    )
    assert module(1.0, plus=3.0) == (8.0, {"plus": 6.0})


def test_a_hook_may_run_before_the_others() -> None:
    module = Double()
    module.register_forward_hook(lambda module, args, output: output * 10)
    module.register_forward_hook(add_one, prepend=True)
    assert module(1.0) == 30.0


def test_a_handle_removes_its_hook_and_only_that() -> None:
    module = Double()
    first = module.register_forward_hook(add_one)
    second = module.register_forward_hook(add_one)
    assert module(1.0) == 4.0
    first.remove()
    first.remove()
    assert module(1.0) == 3.0
    with second:
        assert module(1.0) == 3.0
    assert module(1.0) == 2.0


def test_subclasses_and_their_instances_are_left_alone() -> None:
    Double().register_forward_hook(add_one)
    child = Child()
    assert child(1.0) == 2.0
    child.register_forward_hook(add_one)
    assert child(1.0) == 3.0


def test_a_call_that_goes_on_to_the_base_class_runs_its_hooks_once() -> None:
    class Twice(Double):
        def __call__(self, x: Any) -> Any:  # type: ignore[override]  # calls are typed by `update`
            return super().__call__(x)

    Double().register_forward_hook(add_one)
    module = Twice()
    module.register_forward_hook(add_one)
    assert module(1.0) == 3.0


def test_compiled_functions_see_hooks_come_and_go() -> None:
    class Fresh(Double):  # on which no hook was set before
        pass

    module = Fresh()
    once = float(module(jnp.asarray(1.0)))
    runs: list[Any] = [
        jit(module),
        jit(lambda x: module(x)),
        jit(lambda x: Fresh.__call__(module, x)),
    ]
    holder = jit(lambda m, x: m(x))

    def results() -> list[float]:
        x = jnp.asarray(1.0)
        return [
            *(float(run(x)) for run in runs),
            float(holder(module, x)),
            float(holder([module][0], x)),
        ]

    assert results() == [once] * 5
    handle = module.register_forward_hook(add_one)
    assert results() == [once + 1] * 5
    second = module.register_forward_hook(add_one)
    assert results() == [once + 2] * 5
    second.remove()
    handle.remove()
    assert results() == [once] * 5


def test_an_eager_loop_over_a_hooked_cell_runs_the_hook_of_the_user() -> None:
    cell = brainlite.nn.init_all_states(brainlite.nn.VanillaRNNCell(2, 2))
    xs = jnp.ones((3, 2))
    for_loop(cell, xs)
    factor = [1.0]
    with cell.register_forward_hook(lambda module, args, output: output * 0 + factor[0]):
        assert for_loop(cell, xs).tolist() == [[1.0, 1.0]] * 3
        factor[0] = 2.0
        assert for_loop(cell, xs).tolist() == [[2.0, 2.0]] * 3
    assert for_loop(cell, xs).tolist() != [[2.0, 2.0]] * 3


def test_a_compiled_update_takes_hooks() -> None:
    module = Compiled()
    assert float(module(jnp.asarray(2.0))) == 6.0
    module.register_forward_hook(add_one)
    module.register_forward_pre_hook(lambda module, args: args[0] * 2)
    assert float(module(jnp.asarray(2.0))) == 13.0


def test_hooks_take_part_in_gradients_and_maps() -> None:
    module = Compiled()
    module.register_forward_hook(lambda module, args, output: output * 2)
    loss = grad(lambda: module(jnp.asarray(5.0)), module.scale)
    assert float(loss()) == 10.0
    assert vmap(module)(jnp.arange(3.0)).tolist() == [0.0, 6.0, 12.0]


def test_a_hook_under_jit_keeps_values_in_states() -> None:
    module, seen = Double(), brainlite.State(jnp.zeros(()))

    def keep(module: Any, args: Any, output: Any) -> None:
        seen.value = output

    module.register_forward_hook(keep)
    run = jit(module)
    run(jnp.asarray(1.0))
    run(jnp.asarray(4.0))
    assert float(seen.value) == 8.0


def test_copies_keep_their_hooks_to_themselves() -> None:
    module = Double()
    handle = module.register_forward_hook(add_one)
    twins = [
        clone(module),
        merge(*split(module)),
        copy.copy(module),
        copy.deepcopy(module),
        pickle.loads(pickle.dumps(module)),
    ]
    handle.remove()
    assert [twin(1.0) for twin in twins] == [3.0] * 5
    assert module(1.0) == 2.0


def test_hooks_run_in_the_process_that_unpickles_them(tmp_path: Any) -> None:
    module = brainlite.nn.Linear(2, 2)
    module.register_forward_hook(print)
    for thing, make in [(module, "m"), (split(module), "brainlite.graph.merge(*m)")]:
        (tmp_path / "m").write_bytes(pickle.dumps(thing))
        code = (
            "import pickle, jax.numpy as jnp, brainlite\n"
            f"m = pickle.load(open({str(tmp_path / 'm')!r}, 'rb'))\n"
            f"({make})(jnp.ones(2))"
        )
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        assert done.stdout.startswith(b"Linear(")


def test_a_module_that_is_never_called_takes_no_hook() -> None:
    with pytest.raises(OptionError, match=r"(?s)ModuleList is never called.*modules inside"):
        ModuleList().register_forward_hook(add_one)


def test_a_class_without_hooks_calls_update_itself() -> None:
    class Fresh(Double):
        pass

    assert vars(Fresh)["__call__"] is Double.update
