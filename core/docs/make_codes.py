"""Write the codes of ``dovetail check-backend``, check-backend-codes.md, from its catalogue:
``python core/docs/make_codes.py [FILE]``. A test compares the committed page with the catalogue.
"""

from __future__ import annotations

import sys
from pathlib import Path

from dovetail.check_backend.catalogue import CODES
from dovetail.check_backend.stages import STAGES

HERE = Path(__file__).resolve().parent
FAMILIES = {
    "file": "The file",
    "symbols": "Its symbols",
    "load": "Loading it",
    "state": "The state of the process",
    "versions": "Versions",
    "query": "dvt_plugin_query",
    "error": "Error objects",
    "structs": "Structs, rows and slots",
    "device": "Devices",
    "answers": "Answers of prepare",
    "alloc": "Host memory that ends",
    "host": "Use of the host",
    "ops": "Results of ops",
    "process": "Ends of the process, whatever the stage",
}


def page() -> str:
    """The page."""
    lines = [
        "# What check-backend finds",
        "",
        "Made from the catalogue of the check by `python core/docs/make_codes.py`; how to run it "
        "is on [its own page](check-backend.md).",
        "",
        "## The stages",
        "",
        "In this order, each in a child process of its own.",
        "",
        "| stage | passed means |",
        "|---|---|",
        *(f"| `{stage.name}` | {stage.title} |" for stage in STAGES),
        "",
        "## The codes",
        "",
        "An **error** fails the certificate, a *warning* should be mended, a note is good to know.",
    ]
    families: dict[str, list[str]] = {}
    for code in CODES:
        families.setdefault(code.split("/", maxsplit=1)[0], []).append(code)
    order = [word for word in FAMILIES if word in families]
    for family in [*order, *(word for word in families if word not in FAMILIES)]:
        lines += ["", f"### {FAMILIES.get(family, family.capitalize())}"]
        for code in families[family]:
            meaning = CODES[code]
            mark = {"error": "**error**", "warning": "*warning*"}.get(meaning.severity, "note")
            title = meaning.title[0].upper() + meaning.title[1:]
            lines += [
                "",
                f"#### {code}",
                "",
                f"{title} ({mark}). {meaning.breaks}",
                "",
                f"What to do: {meaning.advice}",
            ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "check-backend-codes.md"
    target.write_text(page(), encoding="utf-8")
