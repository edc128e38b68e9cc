"""Importing each peer in fresh processes, in turn, and what it takes up on disk."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

MEASURE = """
import time
start = time.perf_counter()
import {module}
took = time.perf_counter() - start
import json
with open("/proc/self/status") as file:
    resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
print(json.dumps([took, resident * 1024]))
"""


Cost = tuple[float, float, float, int]
"""Seconds of the whole process and its CPU time, seconds of the import alone, resident bytes."""


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def fresh(module: str, environment: dict[str, str]) -> Cost:
    """Import one module in a new interpreter."""
    used = _children()
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(module=module)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    whole = time.perf_counter() - start
    if done.returncode:
        raise ImportError(f"import {module}: {done.stderr[-300:]}")
    took, resident = json.loads(done.stdout)
    return whole, _children() - used, took, resident


def in_turn(peers: list[str], times: int, environment: dict[str, str]) -> dict[str, list[Cost]]:
    """A B C A B C ...: what each peer's import cost. A first, uncounted turn fills the caches."""
    found: dict[str, list[Cost]] = {peer: [] for peer in peers}
    for turn in range(times + 1):
        for peer in peers:
            cost = fresh(peer, environment)
            if turn:
                found[peer].append(cost)
    return found


# ---- on disk -------------------------------------------------------------------------------------


def _folder_bytes(folder: Path) -> int:
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


def _distribution_bytes(name: str) -> int:
    distribution = importlib.metadata.distribution(name)
    if distribution.files:
        paths = [Path(str(distribution.locate_file(file))) for file in distribution.files]
        return sum(p.stat().st_size for p in paths if p.exists() and p.suffix != ".pyc")
    spec = importlib.util.find_spec(name)  # a build folder on the path has no list of files
    if spec is None or spec.origin is None:
        return 0
    root = Path(spec.origin).parent
    linked = [path for path in root.iterdir() if path.is_symlink() and path.is_dir()]
    return _folder_bytes(root) + sum(_folder_bytes(path.resolve()) for path in linked)


def installed(name: str) -> tuple[int, int | None]:
    """Bytes of a distribution, and with all it requires (None for a build folder on the path, whose
    metadata need not say what that is)."""
    seen: dict[str, int] = {}

    def walk(wanted: str) -> None:
        key = re.sub(r"[-_.]+", "-", wanted).lower()
        if key in seen:
            return
        try:
            seen[key] = _distribution_bytes(wanted)
            requires = importlib.metadata.distribution(wanted).requires or []
        except importlib.metadata.PackageNotFoundError:
            return
        for line in requires:
            match = re.match(r"[A-Za-z0-9._-]+", line)
            if match and "extra ==" not in line:
                walk(match.group())

    walk(name)
    own = seen.get(re.sub(r"[-_.]+", "-", name).lower(), 0)
    complete = bool(importlib.metadata.distribution(name).files)
    return own, sum(seen.values()) if complete else None


def wheel_bytes(dist: Path) -> int | None:
    """Size of the newest wheel of dovetail in dist/, if there is one."""
    wheels = sorted(dist.glob("dovetail-*.whl"), key=lambda path: path.stat().st_mtime)
    return wheels[-1].stat().st_size if wheels else None
