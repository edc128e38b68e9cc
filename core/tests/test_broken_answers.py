"""A plugin that breaks the contract where that can be seen: a sentence with device, op and slot.

Each device of backends/chaotic_broken.c breaks one thing, named in its list FAULTS; here stands
what the user does and reads. A crash would end this process.
"""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import dovetail as dt
from dovetail import backends
from dovetail.devices import device, load
from dovetail.errors import DeviceError, DovetailError

SOURCE = Path(__file__).parent / "backends" / "chaotic_broken.c"
FAULTS = re.findall(r"\bX\((\w+)\)", SOURCE.read_text(encoding="utf-8").split("enum")[0])
H = np.arange(6, dtype=np.float32)

BROKEN = "breaks the device ABI"
MUTE = "failed and gave no reason"
UNKNOWN = "which dovetail.h does not define"

OPENING = {
    "open_null": f"its device_open {BROKEN}: it returned DVT_OK and no device",
    "open_mute": rf"its device_open {MUTE} \(status -3, DVT_INTERNAL\)",
    "open_unknown_status": rf"its device_open {MUTE} \(status 77, {UNKNOWN}\)",
    "open_endless_text": r": x{480} \(status -4\)",
    "open_no_utf8": r": \ufffd\ufffd bytes \(status -3\)",
    "info_mute": rf"its device_info {MUTE} \(status -8, DVT_IO\)",
    "info_shrunk": f"its device_info {BROKEN}: it changed info.struct_size, .* to 8",
    "spaces_null": f"its device_info {BROKEN}: it promises 1 memory spaces, but spaces is null",
    "space_null": r"promises 1 memory spaces, but spaces\[0\] is null",
    "space_short": f"its device_info {BROKEN}: struct_size of its space 0 is 8 bytes",
    "space_alignment": f"its device_info {BROKEN}: the alignment of its space 0 is 48",
}
MEMORY = {
    "alloc_null": "its alloc returned DVT_OK and no memory",
    "alloc_mute": "its alloc gave no reason",
    "alloc_unknown_status": "its alloc gave no reason",
    "alloc_misaligned": "its alloc returned memory less aligned than its space says",
    "copy_mute": rf"its copy\b.* {MUTE} \(status -8, DVT_IO\)",
}
KERNEL = {
    "prepare_mute": rf"add on .*: its prepare {MUTE} \(status -4, DVT_DEVICE_LOST\)",
    "prepare_unknown_status": rf"add on .*: its prepare {MUTE} \(status -77, {UNKNOWN}\)",
    "prepare_pending": rf"add on .*: its prepare {MUTE} \(status 2, DVT_PENDING\)",
    "prepare_shrunk": f"add on .*: its prepare {BROKEN}: it changed info.struct_size, .* to 12",
    "prepare_workspace": f"add on .*: its prepare {BROKEN}: .* workspace of {1 << 62} bytes",
    "prepare_workspace_wraps": f"add on .*: its prepare {BROKEN}: .* of {(1 << 64) - 1} bytes",
    "prepare_alignment": f"add on .*: its prepare {BROKEN}: .* aligned to 48",
    "prepare_no_run": "no kernel for add.*its kernel row gives no function to run",
    "prepare_no_utf8": "no kernel for add.*\ufffd\ufffd bytes",
    "run_mute": rf"add.* on .*: its run {MUTE} \(status -5, DVT_CANCELLED\)",
    "run_unknown_status": rf"add.* on .*: its run {MUTE} \(status 12345, {UNKNOWN}\)",
    "run_unsupported": rf"add.* on .*: its run {MUTE} \(status 1, DVT_UNSUPPORTED\)",
}
GRAPH = {
    "partition_mute": rf"its partition {MUTE} \(status -3, DVT_INTERNAL\)",
    "partition_pending": rf"its partition {MUTE} \(status 2, DVT_PENDING\)",
    "compile_null": f"its compile {BROKEN}: it returned DVT_OK and no executable",
    "compile_mute": rf"its compile {MUTE} \(status -3, DVT_INTERNAL\)",
    "compile_unknown_status": rf"its compile {MUTE} \(status 99, {UNKNOWN}\)",
    "compile_shrunk": f"its compile {BROKEN}: it changed info.struct_size, .* to 0",
    "compile_workspace": f"its compile {BROKEN}: .* workspace of {(1 << 64) - 4} bytes",
    "compile_alignment": f"its compile {BROKEN}: .* aligned to 3,",
    "execute_mute": rf"subtract.* on .*: its execute {MUTE} \(status -7, DVT_TIMEOUT\)",
    "execute_unknown_status": rf"subtract.* on .*: its execute {MUTE} \(status -12345, {UNKNOWN}\)",
    "execute_pending": rf"subtract.* on .*: its execute {MUTE} \(status 2, DVT_PENDING\)",
}
HARMLESS = {  # odd, but nothing is lost: what is refused runs elsewhere
    "partition_huge_groups": "fused",
    "partition_no_utf8": "\ufffd\ufffd bytes",
    "compile_leaves_a_handle": "it changed its mind",
    "compile_no_utf8": "fused",
}


@pytest.fixture(scope="module")
def broken(build_once):
    with pytest.raises(DovetailError, match="device_open"):
        load(build_once("chaotic_broken", "broken"))  # ordinal 0 is a fault of its own

    def one(fault: str):
        return device(f"broken:{FAULTS.index(fault)}")

    yield one
    backends.refresh()  # other tests of this process look at all devices


def test_every_fault_has_its_sentence() -> None:
    assert {*OPENING, *MEMORY, *KERNEL, *GRAPH, *HARMLESS, "none"} == set(FAULTS)


@pytest.mark.parametrize("fault", OPENING)
def test_a_device_that_opens_badly(broken, fault: str) -> None:
    with pytest.raises(DeviceError, match=OPENING[fault]) as caught:
        broken(fault)
    assert f"broken:{FAULTS.index(fault)}" in str(caught.value)


@pytest.mark.parametrize("fault", MEMORY)
def test_memory_that_is_none(broken, fault: str) -> None:
    with pytest.raises(DeviceError, match=MEMORY[fault]) as caught:
        dt.asarray(H, device=broken(fault))
    assert f"broken:{FAULTS.index(fault)}" in str(caught.value)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "jit"])
@pytest.mark.parametrize("fault", KERNEL)
def test_a_kernel_that_answers_badly(
    broken, fault: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOVETAIL_FALLBACK", "error")
    x = dt.asarray(H, device=broken(fault))
    f = (lambda x: dt.add(x, x)) if not compiled else dt.jit(lambda x: dt.add(x, x))
    for _ in range(2):  # a refusal leaves nothing behind that the second call would find
        with pytest.raises(DovetailError) as caught:
            f(x)
        said = str(caught.value)
        wanted = KERNEL[fault]
        if wanted.startswith("no kernel") and not compiled:
            wanted = wanted.replace("no kernel for add", "has no kernel for add")
        assert re.search(wanted, said), said
        assert f"broken:{FAULTS.index(fault)}" in said


def differences(x, y):
    return x - y - x - y


@pytest.mark.parametrize("fault", GRAPH)
def test_a_graph_table_that_answers_badly(broken, fault: str) -> None:
    x = dt.asarray(H, device=broken(fault))
    for _ in range(2):
        with pytest.raises(DovetailError, match=GRAPH[fault]) as caught:
            dt.jit(differences)(x, dt.asarray(H[::-1].copy(), device=x.device))
        assert f"broken:{FAULTS.index(fault)}" in str(caught.value)


@pytest.mark.parametrize("fault", [*HARMLESS, "none"])
def test_what_is_only_odd_costs_nothing(broken, fault: str) -> None:
    x, y = (dt.asarray(h, device=broken(fault)) for h in (H, H[::-1].copy()))
    f = dt.jit(differences)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is left to the CPU is told in a warning
        np.testing.assert_array_equal(np.asarray(f(x, y)), differences(H, H[::-1]))
        assert HARMLESS.get(fault, "fused") in str(f.explain(x, y))


def test_more_devices_than_any_machine_has(build) -> None:
    with pytest.raises(DovetailError, match=f"device_count {BROKEN}: .* 4000000000 devices"):
        load(build("chaotic_broken", "many", 2))
