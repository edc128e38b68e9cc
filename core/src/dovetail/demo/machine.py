"""The machine and the versions that a report names."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from pathlib import Path

import numpy as np

from dovetail import plugins, settings

__all__ = ["describe_machine"]


def describe_machine() -> dict[str, str]:
    """What a reader needs to judge the times, in the order in which it is shown."""
    variant = next((one.variant for one in plugins.records() if one.name == "cpu"), None)
    facts = {
        "Dovetail": importlib.metadata.version("dovetail"),
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "numpy": np.__version__,
        "System": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Processor": _processor(),
        "Threads": str(settings.thread_count()),
        "CPU variant": variant or "unknown",
    }
    others = [
        f"{one.name} {one.version or ''}".strip()
        for one in plugins.records()
        if one.name != "cpu" and one.state != "disabled"
    ]
    if others:
        facts["Plugins"] = ", ".join(others)
    facts["Date"] = time.strftime("%Y-%m-%d %H:%M %Z")
    return facts


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()
