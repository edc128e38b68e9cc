"""The three files of a benchmark: the figures, the page and the picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

__all__ = ["write"]


def write(folder: Path, results: dict[str, Any], page: str, picture: str) -> None:
    """Write results.json, RESULTS.md and results.svg into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(results, indent=1) + "\n"
    for name, content in (("results.json", text), ("RESULTS.md", page), ("results.svg", picture)):
        (folder / name).write_text(content, encoding="utf-8")
