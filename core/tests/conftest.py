"""Fixtures of the tests about backends: compile one, install one, look again."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import dovetail_abi

BACKENDS = Path(__file__).parent / "backends"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
SHARED = ["-O1", "-shared", "-fPIC", "-fvisibility=hidden"]

Build = Callable[..., Path]


def build_library(source: Path, target: Path, **defines: str) -> Path:
    """Compile one C file against the header alone, with nothing but gcc."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail("gcc was not found: 'apt install gcc' or 'dnf install gcc'")
    words = [f"-D{name}={value}" for name, value in defines.items()]
    command = [compiler, *STRICT, *SHARED, f"-I{dovetail_abi.include_dir()}", *words, str(source)]
    done = subprocess.run(
        [*command, "-o", str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """``build("good", "acme")``: the backend of that file, for the device word acme."""

    def compile_one(kind: str, name: str = "acme", count: int = 1) -> Path:
        return build_library(
            BACKENDS / f"{kind}.c",
            tmp_path / f"lib{kind}_{name}.so",
            NAME=f'"{name}"',
            COUNT=str(count),
        )

    return compile_one


@pytest.fixture(scope="module")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """As `build`, once for a module: a device name can be loaded once per process."""

    def compile_one(kind: str, name: str, count: int = 1) -> Path:
        folder = tmp_path_factory.mktemp(name)
        return build_library(
            BACKENDS / f"{kind}.c", folder / f"lib{name}.so", NAME=f'"{name}"', COUNT=str(count)
        )

    return compile_one


@pytest.fixture
def look_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """``look_again(BACKENDS=path, ...)`` sets variables and makes Dovetail look again.

    Verdicts of the test go to a folder of its own; afterwards all is as before.
    """
    from dovetail import backends

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("BACKENDS", "DISABLE", "PLUGINS", "CPU", "DEVICE"):
        monkeypatch.delenv(f"DOVETAIL_{name}", raising=False)

    def look(**variables: object) -> None:
        for name, value in variables.items():
            monkeypatch.setenv(f"DOVETAIL_{name}", str(value))
        backends.refresh()

    look()
    yield look
    monkeypatch.undo()
    backends.refresh()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``install("acme", library, manifest="...")``: a distribution as pip would leave it.

    Its package raises when it is imported, since discovery must not import it. Returns the folder
    of the package.
    """
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))

    def install_one(
        word: str,
        library: Path | None = None,
        *,
        distribution: str | None = None,
        package: str | None = None,
        manifest: str | None = None,
        entry: str | None = None,
    ) -> Path:
        distribution = distribution or f"dovetail-{word}"
        package = package or f"dovetail_{word}"
        folder = site / package
        folder.mkdir()
        (folder / "__init__.py").write_text("raise ImportError('discovery imported me')\n")
        if library is not None:
            shutil.copy(library, folder / library.name)
            if manifest is None:
                manifest = f'name = "{word}"\nabi = "1.0"\n[[libraries]]\nfile = "{library.name}"\n'
        if manifest is not None:
            (folder / "dovetail-backend.toml").write_text(manifest)
        info = site / f"{distribution.replace('-', '_')}-0.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 0.5\n"
        )
        (info / "entry_points.txt").write_text(
            entry or f"[dovetail.backends]\n{word} = {package}\n"
        )
        return folder

    return install_one


def run_python(text: str, *, environment: dict[str, str] | None = None, seconds: float = 60) -> str:
    """Run a program in a fresh interpreter; its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=environment,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def python() -> Callable[..., str]:
    """``python("print(1)")``: the output of a fresh interpreter."""
    return run_python


# ---- the validation layer -----------------------------------------------------------------------


@pytest.fixture(scope="session")
def bad_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """``bad_library("kernel")``: backends/validate_kernel.c for the word bad_kernel, built once."""
    folder = tmp_path_factory.mktemp("bad")

    @functools.cache
    def compile_one(kind: str) -> Path:
        return build_library(
            BACKENDS / f"validate_{kind}.c", folder / f"{kind}.so", NAME=f'"bad_{kind}"'
        )

    return compile_one


@pytest.fixture
def validated(
    bad_library: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """``validated("kernel", fault)``: a device of its own, under the layer. Loaded as backends.load
    does it, without the child process that would try each copy first."""
    from dovetail import _fast
    from dovetail.kernel_row import read_rows

    def load_one(kind: str, fault: str = "", *, library: Path | None = None) -> Any:
        monkeypatch.setenv("VALIDATE_FAULT", fault)
        word = kind if library else f"bad_{kind}"
        if library is None:
            library = tmp_path / f"{kind}_{fault.replace(' ', '_')}.so"
            shutil.copy(bad_library(kind), library)
        _fast.validation_start()
        capsule = _fast.load_plugin(str(library))
        _fast.validate_plugin(capsule)
        assert _fast.device_count(capsule)[0] >= 1
        device = _fast.open_device(capsule, 0, f"{word}:0")
        device.rows = read_rows(_fast.plugin_address(capsule), word)
        return device

    return load_one


@pytest.fixture
def validated_program(bad_library: Callable[[str], Path], tmp_path: Path) -> Callable[..., Any]:
    """Run lines after the two that import, on a library with a fault, found by the environment."""

    def run(fault: str, *lines: str, kind: str = "kernel") -> Any:
        path = tmp_path / "program.py"
        path.write_text("\n".join(["import numpy as np", "import dovetail as dt", *lines, ""]))
        variables = {
            "DOVETAIL_BACKENDS": str(bad_library(kind)),
            "DOVETAIL_VALIDATE": "1",
            "VALIDATE_FAULT": fault,
            "XDG_CACHE_HOME": str(tmp_path),
        }
        return subprocess.run(
            [sys.executable, str(path)],
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
