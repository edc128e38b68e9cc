"""The whole check: every stage in order, and the certificate of what they found."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from dovetail import _fast
from dovetail.check_backend.certificate import Certificate, StageResult
from dovetail.check_backend.raw import HOST_MAX, version_text
from dovetail.check_backend.runner import Run, run_stage
from dovetail.check_backend.stage import OpResult, Stage
from dovetail.check_backend.stages import STAGES
from dovetail.check_backend.target import Target
from dovetail.errors import PluginError

__all__ = ["check"]


def check(
    target: Target,
    *,
    quick: bool = False,
    only: Sequence[str] = (),
    ordinal: int = 0,
    patience: float = 30.0,
    before: Callable[[Stage], None] = lambda _stage: None,
    after: Callable[[StageResult], None] = lambda _result: None,
) -> Certificate:
    """Check a library. ``only`` names stages; ``before`` and ``after`` are told how it goes on.

    With ``only``, stages that these need are not run: their failure shows as it comes.
    """
    unknown = set(only) - {stage.name for stage in STAGES}
    if unknown:
        known = ", ".join(stage.name for stage in STAGES)
        raise PluginError(f"there is no stage {', '.join(sorted(unknown))}; the stages: {known}")
    broken: dict[str, str] = {}  # stage -> why it did not run to its end
    results: list[StageResult] = []
    facts: dict[str, Any] = {}
    ops: list[OpResult] = []
    for stage in STAGES:
        if only and stage.name not in only:
            continue
        before(stage)
        missing = next((name for name in stage.needs if name in broken), None)
        if missing is not None:
            broken[stage.name] = broken[missing]
            result = _skipped(stage, f"the stage {missing} did not run to its end")
        elif quick and not stage.quick:
            result = _skipped(stage, "--quick leaves it out")
        else:
            run = run_stage(stage, target.path, quick=quick, ordinal=ordinal, patience=patience)
            if not run.finished:
                broken[stage.name] = run.stopped or "it broke off"
            facts |= run.facts
            ops += run.ops
            result = _result(stage, run)
        results.append(result)
        after(result)
    return Certificate(
        library=target.path.name,
        sha256=target.sha256,
        size=target.size,
        host=importlib.metadata.version("dovetail"),
        host_abi=version_text(HOST_MAX),
        machine=_machine(),
        date=datetime.now(UTC).isoformat(timespec="seconds"),
        quick=quick,
        whole=not only,
        facts=facts,
        stages=tuple(results),
        ops=tuple(ops),
    )


def _result(stage: Stage, run: Run) -> StageResult:
    severities = {finding.severity for finding in run.findings}
    if "error" in severities:
        verdict = "failed"
    elif "warning" in severities:
        verdict = "warned"
    else:
        verdict = "skipped" if run.stopped else "passed"
    skips = [*run.skips, *([run.stopped] if run.stopped else [])]
    return StageResult(
        name=stage.name,
        title=stage.title,
        verdict=verdict,
        seconds=run.seconds,
        findings=tuple(run.findings),
        skips=tuple(skips),
        output=run.output,
    )


def _skipped(stage: Stage, why: str) -> StageResult:
    return StageResult(
        name=stage.name, title=stage.title, verdict="skipped", seconds=0.0, skips=(why,)
    )


def _machine() -> str:
    features = " ".join(_fast.cpu_features())
    return f"{platform.system()} {platform.release()} {platform.machine()} ({features})"
