"""Backends of every released header run in today's host, and so they must for the whole major.

Each exhibit was written against one header and is built with that header alone. It runs in a
process of its own, as a stranger's library would: found by DOVETAIL_BACKENDS, probed, loaded.
"""

import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from workspace import ROOT, distributions

MUSEUM = ROOT / "abi" / "museum"
RELEASED = ROOT / "abi" / "released"
VERSIONS = sorted(path.name for path in RELEASED.iterdir() if path.is_dir())
KINDS = ("kernels", "device", "graph")
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]

VISITS = {
    "kernels": """
x = dt.asarray(np.arange(6, dtype=np.float32).reshape(2, 3), device="kernels")
assert np.array_equal(np.asarray(x + x), 2 * np.asarray(x))
assert dt.sum(x).item() == 15 and dt.sum(x).device.name == "kernels:0"
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    assert dt.sum(x, axis=0).tolist() == [3, 5, 7]
    f = dt.jit(lambda x: dt.sum(x + dt.exp(x)))
    assert abs(f(x).item() - (np.asarray(x) + np.exp(np.asarray(x))).sum()) < 1e-3
""",
    "device": """
h = np.arange(12, dtype=np.float32).reshape(3, 4)
x = dt.asarray(h, device="device")
assert not x.device.host_visible
assert np.array_equal(np.asarray(x + x), 2 * h)
assert np.array_equal(np.asarray(x.to_device("cpu")), h)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    f = dt.jit(lambda x: dt.exp(x.T * 0.1)[1:] + x[0, 0])
    assert np.allclose(np.asarray(f(x)), np.exp(h.T * np.float32(0.1))[1:], rtol=1e-6)
    g = dt.jit(dt.grad(lambda x: (dt.exp(x * 0.1) + x).sum()))
    assert np.allclose(np.asarray(g(x)), 0.1 * np.exp(h * np.float32(0.1)) + 1, rtol=1e-5)
""",
    "graph": """
x = dt.asarray(np.arange(4, dtype=np.float32), device="graph")
f = dt.jit(lambda x: (x + x) * x + dt.exp(x))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    h = np.asarray(x)
    assert np.allclose(np.asarray(f(x)), 2 * h * h + np.exp(h), rtol=1e-6)
    assert "fused" in str(f.explain(x))
""",
}


def test_every_release_has_its_exhibits() -> None:
    assert VERSIONS
    for version in VERSIONS:
        assert {p.stem for p in (MUSEUM / version).glob("*.c")} == {*KINDS, "host"}, version


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_backend_runs_today(version: str, kind: str, tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    assert compiler, "gcc was not found: 'apt install gcc' or 'dnf install gcc'"
    library = tmp_path / f"lib{kind}.so"
    source = MUSEUM / version / f"{kind}.c"
    command = [compiler, *STRICT, "-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += [f"-I{RELEASED / version}", str(source), "-o", str(library)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    program = f"import warnings\nimport numpy as np\nimport dovetail as dt\n{VISITS[kind]}"
    variables = {
        **os.environ,
        "DOVETAIL_BACKENDS": str(library),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def installed_libraries() -> list[Path]:
    """Device libraries of the installed distributions that this machine can load."""
    paths = [
        Path(str(path.locate()))
        for one in distributions()
        for path in distribution(one.name).files or []
        if path.name.startswith("libdovetail_")
    ]
    return [path for path in paths if not path.stem.endswith(("avx2", "avx512", "neon"))]


@pytest.mark.parametrize("library", installed_libraries(), ids=lambda path: path.name)
@pytest.mark.parametrize("version", VERSIONS)
def test_todays_backend_runs_in_an_old_host(version: str, library: Path, tmp_path: Path) -> None:
    host = tmp_path / "host"
    command = ["gcc", *STRICT, f"-I{RELEASED / version}", str(MUSEUM / version / "host.c")]
    built = subprocess.run(
        [*command, "-o", str(host), "-ldl"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    done = subprocess.run([host, library], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stdout + done.stderr
