"""Edits in place: what a function does to the lists and dicts that it finds in attributes.

``self.layers.append(...)`` sets no attribute, so nothing would tell a transform of it. While a
function is traced, what the lists and dicts held is kept when they are first read. What has changed
when the frame closes is an assignment like any other, of a container with the new content; the
old one gets its content back, until the transform ends well.
"""

from collections.abc import Collection, Iterator
from typing import Any

from brainlite.errors import TransformError
from brainlite.graph._contents import ATOMS, holds_graph
from brainlite.state._face import Frame, Kept, locate


def keep(frame: Frame, owner: object, name: str, value: object) -> None:
    """Keep what a list or dict in an attribute holds, and those inside it."""
    key = (id(owner), name)
    if isinstance(value, list | dict) and key not in frame.kept:
        frame.kept[key] = Kept(owner, name, value, [*contents_of(value)])


def contents_of(value: object) -> Iterator[tuple[Any, Any]]:
    """Yield each list and dict, and a copy of it."""
    for each in {id(each): each for each in containers_in(value)}.values():
        yield each, (dict(each) if isinstance(each, dict) else list(each))


def edits(frame: Frame) -> Iterator[tuple[Any, str, object]]:
    """Yield (owner, attribute, container as it is now) for each that was edited."""
    for owner, name, value, contents in list(frame.kept.values()):
        if any(differ(each, items) for each, items in contents):
            yield owner, name, value


def check_places(frame: Frame, changed: Collection[tuple[int, str]]) -> None:
    """Raise for a list or dict that is in two places, where one of them has ``changed``.

    Each place gets a container of its own when the frame closes, and what is put into one of them
    later would not be seen in the other, as it is in Python.
    """
    places = {key: (kept.owner, kept.value) for key, kept in frame.kept.items()}
    places |= frame.attributes
    met: dict[int, tuple[tuple[int, str], bool]] = {}
    for key, (owner, value) in places.items():
        for container in containers_in(value):
            if id(container) not in met:
                met[id(container)] = key, container is value
                continue
            other, whole = met[id(container)]
            # One that two attributes hold is edited for both, where no transform is around.
            set_here = key in frame.attributes or other in frame.attributes
            if whole and container is value and not set_here and frame.parent is None:
                continue
            if (key in changed or other in changed) and (holds_graph(container) or not container):
                raise TransformError(
                    f"a {type(container).__name__} of states or modules is in two places when "
                    f"{frame.label} ends, of which each would get one of its own",
                    where=locate(owner),
                    expected="each list and dict in one place, where it is changed or put anew",
                    got=f"the same {type(container).__name__} in the attributes {key[1]!r} and "
                    f"{other[1]!r}"
                    if key != other
                    else f"the same {type(container).__name__} twice in the attribute {key[1]!r}",
                    fix="put a copy there (`list(...)`, `dict(...)`): states and modules in it "
                    "stay the same",
                )


def containers_in(value: object) -> Iterator[Any]:
    """Yield each list and dict in a value, as often as it is there."""
    stack, seen = [value], set[int]()
    while stack:
        each: Any = stack.pop()
        if not isinstance(each, list | dict | tuple):
            continue
        if not isinstance(each, tuple):
            yield each
        if id(each) not in seen:
            seen.add(id(each))
            stack += each.values() if isinstance(each, dict) else each


def differ(now: Any, then: Any) -> bool:
    """Say whether a list or dict holds something else than its copy does."""
    if len(now) != len(then):
        return True
    if isinstance(now, dict):
        return list(now) != list(then) or any(now[key] is not then[key] for key in then)
    return any(one is not other for one, other in zip(now, then, strict=True))


def copied(value: object) -> Any:
    """Return a copy of nested lists, dicts and tuples; what is in them stays what it is."""
    if type(value) in ATOMS or not isinstance(value, list | dict | tuple):
        return value
    if isinstance(value, tuple):
        items = [copied(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    fresh = value.copy()
    refill(
        fresh,
        {k: copied(v) for k, v in value.items()}
        if isinstance(value, dict)
        else [*map(copied, value)],
    )
    return fresh


def refill(container: Any, items: Any) -> None:
    """Put other items into a list or dict, in place."""
    if isinstance(container, dict):
        container.clear()
        container.update(items)
    else:
        container[:] = items
