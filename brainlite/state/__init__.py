"""States: the only place where an array that changes may live.

The words
---------
state
    A slot that holds one pytree of arrays. Its kind (:class:`ParamState`,
    :class:`HiddenState`, ...) says what it is for; filters select by kind.
frame
    What stands over the states while a transform traces a function. Reads and writes of
    ``state.value`` go to the frame, not to the state.
commit
    What a transform does at its end, once nothing can fail any more: the values that its frame
    collected go to the frame around it or, at the outermost level, into the states.

The invariant
-------------
**No tracer ever enters a state.** A function that is being traced reads and writes its
frame. If it ends in an exception the frame is dropped and every state is as it was. Since
the current frame is a ``ContextVar``, threads and asyncio tasks see only their own.

The cases it guards
-------------------
- A write under a plain ``jax`` transform has no frame that could carry the value out: it raises and
  names the transform to use. A read there is legal but is a constant of that trace: it warns once.
- A state made while a function is traced lives in the frame. It survives where it is assigned
  to an attribute of a module, and then it is committed to that place.
- A write that changes the tree structure of a value, or the shape or dtype of a parameter,
  raises before anything changes.
"""

from brainlite.state import _setting as _setting  # which lets the environment find frames
from brainlite.state._checking import check_state_value_tree
from brainlite.state._kinds import (
    BatchState,
    DelayState,
    HiddenState,
    LongTermState,
    ParamState,
    ShortTermState,
)
from brainlite.state._state import State, maybe_state

__all__ = [
    "BatchState",
    "DelayState",
    "HiddenState",
    "LongTermState",
    "ParamState",
    "ShortTermState",
    "State",
    "check_state_value_tree",
    "maybe_state",
]
