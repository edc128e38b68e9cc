"""Part of the stage streams: a kernel waits for what is queued before it, and is waited for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dovetail._abi import ffi
from dovetail.check_backend.drive.compare import difference
from dovetail.check_backend.drive.driver import Driver, Kernel, Launch
from dovetail.check_backend.drive.pick import large_problem, one_of_each_dtype
from dovetail.check_backend.drive.problem import unstored
from dovetail.check_backend.drive.queue import Stream
from dovetail.check_backend.drive.view import View
from dovetail.dtypes import uint8
from dovetail.op import REGISTRY

__all__ = ["check", "some_kernel"]

_SIZE = 1 << 16


def some_kernel(driver: Driver) -> Kernel | None:
    """A kernel that runs on device memory and writes something that is not trivial."""
    for op, row in driver.kernel_rows(REGISTRY):
        if driver.on_host(row) or row.host_inputs or not op.operands:
            continue
        for problem in (large_problem(op, row, _SIZE), *one_of_each_dtype(op, row)):
            if problem is not None and problem.elements > 1:
                kernel = driver.prepare(row, problem)
                if isinstance(kernel, Kernel):
                    return kernel
    return None


def check(driver: Driver) -> Iterator[tuple[str, str]]:
    """Operands come by copies on the stream, the kernel runs, its result goes by another."""
    kernel = some_kernel(driver)
    if kernel is None:
        yield "skip", "no kernel of the library runs on its device's memory"
        return
    serial = driver.launch(kernel)
    driver.run(serial)
    want = driver.results(serial)
    stream, launch = Stream(driver), driver.launch(kernel)
    launch.call.stream = stream.handle
    for buffer in (*launch.inputs, *launch.outputs):  # what is there now must not be what is used
        driver.put(buffer, b"\x00" * buffer.size)
    kept = [_copy_in(driver, serial, launch, i, stream) for i in range(len(launch.inputs))]
    driver.run(launch)
    first = np.zeros(launch.outputs[0].size, np.uint8)
    home = View(ffi.cast("void *", first.ctypes.data), first.shape, uint8)
    driver.copy(
        driver.view(launch.outputs[0], first.shape, uint8),
        driver.handle,
        home,
        ffi.NULL,
        stream=stream.handle,
    )
    stream.sync()
    spec = kernel.problem.results[0]
    got = [unstored(first.tobytes(), spec), *driver.results(launch)[1:]]
    if how := difference(kernel.problem, got, want):
        yield (
            "streams/order",
            f"operands copied in, a kernel and its result copied out on one stream: {how}",
        )
    del kept
    stream.destroy()
    driver.finish(serial)
    driver.finish(launch)
    kernel.destroy()


def _copy_in(
    driver: Driver, source: Launch, target: Launch, number: int, stream: Stream
) -> tuple[View, View]:
    one, other = source.inputs[number], target.inputs[number]
    views = (driver.view(one, (one.size,), uint8), driver.view(other, (other.size,), uint8))
    if one.size:
        driver.copy(views[0], driver.handle, views[1], driver.handle, stream=stream.handle)
    return views
