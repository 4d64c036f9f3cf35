"""What other rooms may use of the inside of states.

Each name with what it promises; all else in here may change without a word.
"""

# Counts every change of what a compilation may depend on; compare, never reset.
from brainlite.state._epoch import epoch as epoch

# Whether jax takes a value as one leaf.
from brainlite.state._fit import is_leaf as is_leaf

# Whether two values are trees of one structure.
from brainlite.state._fit import same_structure as same_structure

# Whether, leaf by leaf, shapes and dtypes agree; the structures must.
from brainlite.state._fit import same_types as same_types

# The structure, shapes and dtypes of a value, as every message shows them.
from brainlite.state._fit import type_text as type_text

# What a frame finds where a slot has no value yet.
from brainlite.state._frame import MISSING as MISSING

# What has one value that a frame overlays: a state.
from brainlite.state._frame import AnySlot as AnySlot

# Reads and writes of one trace; dropped whole if the trace fails.
from brainlite.state._frame import Frame as Frame

# A container as it was when a trace first read it, to be put back.
from brainlite.state._frame import Kept as Kept
from brainlite.state._frame import Slot as Slot

# Raises where a write would be lost in a plain transform of jax.
from brainlite.state._frame import check_raw_write as check_raw_write

# The frame of this thread or task, None outside any transform.
from brainlite.state._frame import current_frame as current_frame

# The values in the states themselves, past any frame: for the outermost level.
from brainlite.state._frame import held as held

# Puts values into the states themselves, past any frame, unchecked.
from brainlite.state._frame import hold as hold

# Which objects were made inside a plain transform of jax, and live in it.
from brainlite.state._frame import raw_born as raw_born

# The path of an object, from the modules whose methods are running.
from brainlite.state._locate import locate as locate

# The error for input that does not fit, with the path of who does not take it.
from brainlite.state._locate import refused as refused

# A setting that is an input, as a frame sees it; looked up by its key outside of frames.
from brainlite.state._setting import Setting as Setting

# Raises unless a value, perhaps an abstract one, can be laid out as is declared.
from brainlite.state._sharding import check_sharding as check_sharding

# Two specs that differ, of values that are laid out on explicit axes.
from brainlite.state._sharding import differing_spec as differing_spec

# Whether an array of a value, perhaps an abstract one, is laid out on explicit axes.
from brainlite.state._sharding import has_explicit_spec as has_explicit_spec

# The mesh of what a state declares, if it does.
from brainlite.state._sharding import mesh_of as mesh_of

# What is expected of an array, and what came, if it cannot be laid out so.
from brainlite.state._sharding import misfit_of as misfit_of

# An array laid out as a sharding says: keys, and several processes, too.
from brainlite.state._sharding import put_array as put_array

# Where an array is that is whole on each device of the mesh of a sharding.
from brainlite.state._sharding import replicated as replicated

# A sharding as text.
from brainlite.state._sharding import spec_text as spec_text

# The sharding of values that have one more axis, whole.
from brainlite.state._sharding import with_axis as with_axis

# The sharding of values that have one axis less.
from brainlite.state._sharding import without_axis as without_axis

# All of a state but its value; equal for like states.
from brainlite.state._spec import StateSpec as StateSpec

# New states from specs and values, unchecked.
from brainlite.state._spec import make_states as make_states

# Whether two fields of a state are one to a compilation.
from brainlite.state._spec import same_field as same_field

# The specs of states; like ones share one object.
from brainlite.state._spec import specs_of as specs_of

# A state, whatever it holds.
from brainlite.state._state import AnyState as AnyState

# A new state like another one, with a value, unchecked.
from brainlite.state._state import adopt as adopt

# A state of a kind, name and tags without a value, to ask filters about.
from brainlite.state._state import blank as blank

# Puts values into the states themselves, past any frame, each where its state declares.
from brainlite.state._state import hold_placed as hold_placed

# Whether a parameter is left out of training; notes no read.
from brainlite.state._state import is_frozen as is_frozen

# Who is told of each state that is made.
from brainlite.state._state import makers as makers

# Writes past the checks of a kind, as a change of dtype must.
from brainlite.state._state import overwrite as overwrite

# A new state like another one, without a value.
from brainlite.state._state import template as template
