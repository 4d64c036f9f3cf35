"""What other rooms may use of the inside of modules.

Each name with what it promises; all else in here may change without a word.
"""

# A dtype if it is a floating-point one that jax is set up for; else an error that says so.
from brainlite.nn._modules.casting import check_floating as check_floating

# The number of parameters, and the bytes of all states.
from brainlite.nn._modules.footprint import footprint as footprint

# A number of bytes as text.
from brainlite.nn._modules.footprint import in_bytes as in_bytes

# The arrays of a model by name, those that ``state_dict`` has.
from brainlite.nn._modules.state_dict import entries_of as entries_of

# Writes arrays over some of these, each where the old one is: all or none.
from brainlite.nn._modules.state_dict import load_entries as load_entries

# Each path that leads to a state: one that is shared comes repeatedly.
from brainlite.nn._modules.tree import iter_places as iter_places
