"""The pipe from child to parent: one JSON object a line, written at once, so a crash loses none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

__all__ = ["Lines", "Sender"]


class Sender:
    """The child's end."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, kind: str, **values: Any) -> None:
        """Send one message."""
        rest = (json.dumps({"kind": kind, **values}) + "\n").encode()
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
