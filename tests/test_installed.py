"""What the wheels hold: size, symbols, licence, the file tags."""

import re
import shutil
import subprocess
import tarfile
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from wheels import NOT_SHIPPED

from workspace import Distribution, distributions, tracked

MEGABYTE = 1_000_000
LIMIT = {"core": 5 * MEGABYTE}
# What a device library may expect of the process: versioned symbols of the C library and its parts
# (GLIBC_, GCC_), the sanitizers' never. musl and others give no versions: then only these by name.
WEAK = {
    "_ITM_deregisterTMCloneTable",
    "_ITM_registerTMCloneTable",
    "__gmon_start__",
    "__cxa_finalize",
}
SYSTEM = re.compile(r"@(GLIBC|GCC|GOMP)_")
FORBIDDEN = re.compile(r"^(Py|_Py|numpy|dovetail|dvt_)")
SYSTEM_LIBRARIES = re.compile(
    r"^(libc|libm|libpthread|libdl|librt|libgcc_s|ld-linux.*|linux-vdso)[.\d]*\.so(\.\d+)*$"
)


def files(one: Distribution) -> list[Path]:
    """Return the installed files of a distribution."""
    listed = distribution(one.name).files or []
    return [Path(str(path.locate())) for path in listed]


LIBRARIES = [
    path for one in distributions() for path in files(one) if path.name.startswith("libdovetail_")
]


def tracked_in(folder: Path) -> list[Path]:
    """Return the files of a folder that git knows or would add."""
    return [path for path in tracked() if folder in path.parents]


def run(program: str, *arguments: str) -> str:
    """Run one of the binutils; fail, and say what to install, where it is missing."""
    if shutil.which(program) is None:
        pytest.fail(f"{program} was not found: 'apt install binutils' or 'dnf install binutils'")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout


def test_there_are_device_libraries() -> None:
    names = [path.name for path in LIBRARIES]
    assert any(name.startswith("libdovetail_cpu_") for name in names)
    assert "libdovetail_hello.so" in names


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_a_device_library_exports_one_symbol(library: Path) -> None:
    listing = run("nm", "-D", "--defined-only", str(library))
    assert [line.split()[-1] for line in listing.splitlines()] == ["dvt_plugin_query"]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_a_device_library_needs_only_the_system(library: Path) -> None:
    listing = run("nm", "-D", "--undefined-only", str(library))
    names = [line.split()[-1] for line in listing.splitlines()]
    strange = [name for name in names if name not in WEAK and not SYSTEM.search(name)]
    assert not strange
    assert not [name for name in names if FORBIDDEN.search(name)]
    needed = re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", str(library)))
    assert not [name for name in needed if not SYSTEM_LIBRARIES.match(name)]


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda path: path.name)
def test_a_device_library_has_no_executable_stack(library: Path) -> None:
    [flags] = re.findall(
        r"GNU_STACK .*\s([RWE]+)\s+0x\w+$", run("readelf", "-lW", str(library)), re.M
    )
    assert flags == "RW"


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_a_wheel_is_small_and_licensed(one: Distribution) -> None:
    [wheel] = one.archives(".whl")
    assert wheel.stat().st_size < LIMIT.get(one.env, MEGABYTE)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert [name for name in names if name.endswith(".dist-info/licenses/LICENSE")]
    # What `dovetail new-backend` writes is source by nature.
    names = [name for name in names if not name.startswith("dovetail/templates/")]
    assert not [name for name in names if name.endswith((".c", ".o", ".a", ".pyc"))]
    assert not [name for name in names if "/tests/" in name or "/csrc/" in name]


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_a_source_archive_holds_what_a_wheel_is_made_of(one: Distribution) -> None:
    [archive] = one.archives(".tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[-1] for name in opened.getnames()}
    shipped = ("src/", "csrc/", "cmake/")
    tree = {path.relative_to(one.folder).as_posix() for path in tracked_in(one.folder)}
    missing = {name for name in tree if name.startswith(shipped)} - names
    assert not missing
    assert {"pyproject.toml", "LICENSE"} <= names
    assert not [name for name in names if name.split("/")[0] in NOT_SHIPPED]


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_a_wheel_serves_what_its_tag_says(one: Distribution) -> None:
    [wheel] = one.archives(".whl")
    python, abi, platform = wheel.stem.split("-")[-3:]
    if not one.has_c:
        assert (python, abi, platform) == ("py3", "none", "any")
    elif one.is_plugin:
        assert (python, abi) == ("py3", "none"), "a plugin contains no Python C API"
        assert platform != "any"
    else:
        assert python.startswith("cp")
        assert platform != "any"


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_a_backend_brings_its_manifest(one: Distribution) -> None:
    if "dovetail.backends" in one.project.get("entry-points", {}):
        assert "dovetail-backend.toml" in [path.name for path in files(one)]
