"""The optimizer: options, states, transforms around it."""

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import brainlite
from brainlite import nn, optim
from brainlite.errors import GraphError, OptionError
from brainlite.transform import for_loop, grad, jit, vmap, vmap_new_states
from tests.closeness import assert_close, assert_same
from tests.optim.small import Net, loss_of, make_net, values


def ones_of(optimizer: optim.Optimizer, factor: Any = 1.0) -> Any:
    """Return gradients that are all the same number."""
    like = optimizer.params.to_values()
    return jax.tree.map(lambda leaf: jnp.full(leaf.shape, factor, leaf.dtype), like)


def kept(optimizer: optim.Optimizer) -> Any:
    """Return all that an optimizer remembers, and the parameters."""
    return brainlite.graph.states(optimizer).to_values()


def test_minimize_returns_the_loss_from_before_and_lowers_it() -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.adam, learning_rate=0.05)
    before = loss_of(net)
    step = jit(lambda: optimizer.minimize(lambda: loss_of(net)))
    assert_close(step(), before)
    for _ in range(50):
        step()
    assert float(loss_of(net)) < 0.3 * float(before)
    assert int(optimizer.step) == 51


def test_minimize_hands_out_what_is_beside_the_loss() -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.sgd(0.1))
    loss, aux = optimizer.minimize(lambda: (loss_of(net), {"seen": jnp.arange(3)}), has_aux=True)
    assert loss.shape == ()
    assert_same(aux, {"seen": jnp.arange(3)})
    untyped: Any = optimizer.minimize
    with pytest.raises(OptionError, match=r"has_aux=True returns a pair"):
        untyped(lambda: loss_of(net), has_aux=True)


def test_eager_and_compiled_steps_agree_also_in_a_loop() -> None:
    nets = [make_net() for _ in range(3)]
    eager, compiled, looped = (
        optim.Optimizer(net, optax.adam, learning_rate=0.05, clip_norm=0.5) for net in nets
    )
    step = jit(lambda number: compiled.minimize(lambda: loss_of(nets[1], number)))
    for number in range(4):
        eager.minimize(lambda n=number: loss_of(nets[0], n))  # type: ignore[misc]  # a default
        step(number)
    for_loop(lambda n: looped.minimize(lambda: loss_of(nets[2], n)), jnp.arange(4))
    assert_close(kept(compiled), kept(eager), terms=200)
    assert_close(kept(looped), kept(eager), terms=200)


def test_two_equal_pairs_of_arguments_share_a_compilation() -> None:
    traced: list[None] = []

    @jit
    def step(net: Net, optimizer: optim.Optimizer) -> Any:
        traced.append(None)
        return optimizer.minimize(lambda: loss_of(net))

    for _ in range(2):
        net = make_net()
        step(net, optim.Optimizer(net, optax.adam, learning_rate=0.1))
    assert len(traced) == 1


@pytest.mark.parametrize(
    "clone", [copy.deepcopy, brainlite.graph.clone, lambda pair: pickle.loads(pickle.dumps(pair))]
)
def test_a_copy_of_both_is_a_run_of_its_own(clone: Callable[[Any], Any]) -> None:
    net = make_net()
    optimizer = optim.Optimizer(
        net, optax.adam, learning_rate=0.1, average=0.5, accumulate=2, skip_nonfinite=True
    )
    for _ in range(3):
        optimizer.minimize(lambda: loss_of(net))
    twin, twins = clone((net, optimizer))
    before = values(net)
    assert_same(kept(twins), kept(optimizer))
    twins.minimize(lambda: loss_of(twin))
    assert_same(values(net), before)
    optimizer.minimize(lambda: loss_of(net))
    assert_same(kept(twins), kept(optimizer))
    assert_same(values(twin), values(net))
    assert int(twins.step) == 2


def test_an_ensemble_has_an_optimizer_and_a_rate_in_each_lane() -> None:
    rates = jnp.array([0.0, 0.1, 0.5])

    class Member(nn.Module):
        def make(self, rate: Any) -> None:
            self.net = make_net()
            self.optimizer = optim.Optimizer(self.net, optax.sgd, learning_rate=rate)

    ensemble = Member()
    vmap_new_states(ensemble.make)(rates)
    all_states = ensemble.states()
    step = jit(
        vmap(
            lambda: ensemble.optimizer.minimize(lambda: loss_of(ensemble.net)),
            in_states=all_states,
            out_states=all_states,
            axis_size=3,
        )
    )
    for _ in range(3):
        step()
    for lane, rate in enumerate(rates):
        net = make_net()
        alone = optim.Optimizer(net, optax.sgd, learning_rate=rate)
        for _ in range(3):
            alone.minimize(lambda net=net: loss_of(net))  # type: ignore[misc]  # a default
        lanes = jax.tree.map(lambda leaf, lane=lane: leaf[lane], values(ensemble.net))
        assert_close(lanes, values(net), terms=50)


def test_what_is_frozen_later_keeps_its_slots_and_goes_on_when_thawed() -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.adam, learning_rate=0.1)
    step = jit(lambda: optimizer.minimize(lambda: loss_of(net)))
    step()
    net.first.requires_grad_(False)
    [group] = optimizer.groups
    before = [net.first.weight.value, group.slots["mu"]["first.weight"].value]
    moving = net.second.weight.value
    step()
    assert list(optimizer.params) == [("second", "weight")]
    assert_same([net.first.weight.value, group.slots["mu"]["first.weight"].value], before)
    assert not np.array_equal(moving["bias"], net.second.weight.value["bias"])
    net.first.requires_grad_(True)
    step()
    assert not np.array_equal(before[0]["bias"], net.first.weight.value["bias"])


def test_a_frozen_parameter_takes_no_part_in_masks_and_norms() -> None:
    net, alone = make_net(), make_net()
    mask = {("first", "weight"): True, ("second", "weight"): True}
    transformation = optax.chain(
        optax.masked(optax.adam(0.1), mask), optax.clip_by_global_norm(0.1)
    )
    optimizer = optim.Optimizer(net, transformation)
    optimizer.update(ones_of(optimizer))
    alone.second.weight.value = net.second.weight.value
    net.first.requires_grad_(False)
    single = optim.Optimizer(
        alone.second, optax.chain(optax.adam(0.1), optax.clip_by_global_norm(0.1))
    )
    single.update(ones_of(single))
    alone.second.weight.value = net.second.weight.value
    optimizer.update(ones_of(optimizer))
    single.update(ones_of(single))
    assert_close(net.second.weight.value, alone.second.weight.value)


def test_what_the_loss_does_not_look_at_stays_as_it_is() -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.adamw(0.1, weight_decay=0.5))
    before = values(net.first)
    jit(lambda: optimizer.minimize(lambda: jnp.sum(net.second(jnp.ones(4)))))()
    assert_same(values(net.first), before)
    with pytest.raises(OptionError, match=r"depends on no parameter[\s\S]*first.weight, second"):
        optimizer.minimize(lambda: jnp.ones(()))


def test_what_is_frozen_from_the_start_has_no_slots() -> None:
    net = make_net()
    net.first.requires_grad_(False)
    optimizer = optim.Optimizer(net, optax.adam(0.1))
    assert list(optimizer.groups[0].slots["mu"]) == ["second.weight"]
    net.first.requires_grad_(True)
    assert list(optimizer.params) == [("second", "weight")]


def test_tied_weights_have_one_slot_and_take_one_step() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            self.first = nn.Linear(3, 3)
            self.second = nn.Linear(3, 3)
            self.second.weight = self.first.weight

        def update(self, x: Any) -> Any:
            return self.second(self.first(x))

    net = Tied()
    optimizer = optim.Optimizer(net, optax.sgd(1.0, momentum=0.9))
    assert list(optimizer.groups[0].slots["trace"]) == ["first.weight"]
    before = net.first.weight.value["bias"]
    optimizer.update(ones_of(optimizer))
    assert_same(before - net.first.weight.value["bias"], jnp.ones(3))
    one: Any = net.first.weight
    with pytest.raises(OptionError, match=r"b: one parameter was given under two paths[\s\S]*of a"):
        optim.Optimizer(dict.fromkeys([("a",), ("b",)], one), optax.sgd(1.0))


def test_accumulated_steps_are_a_step_of_the_whole_batch() -> None:
    net, whole = make_net(), make_net()
    parts = optim.Optimizer(net, optax.adam, learning_rate=0.05, accumulate=4, clip_norm=0.1)
    at_once = optim.Optimizer(whole, optax.adam, learning_rate=0.05, clip_norm=0.1)
    step = jit(lambda number: parts.minimize(lambda: loss_of(net, number)))
    before = values(net)
    for round_ in range(2):
        for number in range(4):
            if round_ == 0:
                assert_same(values(net), before)
            step(number)
        at_once.minimize(lambda: sum((loss_of(whole, n) for n in range(4)), jnp.zeros(())) / 4)
    assert int(parts.step) == 2
    assert_close(values(net), values(whole), terms=400)
    assert_close(parts.grad_norm, at_once.grad_norm, terms=200)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_parameter_without_a_gradient_in_any_of_the_steps_is_left_alone(compiled: bool) -> None:
    net, whole = make_net(), make_net()
    parts = optim.Optimizer(net, optax.adamw, learning_rate=0.05, accumulate=2, average=0.5)
    at_once = optim.Optimizer(whole, optax.adamw, learning_rate=0.05, average=0.5)

    def first() -> Any:
        return parts.minimize(lambda: (net.first.weight.value["weight"] ** 2).sum())

    step = jit(first) if compiled else first
    for _ in range(4):
        step()
    for _ in range(2):
        at_once.minimize(lambda: (whole.first.weight.value["weight"] ** 2).sum())
    assert_close(values(net), values(whole))
    apart = [name for name in parts.averages if not name.startswith("first")]
    assert apart
    for name in apart:
        assert_same(parts.averages[name].value, at_once.averages[name].value)
        for slot in parts.groups[0].slots.values():
            assert_same(slot[name].value, jax.tree.map(jnp.zeros_like, slot[name].value))


def test_accumulation_in_half_precision_adds_up_in_single() -> None:
    weight = brainlite.ParamState(jnp.zeros(1, "bfloat16"))
    optimizer = optim.Optimizer({"w": weight}, optax.sgd(1.0), accumulate=300)
    step = jit(lambda: optimizer.update({"w": jnp.ones(1, "bfloat16")}))
    for _ in range(300):
        step()
    # Added up in bfloat16, 300 ones are 256.
    assert_same(weight.value, -jnp.ones(1, "bfloat16"))


def test_a_step_that_is_not_finite_leaves_everything_as_it_was() -> None:
    class Normed(nn.Module):
        def __init__(self) -> None:
            self.net = make_net()
            self.norm = nn.BatchNorm0d(2)
            self.seen = brainlite.State(jnp.zeros((), "int32"))

        def update(self, x: Any) -> Any:
            self.seen.value = self.seen.value + 1
            return self.norm(self.net(x))

    model = Normed()
    optimizer = optim.Optimizer(
        model, optax.adam, learning_rate=0.1, skip_nonfinite=True, average=0.9
    )

    @jit
    def step(x: Any) -> Any:
        with brainlite.environ.context(fit=True):
            return optimizer.minimize(lambda: jnp.mean(model(x) ** 2))

    x = jax.random.normal(jax.random.key(1), (8, 3))
    step(x)
    before, states = kept(optimizer), model.states().to_values()
    step(x.at[0, 0].set(jnp.nan))
    assert int(optimizer.skipped) == 1
    assert_same(model.states().to_values(), states)
    after = kept(optimizer)
    counted = ("counts", "skipped")
    assert_same(
        {k: after[k] for k in after if k != counted}, {k: before[k] for k in after if k != counted}
    )
    step(x)
    assert (int(optimizer.step), int(optimizer.skipped), int(model.seen.value)) == (2, 1, 2)


def test_a_part_that_is_not_finite_does_not_count_in_a_mean() -> None:
    weight = brainlite.ParamState(jnp.zeros(()))
    optimizer = optim.Optimizer({"w": weight}, optax.sgd(1.0), accumulate=2, skip_nonfinite=True)
    for gradient in (1.0, jnp.inf, 3.0):
        assert float(weight.value) == 0
        optimizer.update({"w": jnp.asarray(gradient)})
    assert float(weight.value) == -2


def test_averages_follow_the_parameters_and_stand_in_for_them() -> None:
    weight = brainlite.ParamState(jnp.zeros(()))
    optimizer = optim.Optimizer({"w": weight}, optax.sgd(1.0), average=0.75)
    weight.value = jnp.asarray(5.0)  # as weights are loaded after the optimizer was made
    with optimizer.averaged():
        assert float(weight.value) == 5
    for _ in range(2):
        optimizer.update({"w": jnp.asarray(-4.0)})
    with optimizer.averaged():
        assert float(weight.value) == 9 * 0.75 + 13 * 0.25
        assert float(jit(lambda: weight.value)()) == 10
    assert float(weight.value) == 13
    with (
        pytest.raises(OptionError, match=r"w: parameters were changed while"),
        optimizer.averaged(),
    ):
        optimizer.update({"w": jnp.asarray(1.0)})
    assert float(weight.value) == 13


def test_averages_follow_what_is_frozen_or_loaded_after_the_optimizer_was_made() -> None:
    net = make_net()
    for accumulate in (1, 2):
        optimizer = optim.Optimizer(net, optax.sgd(0.1), average=0.5, accumulate=accumulate)
        loaded = {name: leaf + 1 for name, leaf in net.state_dict().items()}
        net.load_state_dict(loaded)
        net.first.requires_grad_(False)
        step = jit(lambda optimizer=optimizer: optimizer.minimize(lambda: loss_of(net)))
        for _ in range(2 * accumulate):
            step()
        with optimizer.averaged():
            assert_same(net.first.weight.value["bias"], loaded["first.weight.bias"])
        net.first.requires_grad_()


def test_masters_keep_what_half_precision_would_lose() -> None:
    one = jnp.ones((), "bfloat16")
    lost, found = brainlite.ParamState(one), brainlite.ParamState(one)
    plain = optim.Optimizer({"w": lost}, optax.sgd(1e-4))
    exact = optim.Optimizer({"w": found}, optax.sgd(1e-4), master_dtype="float32")
    steps = [jit(lambda o=o: o.update({"w": one})) for o in (plain, exact)]
    for _ in range(100):
        for step in steps:
            step()
    assert float(lost.value) == 1
    assert found.value.dtype == jnp.bfloat16
    assert_close(exact.masters["w"].value, jnp.asarray(0.99), terms=100)
    found.value = jnp.asarray(3.0, "bfloat16")  # as loading does
    exact.update({"w": one})
    assert_close(exact.masters["w"].value, jnp.asarray(3 - 1e-4))


def test_a_scaled_loss_saves_small_gradients_and_finds_its_scale() -> None:
    weight = brainlite.ParamState(jnp.ones((), "float16"))
    small = brainlite.State(jnp.asarray(1e-5, "float16"))  # no constant, which XLA would square

    def make(scale: optim.LossScale | None) -> optim.Optimizer:
        return optim.Optimizer(
            {"w": weight}, optax.sgd(1e6), master_dtype="float32", loss_scale=scale
        )

    def tiny() -> Any:
        # 1e-5 squared is nothing in float16.
        return (weight.value * small.value * small.value).astype("float32")

    make(None).minimize(tiny)
    assert float(weight.value) == 1
    scaled = make(optim.LossScale(growth=4.0, every=2))
    step = jit(lambda: scaled.minimize(tiny))
    scales: list[float] = []
    loss = step()
    scales.append(float(scaled.loss_scale))
    for _ in range(3):
        step()
        scales.append(float(scaled.loss_scale))
    # 2**17 is infinite in float16.
    assert scales == [2.0**15, 2.0**17, 2.0**15, 2.0**15]
    assert (int(scaled.step), int(scaled.skipped)) == (3, 1)
    assert 0.999 < float(scaled.masters["w"].value) < 1
    assert (loss.dtype, float(loss)) == (jnp.float32, float(tiny()))


def test_a_scale_that_overflows_skips_the_step_and_falls() -> None:
    weight = brainlite.ParamState(jnp.ones((), "float16"))
    optimizer = optim.Optimizer(
        {"w": weight}, optax.sgd(0.25), loss_scale=optim.LossScale(initial=2.0**16)
    )
    optimizer.minimize(lambda: weight.value * jnp.float16(2.0))
    assert (int(optimizer.skipped), int(optimizer.step)) == (1, 0)
    assert (float(weight.value), float(optimizer.loss_scale)) == (1, 2.0**15)
    optimizer.minimize(lambda: weight.value * jnp.float16(1.0))
    assert (float(weight.value), int(optimizer.step)) == (0.75, 1)


def test_complex_parameters_go_downhill() -> None:
    weight = brainlite.ParamState(jnp.asarray(1 + 1j))
    optimizer = optim.Optimizer({"w": weight}, optax.adam, learning_rate=0.05)
    step = jit(lambda: optimizer.minimize(lambda: jnp.abs(weight.value - (2 - 3j)) ** 2))
    for _ in range(300):
        step()
    assert abs(complex(weight.value) - (2 - 3j)) < 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda net: {("third",): jnp.ones(2)},
            r"third: gradients were given for what[\s\S]*first",
        ),
        (lambda net: {("first", "weight"): jnp.ones(2)}, r"first.weight: a gradient does not fit"),
        (lambda net: {}, r"there is no gradient[\s\S]*first.weight"),
        (lambda net: (values(net), 0.0), r"gradients come by path[\s\S]*tuple of 2"),
        (
            lambda net: {p: jax.tree.map(lambda a: a[:1], v) for p, v in values(net).items()},
            r"weight: a gradient does not fit its parameter[\s\S]*float32\[3,4\][\s\S]*\[1,4\]",
        ),
    ],
)
def test_gradients_that_do_not_fit_are_refused_by_name(
    make: Callable[[Any], Any], message: str
) -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.adam(0.1), accumulate=2)
    before = kept(optimizer)
    with pytest.raises(GraphError, match=message):
        optimizer.update(make(net))
    assert_same(kept(optimizer), before)


def test_gradients_of_a_collection_by_plain_jax_are_taken() -> None:
    net, other = make_net(), make_net()
    optimizer, twin = (optim.Optimizer(n, optax.sgd(0.1)) for n in (net, other))

    def norm(params: Any) -> Any:
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params))

    optimizer.update(jax.grad(norm)(optimizer.params))
    twin.update(grad(lambda: norm(twin.params.to_values()), twin.params)())
    assert_close(values(net), values(other))


@pytest.mark.parametrize("name", ["grad_norm", "skipped", "loss_scale", "averages"])
def test_what_is_not_kept_says_which_option_keeps_it(name: str) -> None:
    optimizer = optim.Optimizer(make_net(), optax.adam(0.1))
    read = (
        optimizer.averaged().__enter__ if name == "averages" else partial(getattr, optimizer, name)
    )
    with pytest.raises(OptionError, match=f"{name}: this optimizer does not keep"):
        read()


def test_the_model_sees_no_more_states_for_its_optimizer() -> None:
    net = make_net()
    optim.Optimizer(net, optax.adam(0.1))
    assert len(net.states()) == 2


def test_it_is_shown_with_all_that_it_remembers() -> None:
    net = make_net()
    optimizer = optim.Optimizer(net, optax.adam, learning_rate=0.1, clip_norm=1.0)
    text = repr(optimizer)
    for word in ("'mu'", "'nu'", "'first.weight'", "'grad_norm'", "OptimState", "ParamState"):
        assert word in text
    # 26 parameters of 4 bytes, two moments of each, and 4 numbers: two counts, a norm, a rate.
    assert "(328 B in all states)" in repr(nn.summary(optimizer))
    assert optimizer.__display_note__() == "224 B beside the parameters"
    assert optim.Adam().__display_note__() == "trains nothing yet"


def test_steps_may_give_up_the_old_values() -> None:
    nets = make_net(), make_net()
    plain, giving = (
        optim.Optimizer(net, optax.adam, learning_rate=0.1, average=0.5, master_dtype="float32")
        for net in nets
    )
    keep = jit(lambda: plain.minimize(lambda: loss_of(nets[0])))
    give = jit(lambda: giving.minimize(lambda: loss_of(nets[1])), donate_states=True)
    for _ in range(3):
        assert_same(give(), keep())
        with giving.averaged():
            jit(lambda: loss_of(nets[1]), donate_states=True)()
    assert_same(kept(giving), kept(plain))


def test_casting_the_model_leaves_the_optimizer_alone() -> None:
    class Run(nn.Module):
        def __init__(self) -> None:
            self.net = make_net()
            self.optimizer = optim.Optimizer(self.net, optax.adam, learning_rate=0.1)

    run = Run()
    run.half()
    assert run.net.first.weight.value["bias"].dtype == jnp.float16
    assert run.optimizer.groups[0].slots["mu"]["first.weight"].value["bias"].dtype == jnp.float32
    run.optimizer.minimize(lambda: loss_of(run.net))
    assert run.net.first.weight.value["bias"].dtype == jnp.float16


def test_a_loss_that_was_computed_already_and_no_gradients_at_all_meet_what_to_write() -> None:
    net = make_net()
    optimizer: Any = optim.Optimizer(net, optax.sgd(0.1))
    before = values(net)
    with pytest.raises(OptionError, match=r"the loss itself.*[\s\S]*minimize\(lambda: loss"):
        optimizer.minimize(jnp.ones(()))
    with pytest.raises(GraphError, match=r"0 gradients: none\n.*pass what `grad\(loss"):
        optimizer.update({})
    assert_same(values(net), before)


@pytest.mark.parametrize("options", [{"clip_norm": 1.0}, {"skip_nonfinite": True}])
def test_steps_are_taken_where_jax_is_set_up_for_64_bits(options: dict[str, Any]) -> None:
    with jax.enable_x64(True):
        model = nn.Linear(2, 1)
        optimizer = optim.Optimizer(model, optax.sgd(0.1), **options)
        for _ in range(2):
            optimizer.minimize(lambda: (model(jnp.ones(2)) ** 2).sum())
        assert (int(optimizer.step), optimizer.grad_norm.dtype) == (2, jnp.float32)


def test_it_prints_a_line_for_each_state_and_nothing_that_is_empty() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    text = str(optim.Optimizer(model, optax.adam, learning_rate=0.1))
    assert text.count("\n") < 30
    assert "'0.weight': ParamState({'bias': float32[3], 'weight': float32[2,3]})" in text
    assert "{}" not in text
