"""Recorded partitions, compilations and executions, made again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.raw import string
from dovetail.replay_calls.build import Scope
from dovetail.replay_calls.outcome import Outcome, compare_status
from dovetail.replay_calls.reader import Call
from dovetail.replay_calls.target import error_text, new_error, new_struct, timed
from dovetail.replay_calls.values import stored

if TYPE_CHECKING:
    from dovetail.replay_calls.engine import Engine

__all__ = ["Executables"]


@dataclass(slots=True)
class _Compiled:
    handle: Any  # null: refused or failed
    status: int
    text: str
    workspace: tuple[int, int]  # size and alignment
    scope: Scope  # its constants live as long as it does


class Executables:
    """By recorded number, compiled at first use."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._compiled: dict[int, _Compiled] = {}
        self._makers = engine.recording.makers()

    def verbs(self) -> dict[str, Callable[[Call], Outcome]]:
        """What the engine calls for each kind of call."""
        verbs = {
            "partition": self._partition,
            "compile": self._compile,
            "load": self._compile,
            "execute": self._execute,
            "save": self._save,
        }
        return {name: self._with_graphs(verb) for name, verb in verbs.items()}

    def _with_graphs(self, verb: Callable[[Call], Outcome]) -> Callable[[Call], Outcome]:
        def guarded(call: Call) -> Outcome:
            if self.engine.target.graphs == ffi.NULL:
                return Outcome(kind="refused", text="it has no graph table")
            return verb(call)

        return guarded

    def close(self) -> None:
        """Destroy what was compiled."""
        for one in self._compiled.values():
            if one.handle != ffi.NULL:
                self.engine.target.graphs.destroy(one.handle)
            one.scope.close()
        self._compiled.clear()

    # ---- the calls -------------------------------------------------------------------------------

    def _description(self, call: Call, scope: Scope) -> Any:
        begin = call.begin
        desc = scope.keep(new_struct("dvt_compile_desc", flags=begin["flags"]))
        desc.graph, desc.host = scope.graph(begin["graph"]), self.engine.target.host
        desc.devices = scope.keep(ffi.new("dvt_device *[]", [scope.device.handle]))
        desc.n_devices = 1
        desc.options, desc.n_options = scope.attrs(begin["options"])
        return desc

    def _partition(self, call: Call) -> Outcome:
        graphs = self.engine.target.graphs
        if graphs.partition == ffi.NULL:
            return Outcome(kind="skipped", text="it has no partition: it is offered whole graphs")
        with self.engine.scope(_first(call.begin["devices"])) as scope:
            count = len(call.begin["graph"]["nodes"])
            claims = [scope.keep(new_struct("dvt_claim")) for _ in range(count)]
            rows = scope.keep(ffi.new("dvt_claim *[]", claims or [ffi.NULL]))
            error = new_error()
            status = graphs.partition(self._description(call, scope), rows, error)
            decided = compare_status(call, status, error_text(error), 0)
            if decided is not None:
                return decided
            now = [claim.group for claim in claims]
            reasons = [string(claim.reason) or "" for claim in claims]
        return _compare_claims(call, now, reasons)

    def _get(self, number: int) -> _Compiled | None:
        if number not in self._compiled:
            maker = self._makers.get(number)
            if maker is None:
                return None
            self._compiled[number] = self._make(maker)
        return self._compiled[number]

    def _make(self, call: Call) -> _Compiled:
        begin, target = call.begin, self.engine.target
        number = begin["device"] if call.name == "load" else _first(begin["devices"])
        scope = self.engine.scope(number)
        out, error = ffi.new("dvt_executable **"), new_error()
        info = scope.keep(new_struct("dvt_executable_info"))
        if call.name == "compile":
            status = target.graphs.compile(self._description(call, scope), out, info, error)
        elif target.graphs.load == ffi.NULL:
            return _Compiled(
                ffi.NULL, lib.DVT_UNSUPPORTED, "it loads no saved graphs", (0, 64), scope
            )
        else:
            data = stored(self.engine.recording, begin["blob"])
            if data is None:
                text = "the recording does not hold the saved graph"
                return _Compiled(ffi.NULL, lib.DVT_UNSUPPORTED, text, (0, 64), scope)
            blob = scope.keep(new_struct("dvt_blob", host=target.host, size=len(data)))
            blob.bytes, blob.device = scope.keep(ffi.new("char[]", data)), scope.device.handle
            status = target.graphs.load(blob, out, info, error)
        handle = out[0] if status == lib.DVT_OK else ffi.NULL
        workspace = (info.workspace_size, info.workspace_alignment or 64)
        return _Compiled(handle, status, error_text(error), workspace, scope)

    def _compile(self, call: Call) -> Outcome:
        number = int((call.end or {}).get("executable", 0))
        compiled = self._get(number) if number else self._make(call)
        assert compiled is not None
        if not number:  # nothing recorded runs it
            self._compiled[-call.number] = compiled
        decided = compare_status(call, compiled.status, compiled.text, 0)
        return decided or Outcome(kind="same")

    def _execute(self, call: Call) -> Outcome:
        compiled = self._get(int(call.begin["executable"]))
        if compiled is None:
            return Outcome(kind="skipped", text="its compilation is not in the recording")
        if compiled.handle == ffi.NULL:
            kind = "refused" if compiled.status == lib.DVT_UNSUPPORTED else "failed"
            return Outcome(kind=kind, text=f"it was not compiled: {compiled.text}")
        with self.engine.scope(call.begin["device"]) as scope:
            inputs = [scope.given(view) for view in call.begin["inputs"]]
            outputs = [scope.wanted(view) for view in call.begin["outputs"]]
            request = self.engine.call(call, scope, inputs, outputs, compiled.workspace)
            went = timed(self.engine.target.graphs.execute, compiled.handle, request)
            return self.engine.finish(call, scope, outputs, went, compiled.scope.known)

    def _save(self, call: Call) -> Outcome:
        target = self.engine.target
        compiled = self._get(int(call.begin["executable"]))
        if compiled is None or ffi.NULL in (compiled.handle, target.graphs.save):
            return Outcome(kind="skipped", text="there is nothing to save, or no way to")

        write = ffi.callback("dvt_write_fn", lambda _context, _bytes, _size: 0)
        blob = new_struct("dvt_blob", host=target.host)
        blob.write, blob.device = write, compiled.scope.device.handle
        status, said, spent = timed(target.graphs.save, compiled.handle, blob)
        decided = compare_status(call, status, said, spent)
        return decided or Outcome(kind="same", nanoseconds=spent)


def _first(devices: Sequence[int]) -> int:
    return devices[0] if devices else 0


def _compare_claims(call: Call, now: Sequence[int], reasons: Sequence[str]) -> Outcome:
    """Claims are the same when the same nodes go together, whatever the groups are called."""
    then = [row["group"] for row in (call.end or {}).get("claims", ())]
    nodes = call.begin["graph"]["nodes"]
    for i, (before, after) in enumerate(zip(then, now, strict=True)):
        what = f"node {i} ({nodes[i]['op']})"
        if bool(before) and not after:
            why = f": {reasons[i]}" if reasons[i] else ""
            return Outcome(kind="refused", text=f"{what} was claimed, and is not now{why}")
        if after and not before:
            return Outcome(kind="differs", text=f"{what} is claimed, and was not")
    if len({*zip(then, now, strict=True)}) != len(set(then)) or len(set(then)) != len(set(now)):
        return Outcome(kind="differs", text="the nodes are grouped otherwise")
    return Outcome(kind="same")
