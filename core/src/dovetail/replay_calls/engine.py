"""Making the recorded calls again, one by one, on another library. Runs in the child process.

What a call depends on (its kernel, executable, stream, event) is made when it is first needed, so
that a replay may begin anywhere: at some ops, or after a call that crashed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.replay_calls import kernels
from dovetail.replay_calls.build import Placed, Scope
from dovetail.replay_calls.executables import Executables
from dovetail.replay_calls.outcome import Outcome, compare_outputs, compare_status
from dovetail.replay_calls.reader import Call, Recording
from dovetail.replay_calls.streams import Streams
from dovetail.replay_calls.target import Device, Target, error_text, new_error, new_struct, timed
from dovetail.replay_calls.transfers import copy, fill
from dovetail.replay_calls.words import op_of

__all__ = ["Engine"]

_NOT_MADE_AGAIN = {
    "import_memory": "foreign memory is not in a recording",
    "unimport_memory": "foreign memory is not in a recording",
    "map": "replay maps memory as it needs to",
    "unmap": "replay maps memory as it needs to",
    "release": "what alloc gave went back at once",
    "device_close": "devices are closed at the end",
    "executable_destroy": "executables are destroyed at the end",
}


@dataclass
class Engine:
    """A recording and a library; `replay` makes one call again."""

    recording: Recording
    target: Target
    tolerance: float | None = None
    _kernels: dict[int, kernels.Answer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._makers = self.recording.makers()
        self._ordinals = {
            int(call.begin["device"]): int(call.begin["ordinal"])
            for call in self.recording.calls
            if call.name == "device_open"
        }
        self.streams = Streams(self.target, self.recording, self.device)
        self.executables = Executables(self)
        self._verbs: dict[str, Callable[[Call], Outcome]] = {
            "prepare": self._prepare,
            "run": self._run,
            "kernel_destroy": self._destroy,
            "alloc": self._alloc,
            "copy": lambda call: copy(self, call),
            "fill": lambda call: fill(self, call),
            **dict.fromkeys(("device_open", "device_info", "device_count"), self._device),
            "device_memory": self._memory,
            **self.streams.verbs(),
            **self.executables.verbs(),
        }

    def replay(self, call: Call) -> Outcome:
        """Make a call again and say how it went."""
        if call.name in _NOT_MADE_AGAIN:
            return Outcome(kind="skipped", text=_NOT_MADE_AGAIN[call.name])
        verb = self._verbs.get(call.name)
        if verb is None:
            return Outcome(kind="skipped", text="this Dovetail does not know the call")
        return verb(call)

    def close(self) -> None:
        """Give back everything that the replay made."""
        for answer in self._kernels.values():
            if answer.prepared is not None:
                kernels.destroy(answer.prepared)
        self._kernels.clear()
        self.executables.close()
        self.streams.close()
        self.target.close()

    # ---- what calls share ------------------------------------------------------------------------

    def device(self, number: int = 0) -> Device:
        """The device of a recorded number: the one of the same ordinal."""
        return self.target.device(self._ordinals.get(number, 0))

    def scope(self, number: int) -> Scope:
        """A scope on a recorded device."""
        return Scope(self.target, self.device(number), self.recording)

    def finish(
        self,
        call: Call,
        scope: Scope,
        outputs: list[Placed],
        went: tuple[int, str, int],
        known: bool = True,
    ) -> Outcome:
        """Wait for the call's stream, then compare statuses and outputs."""
        status, said, spent = went
        if status == lib.DVT_OK:
            before = time.perf_counter_ns()
            stream = int(call.begin.get("stream", 0))
            status, said = self.streams.settle(stream)
            spent += time.perf_counter_ns() - before if stream else 0
        late = (call.end or {}).get("late")
        decided = compare_status(call, status, said, spent, late["status"] if late else None)
        if decided is not None:
            return decided
        read = [(placed.view, scope.read(placed)) for placed in outputs]
        return compare_outputs(
            self.recording,
            call,
            read,
            known=known and scope.known,
            ops=op_of(call, self._makers),
            tolerance=self.tolerance,
            nanoseconds=spent,
        )

    # ---- kernels ---------------------------------------------------------------------------------

    def _answer(self, number: int) -> kernels.Answer | None:
        """The kernel of a recorded number, prepared at first use; None when nobody prepared it."""
        if number not in self._kernels:
            maker = self._makers.get(number)
            if maker is None:
                return None
            self._kernels[number] = self._ask(maker)
        return self._kernels[number]

    def _ask(self, call: Call) -> kernels.Answer:
        scope = self.scope(call.begin["device"])
        answer = kernels.ask(self.target, scope.device, scope, call.begin)
        if answer.prepared is None:
            scope.close()
        return answer

    def _prepare(self, call: Call) -> Outcome:
        before = time.perf_counter_ns()
        number = int((call.end or {}).get("kernel", 0))
        answer = self._answer(number) if number else self._ask(call)
        spent = time.perf_counter_ns() - before
        assert answer is not None
        if answer.prepared is not None and not number:
            kernels.destroy(answer.prepared)
        decided = compare_status(call, answer.status, answer.text, spent)
        return decided or Outcome(kind="same", nanoseconds=spent)

    def _destroy(self, call: Call) -> Outcome:
        answer = self._kernels.pop(int(call.begin["kernel"]), None)
        if answer is None or answer.prepared is None:
            return Outcome(kind="skipped", text="there is no such kernel")
        kernels.destroy(answer.prepared)
        return Outcome(kind="same")

    def _run(self, call: Call) -> Outcome:
        answer = self._answer(int(call.begin["kernel"]))
        if answer is None:
            return Outcome(kind="skipped", text="its prepare is not in the recording")
        kernel = answer.prepared
        if kernel is None:
            if answer.status == lib.DVT_UNSUPPORTED:
                return Outcome(kind="refused", text=answer.text)
            return Outcome(kind="failed", text=f"its prepare failed: {answer.text}")
        with self.scope(call.begin["device"]) as scope:
            inputs = [
                scope.given(view, contiguous=kernel.contiguous, on_host=kernel.on_host(i))
                for i, view in enumerate(call.begin["inputs"])
            ]
            every = bool(kernel.row.flags & lib.DVT_KERNEL_ON_HOST)
            outputs = [
                self._shared(view, call, inputs, i, kernel.may_alias)
                or scope.wanted(view, contiguous=kernel.contiguous, on_host=every)
                for i, view in enumerate(call.begin["outputs"])
            ]
            attrs = scope.attrs(call.begin["attrs"]) if "attrs" in call.begin else kernel.attrs
            request = self.call(call, scope, inputs, outputs, kernel.workspace)
            request.kernel = kernel.kernel
            request.attrs, request.n_attrs = attrs
            went = timed(kernel.run, request)
            return self.finish(call, scope, outputs, went, kernel.known)

    def call(
        self,
        call: Call,
        scope: Scope,
        inputs: list[Placed],
        outputs: list[Placed],
        workspace: tuple[int, int],
    ) -> Any:
        """A dvt_call as it was recorded, on this library's memory and stream.

        ``workspace``: its size and alignment.
        """
        request = scope.keep(new_struct("dvt_call", flags=call.begin["flags"]))
        request.host, request.device = self.target.host, scope.device.handle
        request.stream = self.streams.handle(int(call.begin["stream"]))
        request.tag = call.begin["tag"]
        request.inputs = scope.pointers([one.tensor for one in inputs])
        request.outputs = scope.pointers([one.tensor for one in outputs])
        request.n_inputs, request.n_outputs = len(inputs), len(outputs)
        size, alignment = workspace
        if size > 0:
            slack = alignment if alignment > 64 else 0
            address = int(ffi.cast("uintptr_t", scope.block(size + slack).address))
            address += -address % alignment if slack else 0
            request.workspace, request.workspace_size = ffi.cast("void *", address), size
        return request

    def _shared(
        self,
        view: Mapping[str, Any],
        call: Call,
        inputs: list[Placed],
        index: int,
        may_alias: int,
    ) -> Placed | None:
        """An output that was written over an input is so again, where this kernel allows it."""
        for i, given in enumerate(call.begin["inputs"][:8]):
            same = all(view.get(k) == given.get(k) for k in ("address", "offset", "shape", "dtype"))
            if "address" in view and same and index < 8 and may_alias >> (8 * index + i) & 1:
                return Placed(inputs[i].tensor, view, inputs[i].block, inputs[i].layout)
        return None

    # ---- devices and memory ----------------------------------------------------------------------

    def _device(self, call: Call) -> Outcome:
        if self.target.api == ffi.NULL:
            return Outcome(kind="skipped", text="it has no device table")
        self.device(int(call.begin.get("device", 0)))  # opened and described, or a ReplayError
        return compare_status(call, lib.DVT_OK, "", 0) or Outcome(kind="same")

    def _memory(self, call: Call) -> Outcome:
        if not self.target.offers("device_memory"):
            return Outcome(kind="skipped", text="it does not tell its memory")
        device = self.device(int(call.begin["device"]))
        numbers, error = ffi.new("uint64_t[2]"), new_error()
        status = self.target.api.device_memory(
            device.handle, call.begin["space"], numbers, numbers + 1, error
        )
        return compare_status(call, status, error_text(error), 0) or Outcome(kind="same")

    def _alloc(self, call: Call) -> Outcome:
        if not self.target.offers("alloc"):
            return Outcome(kind="skipped", text="its memory is the host's")
        device, begin = self.device(int(call.begin["device"])), call.begin
        desc = new_struct("dvt_alloc_desc", size=begin["size"], alignment=begin["alignment"])
        desc.space, desc.stream = begin["space"], self.streams.handle(int(begin["stream"]))
        out = ffi.new("void **")
        status, said, spent = timed(self.target.api.alloc, device.handle, desc, out)
        if status == lib.DVT_OK and self.target.offers("release"):
            desc.data = out[0]
            self.target.api.release(device.handle, desc)
        decided = compare_status(call, status, said, spent)
        return decided or Outcome(kind="same", nanoseconds=spent)
