"""The certificate on a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from dovetail.check_backend.catalogue import CODES
from dovetail.check_backend.certificate import Certificate, StageResult
from dovetail.check_backend.finding import SEVERITIES, Finding
from dovetail.check_backend.stage import OpResult

__all__ = ["stage_line", "summary"]

_WIDTH = 100
_LARGEST = 5  # errors shown; the page and the JSON have all


def stage_line(result: StageResult) -> str:
    """One line when a stage is done."""
    found = [f"{count} {word}" for word, count in _counted(result) if count]
    tail = f": {', '.join(found)}" if found else ""
    return f"{result.verdict:<8}{result.name:<13}{result.seconds:6.1f} s  {result.title}{tail}"


def _counted(result: StageResult) -> list[tuple[str, int]]:
    counts = []
    for severity in SEVERITIES:
        count = sum(one.severity == severity for one in result.findings)
        counts.append((severity if count == 1 else f"{severity}s", count))
    return counts


def summary(certificate: Certificate) -> str:
    """What was found, what to do about it, what was not checked, and the verdict."""
    lines: list[str] = []
    for severity in SEVERITIES:
        by_code: dict[str, list[Finding]] = {}
        for finding in certificate.findings(severity):
            by_code.setdefault(finding.code, []).append(finding)
        for code, found in by_code.items():
            lines += ["", *_explained(code, found)]
    lines += _ops(certificate.ops)
    skipped = [(s.name, why) for s in certificate.stages for why in s.skips]
    if skipped:
        lines += ["", "Not checked:"]
        lines += [f"  {name}: {why}" for name, why in skipped]
    errors = sum(1 for _ in certificate.findings("error"))
    warnings = sum(1 for _ in certificate.findings("warning"))
    part = "" if certificate.whole else " (only the stages that were asked for)"
    lines += [
        "",
        f"{certificate.library}: {certificate.verdict}{part}, {errors} errors, {warnings} warnings",
    ]
    return "\n".join(lines)


def _explained(code: str, found: Iterable[Finding]) -> Iterator[str]:
    """All findings of one code, with what it means."""
    found = list(found)
    meaning = CODES[code]
    yield f"{found[0].severity} {code}: {meaning.title}"
    for finding in found:
        where = f"[{finding.where}] " if finding.where else ""
        yield from _wrapped(f"- {where}{finding.what}")
    yield from _wrapped(f"Breaks: {meaning.breaks}")
    yield from _wrapped(f"Do: {meaning.advice}")


def _ops(results: Iterable[OpResult]) -> Iterator[str]:
    """How many ops, and those with the largest errors."""
    results = list(results)
    if not results:
        return
    ops = {one.op for one in results}
    judged = sorted((r for r in results if r.worst_ulp), key=lambda r: -(r.worst_ulp or 0.0))
    yield ""
    yield f"{len(ops)} ops ran in {len(results)} combinations with dtypes" + (
        "; largest errors in ulp:" if judged else ", without any error in the last place"
    )
    for one in judged[:_LARGEST]:
        bound = "" if one.bound_ulp is None else f" of {one.bound_ulp:.3g} allowed"
        yield f"  {one.op} {one.dtype}: {one.worst_ulp:.3g}{bound}"


def _wrapped(text: str) -> list[str]:
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph, _WIDTH - 2, initial_indent="  ", subsequent_indent="    "
        )
    ]
