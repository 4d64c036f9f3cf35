"""What a restore tells."""

from brainlite.checkpoint import Report
from brainlite.checkpoint._report import some


def test_a_report_prints_what_there_is_to_tell() -> None:
    report = Report(step=3, restored=("a.b", "a.c"), cast=("a.c",), skipped=tuple("abcdefghij"))
    assert str(report) == (
        "Checkpoint at step 3\n"
        "  restored:       2  a.b, a.c\n"
        "  cast:           1  a.c\n"
        "  skipped:       10  a, b, c, d, e, f, g, h, ... (10)"
    )
    assert str(Report()) == "Checkpoint"


def test_exact_is_what_came_as_it_was_saved() -> None:
    assert Report(skipped=("x",)).exact
    for kind in ("missing", "unexpected", "misshaped", "cast"):
        assert not Report(**{kind: ("x",)}).exact  # type: ignore[arg-type]  # names of fields


def test_few_of_many_names() -> None:
    assert some([]) == "nothing"
    assert some(("a", "b")) == "a, b"
    assert some([*"abcdefghi"]).endswith("h, ... (9)")
