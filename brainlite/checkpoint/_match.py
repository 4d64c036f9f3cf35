"""How the entries of a checkpoint fit the objects: settled before any array is read."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from brainlite.checkpoint._entries import Contents, Stored, family_of
from brainlite.checkpoint._items import GENERATOR, Items, Leaves
from brainlite.checkpoint._report import Report, some
from brainlite.errors import StateDictError


class Match(NamedTuple):
    """The stored name for each leaf that is to be written, and what there is to report."""

    sources: dict[str, str]
    report: Report


def match(
    step: int | None, contents: Contents, items: Items, leaves: Leaves, every: Leaves
) -> Match:
    """Compare names, shapes and kinds: of the leaves that are selected, and of all there are."""
    found = dict(_sources(leaves, contents))
    pairs = [(name, source, leaves.by_name[name].value) for name, source in found.items()]
    misfits = {name for name, source, value in pairs if _misfit(contents.entries[source], value)}
    sources = {name: source for name, source in found.items() if name not in misfits}
    used, known = set(found.values()), {source for _, source in _sources(every, contents)}
    left = [name for name in contents.entries if name not in used]
    unexpected = [name for name in left if name not in known and _below(name, items.graphs)]
    running = [name for name in items.running if name in contents.running]
    report = Report(
        step=step,
        restored=(*sources, *running),
        missing=(
            *(name for name in leaves.by_name if name not in found),
            *(name for name in items.running if name not in contents.running),
            *(name for name in items.plain if name not in contents.values),
        ),
        unexpected=tuple(unexpected),
        misshaped=(
            *(
                f"{name}: {contents.entries[source]} for {_described(value)}"
                for name, source, value in pairs
                if name in misfits
            ),
            *_other_values(contents.values, items.plain),
        ),
        cast=tuple(
            name
            for name, source, value in pairs
            if name in sources and _is_cast(contents.entries[source], value)
        ),
        skipped=tuple(name for name in left if name not in set(unexpected)),
        values=contents.values,
        metadata=contents.metadata,
    )
    return Match(sources, report)


def check_report(
    report: Report, contents: Contents, items: Mapping[str, Any], strict: bool
) -> None:
    """Raise unless what was found can be restored."""
    if not (report.misshaped or (strict and (report.missing or report.unexpected))):
        return
    kinds = ("missing", "unexpected", "misshaped") if strict else ("misshaped",)
    got = [f"{kind}: {some(names)}" for kind in kinds if (names := getattr(report, kind))]
    fix = "make the objects as they were made when it was saved"
    if not report.misshaped:
        fix += ", or pass strict=False to restore what there is, or select= to choose"
    held = _names_of_items(contents)
    unknown = [name for name in items if name not in held]
    if unknown:
        got += [f"no item {name}" for name in unknown]
        fix = f"pass the items under the names that it was saved with: {', '.join(held) or 'none'}"
    raise StateDictError(
        "this checkpoint does not fit; nothing was restored",
        expected=f"the entries of {', '.join(items) or 'nothing'}",
        got="; ".join(got),
        fix=fix,
    )


def _names_of_items(contents: Contents) -> list[str]:
    """Return what the objects were called that were saved, but for the shared generator."""
    names = [*contents.entries, *contents.values, *contents.running]
    names = [name for name in names if name != GENERATOR]
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def _sources(leaves: Leaves, contents: Contents) -> Iterator[tuple[str, str]]:
    """Yield (name, stored name) for the leaves that are in the checkpoint, by one of their names.

    What is tied on one side only is found as well.
    """
    names: dict[str, list[str]] = {name: [name] for name in leaves.by_name}
    for alias, name in leaves.aliases.items():
        names[name].append(alias)
    for name, candidates in names.items():
        for each in candidates:
            stored = each if each in contents.entries else contents.aliases.get(each)
            if stored in contents.entries:
                yield name, stored
                break


def _below(name: str, graphs: Mapping[str, Any]) -> bool:
    return name in graphs or name.partition(".")[0] in graphs


def _misfit(stored: Stored, value: Any) -> bool:
    return stored.shape != np.shape(value) or bool(family_of(stored) != family_of(value))


def _is_cast(stored: Stored, value: Any) -> bool:
    """Say whether an array has another dtype; a number of Python has none of its own."""
    return hasattr(value, "dtype") and str(value.dtype) != str(stored.dtype)


def _described(value: Any) -> str:
    dtype = value.dtype if hasattr(value, "dtype") else type(value).__name__
    return f"{dtype}{[*np.shape(value)]}"


def _other_values(stored: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[str]:
    for name, value in given.items():
        both = (value, stored.get(name))
        if None not in both and len({isinstance(each, str) for each in both}) > 1:
            yield f"{name}: {stored[name]!r} for {value!r}"
