"""Each line but the last is what the comparison of findings and marks must complain about.

A false assertion, a mistake without a mark, correct code with one, and a mistake for another reason.
"""

from typing import assert_type

from brainlite.nn import Linear

# fmt: off
assert_type(Linear(2, 3), int)
Linear("2", 3)
Linear(2, 3)  # E
Linear("2", 3)  # E: misc reportCallIssue
Linear("2", 3)  # E: arg-type reportArgumentType
