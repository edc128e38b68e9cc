"""The options of ``pytest --pyargs dovetail.testing``, which pytest must know before it collects.

A package of its own, so that pytest, which loads it in every session, does not load Dovetail.
"""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def pytest_addoption(parser: Any) -> None:
    """Add ``--backend`` and ``--huge``, unless another plugin has options of these names."""
    group = parser.getgroup("dovetail", "conformance suite of Dovetail (--pyargs dovetail.testing)")
    options = (
        ("--backend", {"default": "cpu", "help": "device to check, such as hello or cpu:0"}),
        ("--huge", {"action": "store_true", "help": "also operands of more than 2 GB"}),
    )
    for name, words in options:
        try:
            group.addoption(name, **words)
        except ValueError:  # somebody else's; the suite then reads theirs
            continue
