"""The certificate: what was checked, on what, and what came out. One record, one JSON schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from dovetail.check_backend.catalogue import CODES
from dovetail.check_backend.finding import Finding
from dovetail.check_backend.stage import OpResult

__all__ = ["SCHEMA", "Certificate", "StageResult"]

SCHEMA = "dovetail.certificate/1"
"""Of the JSON. Keys are only added under one number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageResult:
    """How one stage went."""

    name: str
    title: str
    verdict: str
    """``passed``, ``warned``, ``failed`` or ``skipped``."""
    seconds: float
    findings: tuple[Finding, ...] = ()
    skips: tuple[str, ...] = ()
    """What it did not check, and why."""
    output: str = ""
    """What the library printed meanwhile."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """The result of one check."""

    library: str
    """File name."""
    sha256: str
    size: int
    host: str
    """Version of Dovetail."""
    host_abi: str
    machine: str
    date: str
    """UTC, ISO 8601."""
    quick: bool
    whole: bool
    """Whether every stage was asked to run: else it certifies a part."""
    facts: dict[str, Any]
    """What the stages told: name, version, vendor, abi, abi_required, devices, ..."""
    stages: tuple[StageResult, ...]
    ops: tuple[OpResult, ...] = ()

    def findings(self, severity: str | None = None) -> Iterator[Finding]:
        """All of them, or those of one severity."""
        for stage in self.stages:
            for finding in stage.findings:
                if severity is None or finding.severity == severity:
                    yield finding

    @property
    def verdict(self) -> str:
        """``failed`` with any error, ``warned`` with any warning, else ``passed``."""
        if any(self.findings("error")):
            return "failed"
        return "warned" if any(self.findings("warning")) else "passed"

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "library": {"file": self.library, "sha256": self.sha256, "size": self.size},
            "plugin": self.facts,
            "host": {"dovetail": self.host, "abi": self.host_abi},
            "machine": self.machine,
            "date": self.date,
            "quick": self.quick,
            "whole": self.whole,
            "stages": [
                {
                    "name": stage.name,
                    "title": stage.title,
                    "verdict": stage.verdict,
                    "seconds": round(stage.seconds, 3),
                    "findings": [_explained(one) for one in stage.findings],
                    "skipped": list(stage.skips),
                    "output": stage.output,
                }
                for stage in self.stages
            ],
            "ops": [asdict(one) for one in self.ops],
        }


def _explained(finding: Finding) -> dict[str, Any]:
    code = CODES[finding.code]
    return finding.as_data() | {"title": code.title, "breaks": code.breaks, "advice": code.advice}
