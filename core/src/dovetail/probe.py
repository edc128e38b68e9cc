"""Is this library safe to load? A child process tries first; its verdict is remembered.

The child contains crashes, hangs, exits and output; it does not contain malice: a plugin is native
code. A verdict is kept under the user's cache folder by the file's hash and the processor's
features, so that a library is tried once per machine and build.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dovetail import _abi, _fast, settings
from dovetail.errors import PluginError

__all__ = ["Verdict", "probe"]

_CHILD = Path(__file__).with_name("probe_child.py")
_FORMAT = 1  # of the cached verdicts
_FAULTS_KEPT_SECONDS = 24 * 3600
_OUTPUT_SHOWN = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What the child found. ``fault``: why the library must not be loaded, "" when it may be."""

    fault: str = ""
    name: str | None = None
    version: str | None = None
    abi: int | None = None
    abi_required: int | None = None
    ops: tuple[str, ...] = ()
    prints: str = ""


def probe(path: Path, *, sha256: str | None = None, again: bool = False) -> Verdict:
    """Try the library at ``path`` in a child process, or recall an earlier verdict.

    ``sha256``: what its manifest promises. ``again``: ignore what is remembered.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}; is it there?") from error
    if sha256 is not None and sha256.lower() != digest:
        raise PluginError(
            f"{path} is not the file its manifest names: its SHA-256 is {digest}, the manifest "
            f"says {sha256}; install its package again"
        )
    newest = int(_abi.lib.DVT_ABI_VERSION)
    oldest = newest & ~0xFFFF
    key = json.dumps([_FORMAT, digest, sorted(_fast.cpu_features()), newest])
    kept = _cache_folder() / (hashlib.sha256(key.encode()).hexdigest()[:32] + ".json")
    if not again:
        verdict = _recall(kept)
        if verdict is not None:
            return verdict
    verdict, final = _try(path, oldest, newest)
    if final:
        _remember(kept, verdict)
    return verdict


# ---- the child ----------------------------------------------------------------------------------


def _try(path: Path, oldest: int, newest: int) -> tuple[Verdict, bool]:
    """The verdict, and whether it is worth remembering."""
    if not sys.executable:  # an embedded interpreter: there is nothing to start
        return Verdict(), False
    with tempfile.TemporaryFile() as output:
        read_end, write_end = os.pipe()
        command = [sys.executable, "-I", "-S", str(_CHILD), str(path.resolve())]
        command += [str(write_end), str(oldest), str(newest)]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(write_end,),
                start_new_session=True,
            )
        except OSError:  # no process to be had, as in some sandboxes: the loader's checks remain
            os.close(read_end)
            return Verdict(), False
        finally:
            os.close(write_end)
        answer, code = _wait(child, read_end)
        output.seek(0)
        printed = output.read(4 * _OUTPUT_SHOWN).decode("utf-8", "replace").strip()[:_OUTPUT_SHOWN]
    if code is None:
        seconds = settings.probe_seconds()
        return Verdict(fault=f"it did not answer within {seconds:g} seconds", prints=printed), True
    if code < 0:
        try:
            word = signal.Signals(-code).name
        except ValueError:
            word = f"signal {-code}"
        return Verdict(fault=f"it crashed with {word} while it was loaded", prints=printed), True
    try:
        said: dict[str, Any] = json.loads(answer)
    except ValueError:
        fault = f"it ended the process with status {code} while it was loaded"
        return Verdict(fault=fault, prints=printed), True
    if "refused" in said:  # a civil answer: the loader asks again here and words the refusal
        return Verdict(prints=printed), bool(said["opened"])
    return Verdict(
        name=said.get("name"),
        version=said.get("version"),
        abi=said.get("abi"),
        abi_required=said.get("abi_required"),
        ops=tuple(sorted({row[0] for row in said["rows"] if row[0]})),
        prints=printed,
    ), True


def _wait(child: subprocess.Popen[bytes], read_end: int) -> tuple[bytes, int | None]:
    """What the child wrote and its exit status; None when its time ran out and it was ended."""
    deadline = time.monotonic() + settings.probe_seconds()
    pieces: list[bytes] = []
    os.set_blocking(read_end, False)
    try:
        while True:
            code = child.poll()
            with contextlib.suppress(BlockingIOError):
                while piece := os.read(read_end, 65536):
                    pieces.append(piece)
            if code is not None:
                return b"".join(pieces), code
            if time.monotonic() > deadline:
                return b"", None
            time.sleep(0.002)
    finally:
        os.close(read_end)
        # Its session may hold processes that the library started.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


# ---- remembered verdicts ------------------------------------------------------------------------


def _cache_folder() -> Path:
    return settings.cache_folder() / "probe"


def _recall(kept: Path) -> Verdict | None:
    try:
        data: Mapping[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        verdict = Verdict(**{**data, "ops": tuple(data["ops"])})
        old = time.time() - kept.stat().st_mtime > _FAULTS_KEPT_SECONDS
    except (OSError, ValueError, TypeError, KeyError):
        return None  # none, or damaged: the library is tried again
    return None if verdict.fault and old else verdict


def _remember(kept: Path, verdict: Verdict) -> None:
    temporary = kept.with_name(f"{kept.name}.{os.getpid()}")
    with contextlib.suppress(OSError):  # a read-only home costs a probe per process, no more
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(asdict(verdict)), encoding="utf-8")
        temporary.replace(kept)
