"""The table of mutations fits the code, and the runner tells the dead from the living."""

from pathlib import Path

import pytest

from tests.meta.mutate import MUTATIONS, outcome
from tests.meta.mutation import Mutation

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda each: each.name)
def test_a_mutation_fits_the_code(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text("utf-8")
    assert text.count(mutation.old) == 1, "write the entry anew"
    compile(text.replace(mutation.old, mutation.new), mutation.file, "exec")
    assert mutation.tests
    assert all((ROOT / test.partition("::")[0]).is_file() for test in mutation.tests)


def test_no_two_mutations_have_one_name() -> None:
    assert len({each.name for each in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param("a < b", "a <= b", "survived", marks=pytest.mark.slow),
        pytest.param("a < b", "a > b", "killed", marks=pytest.mark.slow),
        pytest.param("a < b", "a <", "broken (pytest ended with 2)", marks=pytest.mark.slow),
        pytest.param("a < b", "spin()", "killed (the tests did not end)", marks=pytest.mark.slow),
        ("a", "b", "out of date"),
        ("c", "b", "out of date"),
    ],
)
def test_the_outcome_of_a_mutation(tmp_path: Path, old: str, new: str, expected: str) -> None:
    code = "def less(a, b):\n    return a < b\n\ndef spin():\n    while True:\n        pass\n"
    test = "from code_under import less\n\ndef test_less():\n    assert less(1, 2)\n"
    (tmp_path / "code_under.py").write_text(code, "utf-8")
    (tmp_path / "test_less.py").write_text(test, "utf-8")
    mutation = Mutation("less", "code_under.py", old, new, ("test_less.py",))
    limit = 3.0 if new == "spin()" else 60.0
    assert outcome(tmp_path, mutation, limit) == expected
    assert (tmp_path / "code_under.py").read_text("utf-8") == code
