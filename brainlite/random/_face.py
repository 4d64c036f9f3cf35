"""What other rooms may use of the inside of random numbers.

Each name with what it promises; all else in here may change without a word.
"""

# Splits a key: the one to keep, the one to use.
from brainlite.random._keys import advance as advance

# Whether a value is a typed key, or an array of them.
from brainlite.random._keys import is_key as is_key

# A typed key from a seed or key.
from brainlite.random._keys import to_key as to_key

# The lock of whoever draws from a generator eagerly.
from brainlite.random._state import drawing as drawing

# Keys that are tied to no devices, of those that are whole on some.
from brainlite.random._state import untied as untied
