"""Settings that a generator would leave to whoever iterates over it."""

import dis
import functools
import inspect
import itertools
from types import CodeType, FrameType
from typing import Any

from brainlite.errors import EnvironmentLeakError

# Who runs a generator up to its `yield` as the first half of a `with` block.
_MAKERS_OF_CONTEXTS = frozenset({"contextlib", "_pytest", "pytest_asyncio", "anyio"})
_GENERATOR = inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR


def check_no_leak(block: FrameType) -> None:
    """Raise if a generator would leave a block open while it waits at a ``yield``."""
    if not block.f_code.co_flags & _GENERATOR or not _yields_within(block.f_code, block.f_lasti):
        return
    driver: FrameType | None = block
    while driver is not None and driver.f_code.co_flags & _GENERATOR:
        driver = driver.f_back
    maker = "" if driver is None else str(driver.f_globals.get("__name__"))
    if maker.partition(".")[0] in _MAKERS_OF_CONTEXTS:
        return
    raise EnvironmentLeakError(
        "a generator yields inside of environ.context, whose settings would then hold for the "
        "code that iterates, too",
        where=f"{block.f_code.co_qualname} at {block.f_code.co_filename}:{block.f_lineno}",
        expected="settings that end before the next `yield`",
        got="a `yield` inside of the `with` block",
        fix="put the `with` around the code between two yields, or around the loop that iterates",
    )


@functools.lru_cache(maxsize=1024)
def _yields_within(code: CodeType, start: int) -> bool:
    """Say whether the block that the instruction at ``start`` enters has a ``yield`` in it."""
    instructions = list(dis.get_instructions(code))
    bytecode: Any = dis.Bytecode(code)  # its type lacks the table of handlers
    ranges: list[tuple[int, int, int]] = [
        (entry.start, entry.end, entry.target) for entry in bytecode.exception_entries
    ]
    first = next(each.offset for each in instructions if each.offset > start)
    handlers = {target for begin, end, target in ranges if begin <= first < end}
    # A block inside has a handler of its own, which lies in the outer block in its turn.
    while True:
        inside = [(begin, end) for begin, end, target in ranges if target in handlers]
        inner = {t for _, _, t in ranges if any(begin <= t < end for begin, end in inside)}
        if inner <= handlers:
            break
        handlers |= inner
    # What an instruction is resumed after: 1 is `yield`, 2 `yield from`, 3 `await`.
    return any(
        each.opname == "YIELD_VALUE"
        and (after.arg or 0) & 3 in (1, 2)
        and any(begin <= each.offset < end for begin, end in inside)
        for each, after in itertools.pairwise(instructions)
    )
