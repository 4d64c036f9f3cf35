"""Guards of transforms, each with an edit that takes it out."""

from tests.meta.mutation import Mutation

__all__ = ["MUTATIONS"]

GUARDS = [
    Mutation(
        "a number without a derivative is refused as a result",
        "brainlite/transform/_derivatives/_gradient.py",
        "if isinstance(leaf, float | complex | np.ndarray | np.generic):",
        "if False:",
        ("tests/transform/derivatives/test_gradient.py",),
    ),
    Mutation(
        "a filter of vmap2 that selects nothing raises",
        "brainlite/transform/_lanes/_vmap2.py",
        "if axis not in chosen and each is not None:",
        "if False:",
        ("tests/transform/lanes/test_vmap2.py",),
    ),
    Mutation(
        "of what a transform makes only what survives is caught",
        "brainlite/graph/_catching.py",
        "if current_frame.get() is not self._frame or self._excluded((), state):",
        "if self._excluded((), state):",
        ("tests/graph/test_catching.py",),
    ),
    Mutation(
        "a look for NaN raises only where its condition holds",
        "brainlite/transform/_engine/_nonfinite.py",
        "failed = jnp.any(counts > 0) & jnp.asarray(when, bool)",
        "failed = jnp.any(counts > 0)",
        ("tests/transform/flow/test_debug.py",),
    ),
    Mutation(
        "a compiled function returns states where they are declared to live",
        "brainlite/transform/_compile/_specialise.py",
        "self._inner if placed is None else jax.jit(self._pure, **placed)",
        "self._inner",
        ("tests/integration/test_shardings.py",),
    ),
    Mutation(
        "a value that cannot be laid out as declared is refused when it is traced",
        "brainlite/transform/_compile/_specialise.py",
        "if state.sharding is not None and current_frame.get() is None:",
        "if False:",
        ("tests/integration/test_shardings.py",),
    ),
    Mutation(
        "names bound anew are seen where a compilation is looked for",
        "brainlite/transform/_compile/_specialise.py",
        "not self._settings_unchanged() or not self.variables.unchanged():",
        "not self._settings_unchanged():",
        ("tests/transform/compile/test_variables.py",),
    ),
    Mutation(
        "names bound anew are seen at a warm call",
        "brainlite/transform/_compile/_warm.py",
        "*settings, *form.looks, *form.edits]",
        "*settings, *form.edits]",
        ("tests/transform/compile/test_variables.py",),
    ),
    Mutation(
        "settings of a block are seen at a warm call",
        "brainlite/transform/_compile/_warm.py",
        '"layer() is not L", ',
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "settings of the process are seen at a warm call",
        "brainlite/transform/_compile/_warm.py",
        ', "process.settings is not S"]',
        "]",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "attributes that were set are seen at a warm call",
        "brainlite/transform/_compile/_warm.py",
        '"epoch.value != E", ',
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "containers edited in place are seen at a warm call",
        "brainlite/transform/_compile/_warm.py",
        "*settings, *form.looks, *form.edits]",
        "*settings, *form.looks]",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "names bound anew are seen where a binding is looked for",
        "brainlite/transform/_compile/_warm.py",
        "            and all(each.now() is each.value for each in self.variables)\n",
        "",
        ("tests/transform/compile/test_variables.py",),
    ),
    Mutation(
        "settings of a block are seen where a binding is looked for",
        "brainlite/transform/_compile/_warm.py",
        "            and self.layer is layer()\n",
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "settings of the process are seen where a binding is looked for",
        "brainlite/transform/_compile/_warm.py",
        "            and self.settings is process.settings\n",
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "attributes that were set are seen where a binding is looked for",
        "brainlite/transform/_compile/_warm.py",
        "            self.epoch == epoch.value\n            and ",
        "            ",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "containers edited in place are seen where a binding is looked for",
        "brainlite/transform/_compile/_warm.py",
        "            and all(each.unchanged() for each in self.containers)\n",
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "a warm call looks whether compiling is switched off",
        "brainlite/transform/_compile/_warm.py",
        '"switch.value", ',
        "",
        ("tests/transform/compile/test_warm.py",),
    ),
    Mutation(
        "a warm call looks whether a frame is open",
        "brainlite/transform/_compile/_warm.py",
        ', "frame() is not None"]',
        "]",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "the types of states that are read for nothing else count",
        "brainlite/transform/_compile/_specialise.py",
        "            keep_unused=True,\n",
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "what is first read for other shapes is guarded",
        "brainlite/transform/_compile/_specialise.py",
        "            and self.guards.cover(lifted.notes)\n",
        "",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "a state in a variable stays what it is",
        "brainlite/transform/_compile/_specialise.py",
        "if s not in by_place or id(s) in held_directly]",
        "if s not in by_place]",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "an outer trace depends on the attributes of an inner compilation",
        "brainlite/transform/_compile/_specialise.py",
        "            note(frame, now, name, current_note(now, name))",
        "            pass",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "an outer trace depends on the settings of an inner compilation",
        "brainlite/transform/_compile/_specialise.py",
        "            environ.get(key, None)",
        "            pass",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "fields of a state are guarded",
        "brainlite/graph/_guards.py",
        "if not _same_label(label, _label(renaming[state])):",
        "if False:",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "a renaming is one to one",
        "brainlite/graph/_guards.py",
        "if type(then) is not type(now) or id(now) in self._then:",
        "if type(then) is not type(now):",
        ("tests/graph/test_guards.py",),
    ),
    Mutation(
        "calls that do more than before are seen",
        "brainlite/graph/_guards.py",
        "if not renaming.consistent or self._calls != epoch.calls:",
        "if not renaming.consistent:",
        ("tests/graph/test_guards.py",),
    ),
    Mutation(
        "0.0 and -0.0 are told apart",
        "brainlite/graph/_guards.py",
        "bool(then == now) and str(then) == str(now)",
        "bool(then == now)",
        ("tests/graph/test_guards.py",),
    ),
    Mutation(
        "containers that a walk went through are watched",
        "brainlite/graph/_guards.py",
        "containers += map(Watched, filter(_may_change, attributes.values()))",
        "pass",
        ("tests/graph/test_guards.py",),
    ),
]

KEPT = [
    Mutation(
        "compilations not used for long are let go of",
        "brainlite/transform/_compile/_jit.py",
        "[-_KEPT + 1 :]",
        "",
        ("tests/transform/compile/test_jit.py",),
    ),
]

DRAWING = [
    Mutation(
        "what is compiled and draws runs alone",
        "brainlite/transform/_compile/_specialise.py",
        "        with alone():",
        "        if True:",
        ("tests/transform/engine/test_drawing.py",),
    ),
    Mutation(
        "an eager loop that draws runs alone",
        "brainlite/transform/_flow/_loops.py",
        "    with exclusive(states):",
        "    if True:",
        ("tests/transform/engine/test_drawing.py",),
    ),
    Mutation(
        "no function is traced while other threads must wait",
        "brainlite/transform/_compile/_specialise.py",
        "        if is_alone():",
        "        if False:",
        ("tests/transform/engine/test_drawing.py",),
    ),
]

EFFECTS = [
    Mutation(
        "the first step of a loop may differ from the others",
        "brainlite/transform/_flow/_loops.py",
        "    if loop.length and (moving or not body.effects.settled):",
        "    if False:",
        ("tests/transform/engine/test_effects.py",),
    ),
    Mutation(
        "only the first step of a loop may differ",
        "brainlite/transform/_flow/_loops.py",
        "        if not first_step:",
        "        if False:",
        ("tests/transform/engine/test_effects.py",),
    ),
]

TRANSFORM = [
    Mutation(
        "eager bodies with other constants inside are compiled apart",
        "brainlite/transform/_engine/_eager.py",
        "return _jaxpr_key(value.jaxpr), tuple(map(_Same, value.consts))",
        "return _jaxpr_key(value.jaxpr)",
        ("tests/transform/engine/test_eager.py",),
    ),
    Mutation(
        "eager bodies with other numbers inside are compiled apart",
        "brainlite/transform/_engine/_eager.py",
        "return (atom.aval, value.dtype.str, value.tobytes())",
        "return (atom.aval, value.dtype.str)",
        ("tests/transform/engine/test_eager.py",),
    ),
    Mutation(
        "eager bodies with results of another structure are compiled apart",
        "brainlite/transform/_engine/_eager.py",
        "(_fingerprint(each.closed), each.out_tree)",
        "_fingerprint(each.closed)",
        ("tests/transform/engine/test_eager.py",),
    ),
    Mutation(
        "a state that lanes share gets one value",
        "brainlite/transform/_lanes/_vmap.py",
        "if not _varies(value, trace):",
        "if True:",
        ("tests/transform/lanes/test_vmap.py",),
    ),
    Mutation(
        "a state that was read before it was made anew is no state of one lane",
        "brainlite/transform/_engine/_effects.py",
        "if (s in became or s in frame.anew) and s not in read}",
        "if s in became or s in frame.anew}",
        ("tests/transform/lanes/test_vmap.py",),
    ),
    Mutation(
        "a state that was asked for before it was made is no state of one lane",
        "brainlite/transform/_engine/_effects.py",
        "(s for s, place in made.items() if place.key not in looked)",
        "(made)",
        ("tests/transform/lanes/test_vmap.py",),
    ),
    Mutation(
        "each lane draws numbers of its own",
        "brainlite/transform/_lanes/_vmap.py",
        "return jax.random.fold_in(key, jax.lax.axis_index(self.axis))",
        "return key",
        ("tests/transform/lanes/test_vmap.py",),
    ),
    Mutation(
        "a mapped state has the axis",
        "brainlite/transform/_lanes/_vmap.py",
        "if not -rank <= axis < rank:",
        "if False:",
        ("tests/transform/lanes/test_vmap.py",),
    ),
    Mutation(
        "slices of a batch write no states",
        "brainlite/transform/_flow/_map.py",
        "if not isinstance(state, RandomState) or state in effects.merged.values():",
        "if False:",
        ("tests/transform/flow/test_map.py",),
    ),
    Mutation(
        "a buffer that is given up is passed in once",
        "brainlite/transform/_compile/_intake.py",
        "        if id(leaf) in taken:",
        "        if False:",
        ("tests/transform/compile/test_intake.py",),
    ),
    Mutation(
        "the condition of a while_loop writes no state",
        "brainlite/transform/_flow/_while.py",
        "    if effects.states or effects.places:",
        "    if False:",
        ("tests/transform/flow/test_while.py",),
    ),
    Mutation(
        "the condition of a bounded loop writes no state",
        "brainlite/transform/_flow/_bounded.py",
        "    if effects.states or effects.places:",
        "    if False:",
        ("tests/transform/flow/test_bounded.py",),
    ),
    Mutation(
        "a bounded loop keeps the type of its carry",
        "brainlite/transform/_flow/_bounded.py",
        "if not same_structure(before, after) or not same_types(before, after):",
        "if False:",
        ("tests/transform/flow/test_bounded.py",),
    ),
]

RECURRENT = [
    Mutation(
        "no gradient is cut before the first step",
        "brainlite/nn/_recurrent/recurrent.py",
        "cut=(steps % self.tbptt == 0) & (steps > 0)",
        "cut=(steps % self.tbptt == 0)",
        ("tests/nn/recurrent/test_recurrent.py",),
    ),
    Mutation(
        "no gradient is cut before the first step, in the layers of torch",
        "brainlite/nn/_recurrent/torch_recurrent.py",
        "cut=(steps % plan.tbptt == 0) & (steps > 0)",
        "cut=(steps % plan.tbptt == 0)",
        ("tests/nn/recurrent/test_torch_recurrent.py",),
    ),
]

MUTATIONS = [*GUARDS, *KEPT, *DRAWING, *EFFECTS, *TRANSFORM, *RECURRENT]
