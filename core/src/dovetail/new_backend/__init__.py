"""``dovetail new-backend``: a ready project for a device of your own, outside any tree of ours.

`create` writes it; `rust_bindings` (in a module of its own) makes dovetail.rs from dovetail.h.
"""

from __future__ import annotations

from pathlib import Path

from dovetail.new_backend.names import check_word, distribution
from dovetail.new_backend.rendering import LANGUAGES, TEMPLATES, project, write

__all__ = ["LANGUAGES", "TEMPLATES", "create"]


def create(
    word: str, *, language: str = "c", template: str = "kernel", folder: Path | None = None
) -> Path:
    """Write a project for the device word and return its folder.

    Without a folder it is ``dovetail-<word>`` in the current one. A `DovetailError` says why a name
    or a folder cannot be taken; then nothing is written.
    """
    check_word(word)
    files = project(word, language, template)
    target = Path(distribution(word)) if folder is None else folder
    write(files, target)
    return target
