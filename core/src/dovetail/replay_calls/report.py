"""What a replay found: a table by op, and a line for every call that went otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dovetail.replay_calls.contained import Replay
from dovetail.replay_calls.outcome import BAD, KINDS, Outcome
from dovetail.replay_calls.reader import Call
from dovetail.replay_calls.words import op_of, short, time_text

__all__ = ["as_data", "is_good", "lines", "problems"]

_MOST_LINES = 40
_WORTH_COMPARING_NS = 1_000_000
_SHOWN = ("same", "differs", "refused", "failed", "crashed", "unchecked")


@dataclass(slots=True)
class _Row:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    worst: float | None = None
    before: int = 0
    after: int = 0

    def add(self, call: Call, outcome: Outcome) -> None:
        self.counts[outcome.kind] += 1
        if outcome.ulp is not None:
            self.worst = max(self.worst or 0.0, outcome.ulp)
        if call.name in ("run", "execute") and outcome.nanoseconds and call.nanoseconds:
            self.before += call.nanoseconds
            self.after += outcome.nanoseconds


def is_good(result: Replay) -> bool:
    """Whether every call that was made again went as it was recorded."""
    return not result.ending and not any(o.kind in BAD for o in result.outcomes.values())


def _named(result: Replay) -> Iterator[tuple[str, Call, Outcome]]:
    makers = result.recording.makers()
    calls = {call.number: call for call in result.recording.calls}
    for number, outcome in result.outcomes.items():
        call = calls[number]
        yield "+".join(op_of(call, makers)) or call.name, call, outcome


def lines(result: Replay) -> Iterator[str]:
    """For people."""
    rows: dict[str, _Row] = {}
    for name, call, outcome in _named(result):
        if outcome.kind != "skipped":
            rows.setdefault(short(name), _Row()).add(call, outcome)
    width = max([len(name) for name in rows] or [0]) + 2
    yield f"{'':{width}}{''.join(f'{kind.upper():>10}' for kind in _SHOWN)}  WORST ULP  TIME"
    for name, row in rows.items():
        counts = "".join(f"{row.counts[kind] or '-':>10}" for kind in _SHOWN)
        worst = "-" if row.worst is None else f"{row.worst:.3g}"
        yield f"{name:{width}}{counts}  {worst:>9}  {_speed(row)}".rstrip()
    skipped: dict[str, int] = {}
    for _, _, outcome in _named(result):
        if outcome.kind == "skipped":
            skipped[outcome.text] = skipped.get(outcome.text, 0) + 1
    for text, count in skipped.items():
        yield f"not made again: {count} ({text})"
    yield ""
    found = list(problems(result))
    yield from found[:_MOST_LINES]
    if len(found) > _MOST_LINES:
        yield f"and {len(found) - _MOST_LINES} more; --json has all of them"
    if result.ending:
        yield result.ending
    total = len(result.outcomes)
    bad = sum(o.kind in BAD for o in result.outcomes.values())
    verdict = "all as recorded" if is_good(result) else f"{bad} of {total} calls went otherwise"
    yield f"{result.library.name} ({result.device}): {total} calls, {verdict}"


def problems(result: Replay) -> Iterator[str]:
    """A line for every call that went otherwise than recorded."""
    for name, call, outcome in _named(result):
        if outcome.kind in BAD:
            title = name if name == call.name else f"{name} ({call.name})"
            yield f"{outcome.kind} at call {call.number}: {title}: {outcome.text}"


def _speed(row: _Row) -> str:
    if not row.after:
        return ""
    text = f"{time_text(row.before)} -> {time_text(row.after)}"
    if min(row.before, row.after) < _WORTH_COMPARING_NS:
        return text  # the replay's own cost would be compared
    ratio = row.after / row.before
    if ratio >= 2:
        return f"{text}, {ratio:.1f} times slower"
    return f"{text}, {1 / ratio:.1f} times faster" if ratio <= 0.5 else text


def as_data(result: Replay) -> dict[str, Any]:
    """For programs."""
    session = result.recording.session
    return {
        "recording": str(result.recording.path),
        "recorded": {key: session.get(key) for key in ("plugin", "version", "library", "sha256")},
        "damage": result.recording.damage,
        "notices": result.recording.notices,
        "library": str(result.library),
        "device": result.device,
        "good": is_good(result),
        "ending": result.ending,
        "calls": [
            {
                "number": call.number,
                "call": call.name,
                "ops": name,
                "recorded_ns": call.nanoseconds,
                **outcome.as_data(),
            }
            for name, call, outcome in _named(result)
        ],
    }
