"""From templates to a project: whole files in which one word stands for the device's.

A project is laid out of layers, later ones over earlier ones: what all have in common
(``templates/project``), then the language or the template. In the text and in the names of files
the placeholder is replaced where it stands as a whole word, `_` and `-` being no part of it:
``dovetail_acme``, ``dovetail-acme``, ``ACME_H``.
"""

from __future__ import annotations

import re
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from dovetail.errors import DovetailError
from dovetail.new_backend.names import distribution

__all__ = ["BINDINGS", "LANGUAGES", "TEMPLATES", "bindings", "project", "write"]

LANGUAGES = ("c", "cpp", "rust", "zig")
TEMPLATES = ("kernel", "accelerator")
BINDINGS = ("rust", "zig")

_PLACEHOLDER = "acme"
_ACCELERATOR = "accelerator"
_SUFFIXES = {"rust": "rs", "zig": "zig"}
_PAGE, _END_OF_PAGE = "README.md", "README.end.md"


def project(word: str, language: str = "c", template: str = "kernel") -> dict[str, str]:
    """The files of a project, by path, with ``/`` between its parts."""
    if language not in LANGUAGES:
        raise DovetailError(
            f"there is no template in {language!r}; there are {', '.join(LANGUAGES)}. Any other "
            f"language that can export a C function works too: `dovetail new-backend` in C shows "
            f"what to export"
        )
    if template not in TEMPLATES:
        raise DovetailError(f"there is no template {template!r}; there are {', '.join(TEMPLATES)}")
    if template == "accelerator" and language != "c":
        raise DovetailError(
            f"the accelerator template is written in C, not in {language}; leave --lang out, or "
            f"take the kernel template, which there is in {', '.join(LANGUAGES)}"
        )
    files = _layer("project", _PLACEHOLDER, word)
    if template == "accelerator":
        files |= _layer("accelerator", _ACCELERATOR, word)
    else:
        files |= _layer(language, _PLACEHOLDER, word)
    end = files.pop(_END_OF_PAGE)
    if template == "kernel":
        files[_PAGE] += "\n" + end
    if language in BINDINGS:
        files[f"src/dovetail.{_SUFFIXES[language]}"] = bindings(language)
    return dict(sorted(files.items()))


def bindings(language: str, header: Path | None = None) -> str:
    """dovetail.h in a language that cannot include it; the installed header unless given."""
    # pycparser takes a while to load, and C needs none of it.
    if language == "zig":
        from dovetail.new_backend.zig_bindings import zig_bindings  # noqa: PLC0415

        return zig_bindings(header)
    from dovetail.new_backend.rust_bindings import rust_bindings  # noqa: PLC0415

    return rust_bindings(header)


def write(files: dict[str, str], folder: Path) -> None:
    """Write a project into a folder that is empty or not there yet."""
    try:
        if folder.exists() and not folder.is_dir():
            raise DovetailError(f"{folder} is a file; name a folder with --out")
        if folder.is_dir() and any(folder.iterdir()):
            raise DovetailError(
                f"the folder {folder} is not empty, and nothing in it is overwritten; name another "
                f"one with --out"
            )
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise DovetailError(f"{error.filename} cannot be written: {error.strerror}") from error


def _layer(name: str, placeholder: str, word: str) -> dict[str, str]:
    folder = resources.files("dovetail") / "templates" / name
    return {
        _replaced(path, placeholder, word): _replaced(text, placeholder, word)
        for path, text in _texts(folder, "")
    }


def _texts(folder: Traversable, start: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in folder.iterdir():
        if entry.is_dir():
            # pip compiles whatever ends in .py; ruff keeps a cache beside a pyproject.toml
            if not entry.name.startswith((".", "__pycache__")):
                found += _texts(entry, f"{start}{entry.name}/")
        else:
            found.append((start + entry.name, entry.read_text(encoding="utf-8")))
    return found


def _replaced(text: str, placeholder: str, word: str) -> str:
    def whole(pattern: str) -> str:
        return rf"(?<![A-Za-z0-9]){pattern}(?![A-Za-z0-9])"

    text = re.sub(whole(f"dovetail-{placeholder}"), distribution(word), text)
    text = re.sub(whole(placeholder.upper()), word.upper(), text)
    return re.sub(whole(placeholder), word, text)
