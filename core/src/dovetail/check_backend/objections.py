"""What the validation layer says, and which code of the catalogue that is."""

from __future__ import annotations

import re

__all__ = ["MARK", "code_of"]

MARK = "validation: "
"""What all that it says begins with."""

_CODES = (
    (re.compile(r"wrote .*workspace"), "ops/workspace-overrun"),
    (re.compile(r"wrote (.* )?(past the end of|in front of|between)"), "ops/writes-outside"),
    (re.compile(r"changed input"), "ops/changes-input"),
    (re.compile(r"unwritten"), "ops/leaves-output"),
    (re.compile(r"failed with status .* no text"), "ops/fails-silently"),
    (re.compile(r"denormals are"), "state/denormals"),
    (re.compile(r"rounding mode is"), "state/rounding"),
    (re.compile(r"set the locale"), "state/locale"),
    (re.compile(r"installed a handler"), "state/signals"),
)


def code_of(line: str) -> str:
    """The code; empty where none says more than that the layer objects, or that it is a crash.

    >>> code_of("validation: run of add of acme: it wrote past the end of output 0, which ...")
    'ops/writes-outside'
    >>> code_of("validation: run of add of acme: it crashed with SIGSEGV at 0x30, which is ...")
    ''
    """
    return next((code for words, code in _CODES if words.search(line)), "")
