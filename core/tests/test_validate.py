"""DOVETAIL_VALIDATE=1: a plugin that breaks the contract is named, with slot, op, operand and line.

The backends of backends/validate_*.c break the rule that a variable names when they are loaded.
What hosts do wrong: test_validate_host.py.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dovetail as dt
import dovetail_abi
from dovetail import _fast, backends, settings
from dovetail.devices import load
from dovetail.errors import DeviceError, DovetailError, PluginError

Build = Callable[..., Path]
HERE = Path(__file__).name


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
    made = _fast.validation_counts(device)
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
    assert (
        _fast.validation_counts(device)["reruns"] >= 1
        and _fast.validation_counts(device)["findings"] == 0
    )


def test_a_call_in_place_stays_in_place(validated: Callable[..., Any]) -> None:
    device = validated("kernel", "adds in place")
    with dt.use_device(device):
        step = dt.jit(lambda x, y: (x + y) + y, donate="x")
        x = dt.asarray(np.arange(8, dtype=np.float32))
        y = dt.asarray(np.ones(8, dtype=np.float32))
        np.testing.assert_array_equal(np.asarray(step(x, y)), np.arange(8) + 2)
    assert _fast.validation_counts(device)["findings"] == 0


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
    made = _fast.validation_counts(device)
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
    assert _fast.validation_counts(device)["findings"] >= 1


def test_a_kernel_that_keeps_memory_at_every_run_is_named(validated: Callable[..., Any]) -> None:
    device = validated("kernel", "keeps host memory until the end")
    for _ in range(31):
        add(device)
    assert _fast.validation_counts(device)["held_bytes"] == 3100
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


ONES = "x = dt.asarray(np.ones(6, np.float32), device='bad_kernel')"


@pytest.mark.parametrize("fault", CRASHES)
def test_a_crash_is_explained_with_the_users_line(
    validated_program: Callable[..., Any], fault: str
) -> None:
    done = validated_program(fault, ONES, "y = x + x")
    if "asan" not in os.environ.get("LD_PRELOAD", ""):  # which ends the process in its own way
        assert done.returncode == -signal.SIGSEGV, done.stderr
    said, expected = done.stderr, CRASHES[fault]
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        said = re.sub("it read or wrote", re.findall("it (?:read|wrote)|$", expected)[0], said)
    assert expected in said
    assert 'program.py", line 4' in said.split(expected)[1]


def test_host_memory_that_runs_keep_is_reported_at_exit(
    validated_program: Callable[..., Any],
) -> None:
    done = validated_program("keeps host memory", ONES, "x + x; x + x; x + x")
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
    made = _fast.validation_counts(device)
    assert made["findings"] == 0 and made["graphs"] >= 3 and made["outputs"] == 1
