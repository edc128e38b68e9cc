"""The results as tables: on the screen and in RESULTS.md, both from what results.json holds."""

from __future__ import annotations

from typing import Any

from spine.bars import shown
from spine.report import errors

from workloads.families import FAMILIES
from workloads.peers import PEERS

TITLE = "Workloads beside the peers"


def _median(row: dict[str, Any], peer: str) -> str:
    found = row["peers"].get(peer)
    if found is None:
        return ""
    if "median" not in found:
        return "failed"
    noisy = set(found["basis"]) - {"wall", "exact"}
    return shown(found["median"], row["unit"]) + ("*" if noisy else "")


def _ratio(found: dict[str, Any]) -> str:
    """Such as "0.41 (0.39 to 0.44)"."""
    if found["ratio"] is None:
        return ""
    spread = (
        f" ({found['low']:.2g} to {found['high']:.2g})" if found["low"] != found["high"] else ""
    )
    return f"{found['ratio']:.2g}{spread}"


def _best(row: dict[str, Any]) -> str:
    text = _ratio(row["best"])
    return f"{row['best']['peer']}: {text}" if text else ""


def asked(target: dict[str, Any] | None) -> str:
    """Such as "jax: 0.65, 0.52"."""
    if target is None:
        return ""
    return f"{', '.join(target['peers']) or 'all'}: {target['gate']:g}, {target['stretch']:g}"


def verdict(target: dict[str, Any] | None) -> str:
    """Such as "met, 0.6 (0.58 to 0.61)"."""
    if target is None:
        return ""
    if target["met"] is None:
        return "not measured"
    word = "stretch met" if target["reached"] else "met" if target["met"] else "MISSED"
    return f"{word}, {_ratio(target)}"


def _columns(table: dict[str, Any]) -> list[str]:
    present = {peer for row in table["rows"] for peer in row["peers"]}
    return [peer for peer in PEERS if peer in present]


def lines(table: dict[str, Any], family: str, peers: list[str]) -> list[list[str]]:
    """Header and rows of one family."""
    head = [FAMILIES[family], *peers, "limit", "/ best peer", "/ limit", "gate, stretch", "verdict"]
    body = [
        [
            row["title"],
            *(_median(row, peer) for peer in peers),
            shown(row["limit"]["seconds"], "s") if row["limit"]["seconds"] else "",
            _best(row),
            _ratio(row["limit"]),
            asked(row["target"]),
            verdict(row["target"]),
        ]
        for row in table["rows"]
        if row["family"] == family
    ]
    return [head, *body] if body else []


def _families(table: dict[str, Any]) -> list[list[list[str]]]:
    peers = _columns(table)
    return [found for family in FAMILIES if (found := lines(table, family, peers))]


def wrong(results: dict[str, Any]) -> list[str]:
    """A line for each thing that went wrong or is absent."""
    rows = [row for table in results["tables"] for row in table["rows"]]
    return list(dict.fromkeys(errors(results | {"rows": rows})))


def _threads(table: dict[str, Any]) -> str:
    return "1 thread" if table["threads"] == 1 else f"{table['threads']} threads"


def limits(table: dict[str, Any]) -> str:
    """The measured limits in words."""
    found = table["limits"]
    if not found:
        return "no limits measured"
    return (
        f"float32 arithmetic {found['fma'] / 1e9:.0f} GFLOP/s, copy {found['copy'] / 1e9:.0f} GB/s "
        f"(read plus written), reading {found['read'] / 1e9:.0f} GB/s"
    )


def on_screen(results: dict[str, Any]) -> str:
    """Columns of equal width."""
    text = []
    for table in results["tables"]:
        text += [f"{_threads(table)}: {limits(table)}", ""]
        for body in _families(table):
            widths = [max(len(row[k]) for row in body) for k in range(len(body[0]))]
            text += [
                "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
                for row in body
            ]
            text.append("")
    return "\n".join([*text, *wrong(results)])


def _tables(table: dict[str, Any]) -> list[str]:
    text = [f"## {_threads(table).capitalize()}", "", f"Limits: {limits(table)}.", ""]
    for body in _families(table):
        rows = ["| " + " | ".join(row) + " |" for row in body]
        rows.insert(1, "|" + "---|" * len(body[0]))
        text += [*rows, ""]
    return text


def _ways(table: dict[str, Any]) -> list[str]:
    found = []
    for row in table["rows"]:
        cells = {peer: cell["how"] for peer, cell in row["peers"].items() if cell["how"]}
        if cells:
            ways = "; ".join(f"{peer}: {how}" for peer, how in cells.items())
            found.append(f"- {row['title']}: {ways}")
    return found


def markdown(results: dict[str, Any]) -> str:
    """RESULTS.md."""
    machine = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in results["versions"].items())
    text = [
        f"# {TITLE}",
        "",
        *(["**Provisional: " + results["note"] + "**", ""] if results["note"] else []),
        f"Made by `{results['command']}` on {results['date']}, at commit {results['commit']}.",
        "",
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, load average "
        f"{results['load'][0]:.1f} at the start and {results['load'][1]:.1f} at the end. "
        f"{versions}. Rounds: {results['rounds']}.",
        "",
        "![dovetail over its best peer as bars](results.svg)",
        "",
        "Medians of all samples. A ratio is dovetail over the fastest peer of the round, or over "
        "the least time that the machine's measured limits allow: the median of the rounds' "
        "ratios, with the least and the greatest. Gate and stretch are the ratios to the fastest "
        "of the named peers that are asked for and aimed at. A star: too many samples were "
        "interrupted by other processes, so CPU time is shown (of one pinned thread) or wall time "
        "of all samples.",
        "",
        *(line for table in results["tables"] for line in _tables(table)),
    ]
    bad = wrong(results)
    if bad:
        text += ["Not measured:", "", *(f"- {line}" for line in bad), ""]
    return "\n".join([*text, "## What each peer did", "", *_ways(results["tables"][0]), ""])
