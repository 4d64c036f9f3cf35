"""What is public is documented, what the documents point to is there, and nothing private leaks."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from docs.reference import public_modules
from tests.meta.public_names import is_documented, read_public_names

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "brainlite"
MODULES = public_modules(PACKAGE)

# Put together here, so that this file passes its own test.
FORBIDDEN = ["sha" + "red/", "pypi" + ".org", "python" + "hosted.org", "npmjs" + ".com"]

LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)[^)]*\)")


def test_the_rooms_are_found() -> None:
    rooms = [
        "environ",
        "errors",
        "graph",
        "metrics",
        "nn",
        "nn.init",
        "random",
        "state",
        "transform",
    ]
    assert {"brainlite", "brainlite.typing"} <= set(MODULES)
    assert {f"brainlite.{room}" for room in rooms} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_is_documented(module: str) -> None:
    names = [name for name in read_public_names(PACKAGE, module) if name != "__version__"]
    assert [name for name in names if not is_documented(PACKAGE, module, name)] == []


def test_documentation_is_looked_for_where_the_name_is_defined(tmp_path: Path) -> None:
    package = tmp_path / "brainlite"
    (package / "nn").mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from . import nn\nfrom numpy import pi\nfrom .nn import A, B, c, d\ng = A\n"
        "class _C:\n    def h(self):\n        'Documented.'\n    i = h\n    def j(self): ...\n"
        "h = _C.h\ni = _C.i\nj = _C.j\n"
        "__all__ = ['A', 'B', 'c', 'd', 'g', 'h', 'i', 'j', 'nn', 'pi']\n"
    )
    (package / "nn" / "__init__.py").write_text(
        "from ._a import A, B\nif True:\n    c = 1\n    'Documented.'\n    d = 2\n"
    )
    (package / "nn" / "_a.py").write_text("class A:\n    'Documented.'\nclass B:\n    x = 'no'\n")
    assert public_modules(package) == ["brainlite", "brainlite.nn"]
    undocumented = [
        name
        for name in read_public_names(package, "brainlite")
        if not is_documented(package, "brainlite", name)
    ]
    assert undocumented == ["B", "d", "j", "nn"]


def project_files() -> list[Path]:
    """List what git holds or would take; everything, where there is no git."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        parts = (file.relative_to(ROOT) for file in ROOT.rglob("*"))
        names = [str(file) for file in parts if not file.parts[0].startswith((".venv", ".git"))]
    else:
        names = listed.stdout.splitlines()
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def find_forbidden_words(file: Path) -> list[str]:
    text = file.read_bytes().decode("utf-8", errors="ignore")
    return [f"{file.name} mentions {word}" for word in FORBIDDEN if word in text]


REFERENCE = ROOT / "docs" / "api"  # made with the site: a page for each public module


def find_dead_links(file: Path) -> list[str]:
    links: list[str] = LINK.findall(file.read_text(encoding="utf-8"))
    return [link for link in links if not leads_somewhere((file.parent / link).resolve())]


def leads_somewhere(target: Path) -> bool:
    made = target.parent == REFERENCE and target.name in ("index", *MODULES)
    return made or target.exists()


def test_no_file_mentions_what_is_not_the_projects() -> None:
    assert [complaint for file in project_files() for complaint in find_forbidden_words(file)] == []


@pytest.mark.parametrize("word", FORBIDDEN)
def test_a_forbidden_word_is_noticed(tmp_path: Path, word: str) -> None:
    file = tmp_path / "notes.md"
    file.write_text(f"as in {word}x\n", encoding="utf-8")
    assert find_forbidden_words(file) == [f"notes.md mentions {word}"]


DOCUMENTS = [file for file in project_files() if file.suffix == ".md"]


@pytest.mark.parametrize("file", DOCUMENTS, ids=[str(file.relative_to(ROOT)) for file in DOCUMENTS])
def test_links_of_the_document_lead_somewhere(file: Path) -> None:
    assert find_dead_links(file) == []


def test_a_dead_link_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    file.write_text("[a](README.md#top) [b](https://x.y/z) [c](#c) [d](missing.md)", "utf-8")
    assert find_dead_links(file) == ["missing.md"]


def test_pages_of_the_reference_are_there_for_public_modules() -> None:
    assert leads_somewhere(REFERENCE / "brainlite.nn")
    assert not leads_somewhere(REFERENCE / "brainlite.nothing")


def test_readme_shows_the_example_files() -> None:
    shown = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    files = ["ten_lines.py", "train_gru.py", "habits.py"]
    assert shown == [(ROOT / "examples" / name).read_text("utf-8") for name in files]


CODE = re.compile(r"`([^`\n]+)`")
MAP = ROOT / "docs" / "architecture.md"


def find_lost_names(text: str) -> list[str]:
    """List the files and names in a page about the code that the code does not have."""
    files = {file.relative_to(ROOT).as_posix() for file in project_files()}
    sources = "\n".join(file.read_text("utf-8") for file in PACKAGE.rglob("*.py"))
    known = set(re.findall(r"\w+", sources))
    members = members_of_classes()
    lost: list[str] = []
    for word in CODE.findall(text):
        if re.fullmatch(r"[\w/]+\.py", word):
            found = any(file == word or file.endswith(f"/{word}") for file in files)
        elif re.fullmatch(r"[A-Za-z_][\w.]*", word):
            owner, _, name = word.rpartition(".")
            found = (
                name in members[owner] if owner in members else known.issuperset(word.split("."))
            )
        else:
            continue  # a call, a pattern, a command
        if not found:
            lost.append(word)
    return lost


def members_of_classes() -> dict[str, set[str]]:
    """Return what the body of each class in the package defines."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ClassDef):
                inside = {getattr(each, "name", "") for each in node.body}
                found.setdefault(node.name, set()).update(inside)
    return found


def test_the_map_names_what_is_there() -> None:
    assert find_lost_names(MAP.read_text("utf-8")) == []


def test_a_name_that_is_gone_is_noticed() -> None:
    text = "`State.value` in `state/_state.py`, not `ParamState._check` in `state/_nowhere.py`"
    assert find_lost_names(text) == ["ParamState._check", "state/_nowhere.py"]


def test_the_version_is_the_same_everywhere() -> None:
    patterns = {
        "pyproject.toml": r'^version = "(.*)"',
        "brainlite/__init__.py": r'__version__ = "(.*)"',
        "CITATION.cff": r"^version: (.*)",
        "CHANGELOG.md": r"^## (\S+)",
    }
    versions = {
        name: re.findall(pattern, (ROOT / name).read_text("utf-8"), re.MULTILINE)[0]
        for name, pattern in patterns.items()
    }
    assert len(set(versions.values())) == 1, versions
