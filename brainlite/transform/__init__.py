"""Transforms: jit, grad, vmap, loops and branches for functions that read and write states.

The words
---------
lift
    To run a function once, on abstract values and under a frame, and to keep what it does as a
    pure function: states read become inputs, states written become outputs.
effects
    What a lifted function does to states: which it writes, and which it makes in an attribute
    of a module (a *place*), as ``init_state`` does with hidden states.
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
  modules, their lists and dicts, the environment. Where nothing was set since the last call
  that is a comparison of two numbers.
- A state made anew in its place (``self.h = HiddenState(...)`` at every call) is the same state to
  the function: its value is committed to the one that sits there.
- A function that reaches one module both as an argument and through its closure is compiled
  for that very module.
- Nested transforms commit to the frame around them, so each write comes out exactly once.
- A loop of no steps writes nothing; a branch that is not taken writes nothing.
"""

from brainlite.transform._branches import cond, ifelse, switch
from brainlite.transform._grad import grad, value_and_grad
from brainlite.transform._jit import BoundJit, JitFunction, jit
from brainlite.transform._loops import for_loop, scan
from brainlite.transform._vmap import vmap
from brainlite.transform._while import while_loop

__all__ = [
    "BoundJit",
    "JitFunction",
    "cond",
    "for_loop",
    "grad",
    "ifelse",
    "jit",
    "scan",
    "switch",
    "value_and_grad",
    "vmap",
    "while_loop",
]
