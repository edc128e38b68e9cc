"""The device word of a new backend: what it must look like, and whether somebody has it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re

from dovetail import backends
from dovetail.errors import DovetailError

__all__ = ["check_word", "distribution", "module"]

_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
# `_` becomes `-` in the distribution's name, where two in a row and one at the end are not allowed.
_NO_DISTRIBUTION = re.compile(r"__|_\Z")
_OURS = {"cpu": "the built-in device", "abi": "the header's distribution, dovetail-abi"}


def distribution(word: str) -> str:
    """The name that pip knows.

    >>> distribution("my_chip")
    'dovetail-my-chip'
    """
    return f"dovetail-{word.replace('_', '-')}"


def module(word: str) -> str:
    """The package that holds manifest and library.

    >>> module("my_chip")
    'dovetail_my_chip'
    """
    return f"dovetail_{word}"


def check_word(word: str) -> None:
    """Raise a `DovetailError`, with what to do instead, unless the word is free and well formed."""
    if not _WORD.match(word):
        raise DovetailError(
            f"{word!r} is no device word; it has 1 to 32 of the characters a-z, 0-9 and _, and "
            f'begins with a letter, since users write it in device="{_suggestion(word)}:0"'
        )
    if _NO_DISTRIBUTION.search(word):
        raise DovetailError(
            f"{word!r} gives its distribution the name {distribution(word)!r}, which package "
            f"indexes refuse; write {_suggestion(word)!r}"
        )
    if word in _OURS:
        raise DovetailError(f"{word!r} is {_OURS[word]}; choose another word for your device")
    installed = backends.installed().get(word)
    if installed is not None:
        record = installed.record
        owner = record.path if record.distribution is None else record.distribution
        raise DovetailError(
            f"the device {word!r} is there already, from {owner}; choose another word, or take "
            f"that one away first"
        )
    if importlib.util.find_spec(module(word)) is not None or _is_distribution(word):
        raise DovetailError(
            f"{distribution(word)} is installed here already, though it brings no device; choose "
            f"another word than {word!r}, or uninstall it first"
        )


def _is_distribution(word: str) -> bool:
    try:
        importlib.metadata.distribution(distribution(word))
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _suggestion(word: str) -> str:
    """The nearest well-formed word, to be shown in a message."""
    plain = re.sub(r"_+", "_", re.sub(r"[^a-z0-9]+", "_", word.lower())).lstrip("0123456789_")
    return plain[:32].rstrip("_") or "mychip"
