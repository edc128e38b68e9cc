"""The results as a table: on the screen and in RESULTS.md, both from what results.json holds."""

from __future__ import annotations

from typing import Any

from spine.bars import PEER_ORDER, shown


def _peers(results: dict[str, Any]) -> list[str]:
    present = {peer for row in results["rows"] for peer in row["peers"]}
    return [peer for peer in PEER_ORDER if peer in present]


def _cell(row: dict[str, Any], peer: str, spread: bool) -> str:
    found = row["peers"].get(peer)
    if found is None:
        return ""
    if "median" not in found:
        return "failed"
    text = shown(found["median"], row["unit"])
    noisy = set(found["basis"]) - {"wall", "exact"}
    text += "*" if noisy else ""
    low, high = shown(found["p10"], row["unit"]), shown(found["p90"], row["unit"])
    return f"{text} ({low} to {high})" if spread and low != high else text


def verdict_text(bar: dict[str, Any]) -> str:
    """Such as "met, 0.41 (0.39 to 0.44)"."""
    if bar["met"] is None:
        return "not measured"
    word = "met" if bar["met"] else "MISSED"
    if bar["ratio"] is None:
        return word
    spread = f" ({bar['low']:.2g} to {bar['high']:.2g})" if bar["low"] != bar["high"] else ""
    return f"{word}, {bar['ratio']:.2g}{spread}"


def lines(results: dict[str, Any], spread: bool) -> list[list[str]]:
    """Header and rows of the table."""
    peers = _peers(results)
    table = [["", *peers, "bar for dovetail", "verdict, ratio"]]
    for row in results["rows"]:
        cells = [_cell(row, peer, spread) for peer in peers]
        bars = row["bars"]
        table.append(
            [
                row["title"],
                *cells,
                "; ".join(bar["bar"] for bar in bars),
                "; ".join(verdict_text(bar) for bar in bars),
            ]
        )
    return table


def on_screen(results: dict[str, Any]) -> str:
    """Columns of equal width."""
    table = lines(results, spread=False)
    widths = [max(len(row[k]) for row in table) for k in range(len(table[0]))]
    text = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in [*text, *errors(results)])


def errors(results: dict[str, Any]) -> list[str]:
    """A line for each thing that went wrong or is absent."""
    found = [f"absent: {peer} ({why})" for peer, why in results["absent"].items()]
    for row in results["rows"]:
        for peer, cell in row["peers"].items():
            found += [f"failed: {peer}, {row['title']}: {text}" for text in cell.get("errors", [])]
    return found + [f"failed: {text}" for text in results["failures"]]


def markdown(results: dict[str, Any]) -> str:
    """RESULTS.md."""
    machine = results["machine"]
    table = lines(results, spread=True)
    body = ["| " + " | ".join(row) + " |" for row in table]
    body.insert(1, "|" + "---|" * len(table[0]))
    text = [
        "# The spine's costs beside its peers",
        "",
        *(["**Provisional: " + results["note"] + "**", ""] if results["note"] else []),
        f"Made by `{results['command']}` on {results['date']}, at commit {results['commit']}.",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, load average "
        f"{results['load'][0]:.1f} at the start and {results['load'][1]:.1f} at the end. "
        + ", ".join(f"{name} {version}" for name, version in results["versions"].items())
        + f". Threads: {results['threads']}. Rounds: {results['rounds']}.",
        "",
        "![Medians as bars](results.svg)",
        "",
        "Medians of all samples, with the tenth and the ninetieth percentile where they differ. A "
        "ratio is dovetail over the peer that the bar names, or over the bar itself: the median "
        "of the rounds' ratios, with the least and the greatest. A star: too many samples were "
        "interrupted by other processes, so CPU time is shown (of one pinned thread) or wall time "
        "of all samples.",
        "",
        *body,
        "",
    ]
    wrong = errors(results)
    if wrong:
        text += ["Not measured:", "", *(f"- {line}" for line in wrong), ""]
    how = [
        f"- {row['title']}: "
        + "; ".join(f"{peer}: {cell['how']}" for peer, cell in row["peers"].items() if cell["how"])
        for row in results["rows"]
        if any(cell["how"] for cell in row["peers"].values())
    ]
    return "\n".join([*text, "## What each peer did", "", *how, ""])
