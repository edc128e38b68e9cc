"""What became of one call when it was made again, and how outputs compare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from dovetail.op import REGISTRY
from dovetail.replay_calls.reader import Call, Recording
from dovetail.replay_calls.values import as_array, size_of, stored
from dovetail.replay_calls.words import dtype_of, status_text
from dovetail.testing.closeness import allowed, ulp_error

__all__ = ["BAD", "KINDS", "Outcome", "compare_outputs", "compare_status"]

KINDS = ("same", "differs", "refused", "failed", "crashed", "unchecked", "skipped")
"""As recorded; other outputs or an answer that recording did not see; not offered; an error that
recording did not see; took the process down or hung; ran, but the recording does not hold the data
to compare; not made again."""
BAD = frozenset({"differs", "refused", "failed", "crashed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """Of one call. ``ulp``: the largest error of its outputs, None where none was measured."""

    kind: str
    text: str = ""
    ulp: float | None = None
    nanoseconds: int = 0

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def compare_status(
    call: Call, status: int, said: str, nanoseconds: int, recorded: int | None = None
) -> Outcome | None:
    """The outcome when a status decides it; None when the call went well, now as then."""
    before = call.status if recorded is None else recorded
    if call.end is None:
        if status == 0:
            text = "it did not come back when it was recorded; now it does"
            return Outcome(kind="differs", text=text, nanoseconds=nanoseconds)
        text = f"{_with(status, said)}; when it was recorded it did not come back"
        return Outcome(kind="failed", text=text, nanoseconds=nanoseconds)
    if status == before:
        return None if status == 0 else Outcome(kind="same", text=_with(status, said))
    if status == 1:
        return Outcome(kind="refused", text=said or "no reason given")
    if status == 0:
        text = f"ok; when it was recorded: {_with(before, _said(call.end))}"
        return Outcome(kind="differs", text=text, nanoseconds=nanoseconds)
    text = f"{_with(status, said)}; when it was recorded: {_with(before, _said(call.end))}"
    return Outcome(kind="failed", text=text)


def _said(end: Mapping[str, Any]) -> str:
    error = end.get("late") or end.get("error") or {}
    return str(end.get("reason") or error.get("message") or "")


def _with(status: int | None, said: str) -> str:
    return f"{status_text(status)}{': ' if said else ''}{said}"


def compare_outputs(
    recording: Recording,
    call: Call,
    outputs: Sequence[tuple[Mapping[str, Any], bytes]],
    *,
    known: bool,
    ops: Sequence[str],
    tolerance: float | None,
    nanoseconds: int,
) -> Outcome:
    """Outputs (view, bytes now) against what the call wrote when it was recorded."""
    held = {int(row["i"]): row for row in (call.end or {}).get("outputs", ())}
    worst, texts, compared, open_ = None, [], 0, 0
    for index, (view, now) in enumerate(outputs):
        then = stored(recording, held.get(index, {})) if known else None
        if size_of(view) == 0:
            continue
        if then is None:
            open_ += 1
            continue
        compared += 1
        ulp, text = _difference(then, now, view, ops, tolerance)
        if ulp is not None:
            worst = ulp if worst is None else max(worst, ulp)
        if text:
            texts.append(f"output {index}: {text}")
    if texts:
        kind = "differs"
    elif open_ and not compared:
        kind = "unchecked"
        texts.append(
            "the recording does not hold its outputs"
            if known
            else "run on made-up data, since the recording does not hold its inputs"
        )
    else:
        kind = "same"
    return Outcome(kind=kind, text="; ".join(texts), ulp=worst, nanoseconds=nanoseconds)


def _difference(
    then: bytes, now: bytes, view: Mapping[str, Any], ops: Sequence[str], tolerance: float | None
) -> tuple[float | None, str]:
    """The error in ulp, and a sentence when it is too large."""
    if then == now:
        return 0.0, ""
    kind = dtype_of(view["dtype"])
    if kind is None:
        return None, "its bytes differ"
    want, got = (as_array(data, kind, view["shape"]) for data in (then, now))
    limit, norm = _limit(ops, view, tolerance)
    error = ulp_error(got, want, kind, norm=norm)
    worst = float(error.max())
    if worst <= limit:
        return worst, ""
    at = tuple(int(i) for i in _unravel(int(error.argmax()), view["shape"]))
    count = int((error > limit).sum())
    return worst, (
        f"element {at} is {got[at]!s} instead of {want[at]!s}, {worst:.3g} ulp off where {limit:g} "
        f"are allowed; {count} of {error.size} are so"
    )


def _unravel(place: int, shape: Sequence[int]) -> list[int]:
    indices = []
    for extent in reversed(shape):
        place, index = divmod(place, extent)
        indices.append(index)
    return indices[::-1]


def _limit(
    ops: Sequence[str], view: Mapping[str, Any], tolerance: float | None
) -> tuple[float, bool]:
    """Ulps allowed, and whether of the largest output. Two devices may each be off by an op's
    tolerance; in a graph the errors of the nodes add up."""
    if tolerance is not None:
        return tolerance, False
    kind = dtype_of(view["dtype"])
    assert kind is not None
    rules = [REGISTRY[op].tolerance if op in REGISTRY else {} for op in ops] or [{}]
    limit = sum(2 * allowed(rule, kind) for rule in rules)
    return limit, any(bool(rule.get("norm")) for rule in rules)
