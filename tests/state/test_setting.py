"""Settings that are inputs, as frames see them: those from outside and those made inside."""

from typing import Any

import jax.numpy as jnp
import pytest

from brainlite import environ
from brainlite.state._face import Frame, Setting


def frame(hoist: bool = False, **inputs: Any) -> Frame:
    return Frame("jit", hoist=hoist, **inputs)


def test_a_frame_reads_a_setting_from_outside_once() -> None:
    with environ.context(t=2.0), frame() as outer, frame() as inner:
        assert [environ.get("t"), environ.get("t")] == [2.0, 2.0]
        assert [read.slot.name for read in inner.reads if isinstance(read.slot, Setting)] == ["t"]
        assert len(outer.reads) == len(inner.reads) == 1


def test_a_setting_made_in_a_frame_is_none_of_its_inputs() -> None:
    with environ.context(t=2.0), frame() as outer:
        with environ.context(t=3.0):
            assert environ.get("t") == 3.0
            assert not outer.reads
            with frame() as inner, environ.context(t=4.0):
                assert environ.get("t") == 4.0
            assert not inner.reads
            with frame() as inner:
                assert environ.get("t") == 3.0
            assert len(inner.reads) == 1
            assert not outer.reads
        assert environ.get("t") == 2.0
        assert len(outer.reads) == 1


def test_the_process_may_be_set_inside_a_frame() -> None:
    try:
        environ.set(t=1.0)
        with frame() as outer:
            assert environ.get("t") == 1.0
            environ.set(t=2.0)
            assert environ.get("t") == 2.0
            assert len(outer.reads) == 1
        assert environ.get("t") == 2.0
    finally:
        environ.pop("t", None)


def test_a_setting_is_looked_up_by_its_key() -> None:
    with environ.context(t=1.0), frame() as outer:
        environ.get("t")
        [read] = outer.reads
    then = read.slot
    assert isinstance(then, Setting)
    with environ.context(t=5.0):
        assert then.__held__ == 5.0
        assert then.now() is not then
        assert then.now().key == "t"
    assert then.now() is then


def test_to_make_a_setting_changes_nothing_for_compiled_functions() -> None:
    from brainlite.state._face import epoch

    before = epoch.value
    with environ.context(t=jnp.ones(3), i=2):
        environ.get("t")
    assert epoch.value == before


@pytest.mark.parametrize("key", ["fit", "rate"])
def test_constants_are_no_reads_of_a_frame(key: str) -> None:
    with environ.context(**{key: True}), frame() as outer:
        environ.get(key)
    assert not outer.reads
