"""Recordings of calls into device plugins: read them, show them, run them again on a library.

`read` gives a `Recording`; `replay` runs it in child processes and gives a `Report`. The file is
described in core/docs/record-replay.md.
"""

from __future__ import annotations

from dovetail.replay_calls.reader import Call, Recording, find, read

__all__ = ["Call", "Recording", "find", "read"]
