"""Part of the stage streams: a failure of queued work is told once, with text and tag.

Failures cannot be ordered from every device. Where kernels take memory of the host, one that gives
none provokes them; elsewhere this is skipped, and said so.
"""

from __future__ import annotations

from collections.abc import Iterator

from dovetail._abi import lib
from dovetail.check_backend.drive.compare import difference
from dovetail.check_backend.drive.device import status_word
from dovetail.check_backend.drive.driver import Driver, Kernel
from dovetail.check_backend.drive.queue import Stream
from dovetail.check_backend.stages.stream_kernels import some_kernel

__all__ = ["check"]

_TAG = 0xD0E7A11
_MOST_ALLOCATIONS = 8


def check(driver: Driver) -> Iterator[tuple[str, str]]:
    """Let each of the first allocations of a queued run fail."""
    kernel = some_kernel(driver)
    if kernel is None:
        yield "skip", "no kernel of the library runs on its device's memory"
        return
    provoked = False
    for number in range(1, _MOST_ALLOCATIONS + 1):
        failed, found = _provoke(driver, kernel, number)
        provoked = provoked or failed
        yield from found
        if found or not failed:
            break
    kernel.destroy()
    if not provoked:
        yield "skip", "a queued run takes no memory of the host's, so no failure can be provoked"


def _provoke(driver: Driver, kernel: Kernel, number: int) -> tuple[bool, list[tuple[str, str]]]:
    """Whether the allocation with this number was asked for, and what was wrong."""
    serial, launch, stream = driver.launch(kernel), driver.launch(kernel), Stream(driver)
    driver.run(serial)
    launch.call.stream, launch.call.tag = stream.handle, _TAG
    with driver.host.failing(number, once=True):
        status, error = driver.start(launch)
        late, told = stream.sync_answer()
        failed = driver.host.failed > 0
    again, _ = stream.sync_answer()
    found: list[tuple[str, str]] = []
    if status != lib.DVT_OK:
        if not error.text:
            found.append(("ops/fails-silently", f"run answered {status_word(status)} without text"))
    elif late == lib.DVT_OK:
        how = difference(kernel.problem, driver.results(launch), driver.results(serial))
        if failed and how:
            what = "host_alloc gave a queued run nothing, stream_sync answered OK, and its result"
            found.append(("streams/error-lost", f"{what} is not there: {how}"))
    else:
        if not told.text:
            what = f"stream_sync delivered {status_word(late)} without a text"
            found.append(("streams/error-without-text", what))
        if told.tag != _TAG:
            what = f"the failed call had tag {_TAG:#x}, stream_sync delivered tag {told.tag:#x}"
            found.append(("streams/error-without-tag", what))
        if again != lib.DVT_OK:
            what = f"stream_sync delivered the failure, and the next one {status_word(again)} again"
            found.append(("streams/error-again", what))
    stream.destroy()
    driver.finish(serial)
    driver.finish(launch)
    return failed, found
