"""The entry point: which hosts it accepts, and what it says to the others."""

from __future__ import annotations

from collections.abc import Iterator

from dovetail.check_backend.finding import Finding
from dovetail.check_backend.raw import string, version_text
from dovetail.check_backend.stage import Stage
from dovetail.check_backend.subject import Subject

__all__ = ["STAGE"]


def _run(subject: Subject) -> Iterator[Finding]:
    subject.doing("dvt_plugin_query")
    plugin = subject.plugin
    subject.fact("name", string(plugin.name))
    subject.fact("abi", version_text(plugin.abi_version))
    yield from ()


STAGE = Stage("query", "dvt_plugin_query accepts the hosts it should", _run, ("load",))
