"""What a stage is given: the library under test, and a line to the parent."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from dovetail._abi import ffi
from dovetail.check_backend.channel import Sender
from dovetail.check_backend.error_buffer import ErrorBuffer
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.raw import Library, string
from dovetail.check_backend.stage import OpResult, Stop

__all__ = ["Subject"]

T = TypeVar("T")


class Subject:
    """The library in one stage's child process. Nothing is opened before it is asked for."""

    def __init__(
        self,
        path: Path,
        sender: Sender,
        *,
        quick: bool = False,
        ordinal: int = 0,
        ended: Sequence[int] = (),
    ) -> None:
        self.path = path
        self.quick = quick
        """Fewer cases of the same kinds, for a check while one works."""
        self.ordinal = ordinal
        """The device to check."""
        self._sender = sender
        self._ended = frozenset(ended)
        self._resume = max(ended, default=0)
        self._step = 0

    # ---- telling the parent ----------------------------------------------------------------------

    def doing(self, what: str, *, crash: str = "", hang: str = "") -> None:
        """What happens next, so that a crash or a hang is named after it.

        ``crash`` and ``hang``: codes for these findings, where ``process/crash`` and
        ``process/hang`` would say too little.
        """
        self._sender.send("doing", what=what, crash=crash, hang=hang, step=self._step)

    def each(
        self, items: Iterable[T], what: str = "{}", *, crash: str = "", hang: str = ""
    ) -> Iterator[T]:
        """The items, each a step of its own; ``what`` with the item in it names the step.

        When a step ends the process, another child runs the stage again, and this leaves out
        what came before. The items must therefore be the same, in the same order, in every run.
        """
        for item in items:
            self._step += 1
            if self._step > self._resume:
                self.doing(what.format(item), crash=crash, hang=hang)
                yield item

    @property
    def ended_here(self) -> bool:
        """Whether the step that `each` left out just now is one that ended a child before."""
        return self._step in self._ended

    def skip(self, what: str) -> None:
        """Something was not checked, and why: "streams: the device table has none"."""
        self._sender.send("skip", what=what)

    def fact(self, key: str, value: Any) -> None:
        """Something for the certificate, as plain data: ``fact("threads", 4)``."""
        self._sender.send("fact", key=key, value=value)

    def op(self, result: OpResult) -> None:
        """How an op fared in one dtype."""
        self._sender.send("op", **asdict(result))

    def stop(self, why: str) -> Stop:
        """For ``raise subject.stop(...)``: the rest makes no sense, nor do stages that need it."""
        return Stop(why)

    # ---- the library, as it is -------------------------------------------------------------------

    @functools.cached_property
    def host(self) -> KitHost:
        """The kit's own host table."""
        return KitHost()

    @functools.cached_property
    def library(self) -> Library:
        """The opened library."""
        return Library(self.path)

    @functools.cached_property
    def plugin(self) -> Any:
        """The raw ``const dvt_plugin *`` that it answers this host."""
        error = ErrorBuffer()
        raw = self.library.query(self.host, error)
        if raw == ffi.NULL:
            raise self.stop(
                f"dvt_plugin_query refuses this host: {error.text or 'no reason given'}"
            )
        return raw

    @property
    def name(self) -> str:
        """The device word."""
        return string(self.plugin.name) or ""

    # ---- the library, through the core -----------------------------------------------------------

    def device(self) -> Any:
        """The core's `Device` (dovetail.devices) for the chosen ordinal.

        The core is then this process's host, not `host`; a stage uses one of the two.
        """
        from dovetail import backends  # noqa: PLC0415  most stages need no core
        from dovetail.devices import device  # noqa: PLC0415

        backend = backends.load_path(self.path)
        if not backend.record.devices:
            raise self.stop(f"it has no device here: {backend.record.reason}")
        return device(f"{backend.record.name}:{self.ordinal}")
