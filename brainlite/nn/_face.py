"""What other rooms may use of the inside of modules.

Each name with what it promises; all else in here may change without a word.
"""

# A path as a name: 'layers.0.weight'.
from brainlite.nn._modules.tree import dotted as dotted

# Each path that leads to a state: one that is shared comes repeatedly.
from brainlite.nn._modules.tree import iter_places as iter_places
