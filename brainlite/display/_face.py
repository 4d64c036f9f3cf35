"""What other rooms may use of the inside of displays.

Each name with what it promises; all else in here may change without a word.
"""

# A call that makes an equal object; rooms return it for their own classes.
from brainlite.display._code import Construction as Construction

# The call for any object; a single-dispatch function that rooms add to.
from brainlite.display._code import construction_of as construction_of

# A text that stands for a value.
from brainlite.display._leaf import Verbatim as Verbatim

# A repr that cannot fail and has an end.
from brainlite.display._leaf import safe_repr as safe_repr

# Whether an object has ``__display__``.
from brainlite.display._open import is_displayable as is_displayable

# A table that prints aligned.
from brainlite.display._table import Table as Table

# The same table for a terminal, by rich.
from brainlite.display._terminal import rich_table as rich_table

# A table as stdout can show it.
from brainlite.display._terminal import terminal_text as terminal_text
