"""The pipe from child to parent: one JSON object a line, written at once, so a crash loses none."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["Lines", "Sender", "listen"]


class Sender:
    """The child's end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, kind: str, **values: Any) -> None:
        """Send one message."""
        # The line is begun too: the library may have left one of its own without an end.
        rest = ("\n" + json.dumps({"kind": kind, **values}) + "\n").encode()
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]


class Lines:
    """The parent's end: bytes in, whole messages out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[dict[str, Any]]:
        """Messages that ``piece`` completes; what is no message is passed over."""
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:  # the library wrote to a descriptor that is not its own
                continue
            if isinstance(message, dict) and "kind" in message:
                yield message


def listen(
    process: subprocess.Popen[bytes],
    read_end: int,
    take: Callable[[dict[str, Any]], None],
    *,
    patience: float,
    to_start: float,
    stop: threading.Event | None = None,
) -> int | None:
    """Take the child's messages until it ends: its status; None when it said nothing for too long.

    The end of the process counts, not that of the pipe: what the library forked holds it open.
    ``patience``: seconds between messages. ``to_start``: seconds before the first, if that is more.
    """
    lines = Lines()
    last, allowed = time.monotonic(), max(patience, to_start)
    with selectors.DefaultSelector() as selector:
        selector.register(read_end, selectors.EVENT_READ)
        open_ = True
        while True:
            if stop is not None and stop.is_set():
                raise KeyboardInterrupt
            left = last + allowed - time.monotonic()
            if left <= 0:
                return None
            if open_ and selector.select(min(left, 0.2)):
                piece = os.read(read_end, 65536)
                for message in lines.feed(piece):
                    last, allowed = time.monotonic(), patience
                    take(message)
                if piece:
                    continue
                open_ = False
            code = process.poll()
            if code is not None:
                if open_:  # what it wrote before it ended
                    os.set_blocking(read_end, False)
                    with contextlib.suppress(BlockingIOError):
                        while piece := os.read(read_end, 65536):
                            for message in lines.feed(piece):
                                take(message)
                return code
            if not open_:
                time.sleep(0.005)
