"""One question to prepare, exactly as it is meant: also one that no host would ask."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dovetail._abi import ffi, lib
from dovetail.check_backend.drive.attributes import Attributes
from dovetail.check_backend.drive.driver import Driver
from dovetail.check_backend.drive.problem import Problem, problems
from dovetail.check_backend.drive.view import contiguous_strides
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.kernel_row import KernelRow
from dovetail.op import Op

__all__ = ["Answer", "Question", "ask", "question_of", "sample_of"]

_GUARD = 64
_FILL = b"\xa5"
Tensor = tuple[tuple[int, ...], tuple[int, int, int]]  # shape, (code, bits, lanes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What dvt_op says; change it with `dataclasses.replace`."""

    what: str
    """For people: how it differs from an honest question."""
    op: str
    version: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    flags: int = 0
    longer: int = 0
    """Bytes by which dvt_op and dvt_kernel_info are longer than in this header, zeroed."""
    on_host: bool = True

    def shaped(self, what: str, shape: Sequence[int]) -> Question:
        """The same with all operands and results of one shape."""
        inputs = tuple((tuple(shape), kind) for _, kind in self.inputs)
        outputs = tuple((tuple(shape), kind) for _, kind in self.outputs)
        return replace(self, what=what, inputs=inputs, outputs=outputs)

    def typed(self, what: str, kind: tuple[int, int, int]) -> Question:
        """The same with all operands and results of one dtype."""
        inputs = tuple((shape, kind) for shape, _ in self.inputs)
        outputs = tuple((shape, kind) for shape, _ in self.outputs)
        return replace(self, what=what, inputs=inputs, outputs=outputs)


@dataclass(slots=True)
class Answer:
    """What prepare answered."""

    status: int
    error: ErrorBuffer
    info: Any
    faults: list[tuple[str, str]]
    """(code of the catalogue, sentence)."""
    _destroy: Any
    _keep: Any

    @property
    def accepted(self) -> bool:
        """Whether there is a kernel."""
        return bool(self.status == lib.DVT_OK)

    @property
    def word(self) -> str:
        """The answer for people."""
        from dovetail.check_backend.drive.device import status_word  # noqa: PLC0415

        return status_word(self.status) + (f" ({self.error.text})" if self.error.text else "")

    def destroy(self) -> None:
        """Give the kernel back, as a host does after DVT_OK alone."""
        if self.accepted and ffi.NULL not in (self.info.kernel, self._destroy):
            self._destroy(self.info.kernel)
            self.info.kernel = ffi.NULL


def sample_of(op: Op, row: KernelRow) -> Problem | None:
    """A sample of an op that a row claims: one with several elements, where there is one."""
    few = list(itertools.islice(problems(op, row), 12))
    large = (one for one in few if any(s.size > 1 for s in one.specs))
    return next(large, few[0] if few else None)


def question_of(driver: Driver, row: KernelRow, problem: Problem) -> Question:
    """The honest question for a problem."""

    def tensors(specs: Sequence[Any]) -> tuple[Tensor, ...]:
        return tuple((tuple(s.shape), (s.dtype.code, s.dtype.bits, 1)) for s in specs)

    return Question(
        what="as it should be",
        op=problem.op.name,
        version=problem.op.version,
        inputs=tensors(problem.specs),
        outputs=tensors(problem.results),
        attributes=problem.attributes,
        on_host=driver.on_host(row),
    )


def ask(driver: Driver, row: KernelRow, question: Question) -> Answer:
    """Ask the row's prepare; the row must have one."""
    keep: list[Any] = []
    place = driver.place_of(question.on_host)
    ins = _tensors(question.inputs, place, keep)
    outs = _tensors(question.outputs, place, keep)
    attributes = Attributes(question.attributes)
    name = ffi.new("char[]", question.op.encode())
    size = int(ffi.sizeof("dvt_op"))
    room = ffi.new("char[]", size + question.longer)
    op = ffi.cast("dvt_op *", room)
    op.struct_size, op.flags, op.name = size + question.longer, question.flags, name
    op.version, op.n_inputs, op.n_outputs = (
        question.version,
        len(question.inputs),
        len(question.outputs),
    )
    op.n_attrs, op.inputs, op.outputs = attributes.count, ins, outs
    op.attrs, op.device, op.host = attributes.pointer, driver.handle, driver.host.pointer
    size = int(ffi.sizeof("dvt_kernel_info")) + question.longer
    memory = ffi.new("char[]", _FILL * (size + 2 * _GUARD))
    ffi.memmove(memory + _GUARD, bytes(size), size)
    info = ffi.cast("dvt_kernel_info *", memory + _GUARD)
    info.struct_size = size
    error = ErrorBuffer()
    raw = driver.defs[row.index]
    status = int(raw.prepare(op, info, error.pointer))
    faults = [*error.faults(), *_overruns(memory, info, size, question.longer)]
    if status == lib.DVT_OK and info.run == ffi.NULL:
        info.run = raw.run
    keep += [ins, outs, attributes, name, room, memory]
    return Answer(status, error, info, faults, raw.destroy, keep)


def _tensors(tensors: Sequence[Tensor], place: tuple[int, int], keep: list[Any]) -> Any:
    made = []
    for shape, (code, bits, lanes) in tensors:
        one = ffi.new("dvt_tensor *")
        extents = ffi.new("int64_t[]", [*shape, 0])
        strides = ffi.new("int64_t[]", [*contiguous_strides(shape), 0])
        one.place.type, one.place.id = place
        one.ndim, one.shape, one.strides = len(shape), extents, strides
        one.dtype.code, one.dtype.bits, one.dtype.lanes = code, bits, lanes
        keep += [one, extents, strides]
        made.append(one)
    array = ffi.new("dvt_tensor *[]", made or [ffi.NULL])
    keep.append(array)
    return array


def _overruns(memory: Any, info: Any, size: int, longer: int) -> Iterator[tuple[str, str]]:
    whole = bytes(ffi.buffer(memory, size + 2 * _GUARD))
    guards = whole[:_GUARD] + whole[_GUARD + size :]
    if guards != _FILL * (2 * _GUARD):
        yield "structs/overrun", f"it wrote outside a dvt_kernel_info of {size} bytes"
    if int(info.struct_size) != size:
        what = f"it changed the host's struct_size {size} to {int(info.struct_size)}"
        yield "structs/overrun", what
    if longer and whole[_GUARD + size - longer : _GUARD + size].strip(b"\0"):
        yield "structs/overrun", f"it wrote behind the {size - longer} bytes that it can know"
