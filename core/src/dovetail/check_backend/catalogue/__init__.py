"""Every code a check can find: what it means, what it breaks, what to do.

This is the documentation: the certificate's advice and the table in core/docs/check-backend.md are
made from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from dovetail.check_backend.catalogue import behaviour, calls, device, graphs, library
from dovetail.check_backend.catalogue.code import Code

__all__ = ["CODES", "Code"]


def _all() -> Mapping[str, Code]:
    found: dict[str, Code] = {}
    for part in (library.CODES, calls.CODES, behaviour.CODES, device.CODES, graphs.CODES):
        for code, meaning in part.items():
            if code in found:
                raise KeyError(f"the code {code} is explained twice")
            found[code] = meaning
    return found


CODES: Mapping[str, Code] = _all()
