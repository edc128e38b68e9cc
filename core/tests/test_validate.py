"""DOVETAIL_VALIDATE=1: who breaks the device contract is named, with slot, op, operand and line.

The backends of backends/validate_*.c break the rule that a variable names when they are loaded.
Where the host is to blame, this file plays the host and calls the slots itself.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
import dovetail_abi
from dovetail import _fast, backends, settings
from dovetail._abi import ffi
from dovetail.devices import load
from dovetail.errors import DeviceError, DovetailError, PluginError
from dovetail.kernel_row import read_rows

Build = Callable[..., Path]
HERE = Path(__file__).name


class Refused(Exception):
    """The text of a call's error."""


class Host:
    """A host that calls a device's slots itself. The core's stream of the device is the first."""

    def __init__(self, device: Any) -> None:
        self.api = ffi.cast("dvt_plugin *", device.plugin_address).device
        self.device = ffi.cast("dvt_device *", device.handle)
        self.error = ffi.new("dvt_error *", {"struct_size": ffi.sizeof("dvt_error")})

    def call(self, slot: str, *arguments: Any) -> None:
        status = getattr(self.api, slot)(*arguments, self.error)
        if status != 0:
            raise Refused(ffi.string(self.error.message).decode())

    def make(self, slot: str, kind: str, *arguments: Any) -> Any:
        made = ffi.new(f"{kind} *")
        self.call(slot, *arguments, made)
        return made[0]

    def sized(self, kind: str, **fields: Any) -> Any:
        return ffi.new(f"{kind} *", {"struct_size": ffi.sizeof(kind), **fields})

    def alloc(self, size: int, **fields: Any) -> Any:
        desc = self.sized("dvt_alloc_desc", size=size, **fields)
        return self.make("alloc", "void *", self.device, desc)

    def release(self, data: Any, size: int, **fields: Any) -> None:
        self.api.release(self.device, self.sized("dvt_alloc_desc", data=data, size=size, **fields))

    def stream(self) -> Any:
        desc = self.sized("dvt_stream_desc")
        return self.make("stream_create", "dvt_stream *", self.device, desc)

    def event(self) -> Any:
        return self.make("event_create", "dvt_event *", self.device)

    def copy(self, source: Any, destination: Any, n: int = 8, **fields: Any) -> None:
        """Copy n float32 within device memory."""
        shape, strides = ffi.new("int64_t[]", [n]), ffi.new("int64_t[]", [1])
        ends = [
            ffi.new(
                "dvt_tensor *",
                {"data": data, "ndim": 1, "shape": shape, "strides": strides, "dtype": (2, 32, 1)},
            )
            for data in (source, destination)
        ]
        desc = {"source": ends[0], "destination": ends[1]}
        desc |= {"source_device": self.device, "destination_device": self.device, **fields}
        self.call("copy", self.device, self.sized("dvt_copy", **desc))

    def next_answer(self) -> str:
        """What a slot without a status found is the answer of the next one that has one."""
        free, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        status = self.api.device_memory(self.device, 0, free, total, self.error)
        return ffi.string(self.error.message).decode() if status else ""


@pytest.fixture(scope="module")
def libraries(build_once: Build) -> dict[str, Path]:
    return {k: build_once(f"validate_{k}", f"bad_{k}") for k in ("kernel", "device", "graph")}


_capsules: dict[Any, Any] = {}


@pytest.fixture
def validated(
    libraries: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """``validated("kernel", fault)``: a device of its own, under the layer. Loaded as backends.load
    does it, without the child process that would try each copy first."""

    def load_one(kind: str, fault: str = "", *, library: Path | None = None) -> Any:
        monkeypatch.setenv("VALIDATE_FAULT", fault)
        word = kind if library else f"bad_{kind}"
        if library is None:
            library = tmp_path / f"{kind}_{fault.replace(' ', '_')}.so"
            shutil.copy(libraries[kind], library)
        _fast.validation_start()
        capsule = _fast.load_plugin(str(library))
        _fast.validate_plugin(capsule)
        assert _fast.device_count(capsule)[0] >= 1
        device = _fast.open_device(capsule, 0, f"{word}:0")
        device.rows = read_rows(_fast.plugin_address(capsule), word)
        _capsules[device] = capsule
        return device

    return load_one


def counts(device: Any) -> dict[str, int]:
    return _fast.validation_counts(_capsules[device])


def add(device: Any) -> Any:
    x = dt.asarray(np.arange(6, dtype=np.float32), device=device)
    y = dt.asarray(np.ones(6, dtype=np.float32), device=device)
    return x + y  # the user's line


def check_line(error: BaseException) -> None:
    """The last line of this file in the traceback is the one that called the op."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == __file__]
    assert frames[-1].line is not None and frames[-1].line.endswith("# the user's line")


# ---- the good case ------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, 1])
def test_the_variable_puts_the_layer_in(
    build: Build, look_again: Callable[..., None], value: int
) -> None:
    look_again(VALIDATE=value)
    add(load(build("validate_kernel", f"watched{value}")))
    capsule = backends.find(f"watched{value}").capsule
    if value == 1:
        assert _fast.validation_counts(capsule)["outputs"] == 1
    else:
        with pytest.raises(ValueError, match="not validated"):
            _fast.validation_counts(capsule)


def test_a_value_that_is_neither_is_refused(look_again: Callable[..., None]) -> None:
    look_again(VALIDATE="yes")
    with pytest.raises(DovetailError, match="DOVETAIL_VALIDATE is 'yes'; it must be 0 or 1"):
        settings.validate()


def test_a_good_backend_is_looked_at_and_left_alone(validated: Callable[..., Any]) -> None:
    device = validated("kernel", "shares its work")
    np.testing.assert_array_equal(np.asarray(add(device)), np.arange(6) + 1)
    made = counts(device)
    assert made["findings"] == 0
    for kind in ("handles", "structs", "memory", "views", "workspace", "process", "host", "errors"):
        assert made[kind] > 0, kind
    assert made["inputs"] == 2 and made["outputs"] == 1
    assert made["held_blocks"] == 0


def test_values_that_equal_the_pattern_are_told_from_unwritten_ones(
    validated: Callable[..., Any],
) -> None:
    device = validated("kernel", "meets the pattern")
    pattern = np.frombuffer(b"\xb7" * 16, np.float32)
    x = dt.asarray(pattern, device=device)
    zero = dt.asarray(np.zeros(4, np.float32), device=device)
    assert np.asarray(x + zero).tobytes() == pattern.tobytes()
    assert counts(device)["reruns"] >= 1 and counts(device)["findings"] == 0


def test_a_call_in_place_stays_in_place(validated: Callable[..., Any]) -> None:
    device = validated("kernel", "adds in place")
    with dt.use_device(device):
        step = dt.jit(lambda x, y: (x + y) + y, donate="x")
        x = dt.asarray(np.arange(8, dtype=np.float32))
        y = dt.asarray(np.ones(8, dtype=np.float32))
        np.testing.assert_array_equal(np.asarray(step(x, y)), np.arange(8) + 2)
    assert counts(device)["findings"] == 0


def test_the_accelerator_of_the_templates_keeps_the_contract(
    validated: Callable[..., Any], tmp_path: Path
) -> None:
    """Memory of its own, an asynchronous queue, whole graphs: the good case of the other half."""
    sources = Path(dt.__file__).parent / "templates" / "accelerator" / "csrc"
    gcc = shutil.which("gcc")
    assert gcc is not None
    command = [gcc, "-std=c11", "-O1", "-shared", "-fPIC", '-DDEVICE_WORD="quick"']
    command += [f"-I{dovetail_abi.include_dir()}", *sorted(map(str, sources.glob("*.c")))]
    subprocess.run([*command, "-o", str(tmp_path / "q.so"), "-lm", "-lpthread"], check=True)
    device = validated("quick", library=tmp_path / "q.so")
    x = dt.asarray(np.arange(12, dtype=np.float32).reshape(3, 4), device=device)
    y = x @ x.mT + dt.exp(-x) @ x.mT
    with dt.use_device(device):
        z = dt.jit(lambda a: dt.sum(dt.exp(a) * a + a, axis=0))(x)
    a = np.asarray(x)
    np.testing.assert_allclose(np.asarray(y), a @ a.T + np.exp(-a) @ a.T, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(z), (np.exp(a) * a + a).sum(0), rtol=1e-5)
    made = counts(device)
    assert made["findings"] == 0
    for kind in ("order", "memory", "graphs", "handles", "views"):
        assert made[kind] > 0, kind


# ---- what kernels do wrong ----------------------------------------------------------------------

RUN = "run of add of bad_kernel: "
KERNEL_FAULTS = {
    "leaves elements": RUN
    + r"it left 2 of 6 elements of output 0 unwritten, the first at position 4",
    "leaves one element": RUN + r"it left 1 of 6 elements of output 0 unwritten, the first at "
    r"position 1",
    "writes in front": RUN + r"it wrote 4 bytes in front of output 0",
    "changes an input": RUN + r"it changed input 0, at element 2 of 6",
    "overruns its workspace": RUN + r"it wrote 2 bytes past the end of workspace 0, which has 100",
    "flushes denormals": RUN + r"the floating-point mode was 0x\w+ before and 0x\w+ after it: "
    r"denormals are now flushed to zero",
    "rounds upwards": RUN + r"the floating-point mode .*: the rounding mode is another",
    "changes the shared mode": RUN + r"in work shared by parallel_for, the floating-point mode",
    "sets the locale": RUN + r"it set the locale of the process",
    "frees another size": RUN + r"it called host_free with 99 bytes where 100 were allocated",
    "frees twice": RUN + r"it called host_free with 0x\w+, which host_alloc did not give or",
    "overruns host memory": RUN + r"it wrote 1 bytes past the end of a host_alloc block of 100",
    "fails without text": RUN + r"it failed with status -3 and no text",
    "fails with another code": RUN + r"it returned status -3, but wrote code -8 into the error",
    "fails in latin1": RUN + r"its error text is not UTF-8",
    "overruns the error": RUN
    + r"it wrote \d+ bytes behind the end of dvt_error, whose struct_size",
    "returns an unknown status": RUN + r"it returned status -99, which ABI 1\.0 does not have",
    "is pending": RUN + r"it returned status 2 \(PENDING\), which is no answer of this slot",
    "refuses in run": RUN + r"it returned status 1 \(UNSUPPORTED\), which is no answer",
    "aliases missing operands": r"prepare of add of bad_kernel: its may_alias is 0x4, which names "
    r"operands that the op lacks: it has 2 inputs and 1 outputs",
    "aligns to three": r"prepare of add of bad_kernel: its workspace_alignment is 3",
    "used tf32 unasked": r"prepare of add of bad_kernel: it says that it used tf32",
    "changes struct size": r"prepare of add of bad_kernel: it changed struct_size of dvt_kernel",
    "overruns the info": r"prepare of add of bad_kernel: it wrote 16 bytes behind the end of "
    r"dvt_kernel_info",
}


@pytest.mark.parametrize("fault", KERNEL_FAULTS)
def test_a_kernel_that_breaks_a_rule_is_named(validated: Callable[..., Any], fault: str) -> None:
    device = validated("kernel", fault)
    text = "validation: " + KERNEL_FAULTS[fault] + ".*The fault is the plugin's"
    with pytest.raises(DeviceError, match=text) as caught:
        add(device)
    assert "add on bad_kernel:0: validation: " in str(caught.value)
    check_line(caught.value)
    assert counts(device)["findings"] >= 1


def test_a_kernel_that_keeps_memory_at_every_run_is_named(validated: Callable[..., Any]) -> None:
    device = validated("kernel", "keeps host memory until the end")
    for _ in range(31):
        add(device)
    assert counts(device)["held_bytes"] == 3100
    with pytest.raises(DeviceError, match="each of its last 32 runs took host memory and kept it"):
        add(device)


def test_modes_are_put_back(validated: Callable[..., Any]) -> None:
    tiny = np.float32(1e-40)
    assert tiny * np.float32(1) != 0
    with pytest.raises(DeviceError, match="the old mode was put back"):
        add(validated("kernel", "flushes denormals"))
    assert tiny * np.float32(1) != 0


def test_a_compiled_function_names_the_line_of_the_step(validated: Callable[..., Any]) -> None:
    device = validated("kernel", "leaves elements")

    @dt.jit
    def compiled(x: Any) -> Any:
        return x + x  # the compiled line

    lines = Path(__file__).read_text(encoding="utf-8").splitlines()
    (line,) = [i for i, text in enumerate(lines, 1) if text.endswith("# the compiled line")]
    with (
        dt.use_device(device),
        pytest.raises(DeviceError, match=rf"add\(.*\) at {HERE}:{line} .*validation: .* unwritten"),
    ):
        compiled(dt.asarray(np.ones(6, dtype=np.float32)))


def test_a_library_that_changes_the_process_is_refused(validated: Callable[..., Any]) -> None:
    tiny = np.float32(1e-40)
    with pytest.raises(PluginError, match=r"validation: loading of .*-ffast-math"):
        validated("kernel", "loads with denormals flushed")
    assert tiny * np.float32(1) != 0


# ---- crashes ------------------------------------------------------------------------------------

CRASHES = {
    "writes past the end": "validation: run of add of bad_kernel on bad_kernel: it wrote past the "
    "end of output 0, which has 24 bytes: 1 bytes past its end. The fault is the plugin's.",
    "reads past the end": "it read past the end of input 0, which has 24 bytes: 1 bytes past its",
    "overruns its workspace by far": "it wrote past the end of workspace 0, which has 100 bytes: "
    "101 bytes past its end",
    "crashes": "validation: run of add of bad_kernel: it crashed with SIGSEGV at 0x10, which is no "
    "guard page of an operand",
}


@pytest.fixture
def program(libraries: dict[str, Path], tmp_path: Path) -> Callable[..., Any]:
    """Run lines after the two that import, on a library with a fault, found by the environment."""

    def run(fault: str, *lines: str, kind: str = "kernel") -> Any:
        path = tmp_path / "program.py"
        path.write_text("\n".join(["import numpy as np", "import dovetail as dt", *lines, ""]))
        variables = {
            "DOVETAIL_BACKENDS": str(libraries[kind]),
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


ONES = "x = dt.asarray(np.ones(6, np.float32), device='bad_kernel')"


@pytest.mark.parametrize("fault", CRASHES)
def test_a_crash_is_explained_with_the_users_line(program: Callable[..., Any], fault: str) -> None:
    done = program(fault, ONES, "y = x + x")
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which ends the process in its own way
        assert done.returncode == -signal.SIGSEGV, done.stderr
    said, expected = done.stderr, CRASHES[fault]
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        said = re.sub("it read or wrote", re.findall("it (?:read|wrote)|$", expected)[0], said)
    assert expected in said
    assert 'program.py", line 4' in said.split(expected)[1]


def test_host_memory_that_runs_keep_is_reported_at_exit(program: Callable[..., Any]) -> None:
    done = program("keeps host memory", ONES, "x + x; x + x; x + x")
    assert done.returncode == 0
    assert (
        "validation: exit of bad_kernel: 3 blocks of host memory (300 bytes) that run or execute "
        "took were never given back, one of them in add. The fault is the plugin's."
    ) in done.stderr


# ---- what devices and graphs do wrong -----------------------------------------------------------

OPENING_FAULTS = {
    "counts too many": r"device_count of bad_device: it counts 5000 devices",
    "handles signals": r"device_open of bad_device: it installed a handler for SIGINT; the old one",
    "opens nothing": r"device_open of bad_device: it said OK and gave no device",
    "has a short space": r"device_open of bad_device: spaces\[0\]\.struct_size is 16, but a "
    r"dvt_memory_space of ABI 1\.0 takes",
    "aligns its space to 48": r"device_open of bad_device: spaces\[0\]\.alignment is 48",
    "is of no kind": r"device_open of bad_device: spaces\[0\]\.kind is 0",
    "is called in latin1": r"device_open of bad_device: dvt_device_info\.name is no UTF-8 text",
}


@pytest.mark.parametrize("fault", OPENING_FAULTS)
def test_a_device_that_breaks_a_rule_is_not_opened(
    validated: Callable[..., Any], fault: str
) -> None:
    before = signal.getsignal(signal.SIGINT)
    text = "validation: " + OPENING_FAULTS[fault] + ".*The fault is the plugin's"
    with pytest.raises((DeviceError, PluginError), match=text):
        validated("device", fault)
    assert signal.getsignal(signal.SIGINT) is before


ALLOC_FAULTS = {
    "gives crooked memory": r"it gave 0x\w+, which is not aligned to 64 bytes",
    "gives no memory": r"it said OK and gave no memory for 64 bytes",
    "gives memory twice": r"it gave 64 bytes at 0x\w+, which is live memory of 64 bytes",
}


@pytest.mark.parametrize("fault", ALLOC_FAULTS)
def test_memory_that_cannot_be_is_named(validated: Callable[..., Any], fault: str) -> None:
    device = validated("device", fault)
    kept = []
    with pytest.raises(
        DeviceError, match=f"validation: alloc of bad_device: {ALLOC_FAULTS[fault]}"
    ):
        for _ in range(2):
            kept.append(dt.asarray(np.ones(16, np.float32), device=device))


GRAPH_FAULTS = {
    "claims a node too many": r"partition of bad_graph: it wrote a claim behind the last of the",
    "claims in latin1": r"partition of bad_graph: the reason of claim 0 is no UTF-8",
    "refuses what it claims": r"partition of bad_graph: it claimed node 0, but returned 1",
    "aliases missing values": r"compile of bad_graph: its may_alias is 0x2, which names operands",
    "aligns to five": r"compile of bad_graph: its workspace_alignment is 5",
    "overruns executable info": r"compile of bad_graph: it wrote 8 bytes behind the end of "
    r"dvt_executable_info",
    "gives nothing": r"compile of bad_graph: it said OK and gave no executable",
    "changes a graph input": r"execute of bad_graph: it changed input 0, at element 0 of 6",
}


def exp_on(device: Any) -> Any:
    with dt.use_device(device):
        return dt.jit(dt.exp)(dt.asarray(np.full(6, 2, dtype=np.float32)))


@pytest.mark.parametrize("fault", GRAPH_FAULTS)
def test_a_graph_device_that_breaks_a_rule_is_named(
    validated: Callable[..., Any], fault: str
) -> None:
    text = "validation: " + GRAPH_FAULTS[fault] + ".*The fault is the plugin's"
    with pytest.raises(DeviceError, match=text):
        exp_on(validated("graph", fault))


def test_a_good_graph_device_is_left_alone(validated: Callable[..., Any]) -> None:
    device = validated("graph", "takes graphs")
    np.testing.assert_allclose(np.asarray(exp_on(device)), np.exp(np.full(6, 2)), rtol=1e-6)
    made = counts(device)
    assert made["findings"] == 0 and made["graphs"] >= 3 and made["outputs"] == 1


# ---- what hosts do wrong ------------------------------------------------------------------------


@pytest.fixture
def host(validated: Callable[..., Any]) -> Host:
    return Host(validated("device"))


def blamed(text: str) -> Any:
    return pytest.raises(Refused, match=f"^validation: {text}.*The fault is the host's")


def test_memory_goes_back_once_and_whole(host: Host) -> None:
    data = host.alloc(64)
    host.release(data, 63)
    assert "63 bytes are given back where 64 were allocated" in host.next_answer()
    host.release(data + 8, 64)
    assert "lies inside live memory, but not at its start" in host.next_answer()
    host.release(data, 64)
    assert host.next_answer() == ""
    host.release(data, 64)
    said = host.next_answer()
    assert said.startswith("validation: release of ") and "it was given back already" in said
    assert said.endswith("The fault is the host's.")


def test_copies_stay_in_live_memory(host: Host) -> None:
    x, y = host.alloc(64), host.alloc(64)
    host.copy(x, y, 16)
    with blamed("copy of .*: source 0 reaches bytes 0 to 68 of memory of 64 bytes"):
        host.copy(x, y, 17)
    with blamed("copy of .*: source and destination overlap"):
        host.copy(x, x + 4, 8)
    host.release(y, 64)
    with blamed("copy of .*: destination 0 lies at .*, which is in no live memory of .*:0"):
        host.copy(x, y, 16)
    host.release(x, 64)


def test_descriptors_are_whole(host: Host) -> None:
    with blamed("alloc of .*: dvt_alloc_desc has struct_size 16 instead of"):
        host.alloc(64, struct_size=16)
    with blamed("alloc of .*: space 3 is asked for, but .* has 1"):
        host.alloc(64, space=3)
    with blamed("alloc of .*: the alignment 24 is no power of two"):
        host.alloc(64, alignment=24)
    with blamed("alloc of .*: no bytes are asked for"):
        host.alloc(0)
    name = ffi.new("char[]", b"com.acme.trick")
    link = host.sized("dvt_ext", name=name)
    with blamed(
        "alloc of .*: dvt_alloc_desc carries the extension com.acme.trick, which the plugin"
    ):
        host.alloc(64, ext=link)


def test_handles_are_what_they_are_taken_for(host: Host) -> None:
    stream, event = host.stream(), host.event()
    host.call("event_record", event, stream)
    with blamed("event_record of .*: 0x.* is a handle of another kind: a event where a stream"):
        host.call("event_record", event, ffi.cast("dvt_stream *", event))
    with blamed("stream_sync of .*: 0x1234 is no stream that this plugin gave"):
        host.call("stream_sync", ffi.cast("dvt_stream *", 0x1234))
    host.api.stream_destroy(stream)
    with blamed("stream_sync of .*: the stream 0x.* was ended by stream_destroy before"):
        host.call("stream_sync", stream)
    host.api.stream_destroy(stream)
    assert "was ended by stream_destroy before" in host.next_answer()
    host.api.event_destroy(event)


def test_handles_stay_with_their_plugin(validated: Callable[..., Any]) -> None:
    host, other = Host(validated("device")), Host(validated("device", "another"))
    with blamed("copy of bad_device: 0x.* is a stream of another plugin, bad_device"):
        host.copy(host.alloc(64), host.alloc(64), stream=other.stream())


def test_events_come_before_waits(host: Host) -> None:
    stream, event = host.stream(), host.event()
    with blamed("stream_wait of .*: the stream is to wait for an event that was never recorded"):
        host.call("stream_wait", stream, event)
    with blamed("event_query of .*: the event was never recorded"):
        host.call("event_query", event)


def test_streams_take_turns_with_memory(host: Host) -> None:
    x, y, z = host.alloc(64), host.alloc(64), host.alloc(64)
    one, two, event = host.stream(), host.stream(), host.event()
    host.copy(x, y, stream=one)
    host.copy(x, z, stream=two)  # both only read x
    with blamed("copy of .*: input 0 is read on stream 3, while work of stream 2 that writes it"):
        host.copy(y, z, stream=two)
    host.copy(x, y + 32, stream=two)  # another part of the block
    host.call("event_record", event, one)
    host.call("stream_wait", two, event)
    host.copy(y, z, stream=two)
    with blamed(
        "copy of .*: output 0 is written on stream 2, while work of stream 3 that reads it"
    ):
        host.copy(x, y, stream=one)
    with blamed("copy of .*: input 0 is read without a stream, while work of stream 3"):
        host.copy(z, x)
    host.call("stream_sync", two)
    host.copy(x, y, stream=one)
    host.release(y, 64, stream=two)
    assert (
        "is given back on another stream while work of stream 2 that uses it" in host.next_answer()
    )
    # An event that has passed tells the host, and with it every stream.
    host.copy(x, z, stream=one)
    host.call("event_record", event, one)
    host.call("event_sync", event, 2**64 - 1)
    host.copy(z, x)
    host.copy(z, x, stream=two)


def test_new_memory_of_a_stream_needs_an_event_elsewhere(host: Host) -> None:
    one, two = host.stream(), host.stream()
    x = host.alloc(64, stream=one)
    y = host.alloc(64)
    host.copy(x, y, stream=one)
    with blamed("copy of .*: input 0 is read on stream 3, while work of stream 2"):
        host.copy(x, host.alloc(64), stream=two)


def test_a_device_closes_with_nothing_left(program: Callable[..., Any]) -> None:
    done = program(
        "",
        "from dovetail import _fast",
        "from dovetail._abi import ffi",
        "x = dt.asarray(np.ones(6, np.float32), device='bad_device')",
        "api = ffi.cast('dvt_plugin *', x.device.plugin_address).device",
        "api.device_close(ffi.cast('dvt_device *', x.device.handle))",
        "for _, text in _fast.drain_log(): print(text)",
        "x + x",
        kind="device",
    )
    text = "device_close of bad_device: the host closes bad_device:0 and has not given back"
    assert f"{text} 1 streams" in done.stdout and f"{text} 1 blocks of memory" in done.stdout
    assert done.returncode == 1
    assert re.search("validation: .* the device 0x.* was ended by device_close before", done.stderr)


def test_one_thread_at_a_time(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "waits in event record"))
    stream, event, seen = host.stream(), host.event(), host.event()
    host.call("event_record", seen, stream)
    first = Host.__new__(Host)
    first.__dict__ = dict(host.__dict__)
    first.error = ffi.new("dvt_error *", {"struct_size": ffi.sizeof("dvt_error")})
    thread = threading.Thread(target=lambda: first.call("event_record", event, stream))
    thread.start()
    free, total = ffi.new("uint64_t *"), ffi.new("uint64_t *")
    while True:  # until the first call is inside
        host.call("device_memory", host.device, 0, free, total)
        if free[0]:
            break
    try:
        with blamed("event_record of .*: the event 0x.* is in another call at this moment"):
            host.call("event_record", event, stream)
    finally:
        host.call("stream_wait", stream, seen)  # which lets the first one go
    thread.join()


# ---- what devices with streams do wrong ---------------------------------------------------------


def test_an_error_is_delivered_once(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "repeats its error"))
    stream = host.stream()
    with pytest.raises(Refused, match=r"^the chip is too hot$"):
        host.call("stream_sync", stream)
    with pytest.raises(Refused, match=r"^validation: stream_sync of .*: it delivered an error a"):
        host.call("stream_sync", stream)


def test_a_wait_without_end_has_none(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "gives up"))
    stream, event = host.stream(), host.event()
    host.call("event_record", event, stream)
    with pytest.raises(Refused, match=r"^it takes too long$"):
        host.call("event_sync", event, 1000)
    with pytest.raises(Refused, match="it gave up with TIMEOUT although it was to wait for ever"):
        host.call("event_sync", event, 2**64 - 1)


def test_figures_that_cannot_be(validated: Callable[..., Any]) -> None:
    host = Host(validated("device", "has more free than there is"))
    assert "it says that 2 of 1 bytes are free" in host.next_answer()
    assert Host(validated("device", "has what it says")).next_answer() == ""
