"""Codes about the answers of the library: versions, structs, errors, refusals, memory that ends."""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES"]

CODES: Mapping[str, Code] = {}
