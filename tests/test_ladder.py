"""The vendor guide's ladder: each rung is a whole backend, built with gcc and the header, and used.

The guide (abi/docs/guide.md) quotes these files; here they do what it says they do.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dovetail_abi
from workspace import ROOT

LADDER = ROOT / "abi" / "docs" / "ladder"
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]

CLIMB = {
    "layouts": """
h = np.arange(24, dtype=np.float64).reshape(2, 3, 4)
for dtype in (dt.float32, dt.float64):
    x = dt.asarray(h, dtype=dtype, device="cpu").to_device("layouts")
    assert np.array_equal(np.asarray(x[:, ::-1] * x[:1, :, ::-1]), h[:, ::-1] * h[:1, :, ::-1])
    assert np.array_equal(np.asarray(x.mT * x.mT), h.mT * h.mT)
    assert (x * x)[1, 2, 3].item() == 23 * 23
""",
    "prepared": """
h = np.random.default_rng(1).standard_normal(100_003).astype(np.float32)
x = dt.asarray(h, device="prepared")
assert abs(dt.sum(x).item() - h.astype(np.float64).sum()) < 1e-4
assert dt.sum(x[:0]).item() == 0.0 and dt.sum(x[3]).item() == h[3]
try:
    dt.sum(x[:100].reshape(10, 10), axis=0)
except dt.DeviceError as error:
    assert "it sums over all axes at once" in str(error), error
else:
    raise AssertionError("it summed over one axis")
""",
    "memory": """
h = np.arange(12, dtype=np.float32).reshape(3, 4)
x = dt.asarray(h, device="memory")
assert not x.device.host_visible
assert np.array_equal(np.asarray(-x), -h)
assert np.array_equal(np.asarray(-x.T[1:, ::2]), -h.T[1:, ::2])
assert np.array_equal(np.asarray(x.to_device("cpu")), h)
try:
    dt.asarray(np.zeros(40_000_000, np.float32), device="memory")
except dt.OutOfMemoryError as error:
    assert "the card's 64 MiB are full" in str(error), error
else:
    raise AssertionError("it has more memory than it says")
""",
    "groups": """
h = np.linspace(-1, 1, 1500, dtype=np.float32)
x = dt.asarray(h, device="groups")
constant = dt.asarray(h[::-1].copy(), device="groups")
f = dt.jit(lambda x: (x * x + x) * constant + dt.exp((x + x) * x))
text = str(f.explain(x))
assert "add, multiply, multiply" in text and "does nothing else" in text, text
want = (h * h + h) * h[::-1] + np.exp((h + h) * h)
assert np.allclose(np.asarray(f(x)), want, rtol=1e-6, atol=1e-6)
""",
    "extras": """
from dovetail import backends
from dovetail._abi import ffi
x = dt.asarray([1.0, 2.0, 3.0], dtype=dt.float32, device="extras")
y = dt.square(x)
table = ffi.cast("dvt_plugin *", x.device.plugin_address)
assert table.get_extension(b"com.example.other") == ffi.NULL
found = table.get_extension(b"com.example.counters")
runs = ffi.cast("uint64_t (**)(void)", ffi.cast("char *", found) + 8)[0]
before = runs()
assert dt.square(y).tolist() == [1.0, 16.0, 81.0] and runs() == before + 1
""",
}


def test_every_rung_is_climbed() -> None:
    assert {path.stem for path in LADDER.glob("*.c")} == set(CLIMB)


@pytest.mark.parametrize("rung", CLIMB)
def test_a_rung_does_what_the_guide_says(rung: str, tmp_path: Path) -> None:
    compiler = shutil.which("gcc")
    assert compiler, "gcc was not found: 'apt install gcc' or 'dnf install gcc'"
    library = tmp_path / f"lib{rung}.so"
    command = [compiler, *STRICT, "-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
    command += [f"-I{dovetail_abi.include_dir()}", str(LADDER / f"{rung}.c"), "-o", str(library)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    program = "import warnings\nimport numpy as np\nimport dovetail as dt\n"
    if rung == "groups":  # the CPU runs the rest of the graph, with a warning
        program += "warnings.simplefilter('ignore')\n"
    variables = {
        **os.environ,
        "DOVETAIL_BACKENDS": str(library),
        "DOVETAIL_FALLBACK": "cpu" if rung == "groups" else "error",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    done = subprocess.run(
        [sys.executable, "-c", program + CLIMB[rung]],
        env=variables,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
