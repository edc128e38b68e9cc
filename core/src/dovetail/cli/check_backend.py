"""``dovetail check-backend LIB``: does a device library keep the contract of dovetail.h?"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dovetail.errors import DovetailError

if TYPE_CHECKING:
    from dovetail.check_backend.certificate import StageResult
    from dovetail.check_backend.stage import Stage

__all__ = ["add"]


def add(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "check-backend",
        help="check a device library against the contract; writes a certificate",
        description="Run every stage of the check in a child process of its own. The exit status "
        "is 0 without errors, 1 with some, 2 when nothing could be checked.",
    )
    verb.add_argument(
        "library", help="a library, a dovetail-backend.toml, or the word of an installed device"
    )
    verb.add_argument("--json", metavar="FILE", help="write the certificate as JSON; - for stdout")
    verb.add_argument("--page", metavar="FILE", help="write the certificate as a page (HTML)")
    verb.add_argument("--quick", action="store_true", help="fewer cases of the same kinds")
    verb.add_argument(
        "--only", metavar="STAGE", action="append", default=[], help="this stage; may be repeated"
    )
    verb.add_argument("--ordinal", metavar="N", type=int, default=0, help="which device (0)")
    verb.add_argument(
        "--patience", metavar="S", type=float, default=30.0, help="seconds a single step may take"
    )
    verb.add_argument(
        "--jobs", metavar="N", type=int, default=1, help="stages that run at the same time (1)"
    )
    verb.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    from dovetail.check_backend import check, page, target, text  # noqa: PLC0415  others need none

    screen = sys.stderr if chosen.json == "-" else sys.stdout

    def before(stage: Stage) -> None:
        if screen.isatty() and chosen.jobs == 1:
            print(f"  {stage.name} ...", end="", file=screen, flush=True)

    def after(result: StageResult) -> None:
        if screen.isatty():
            print("\r\033[K", end="", file=screen)
        print(text.stage_line(result), file=screen, flush=True)

    try:
        found = target.find(chosen.library)
        certificate = check.check(
            found,
            quick=chosen.quick,
            only=chosen.only,
            ordinal=chosen.ordinal,
            patience=chosen.patience,
            jobs=chosen.jobs,
            before=before,
            after=after,
        )
    except DovetailError as error:
        print(f"dovetail check-backend: {error}", file=sys.stderr)
        return 2
    print(text.summary(certificate), file=screen)
    try:
        if chosen.json:
            data = json.dumps(certificate.as_data(), indent=2) + "\n"
            if chosen.json == "-":
                sys.stdout.write(data)
            else:
                Path(chosen.json).write_text(data, encoding="utf-8")
        if chosen.page:
            Path(chosen.page).write_text(page.render(certificate), encoding="utf-8")
    except OSError as error:
        print(f"dovetail check-backend: {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    return 1 if certificate.verdict == "failed" else 0
