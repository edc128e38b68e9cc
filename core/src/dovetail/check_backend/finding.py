"""What a check found: a sentence about one breach of the contract, under a catalogued code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dovetail.check_backend.catalogue import CODES

__all__ = ["SEVERITIES", "Finding"]

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    >>> Finding("load/prints", "load", "it printed 'hello'").severity
    'warning'
    """

    code: str
    """A key of the catalogue, such as ``ops/wrong-result``."""
    stage: str
    """The name of the stage that found it."""
    what: str
    """A sentence with the values: what was asked, what came back, what should have come."""
    where: str = ""
    """The op, call or symbol, such as ``prepare add(f32[2, 3], f32[2, 3])``."""
    severity: str = ""
    """``error``: the certificate fails. ``warning``: mend it. ``note``: worth knowing. Empty: what
    the catalogue says of the code."""

    def __post_init__(self) -> None:
        """Take the catalogue's severity, and refuse codes that it does not explain."""
        if self.code not in CODES:
            raise KeyError(f"{self.code} is in no catalogue; add it to check_backend/catalogue")
        if not self.severity:
            object.__setattr__(self, "severity", CODES[self.code].severity)
        if self.severity not in SEVERITIES:
            raise ValueError(f"{self.severity!r} is no severity; use one of {SEVERITIES}")

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "code": self.code,
            "stage": self.stage,
            "severity": self.severity,
            "what": self.what,
            "where": self.where,
        }
