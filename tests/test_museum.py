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
KINDS = ("kernels", "device", "graph", "services", "saved")
ARTIFICIAL = sorted((MUSEUM / "artificial").glob("*.c"))
HEADER = ROOT / "abi" / "src" / "dovetail_abi" / "include"
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
    "services": """
import logging
import pytest
said = []
class Kept(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())
logging.getLogger("dovetail.plugins").addHandler(Kept())
h = np.arange(50_000, dtype=np.float32)
x = dt.asarray(h, device="services")
for f in (lambda x: x + x, dt.jit(lambda x: x + x)):
    assert np.array_equal(np.asarray(f(x)), 2 * h)
    with pytest.raises(dt.DeviceError, match="division is out of order .*driver code 41"):
        dt.jit(lambda x: x / (x + x))(x)
dt.backends.drain_log()
assert "the exhibit adds" in said
""",
    "saved": """
from dovetail import _fast
from dovetail._abi import ffi
h = np.arange(6, dtype=np.float32).reshape(2, 3)
x, y = (dt.asarray(k, device="saved") for k in (h, h[::-1].copy()))
f = dt.jit(lambda x, y: x + y)
assert np.array_equal(np.asarray(f(x, y)), h + h[::-1])
assert "one addition" in str(f.explain(x, y))
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    assert np.array_equal(np.asarray(dt.jit(lambda x, y: x + y * y)(x, y)), h + h[::-1] ** 2)

# Saving and loading, as a host does it: through the normalised table.
graph = ffi.cast("dvt_plugin *", x.device.plugin_address).graph
host = ffi.cast("dvt_host *", _fast.host_address(dt.backends.load("saved").capsule))
shape, strides = ffi.new("int64_t[2]", [2, 3]), ffi.new("int64_t[2]", [3, 1])
def tensor(array=None):
    t = ffi.new("dvt_tensor *")
    t.ndim, t.dtype.code, t.dtype.bits, t.dtype.lanes = 2, 2, 32, 1
    t.shape, t.strides = shape, strides
    if array is not None:
        t.data = ffi.cast("void *", array.ctypes.data)
    return t
values = [ffi.new("dvt_value *", {"struct_size": ffi.sizeof("dvt_value")}) for _ in range(3)]
for value in values:
    value.spec = tensor()[0]
keep = [ffi.new("uint32_t[2]", [0, 1]), ffi.new("uint32_t[1]", [2]), ffi.new("char[]", b"add")]
node = ffi.new("dvt_node *", {"struct_size": ffi.sizeof("dvt_node"), "op": keep[2], "version": 1,
    "inputs": keep[0], "outputs": keep[1], "n_inputs": 2, "n_outputs": 1})
keep += [ffi.new("dvt_node *[1]", [node]), ffi.new("dvt_value *[3]", values)]
flat = ffi.new("dvt_graph *", {"struct_size": ffi.sizeof("dvt_graph"), "nodes": keep[3],
    "values": keep[4], "inputs": keep[0], "outputs": keep[1], "n_nodes": 1, "n_values": 3,
    "n_inputs": 2, "n_outputs": 1})
devices = ffi.new("dvt_device *[1]", [ffi.NULL])
desc = ffi.new("dvt_compile_desc *", {"struct_size": ffi.sizeof("dvt_compile_desc"),
    "graph": flat, "devices": devices, "host": host, "n_devices": 1})
error = ffi.new("dvt_error *", {"struct_size": ffi.sizeof("dvt_error")})
def made(call):
    executable = ffi.new("dvt_executable **")
    size = ffi.sizeof("dvt_executable_info")
    info = ffi.new("dvt_executable_info *", {"struct_size": size})
    return call(executable, info), executable[0]
status, one = made(lambda e, info: graph.compile(desc, e, info, error))
assert status == 0
pieces = []
@ffi.callback("dvt_status(void *, const void *, uint64_t)")
def write(context, data, size):
    pieces.append(bytes(ffi.buffer(data, size)))
    return 0
out = ffi.new("dvt_blob *", {"struct_size": ffi.sizeof("dvt_blob"), "write": write, "host": host})
assert graph.save(one, out, error) == 0 and pieces
graph.destroy(one)
def load(data):
    held = ffi.from_buffer(data)
    blob = ffi.new("dvt_blob *", {"struct_size": ffi.sizeof("dvt_blob"),
        "bytes": held, "size": len(data), "host": host})
    return made(lambda e, info: graph.load(blob, e, info, error))
status, two = load(b"".join(pieces))
assert status == 0
z = np.zeros((2, 3), np.float32)
operands = [tensor(h), tensor(h), tensor(z)]
keep += [ffi.new("dvt_tensor *[2]", operands[:2]), ffi.new("dvt_tensor *[1]", operands[2:])]
call = ffi.new("dvt_call *", {"struct_size": ffi.sizeof("dvt_call"), "host": host,
    "inputs": keep[-2], "outputs": keep[-1], "n_inputs": 2, "n_outputs": 1})
assert graph.execute(two, call, error) == 0 and np.array_equal(z, 2 * h)
graph.destroy(two)
status, _ = load(b"of another chip, longer")
assert status == -6 and b"another chip" in ffi.string(error.message)
""",
}


SHARED = ["-shared", "-fPIC", "-fvisibility=hidden"]


def compiled(sources: list[Path], target: Path, headers: Path, *options: str) -> None:
    """Build with one header alone."""
    compiler = shutil.which("gcc")
    assert compiler, "gcc was not found: 'apt install gcc' or 'dnf install gcc'"
    command = [compiler, *STRICT, "-O1", *options, f"-I{headers}", *map(str, sources)]
    built = subprocess.run(
        [*command, "-o", str(target), "-ldl"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr


def visited(libraries: list[Path], program: str, folder: Path) -> None:
    """Run a program of today's host that finds these libraries."""
    done = subprocess.run(
        [sys.executable, "-c", f"import warnings, numpy as np, dovetail as dt\n{program}"],
        env={
            **os.environ,
            "DOVETAIL_BACKENDS": os.pathsep.join(map(str, libraries)),
            "XDG_CACHE_HOME": str(folder / "cache"),
        },
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_release_has_its_exhibits() -> None:
    assert VERSIONS
    for version in VERSIONS:
        assert {p.stem for p in (MUSEUM / version).glob("*.c")} == {*KINDS, "host"}, version


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_an_old_backend_runs_today(version: str, kind: str, tmp_path: Path) -> None:
    library = tmp_path / f"lib{kind}.so"
    compiled([MUSEUM / version / f"{kind}.c"], library, RELEASED / version, *SHARED)
    visited([library], VISITS[kind], tmp_path)


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
    in_an_old_host(version, library, tmp_path)


@pytest.mark.parametrize("version", VERSIONS)
def test_todays_template_runs_in_an_old_host(version: str, tmp_path: Path) -> None:
    template = ROOT / "core" / "src" / "dovetail" / "templates" / "c" / "csrc" / "acme.c"
    library = tmp_path / "libacme.so"
    compiled([template], library, HEADER, *SHARED)
    in_an_old_host(version, library, tmp_path)


def in_an_old_host(version: str, library: Path, folder: Path) -> None:
    """A host of that release's rules adds with it."""
    host = folder / "host"
    compiled([MUSEUM / version / "host.c"], host, RELEASED / version)
    done = subprocess.run([host, library], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stdout + done.stderr


# ---- artificial visitors ------------------------------------------------------------------------

ADDED = """
h = np.arange(4, dtype=np.float32)
for name in {names!r}:
    x = dt.asarray(h, device=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore" if "graph" in name else "error")  # no kernel: the eager add
        assert (x + x).tolist() == [0, 2, 4, 6], name
    f = dt.jit(lambda x, y: x + y, fallback="error")  # by its own row or graph, or not at all
    assert f(x, dt.asarray(h[::-1].copy(), device=name)).tolist() == [3, 3, 3, 3], name
    assert all(step.device == name + ":0" for step in f.explain(x, x).parts[0].steps), name
assert dt.backends.find("younger").record.abi == "1.7"
assert "op_of_the_future" in dt.device("unknown_words").rows
try:
    dt.device("needs_younger")
except dt.PluginError as error:
    said = str(error)
    assert "built for device ABI 1.7 and needs 1.7" in said and "serves 1.0 to 1.0" in said, said
else:
    raise AssertionError("needs_younger was accepted")
"""


def test_artificial_visitors(tmp_path: Path) -> None:
    names = [path.stem for path in ARTIFICIAL]
    tables = ("plugin", "rows", "device", "graph")
    assert {f"{size}_{one}" for one in tables for size in ("short", "long")} <= set(names)
    libraries = [tmp_path / f"lib{name}.so" for name in names]
    for source, library in zip(ARTIFICIAL, libraries, strict=True):
        compiled([source], library, HEADER, *SHARED, f'-DNAME="{source.stem}"')
    welcome = [name for name in names if name != "needs_younger"]
    visited(libraries, ADDED.format(names=welcome), tmp_path)


def test_two_backends_in_one_static_program(tmp_path: Path) -> None:
    objects = []
    for name in ("first", "second"):
        objects.append(tmp_path / f"{name}.o")
        options = ["-c", f'-DNAME="{name}"', f"-DDVT_PLUGIN_QUERY={name}_dvt_plugin_query"]
        compiled([MUSEUM / "artificial" / "long_rows.c"], objects[-1], HEADER, *options)
    host = tmp_path / "host"
    options = ["-D_GNU_SOURCE", '-DDVF_VERSION="0"', "-pthread"]
    compiled([MUSEUM / "static_host.c", *objects], host, HEADER, *options)
    done = subprocess.run([host], capture_output=True, text=True, check=False)
    assert done.stdout == "ok\n", done.stdout + done.stderr
