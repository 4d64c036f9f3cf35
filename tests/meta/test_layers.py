"""The package keeps the house's rules about imports; each rule is shown to be able to fail."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.meta.layers import (
    find_cycles,
    find_doubled_names,
    find_face_imports,
    find_imports_in_functions,
    find_jax_internals,
    find_layer_breaches,
    find_missing_tests,
    find_private_imports,
    find_wing_breaches,
)

PACKAGE = Path(__file__).parents[2] / "brainlite"

RULES = [
    find_layer_breaches,
    find_wing_breaches,
    find_private_imports,
    find_face_imports,
    find_cycles,
    find_imports_in_functions,
    find_jax_internals,
    find_doubled_names,
]


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule: Callable[[Path], list[str]]) -> None:
    assert rule(PACKAGE) == []


def make_package(folder: Path, files: dict[str, str]) -> Path:
    package = folder / "brainlite"
    for name, text in files.items():
        file = package / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return package


WELL_BEHAVED = {
    "__init__.py": "from brainlite.nn import Module\nfrom . import state\n",
    "_jax_compat.py": "import jax\nfrom jax.extend import core\nTrace = jax._src.core.Trace\n",
    "errors.py": "",
    "state/__init__.py": "from brainlite.state._state import State\n",
    "state/_face.py": "from brainlite.state._state import current as current\n",
    "state/_state.py": "import jax\nfrom brainlite.errors import StateError\n",
    "nn/__init__.py": "from ._module import Module, save\n",
    "nn/torch.py": "def save() -> None: ...\n",
    "nn/_module.py": (
        "from ..state import State\n"
        "from brainlite.state._face import current\n"
        "from brainlite import errors\n"
        "class Module: ...\n"
        "def save() -> None: ...\n"
        "def plot() -> None:\n"
        "    import matplotlib.pyplot as plt\n"
        '    "jax._src may be spoken of"\n'
    ),
}


@pytest.mark.parametrize("rule", RULES)
def test_a_well_behaved_package_passes(tmp_path: Path, rule: Callable[[Path], list[str]]) -> None:
    assert rule(make_package(tmp_path, WELL_BEHAVED)) == []


@pytest.mark.parametrize(
    ("rule", "file", "text", "complaint"),
    [
        (
            find_layer_breaches,
            "state/_up.py",
            "from brainlite.nn import Module\n",
            "state/_up.py:1 imports brainlite.nn: layer 2 imports from layer 5",
        ),
        (
            find_layer_breaches,
            "random/__init__.py",
            "from ..graph import split\n",
            "random/__init__.py:1 imports brainlite.graph: layer 3 imports from layer 3",
        ),
        (
            find_layer_breaches,
            "nn/_face.py",
            "def f():\n    from .. import State\n",
            "nn/_face.py:2 imports brainlite: layer 5 imports from layer 7",
        ),
        (
            find_layer_breaches,
            "utils.py",
            "",
            "room 'utils' has no layer: add it to LAYERS",
        ),
        (
            find_wing_breaches,
            "transform/_engine/_up.py",
            "from brainlite.transform._compile._jit import jit\n",
            "transform/_engine/_up.py:1 imports brainlite.transform._compile._jit: "
            "wing _engine imports from wing _compile",
        ),
        (
            find_wing_breaches,
            "transform/_lanes/_vmap.py",
            "from brainlite.transform._derivatives import _grad\n",
            "transform/_lanes/_vmap.py:1 imports brainlite.transform._derivatives: "
            "wing _lanes imports from wing _derivatives",
        ),
        (
            find_wing_breaches,
            "transform/_flow/_late.py",
            "from brainlite.transform import jit\n",
            "transform/_flow/_late.py:1 imports brainlite.transform: "
            "wing _flow imports from wing __init__",
        ),
        (
            find_wing_breaches,
            "transform/_loose.py",
            "",
            "transform/_loose.py is in no wing: move it, or add its folder to WINGS",
        ),
        (
            find_private_imports,
            "nn/_a.py",
            "from brainlite.state._state import State\n",
            "nn/_a.py:1 imports brainlite.state._state: use the face of the room",
        ),
        (
            find_private_imports,
            "transform/_engine/_a.py",
            "import brainlite.state._state as states\n",
            "transform/_engine/_a.py:1 imports brainlite.state._state: use the face of the room",
        ),
        (find_face_imports, "nn/_a.py", "import brainlite\n", "nn/_a.py:1 imports brainlite: "),
        (find_face_imports, "nn/_a.py", "from .. import State\n", "nn/_a.py:1 imports brainlite: "),
        (
            find_face_imports,
            "nn/_a.py",
            "from brainlite import State\n",
            "nn/_a.py:1 imports brainlite: ",
        ),
        (
            find_face_imports,
            "nn/_a.py",
            "import brainlite.state\n",
            "nn/_a.py:1 imports brainlite.state: ",
        ),
        (
            find_cycles,
            "nn/_module.py",
            "from brainlite.nn import Module\n",
            "import cycle: brainlite.nn, brainlite.nn._module",
        ),
        (
            find_cycles,
            "state/_state.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import State\n",
            "import cycle: brainlite.state, brainlite.state._state",
        ),
        (
            find_imports_in_functions,
            "nn/_late.py",
            "class A:\n    def f(self):\n        from brainlite.state import State\n",
            "nn/_late.py:3 imports brainlite.state inside a function",
        ),
        (
            find_imports_in_functions,
            "nn/_late.py",
            "def f():\n    import scipy.special\n",
            "nn/_late.py:2 imports scipy.special inside a function",
        ),
        (
            find_jax_internals,
            "nn/_deep.py",
            "from jax._src import core\n",
            "nn/_deep.py:1 names jax._src.core",
        ),
        (
            find_jax_internals,
            "nn/_deep.py",
            "import jax\nx = jax.interpreters.ad.JVPTracer\n",
            "nn/_deep.py:2 names jax.interpreters.ad",
        ),
        (
            find_jax_internals,
            "transform/_deep.py",
            "from jax import extend\n",
            "transform/_deep.py:1 names jax.extend",
        ),
        (
            find_doubled_names,
            "nn/_a.py",
            "from typing import TypeAlias\nModule: TypeAlias = int\n",
            "Module is defined in nn/_a.py, nn/_module.py: one word for one thing",
        ),
        (
            find_doubled_names,
            "nn/_a.py",
            "class Module:\n    pass\n",
            "Module is defined in nn/_a.py, nn/_module.py: one word for one thing",
        ),
    ],
)
def test_the_rule_notices_a_breach(
    tmp_path: Path, rule: Callable[[Path], list[str]], file: str, text: str, complaint: str
) -> None:
    complaints = rule(make_package(tmp_path, {**WELL_BEHAVED, file: text}))
    assert any(each.startswith(complaint) for each in complaints), complaints


def test_the_tests_mirror_the_package() -> None:
    assert find_missing_tests(PACKAGE, Path(__file__).parents[1]) == []


def test_the_mirror_notices_a_file_without_tests(tmp_path: Path) -> None:
    package = make_package(tmp_path, {**WELL_BEHAVED, "nn/_layers/pool.py": ""})
    tests = tmp_path / "tests"
    for name in ("test_errors.py", "test_jax_compat.py", "state/test_state.py", "nn/test_torch.py"):
        (tests / name).parent.mkdir(parents=True, exist_ok=True)
        (tests / name).touch()
    assert find_missing_tests(package, tests) == [
        "nn/_layers/pool.py has no nn/layers/test_pool.py",
        "nn/_module.py has no nn/test_module.py",
    ]
