"""What other rooms may use of the inside of transforms.

Each name with what it promises; all else in here may change without a word.
"""

# Whether a module runs as under jit where nothing is traced: its code only computes, and it was not
# found to hold anything foreign.
from brainlite.transform._compile._known import Foreign as Foreign
from brainlite.transform._compile._known import guarded as guarded
from brainlite.transform._compile._known import is_known as is_known
from brainlite.transform._compile._known import remember_foreign as remember_foreign

# Lifts a function for arguments that may be modules.
from brainlite.transform._engine._call import lift_call as lift_call

# Puts the new values of a lifted function in place.
from brainlite.transform._engine._effects import commit as commit

# Where a watcher keeps what it saw, under any transform.
from brainlite.transform._engine._watch import Trail as Trail

# The base of what looks at modules while they run.
from brainlite.transform._engine._watch import Watcher as Watcher

# Who is watching now; a compilation depends on it.
from brainlite.transform._engine._watch import watchers as watchers

# Moves the lanes of states that were made in lanes to the axes that filters say.
from brainlite.transform._lanes._new_lanes import arrange_lanes as arrange_lanes

# The axis of each of the states that are declared to vmap, and what may be declared.
from brainlite.transform._lanes._vmap import MappedStates as MappedStates
from brainlite.transform._lanes._vmap import axes_of as axes_of
