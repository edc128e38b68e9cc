"""The programs of core/csrc/tests_tsan under ThreadSanitizer: the host, an asynchronous device.

Most are linked with the simulated accelerator of the templates, and run many threads at once; the
sanitizer reports two accesses that nothing orders, also when they did not collide this time. They
run under AddressSanitizer and UndefinedBehaviorSanitizer, too, which see what is lost.
"""

import functools
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from wheels import compiler

from workspace import ROOT

FOLDER = ROOT / "core" / "csrc" / "tests_tsan"
HEADER = ROOT / "abi" / "src" / "dovetail_abi" / "include"
DEVICE = ROOT / "core" / "src" / "dovetail" / "templates" / "accelerator" / "csrc"
SOURCES = sorted(FOLDER.glob("*.c"))
STRICT = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
WAYS = {"thread": "thread", "address": "address,undefined"}

NO_SANITIZER = """\
the programs are built with gcc's or clang's -fsanitize={words}, and {compiler} cannot do it.
Install it and try again:
  Debian, Ubuntu   apt install gcc
  Fedora           dnf install gcc libtsan libasan libubsan
{said}"""
RACE = """
#include <pthread.h>
static int counter;
static void *count(void *unused) { for (int i = 0; i < 1000; i++) counter++; return unused; }
int main(void) {
    pthread_t other;
    if (pthread_create(&other, 0, count, 0) != 0) return 3;
    count(0);
    pthread_join(other, 0);
    return 0;
}
"""


# Programs that count requests for host memory, and let one fail.
COUNTED = [f"-Wl,--wrap={name}" for name in ("calloc", "realloc", "aligned_alloc")]


def compile_with(way: str, words: list[str], folder: Path) -> None:
    """Run the compiler; one without the sanitizer fails the test with a sentence."""
    command = [compiler(), *STRICT, "-g", "-O1", f"-fsanitize={WAYS[way]}", f"-I{HEADER}", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = NO_SANITIZER.format(words=WAYS[way], compiler=compiler(), said=done.stderr)
        pytest.fail(said if "sanit" in done.stderr or "san." in done.stderr else done.stderr)


def build(sources: list[Path], target: Path, way: str) -> Path:
    """Compile and link one program."""
    words = [*map(str, sources), "-o", str(target)]
    words += COUNTED if target.name.endswith("out_of_memory") else []
    compile_with(way, [*words, "-lm", "-lpthread", "-ldl"], target.parent)
    return target


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[Path]]:
    """``device("thread")``: the accelerator's objects under that sanitizer, compiled once."""

    @functools.cache
    def objects(way: str) -> list[Path]:
        folder = tmp_path_factory.mktemp(way)
        compile_with(way, ["-c", *map(str, sorted(DEVICE.glob("*.c")))], folder)
        return sorted(folder.glob("*.o"))

    return objects


def run(program: Path) -> subprocess.CompletedProcess[str]:
    """Run a program; once more without randomised addresses where the sanitizer needs that."""
    environment = os.environ | {
        "TSAN_OPTIONS": "halt_on_error=0:exitcode=66:second_deadlock_stack=1",
        "ASAN_OPTIONS": "detect_leaks=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }
    command = [str(program)]
    for _ in range(2):
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        if "unexpected memory mapping" not in done.stderr or shutil.which("setarch") is None:
            break
        command = ["setarch", "-R", str(program)]
    return done


def test_there_are_programs() -> None:
    assert {path.stem for path in SOURCES} >= {"host_threads", "accelerator_threads"}
    assert list(DEVICE.glob("*.c"))


def test_the_sanitizer_finds_a_race(tmp_path: Path) -> None:
    """A gate that finds nothing where there is something is none."""
    source = tmp_path / "race.c"
    source.write_text(RACE, encoding="utf-8")
    done = run(build([source], tmp_path / "race", "thread"))
    assert done.returncode == 66, done.stdout + done.stderr
    assert "data race" in done.stderr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_program_runs_without_a_finding(
    source: Path, way: str, tmp_path: Path, device: Callable[[str], list[Path]]
) -> None:
    linked = device(way) if source.stem.startswith("accelerator") else []
    done = run(build([source, *linked], tmp_path / source.stem, way))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "ok\n", done.stderr
