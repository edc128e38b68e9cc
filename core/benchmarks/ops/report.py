"""The rows as a table, the worst ratio first: on the screen and in RESULTS.md."""

from __future__ import annotations

from typing import Any

BAR = 2.0
"""No op may take more than this many times numpy's time."""


def seconds(value: float) -> str:
    """A time for people."""
    for factor, unit in ((1e9, "ns"), (1e6, "us"), (1e3, "ms")):
        if value * factor < 999.5:
            return f"{value * factor:.3g} {unit}"
    return f"{value:.3g} s"


def _lines(results: dict[str, Any]) -> list[list[str]]:
    table = [["op", "dtype", "dovetail", "numpy", "ratio", "range", "operands", "numpy is asked"]]
    for row in results["rows"]:
        table.append(
            [
                row["op"],
                row["kind"],
                seconds(row["ours"]) + (" (numpy runs it)" if row["numpy_runs_it"] else ""),
                seconds(row["theirs"]),
                f"{row['ratio']:.2f}",
                f"{row['low']:.2f} to {row['high']:.2f}",
                row["what"],
                row["judge"],
            ]
        )
    return table


def verdict(results: dict[str, Any]) -> str:
    """How many rows meet the bar, and which do not."""
    rows = results["rows"]
    over = [f"{r['op']} {r['kind']} ({r['ratio']:.2f})" for r in rows if r["ratio"] > BAR]
    faster = sum(r["ratio"] < 1 for r in rows)
    text = f"{len(rows) - len(over)} of {len(rows)} rows take at most {BAR:g} times numpy's time, "
    text += f"{faster} less time than numpy."
    return text + (f" Over it: {', '.join(over)}." if over else "")


def on_screen(results: dict[str, Any]) -> str:
    """Columns of equal width."""
    table = [row[:6] for row in _lines(results)]
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    text = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in table]
    left = [f"not measured: {name}: {why}" for name, why in results["left_out"].items()]
    return "\n".join([*(line.rstrip() for line in text), verdict(results), *left])


def markdown(results: dict[str, Any]) -> str:
    """RESULTS.md."""
    table = [[cell.replace("|", "\\|") for cell in row] for row in _lines(results)]
    body = ["| " + " | ".join(row) + " |" for row in table]
    body.insert(1, "|---|---|---:|---:|---:|---|---|---|")
    left = [f"- `{name}`: {why}" for name, why in results["left_out"].items()]
    return "\n".join(
        [
            "# Every op beside numpy",
            "",
            *(["**Provisional: " + results["note"] + "**", ""] if results["note"] else []),
            f"Made by `{results['command']}` on {results['date']}, at commit {results['commit']}.",
            "",
            f"{results['machine']}, numpy {results['numpy']}; load average "
            f"{results['load'][0]:.1f} at the start and {results['load'][1]:.1f} at the end. One "
            f"thread, {results['size']:,} elements unless the operands say otherwise.",
            "",
            verdict(results),
            "",
            "![Ratios as bars](results.svg)",
            "",
            "Times are medians of processor time; a ratio is Dovetail's time over numpy's, the "
            f"median of {results['rounds']} rounds that take turns, with the least and the "
            'greatest. Both results agree before they are timed. "The reference" is the numpy '
            "meaning in the op's record; where that computes in double precision or loops in "
            "Python, numpy is asked for the expression a user would write.",
            "",
            *body,
            "",
            *(["Not measured:", "", *left, ""] if left else []),
        ]
    )
