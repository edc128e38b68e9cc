"""The certificate on a terminal."""

from __future__ import annotations

import textwrap

from dovetail.check_backend.catalogue import CODES
from dovetail.check_backend.certificate import Certificate, StageResult
from dovetail.check_backend.finding import Finding

__all__ = ["stage_line", "summary"]

_WIDTH = 100


def stage_line(result: StageResult) -> str:
    """One line when a stage is done."""
    found = [f"{count} {word}" for word, count in _counted(result) if count]
    tail = f": {', '.join(found)}" if found else ""
    return f"{result.verdict:<8}{result.name:<13}{result.seconds:6.1f} s  {result.title}{tail}"


def _counted(result: StageResult) -> list[tuple[str, int]]:
    counts = []
    for severity in ("error", "warning", "note"):
        count = sum(one.severity == severity for one in result.findings)
        counts.append((severity if count == 1 else f"{severity}s", count))
    return counts


def summary(certificate: Certificate) -> str:
    """What was found, what to do about it, what was not checked, and the verdict."""
    lines: list[str] = []
    for severity in ("error", "warning", "note"):
        for finding in certificate.findings(severity):
            lines += ["", *_explained(finding)]
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


def _explained(finding: Finding) -> list[str]:
    code = CODES[finding.code]
    head = f"{finding.severity} {finding.code}: {code.title}"
    if finding.where:
        head += f" [{finding.where}]"
    body = [finding.what, f"Breaks: {code.breaks}", f"Do: {code.advice}"]
    return [head, *(line for text in body for line in _wrapped(text))]


def _wrapped(text: str) -> list[str]:
    return [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(
            paragraph, _WIDTH - 2, initial_indent="  ", subsequent_indent="    "
        )
    ]
