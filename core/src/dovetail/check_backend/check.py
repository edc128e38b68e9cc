"""The whole check: every stage in order, and the certificate of what they found."""

from __future__ import annotations

import importlib.metadata
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
    jobs: int = 1,
    before: Callable[[Stage], None] = lambda _stage: None,
    after: Callable[[StageResult], None] = lambda _result: None,
) -> Certificate:
    """Check a library. ``only`` names stages; ``before`` and ``after`` are told how it goes on.

    With ``only``, stages that these need are not run: their failure shows as it comes. ``jobs``:
    how many stages run at the same time, once those that all others need are done.
    """
    unknown = set(only) - {stage.name for stage in STAGES}
    if unknown:
        known = ", ".join(stage.name for stage in STAGES)
        raise PluginError(f"there is no stage {', '.join(sorted(unknown))}; the stages: {known}")
    chosen = [stage for stage in STAGES if not only or stage.name in only]
    rounds = _Rounds(target, quick=quick, ordinal=ordinal, patience=patience, before=before)
    results = []
    for result in rounds.all(chosen, jobs):
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
        facts=rounds.facts,
        stages=tuple(results),
        ops=tuple(rounds.ops),
    )


class _Rounds:
    """Stages, each after those that it needs, and what they told."""

    def __init__(
        self,
        target: Target,
        *,
        quick: bool,
        ordinal: int,
        patience: float,
        before: Callable[[Stage], None],
    ) -> None:
        self._target, self._quick, self._before = target, quick, before
        self._ordinal, self._patience = ordinal, patience
        self._broken: dict[str, str] = {}  # stage -> why it did not run to its end
        self._stop = threading.Event()
        self.facts: dict[str, Any] = {}
        self.ops: list[OpResult] = []

    def all(self, stages: Sequence[Stage], jobs: int) -> Iterator[StageResult]:
        """The results in the order of the stages."""
        if jobs <= 1:
            yield from map(self._one, stages)
            return
        with ThreadPoolExecutor(jobs) as pool:
            under_way: dict[str, Future[StageResult]] = {}

            def run(stage: Stage) -> StageResult:
                for name in stage.needs:  # these were given to the pool before, so they come first
                    if name in under_way:
                        under_way[name].result()
                return self._one(stage)

            try:
                for stage in stages:
                    under_way[stage.name] = pool.submit(run, stage)
                for future in under_way.values():
                    yield future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _one(self, stage: Stage) -> StageResult:
        self._before(stage)
        missing = next((name for name in stage.needs if name in self._broken), None)
        if missing is not None:
            self._broken[stage.name] = self._broken[missing]
            return _skipped(stage, f"the stage {missing} did not run to its end")
        if self._quick and not stage.quick:
            return _skipped(stage, "--quick leaves it out")
        run = run_stage(
            stage,
            self._target.path,
            quick=self._quick,
            ordinal=self._ordinal,
            patience=self._patience,
            stop=self._stop,
        )
        if not run.finished:
            self._broken[stage.name] = run.stopped or "it broke off"
        self.facts |= run.facts
        self.ops += run.ops
        return _result(stage, run)


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
