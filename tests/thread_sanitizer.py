"""The programs of core/csrc/tests_tsan under ThreadSanitizer: the host, an asynchronous device.

Each is linked with the simulated accelerator of the templates and runs many threads at once; the
sanitizer reports two accesses that nothing orders, also when they did not collide this time.
"""

import os
import shutil
import subprocess
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


def build(sources: list[Path], target: Path, way: str) -> Path:
    """Compile one program; a compiler without the sanitizer fails the test with a sentence."""
    sanitizer = ["-g", "-O1", f"-fsanitize={WAYS[way]}", f"-I{HEADER}"]
    command = [compiler(), *STRICT, *sanitizer, *map(str, sources), "-o", str(target)]
    done = subprocess.run(
        [*command, "-lm", "-lpthread", "-ldl"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = NO_SANITIZER.format(words=WAYS[way], compiler=compiler(), said=done.stderr)
        pytest.fail(said if "sanit" in done.stderr or "san." in done.stderr else done.stderr)
    return target


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
def test_program_runs_without_a_finding(source: Path, way: str, tmp_path: Path) -> None:
    sources = [source, *(sorted(DEVICE.glob("*.c")) if "accelerator" in source.stem else [])]
    done = run(build(sources, tmp_path / source.stem, way))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout == "ok\n", done.stderr
