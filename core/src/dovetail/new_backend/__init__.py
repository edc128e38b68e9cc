"""``dovetail new-backend``: a ready project for a device of your own, outside any tree of ours.

`create` writes it; `bindings` puts dovetail.h into a language that cannot include it.
"""

from __future__ import annotations

from pathlib import Path

from dovetail.new_backend.names import check_word, distribution
from dovetail.new_backend.rendering import BINDINGS, LANGUAGES, TEMPLATES, bindings, project, write

__all__ = ["BINDINGS", "LANGUAGES", "TEMPLATES", "bindings", "create"]


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
