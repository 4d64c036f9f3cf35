# The part of jupytext that the tests and docs/run_tutorial.py use.
from os import PathLike
from typing import IO, Any

from nbformat import NotebookNode

def read(
    fp: str | PathLike[str] | IO[str],
    as_version: object = ...,
    fmt: str | dict[str, Any] | None = None,
    config: object = None,
    **kwargs: Any,
) -> NotebookNode: ...
def reads(
    text: str,
    fmt: str | dict[str, Any] | None = None,
    as_version: object = ...,
    config: object = None,
    **kwargs: Any,
) -> NotebookNode: ...
