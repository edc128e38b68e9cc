"""find_package(dovetail_abi) from a project that is not ours, and the library it builds."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dovetail_abi

LISTS = """\
cmake_minimum_required(VERSION 3.21)
project(stranger LANGUAGES C)
find_package(dovetail_abi {version} REQUIRED)
dovetail_device_library(stranger SOURCES stranger.c)
"""

SOURCE = """\
#include "dovetail.h"
int not_exported(void);
int not_exported(void) {{ return 1; }}
{missing}
const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {{
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, (uint32_t)DVT_ABI_VERSION, error);
    return {call} > 0 ? (const dvt_plugin *)DVT_NULL : (const dvt_plugin *)DVT_NULL;
}}
"""


def tool(name: str) -> str:
    """Return a program of this environment or of the system."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.fail(f"{name} was not found: 'pip install cmake ninja', 'apt install binutils'")
    return found


def build(
    folder: Path, version: str = "1.0", missing: bool = False
) -> subprocess.CompletedProcess[str]:
    """Configure and build a stranger's library."""
    (folder / "CMakeLists.txt").write_text(LISTS.format(version=version), encoding="utf-8")
    source = SOURCE.format(
        missing="int missing(void);" if missing else "",
        call="missing()" if missing else "not_exported()",
    )
    (folder / "stranger.c").write_text(source, encoding="utf-8")
    configure = [
        *(tool("cmake"), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tool('ninja')}"),
        *("-S", ".", "-B", "build", "-DDOVETAIL_WERROR=ON"),
        f"-Ddovetail_abi_DIR={dovetail_abi.cmake_dir()}",
    ]
    for command in (configure, [tool("cmake"), "--build", "build"]):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            break
    return done


def test_a_stranger_builds_a_library_with_one_symbol(tmp_path: Path) -> None:
    done = build(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    [library] = (tmp_path / "build").glob("libstranger.*")
    names = subprocess.run(
        [tool("nm"), "-D", "--defined-only", str(library)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert [line.split()[-1] for line in names.splitlines()] == ["dvt_plugin_query"]


def test_an_undefined_function_fails_at_link_time(tmp_path: Path) -> None:
    done = build(tmp_path, missing=True)
    assert done.returncode != 0
    assert "missing" in done.stdout + done.stderr


@pytest.mark.parametrize("version", ["1.99", "2.0"])
def test_a_version_we_are_not_is_refused(tmp_path: Path, version: str) -> None:
    done = build(tmp_path, version=version)
    assert done.returncode != 0
    assert "compatible with requested version" in " ".join(done.stderr.split())
