"""Run the core's tests, Python and C, under AddressSanitizer and UndefinedBehaviorSanitizer.

Usage: sanitize.py [PYTEST ARGUMENTS]. The core is built once more, with the sanitizers, into a
wheel of its own; the interpreter is not instrumented, so the sanitizer's library is loaded first.
"""

import os
import subprocess
import sys
from pathlib import Path

from install_wheels import install
from wheels import build, compiler

from workspace import ROOT, distributions

NOT_GCC = """\
The sanitized build wants gcc's {library}, and {compiler} has none. Install it and try again:
  Debian, Ubuntu   apt install gcc
  Fedora           dnf install gcc libasan libubsan"""


# What judges what a library does to its process, as a sanitizer does; what other compilers build in
# environments of their own; and what measures time.
LEFT_OUT = (
    "test_bad_backends.py",
    "test_benchmarks.py",
    "test_check_backend.py",
    "test_check_backend_parts.py",
    "test_new_backend.py",
    "test_new_backend_bindings.py",
    "test_new_backend_languages.py",
    "test_new_backend_projects.py",
    "test_workloads.py",
)


def runtime(library: str) -> Path:
    """Return the path of one of the compiler's libraries."""
    command = [compiler(), f"-print-file-name={library}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    path = Path(answer).resolve()
    if not Path(answer).is_absolute() or not path.is_file():
        raise SystemExit(NOT_GCC.format(library=library, compiler=compiler()))
    return path


def main(arguments: list[str]) -> int:
    """Build, install, test; return pytest's exit status."""
    # libstdc++ as well: a C++ library opened later throws through the sanitizer's wrappers.
    preload = f"{runtime('libasan.so')} {runtime('libstdc++.so')}"
    folder = Path(sys.prefix) / "sanitized"
    folder.mkdir(exist_ok=True)
    [core] = [one for one in distributions() if one.env == "core"]
    settings = {
        "build-dir": str(folder / "build"),
        "install.strip": "false",
        "cmake.build-type": "Debug",
        "cmake.define.DOVETAIL_SANITIZE": "ON",
        "cmake.define.DOVETAIL_C_TESTS": "ON",
    }
    wheel = build(core, folder, [f"{name}={value}" for name, value in settings.items()])
    install("core", instead=wheel)
    tests = [str(core.folder / "tests")]
    tests += [f"--ignore={core.folder / 'tests' / name}" for name in LEFT_OUT]
    if list(core.folder.glob("csrc/tests/*.c")):
        tests.append(str(ROOT / "tests" / "c_programs.py"))
    environment = {
        "C_PROGRAMS": str(folder / "build" / "c_tests"),
        "LD_PRELOAD": preload,
        "ASAN_OPTIONS": "detect_leaks=0:allocator_may_return_null=1",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        # One allocation, one guard: the interpreter's own pools would hide an overrun.
        "PYTHONMALLOC": "malloc",
    }
    # capture=sys: a report goes to the real standard error, which pytest would otherwise hold when
    # the report ends the interpreter.
    # A file at a time for each process: what crashes ends one of them, and the others go on.
    processes = ["-n", "auto", "--maxprocesses", "8", "--dist", "loadfile"]
    options = ["-c", str(ROOT / "pyproject.toml"), "--capture=sys", *processes, *tests, *arguments]
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, env=os.environ | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
