"""``dovetail demo``: train a small network, save it, run it on every device, compare.

Reading order: data -> model -> batches -> train -> fresh (what the other processes do) ->
measure -> results -> terminal and report.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; the exit status is 0 only when accuracy and every device are within bounds."""
    from dovetail.demo.command import run  # noqa: PLC0415  fresh processes need none of it

    return run(arguments)
