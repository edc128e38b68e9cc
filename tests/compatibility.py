"""Write core/docs/compatibility.md: what fits what, from the distributions' own files.

``python tests/compatibility.py``; a test compares the committed page with what this prints.
"""

from __future__ import annotations

import re
import tomllib

from workspace import ROOT, Distribution, distributions

PAGE = ROOT / "core" / "docs" / "compatibility.md"
HEAD = """\
# What fits what

Made from each distribution's pyproject.toml and manifest by `python tests/compatibility.py`.

| distribution | version | Python | needs | device ABI, built with | at least |
|---|---|---|---|---|---|
"""
FOOT = """
A backend runs on every Dovetail that serves the ABI version in the last column, or a later one of
its major. This Dovetail serves device ABI {oldest} to {newest}.
"""


def manifest(one: Distribution) -> dict[str, str]:
    """The manifest of a distribution that brings a device; empty for others."""
    for path in sorted(one.sources.glob("*/dovetail-backend.toml")):
        found: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))
        return found
    return {}


def served() -> tuple[str, str]:
    """The oldest and the newest ABI that the core serves."""
    header = ROOT / "abi" / "src" / "dovetail_abi" / "include" / "dovetail.h"
    loader = ROOT / "core" / "csrc" / "fast" / "loader.h"
    newest = re.search(r"#define DVT_ABI_VERSION (\d+)", header.read_text(encoding="utf-8"))
    oldest = re.search(r"#define DVF_HOST_MIN (\d+)u", loader.read_text(encoding="utf-8"))
    assert newest is not None and oldest is not None
    first, last = ((int(m[1]) >> 16, int(m[1]) & 0xFFFF) for m in (oldest, newest))
    return f"{first[0]}.{first[1]}", f"{last[0]}.{last[1]}"


def page() -> str:
    """The whole page."""
    text = HEAD
    for one in distributions():
        project, device = one.project, manifest(one)
        needs = ", ".join(f"`{word}`" for word in project["dependencies"]) or "-"
        cells = [
            one.name,
            project["version"],
            project["requires-python"].removeprefix(">=") + " or later",
            needs,
            device.get("abi", "-"),
            device.get("abi_required", device.get("abi", "-")),
        ]
        text += f"| {' | '.join(cells)} |\n"
    oldest, newest = served()
    return text + FOOT.format(oldest=oldest, newest=newest)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
