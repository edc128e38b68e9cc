"""What the demo prints: a table with rules, and a progress bar where there is a terminal."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from dovetail.demo.results import BOUND, Results
from dovetail.demo.units import duration, percent, tiny

__all__ = ["Progress", "Style", "device_table", "table"]


class Style:
    """Bold and colours, only where a person looks at them."""

    def __init__(self, stream: TextIO) -> None:
        self.on = stream.isatty()
        encoding = (stream.encoding or "ascii").lower()
        self.fancy = "utf" in encoding

    def paint(self, text: str, code: str) -> str:
        """The text in an ANSI style: "1" bold, "2" dim, "32" green, "31" red, "36" cyan."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.on else text

    def plain(self, text: str) -> str:
        """The text in letters that the stream can show."""
        if self.fancy:
            return text
        for fancy, simple in (
            ("─", "-"),
            ("–", "-"),
            ("µ", "u"),
            ("·", "|"),
            ("×", "x"),
            ("≤", "<="),
        ):
            text = text.replace(fancy, simple)
        return text.encode("ascii", "replace").decode()


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> list[str]:
    """Lines of a table whose first row is the head: the first column left, the others right.

    >>> print("\\n".join(table([["device", "time"], ["cpu:0", "1 ms"]], indent="")))
    device  time
    ────────────
    cpu:0   1 ms
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(indent + "  ".join(cells).rstrip())
    lines.insert(1, indent + "─" * (sum(widths) + 2 * (len(widths) - 1)))
    return lines


def device_table(results: Results, style: Style) -> list[str]:
    """The devices, what they recognised, how far they are from the reference and how fast."""
    head = ["device", "accuracy", "difference", "per batch", "per image", "load", "compile"]
    rows = [head]
    for one in results.devices:
        if one.reason:
            continue
        image = None if one.batch_seconds is None else one.batch_seconds / results.batch
        rows.append(
            [
                one.name,
                percent(one.accuracy),
                "reference" if one.reference else tiny(one.difference),
                duration(one.batch_seconds),
                duration(image),
                duration(one.load_seconds),
                duration(one.compile_seconds),
            ]
        )
    lines = table(rows)
    lines[0] = style.paint(lines[0], "1")
    lines[1] = style.paint(lines[1], "2")
    ran = [one for one in results.devices if not one.reason]
    for i, one in enumerate(ran, start=2):
        if not one.agrees:
            lines[i] = style.paint(lines[i], "31")
        elif one.reference:
            lines[i] = style.paint(lines[i], "2")
    notes = [(one.name, one.note) for one in ran if one.note]
    refused = [(one.name, f"cannot run it: {one.reason}") for one in results.devices if one.reason]
    width = max((len(name) for name, _ in notes + refused), default=0)
    if notes or refused:
        lines.append("")
    for name, text in notes + refused:
        lines.append(style.paint(f"  {name.ljust(width)}  {text}", "2"))
    lines.append("")
    lines.append(
        style.paint(
            f"  difference: largest of any probability, at most {BOUND:g} is accepted; "
            f"times are medians, batches of {results.batch}",
            "2",
        )
    )
    return lines


class Progress:
    """One line that is drawn over itself on a terminal, and nothing anywhere else."""

    def __init__(self, total: int, stream: TextIO = sys.stderr) -> None:
        self.total = total
        self.stream = stream
        self.style = Style(stream)
        self.started = time.perf_counter()
        self.drawn = 0.0

    def update(self, done: int, text: str) -> None:
        """Show that ``done`` of the total is done; drawn at most twenty times a second."""
        now = time.perf_counter()
        if not self.style.on or (done < self.total and now - self.drawn < 0.05):
            return
        self.drawn = now
        width = 24
        filled = width * done // max(self.total, 1)
        full, rest = ("━", "━") if self.style.fancy else ("#", "-")
        bar = self.style.paint(full * filled, "36") + self.style.paint(rest * (width - filled), "2")
        room = shutil.get_terminal_size().columns - width - 4
        line = f"{text}  {now - self.started:.1f} s"[: max(room, 0)]
        self.stream.write(f"\r  {bar} {line}\x1b[K")
        self.stream.flush()

    def close(self) -> None:
        """Take the line away."""
        if self.style.on:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
