"""The certificate as one page of HTML that needs nothing else."""

from __future__ import annotations

import html

from dovetail.check_backend.certificate import Certificate

__all__ = ["render"]


def render(certificate: Certificate) -> str:
    """The page."""
    return f"<!doctype html><title>{html.escape(certificate.library)}</title>"
