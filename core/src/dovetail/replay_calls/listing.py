"""A recording for people: every call on a line, and the time of each op."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dovetail.replay_calls.reader import Call, Recording
from dovetail.replay_calls.words import (
    dtype_text,
    op_of,
    ops_of_graph,
    short,
    size_text,
    status_text,
    time_text,
    view_text,
)

__all__ = ["as_data", "chosen_calls", "head", "show", "timeline"]


def head(recording: Recording) -> Iterator[str]:
    """Who recorded what, notices, damage, and calls that did not come back."""
    s = recording.session
    if s:
        yield (
            f"{s['plugin']} {s['version']} ({s['library']}), by dovetail {s['dovetail']}; "
            f"data: {s['record_data']}; {len(recording.calls)} calls"
        )
    else:
        yield "a recording without its head"
    for notice in recording.notices:
        yield f"notice: {notice}"
    if recording.damage:
        yield f"notice: {recording.damage}"
    makers = recording.makers()
    for call in recording.calls:
        if call.end is None:
            yield f"notice: call {call.number}, {_name(call, makers)}, did not come back"


def chosen_calls(recording: Recording, ops: frozenset[str]) -> list[Call]:
    """The calls about some ops (or with such a name); all of them when ``ops`` is empty."""
    makers = recording.makers()
    return [
        call
        for call in recording.calls
        if not ops or call.name in ops or ops.intersection(op_of(call, makers))
    ]


def show(recording: Recording, ops: frozenset[str]) -> Iterator[str]:
    """A line per call."""
    makers = recording.makers()
    for call in chosen_calls(recording, ops):
        parts = [f"{call.number:6}  t{call.begin['thread']}  {_name(call, makers)}"]
        parts += list(_facts(call))
        if call.end is None:
            parts.append("DID NOT COME BACK")
        else:
            if call.status:
                parts.append(_failure(call.end))
            if "late" in call.end:
                parts.append(f"later {_problem(call.end['late'])}")
            parts.append(time_text(call.nanoseconds))
        yield "  ".join(part for part in parts if part)


def _name(call: Call, makers: Mapping[int, Call]) -> str:
    ops = op_of(call, makers)
    if call.name in ("prepare", "run"):
        return f"{call.name} {ops[0] if ops else '(prepared elsewhere)'}"
    return f"{call.name} {short('+'.join(ops))}" if ops else call.name


def _facts(call: Call) -> Iterator[str]:
    begin = call.begin
    if "inputs" in begin and "outputs" in begin:
        given = ", ".join(view_text(view) for view in begin["inputs"])
        yield f"({given}) -> {', '.join(view_text(view) for view in begin['outputs'])}"
    if call.name == "prepare":
        yield " ".join(f"{a['name']}={_attribute(a)}" for a in begin["attrs"])
    if "graph" in begin:
        yield f"{len(ops_of_graph(begin['graph']))} nodes"
    if "size" in begin:
        yield size_text(begin["size"])
    for handle in ("stream", "event"):
        if begin.get(handle):
            yield f"{handle} {begin[handle]}"


def _attribute(attribute: Mapping[str, Any]) -> str:
    values = attribute.get("values")
    if values is None:
        return f"<{attribute['count']} bytes>"
    texts = [_value(attribute["kind"], value) for value in values]
    return f"[{', '.join(texts)}]" if attribute["list"] else ", ".join(texts)


def _value(kind: int, value: Any) -> str:
    if kind == 4:  # DVT_ATTR_DTYPE
        return dtype_text(value)
    if kind == 6:  # DVT_ATTR_TENSOR
        return view_text(value)
    if kind == 7 and value is not None:  # DVT_ATTR_GRAPH
        return f"<graph {'+'.join(ops_of_graph(value))}>"
    return str(value)


def _problem(error: Mapping[str, Any]) -> str:
    return f"{status_text(error['status'])}: {error.get('message', '')}"


def _failure(end: Mapping[str, Any]) -> str:
    reason = end.get("reason") or end.get("error", {}).get("message") or ""
    return f"{status_text(end['status'])}{': ' if reason else ''}{reason}"


def timeline(recording: Recording) -> Iterator[str]:
    """Count, total time and longest call of each op, the longest total first."""
    makers = recording.makers()
    rows: dict[str, list[Call]] = {}
    for call in recording.calls:
        rows.setdefault(_name(call, makers), []).append(call)
    totals = sorted(
        ((sum(c.nanoseconds for c in calls), name, calls) for name, calls in rows.items()),
        key=lambda row: (-row[0], row[1]),
    )
    whole = sum(total for total, _, _ in totals) or 1
    width = max([len(name) for name in rows] or [0]) + 2
    yield f"{'CALL':{width}}{'COUNT':>7}{'TOTAL':>10}{'SHARE':>7}{'LONGEST':>10}  ITS OPERANDS"
    for total, name, calls in totals:
        longest = max(calls, key=lambda call: call.nanoseconds)
        facts = next(_facts(longest), "")
        yield (
            f"{name:{width}}{len(calls):>7}{time_text(total):>10}{total / whole:>7.0%}"
            f"{time_text(longest.nanoseconds):>10}  {facts}"
        ).rstrip()


def as_data(recording: Recording, ops: frozenset[str]) -> dict[str, Any]:
    """The recording for programs: its head and its calls, without data."""
    return {
        "session": dict(recording.session),
        "notices": recording.notices,
        "damage": recording.damage,
        "calls": [
            {"number": call.number, "call": call.name, "begin": call.begin, "end": call.end}
            for call in chosen_calls(recording, ops)
        ],
    }
