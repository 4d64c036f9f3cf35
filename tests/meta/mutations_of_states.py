"""Guards of states and of graphs of objects, each with an edit that takes it out."""

from tests.meta.mutation import Mutation

__all__ = ["MUTATIONS"]

STATE = [
    Mutation(
        "a write inside a plain jax transform that runs in a frame raises",
        "brainlite/state/_frame.py",
        "if trace is not self.trace and self.born.get(slot) is not trace:",
        "if False:",
        ("tests/state/test_frame.py",),
    ),
    Mutation(
        "a write inside a plain jax transform without a frame raises",
        "brainlite/state/_frame.py",
        "    born = raw_born.get(slot)",
        "    return",
        ("tests/state/test_state.py",),
    ),
    Mutation(
        "a state made inside a plain jax transform may be written there",
        "brainlite/state/_state.py",
        "        raw_born[state] = weakref.ref(trace_cell.value)",
        "        pass",
        ("tests/state/test_state.py",),
    ),
    Mutation(
        "a value that was edited in place counts as written",
        "brainlite/state/_frame.py",
        "if structure != then or any(map(_differ, now, leaves)):",
        "if False:",
        ("tests/state/test_frame.py",),
    ),
    Mutation(
        "what a trace edits in place is a copy",
        "brainlite/state/_frame.py",
        "        return structure.unflatten(leaves)",
        "        return structure.unflatten(leaves) if hoisted else value",
        ("tests/state/test_frame.py",),
    ),
    Mutation(
        "a first read inside a nested plain jax transform is an input of the frame",
        "brainlite/state/_frame.py",
        "with set_current_trace(self.trace):",
        "if True:",
        ("tests/state/test_frame.py", "tests/transform/engine/test_lift.py"),
    ),
    Mutation(
        "a frame watches the settings that are read",
        "brainlite/state/_frame.py",
        "            self._tokens.append(environ.watch(self.environment))",
        "            pass",
        ("tests/transform/compile/test_specialise.py",),
    ),
    Mutation(
        "whether a parameter is frozen is noted",
        "brainlite/state/_frame.py",
        "            self.notes.setdefault((id(slot), name), (slot, value))",
        "            pass",
        ("tests/graph/test_guards.py",),
    ),
    Mutation(
        "a parameter is not frozen inside a transform",
        "brainlite/state/_state.py",
        "if frame is not None and not frame.is_local(self):",
        "if False:",
        ("tests/state/test_state.py",),
    ),
    Mutation(
        "a write keeps the structure of a value",
        "brainlite/state/_state.py",
        "if old is None or new is None or same_structure(old, new):",
        "if True:",
        ("tests/state/test_state.py",),
    ),
    Mutation(
        "a write keeps the dtype of a parameter",
        "brainlite/state/_fit.py",
        "if old.shape == new.shape and old.dtype == new.dtype:",
        "if old.shape == new.shape:",
        ("tests/state/test_fit.py",),
    ),
    Mutation(
        "arrays of numpy are copied",
        "brainlite/_given/_own.py",
        "if not any(map(_is_open, leaves)):",
        "if True:",
        ("tests/given/test_own.py",),
    ),
]

GRAPH = [
    Mutation(
        "definitions with other states differ",
        "brainlite/graph/_graphdef.py",
        "            and self.states == other.states\n",
        "",
        ("tests/graph/test_graphdef.py",),
    ),
    Mutation(
        "1, 1.0 and True differ in a definition",
        "brainlite/graph/_codes.py",
        "    if type(left) is not type(right):",
        "    if False:",
        ("tests/graph/test_codes.py",),
    ),
    Mutation(
        "metadata of a registered class differs in a definition",
        "brainlite/graph/_codes.py",
        "            and same_code(self.metadata, other.metadata)\n",
        "",
        ("tests/graph/test_codes.py", "tests/graph/test_foreign.py"),
    ),
    Mutation(
        "a split leaves no state out",
        "brainlite/graph/_operations.py",
        "    if left:",
        "    if False:",
        ("tests/graph/test_operations.py",),
    ),
    Mutation(
        "values are assigned all or none",
        "brainlite/graph/_state_dict.py",
        "for state, old in reversed(before):",
        "for state, old in ():",
        ("tests/graph/test_state_dict.py",),
    ),
    Mutation(
        "values of unknown paths are refused",
        "brainlite/graph/_state_dict.py",
        "        if unknown:",
        "        if False:",
        ("tests/graph/test_state_dict.py",),
    ),
    Mutation(
        "of a list the last state is taken out first",
        "brainlite/graph/_pop.py",
        "in reversed(in_containers.values()):",
        "in in_containers.values():",
        ("tests/graph/test_pop.py",),
    ),
    Mutation(
        "an attribute that is read is noted",
        "brainlite/graph/_node.py",
        "        frame.notes[key] = (node, freeze(value))",
        "        pass",
        ("tests/graph/test_guards.py",),
    ),
    Mutation(
        "a container that is read is kept, to see edits",
        "brainlite/graph/_node.py",
        "        keep(frame, node, name, value)",
        "        pass",
        ("tests/graph/test_edits.py",),
    ),
    Mutation(
        "an edit in place is undone until the transform ends",
        "brainlite/graph/_node.py",
        "            kept.undo()\n",
        "",
        ("tests/graph/test_edits.py",),
    ),
    Mutation(
        "setting an attribute advances the epoch",
        "brainlite/graph/_node.py",
        "        object.__setattr__(self, name, value)\n        epoch.advance()",
        "        object.__setattr__(self, name, value)",
        ("tests/graph/test_node.py", "tests/transform/compile/test_specialise.py"),
    ),
    Mutation(
        "deleting an attribute advances the epoch",
        "brainlite/graph/_node.py",
        "        object.__delattr__(self, name)\n        epoch.advance()",
        "        object.__delattr__(self, name)",
        ("tests/graph/test_node.py", "tests/transform/compile/test_specialise.py"),
    ),
    Mutation(
        "no traced value in an attribute",
        "brainlite/graph/_node.py",
        "if any(isinstance(leaf, Tracer) for leaf in leaves_of(value)):",
        "if False:",
        ("tests/graph/test_node.py",),
    ),
    Mutation(
        "no state is attached inside a plain jax transform",
        "brainlite/graph/_node.py",
        "    if trace is not frame.trace:",
        "    if False:",
        ("tests/graph/test_node.py",),
    ),
    Mutation(
        "a plain attribute is not set in code that may not run",
        "brainlite/graph/_node.py",
        "        if not around.conditional:\n            continue",
        "        continue",
        ("tests/transform/engine/test_effects.py",),
    ),
]

MUTATIONS = [*STATE, *GRAPH]
