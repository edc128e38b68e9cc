"""The index of tf.contrib, as this distribution carries it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

__all__ = ["Row", "moves", "projects", "row"]

Row = Mapping[str, Any]


@functools.cache
def projects() -> Mapping[str, Row]:
    """Every project of tf.contrib by its folder, such as ``"integrate"``.

    >>> projects()["kafka"]["fate"]
    'unwanted'
    """
    text = (files(__package__) / "INDEX.toml").read_text(encoding="utf-8")
    return {one["project"]: one for one in tomllib.loads(text)["project"]}


def row(project: str) -> Row:
    """The row of one project."""
    return projects()[project]


@functools.cache
def moves() -> Mapping[str, str]:
    """Old dotted name -> new dotted name, for names that take the same calls.

    >>> moves()["tensorflow.contrib.sparsemax.sparsemax"]
    'dovetail_contrib_migrated.sparsemax.sparsemax'
    """
    text = (files(__package__) / "moves.toml").read_text(encoding="utf-8")
    names: Mapping[str, str] = tomllib.loads(text)["moves"]
    return names
