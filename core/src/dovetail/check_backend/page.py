"""The certificate as one page of HTML that needs nothing else: for light, dark and paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any

from dovetail.check_backend.catalogue import CODES
from dovetail.check_backend.certificate import Certificate, StageResult
from dovetail.check_backend.finding import SEVERITIES, Finding
from dovetail.check_backend.stage import OpResult

__all__ = ["render"]

_STYLE = Path(__file__).with_name("page.css")
_HEADINGS = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
_FACTS = {
    "vendor": "Vendor",
    "device_name": "Device",
    "architecture": "Architecture",
    "devices": "Devices counted",
    "spaces": "Memory spaces",
    "kernel_rows": "Kernel rows",
    "tables": "Tables",
    "extensions": "Extensions",
    "call_extensions": "Call extensions",
    "needed_libraries": "Libraries needed",
    "glibc": "C library at least",
}


def render(certificate: Certificate) -> str:
    """The page."""
    name = certificate.facts.get("name") or certificate.library
    version = certificate.facts.get("version") or ""
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(name)} {escape(version)}: {certificate.verdict}</title>",
        f"<style>\n{_STYLE.read_text(encoding='utf-8')}</style></head><body>",
        *_head(certificate, name, version),
        *_stages(certificate.stages),
        *(line for severity in SEVERITIES for line in _findings(certificate, severity)),
        *_ops(certificate.ops),
        *_unchecked(certificate.stages),
        *_printed(certificate.stages),
        "<footer>Made by <code>dovetail check-backend</code>. What the codes mean is in the "
        "document <code>check-backend.md</code> of Dovetail; the JSON form of this page has "
        "everything in it.</footer>",
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(certificate: Certificate, name: str, version: str) -> Iterator[str]:
    part = "" if certificate.whole else ", of the stages that were asked for"
    quick = ", quick" if certificate.quick else ""
    yield "<header><div>"
    yield f"<h1>{escape(name)} <span class=mono>{escape(version)}</span></h1>"
    yield f"<p>Certificate of a device backend{quick}{part}</p></div>"
    yield f'<div class="seal {certificate.verdict}">{certificate.verdict}</div></header>'
    facts = certificate.facts
    rows: list[tuple[str, Any]] = [
        ("Library", f"{certificate.library}, {certificate.size:,} bytes"),
        ("SHA-256", certificate.sha256),
    ]
    if "abi" in facts:
        rows.append(("Device ABI", f"built with {facts['abi']}, needs {facts['abi_required']}"))
    rows += [(title, facts[key]) for key, title in _FACTS.items() if facts.get(key)]
    rows += [
        ("Host", f"Dovetail {certificate.host}, ABI {certificate.host_abi}"),
        ("Machine", certificate.machine),
        ("Date", certificate.date),
    ]
    yield "<dl class=facts>"
    for title, value in rows:
        text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        shown = f"<code>{escape(text)}</code>" if title == "SHA-256" else escape(text)
        yield f"<dt>{escape(title)}</dt><dd>{shown}</dd>"
    yield "</dl>"


def _stages(stages: Iterable[StageResult]) -> Iterator[str]:
    yield "<h2>Stages</h2><table><thead><tr><th>Verdict</th><th>Stage</th>"
    yield "<th>When it passes</th><th class=number>Findings</th><th class=number>Seconds</th>"
    yield "</tr></thead><tbody>"
    for one in stages:
        yield (
            f'<tr><td class="verdict {one.verdict}">{one.verdict}</td>'
            f"<td><code>{escape(one.name)}</code></td><td>{escape(one.title)}</td>"
            f"<td class=number>{len(one.findings) or ''}</td>"
            f"<td class=number>{one.seconds:.1f}</td></tr>"
        )
    yield "</tbody></table>"


def _findings(certificate: Certificate, severity: str) -> Iterator[str]:
    found = list(certificate.findings(severity))
    if not found:
        return
    yield f"<h2>{_HEADINGS[severity]} ({len(found)})</h2>"
    by_code: dict[str, list[Finding]] = {}
    for finding in found:
        by_code.setdefault(finding.code, []).append(finding)
    for code, same in by_code.items():
        yield from _card(code, same, severity)


def _card(code: str, found: Iterable[Finding], severity: str) -> Iterator[str]:
    """All findings of one code, with what it means."""
    meaning = CODES[code]
    yield f'<article class="{severity}"><h3>{escape(_sentence(meaning.title))}'
    yield f"<span class=mono>{escape(code)}</span></h3>"
    for finding in found:
        where = f"<code>{escape(finding.where)}</code><br>" if finding.where else ""
        yield f"<p class=what>{where}{escape(finding.what)}</p>"
    yield f"<p><b>Breaks</b> {escape(meaning.breaks)}</p>"
    yield f"<p><b>Do</b> {escape(meaning.advice)}</p></article>"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _ops(results: Iterable[OpResult]) -> Iterator[str]:
    by_op: dict[str, list[OpResult]] = {}
    for one in results:
        by_op.setdefault(one.op, []).append(one)
    if not by_op:
        return
    yield f"<h2>Ops ({len(by_op)})</h2>"
    yield "<p>The largest error of each dtype in units in the last place, and after the stroke "
    yield "what the op's record allows.</p>"
    yield "<table><thead><tr><th>Op</th><th>Runs as</th><th class=number>Cases</th>"
    yield "<th>Largest error</th></tr></thead><tbody>"
    for op, found in sorted(by_op.items()):
        ways = " + ".join(sorted({way for one in found for way in one.runs_as.split("+")}))
        worst: dict[str, OpResult] = {}
        for one in found:  # the dtype is a result's, and several choices of operands may give it
            if (one.worst_ulp or 0.0) >= (worst.get(one.dtype, one).worst_ulp or 0.0):
                worst[one.dtype] = one
        exact = [one.dtype for one in worst.values() if not one.worst_ulp]
        errors = "".join(
            f"<span class=ulp><span class=mono>{escape(one.dtype)}</span> {_error(one)}</span>"
            for one in worst.values()
            if one.worst_ulp
        )
        if exact:
            errors += f"<span class=mono>{escape(', '.join(exact))}</span> equal"
        yield (
            f"<tr><td><code>{escape(op)}</code></td><td>{escape(ways)}</td>"
            f"<td class=number>{sum(one.cases for one in found)}</td><td>{errors}</td></tr>"
        )
    yield "</tbody></table>"


def _error(one: OpResult) -> str:
    bound = "" if one.bound_ulp is None else f" / {one.bound_ulp:.3g}"
    return f"{one.worst_ulp:.3g}{bound}"


def _unchecked(stages: Iterable[StageResult]) -> Iterator[str]:
    skipped = [(one.name, why) for one in stages for why in one.skips]
    if not skipped:
        return
    yield "<h2>Not checked</h2><table><thead><tr><th>Stage</th><th>What, and why</th></tr></thead>"
    yield "<tbody>"
    for name, why in skipped:
        yield f"<tr><td><code>{escape(name)}</code></td><td>{escape(_sentence(why))}</td></tr>"
    yield "</tbody></table>"


def _printed(stages: Iterable[StageResult]) -> Iterator[str]:
    for one in stages:
        if one.output.strip():
            yield f"<h2>Printed during {escape(one.name)}</h2><pre>{escape(one.output)}</pre>"
