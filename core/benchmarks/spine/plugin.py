"""The eager add on a stranger's device, plugins/hello, beside the same on the CPU device."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dovetail as dt
import dovetail_abi
from dovetail.devices import load
from spine import problems
from spine.case import Budget, Case, Samples, timed

SOURCE = Path(__file__).parents[3] / "plugins" / "hello" / "csrc" / "hello.c"


def build(folder: Path) -> Path:
    """The plugin as a library, under a name of the folder's: a word is loaded once per process."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise FileNotFoundError("gcc was not found; the plugin is compiled for this measurement")
    library = folder / "libhello.so"
    text = SOURCE.read_text(encoding="utf-8").replace('"hello"', f'"hello_{folder.name}"')
    (folder / "hello.c").write_text(text, encoding="utf-8")
    command = [compiler, "-std=c99", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += [f"-I{dovetail_abi.include_dir()}", str(folder / "hello.c")]
    command += ["-o", str(library)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return library


def _adds(a: Any, b: Any) -> Callable[[int], None]:
    def add(n: int) -> None:
        for _ in range(n):
            a + b

    return add


def _beyond(
    there: Callable[[int], None], here: Callable[[int], None], budget: Budget, pinned: bool
) -> Samples:
    """Seconds of an add there beyond those of one here, in turns: A B A B."""
    values: list[float] = []
    part = Budget(warm=0.02, seconds=budget.seconds / 20, samples=5)
    for _ in range(10):
        pair = [timed(run, part, pinned=pinned) for run in (here, there)]
        middle = [sorted(one.values)[len(one.values) // 2] for one in pair]
        values.append(max(0.0, middle[1] - middle[0]))
    return Samples(values=values, basis=pair[1].basis)


def cases(threads: int) -> Iterator[Case]:
    pinned = threads == 1
    x, y = problems.pair()
    with tempfile.TemporaryDirectory(prefix="b") as folder:
        device = load(build(Path(folder)))
        a, b = dt.asarray(x, device=device), dt.asarray(y, device=device)
        there, here = _adds(a, b), _adds(dt.asarray(x), dt.asarray(y))
        yield Case(
            name="add_plugin",
            how="a + b on plugins/hello",
            samples=lambda budget: timed(there, budget, pinned=pinned),
            value=lambda: a + b,
        )
        yield Case(
            name="add_plugin_beyond",
            how="the same less an add on the CPU device",
            samples=lambda budget: _beyond(there, here, budget, pinned),
        )
