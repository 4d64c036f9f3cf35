"""Transforms: jit, grad, vmap, loops and branches for functions that read and write states.

The words
---------
lift
    To run a function once, on abstract values and under a frame, and to keep what it does as a
    pure function: states read become inputs, states written become outputs.
effects
    What a lifted function does to states: which it writes, and which it puts into an attribute
    of a module (a *place*). A state that is made anew where one sits *merges* with that one: it
    is a write. Effects are *settled* if a second run would do the same.
commit
    To put new values in place when the transform can no longer fail.
specialisation, guard, binding
    A compilation of a function, the notes of what it depends on, and its match with the
    objects of a call.

The invariant
-------------
*A transformed function does what the function does.* It reads the states as they are at the
call, and when it returns, the states hold what they would hold had the Python code run step by
step. When it raises, they hold what they held.

How it is kept
--------------
The user's code runs once, under ``jax.make_jaxpr`` and a hoisting frame. The first read of a state
binds an identity equation in the frame's own trace, which is at the top level of the jaxpr
however deep in nested transforms the read happens; afterwards the results of these equations are
made inputs, and the equations removed. ``scan``, ``while_loop``, ``cond`` and ``jit`` hand the
result to jax: written states are the carry of a loop, read ones are closed over. ``grad`` and
``vmap`` need no discovery: the states to differentiate or to map are given, all other reads go
to the frame around, and writes leave as auxiliary output.

The cases it guards
-------------------
- A compiled function looks at what it depends on before it reuses a compilation: attributes of
  modules, their lists and dicts, the environment, its variables. Where nothing was set since the
  last call that is a comparison of two numbers, and one for each variable. Shapes and dtypes of all
  states that are read, used or not, are those of its inputs.
- A state made anew in its place (``self.h = HiddenState(...)`` at every call) is the same state to
  the function, unless the old one is held elsewhere. So loops carry it.
- A loop whose first step does something else to attributes than the rest (it makes what the
  rest finds) runs that step by itself; one whose every step does raises.
- Traced values that are left in variables, and edits of lists and dicts in place, are found when
  the trace ends.
- A function that reaches one module both as an argument and through its closure is compiled
  for that very module.
- Nested transforms commit to the frame around them, so each write comes out exactly once.
- A loop of no steps writes nothing; a branch that is not taken writes nothing.
"""

from brainlite.transform._compile._abstract import eval_shape, make_jaxpr, named_scope
from brainlite.transform._compile._jit import BoundJit, JitFunction, jit
from brainlite.transform._derivatives._directional import fwd_grad, vector_grad
from brainlite.transform._derivatives._grad import grad, value_and_grad
from brainlite.transform._derivatives._jacobian import hessian, jacfwd, jacobian, jacrev
from brainlite.transform._derivatives._products import jvp, vjp
from brainlite.transform._flow._bounded import bounded_while_loop
from brainlite.transform._flow._branches import cond, ifelse, switch
from brainlite.transform._flow._checkpoint import checkpoint, remat
from brainlite.transform._flow._checkpointed import checkpointed_for_loop, checkpointed_scan
from brainlite.transform._flow._checks import (
    all_checks,
    automatic_checks,
    check,
    checkify,
    div_checks,
    float_checks,
    index_checks,
    jit_error_if,
    nan_checks,
    user_checks,
)
from brainlite.transform._flow._debug import breakpoint_if, debug_nan, debug_nan_if
from brainlite.transform._flow._loops import for_loop, scan
from brainlite.transform._flow._map import map
from brainlite.transform._flow._progress import ProgressBar
from brainlite.transform._flow._while import while_loop
from brainlite.transform._lanes._shard_map import shard_map
from brainlite.transform._lanes._vmap import vmap
from brainlite.transform._lanes._vmap2 import vmap2, vmap2_new_states
from brainlite.transform._lanes._vmap_new_states import vmap_new_states

__all__ = [
    "BoundJit",
    "JitFunction",
    "ProgressBar",
    "all_checks",
    "automatic_checks",
    "bounded_while_loop",
    "breakpoint_if",
    "check",
    "checkify",
    "checkpoint",
    "checkpointed_for_loop",
    "checkpointed_scan",
    "cond",
    "debug_nan",
    "debug_nan_if",
    "div_checks",
    "eval_shape",
    "float_checks",
    "for_loop",
    "fwd_grad",
    "grad",
    "hessian",
    "ifelse",
    "index_checks",
    "jacfwd",
    "jacobian",
    "jacrev",
    "jit",
    "jit_error_if",
    "jvp",
    "make_jaxpr",
    "map",
    "named_scope",
    "nan_checks",
    "remat",
    "scan",
    "shard_map",
    "switch",
    "user_checks",
    "value_and_grad",
    "vector_grad",
    "vjp",
    "vmap",
    "vmap2",
    "vmap2_new_states",
    "vmap_new_states",
    "while_loop",
]
