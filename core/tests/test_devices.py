"""Devices by name: lazily, from any thread, and with an answer for every wrong name."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from dovetail import _fast, backends
from dovetail.devices import default_device, device, devices, kernel_rows, load, use_device
from dovetail.errors import DeviceError, PluginError

Build = Callable[..., Path]
Look = Callable[..., None]


def test_cpu_is_there_and_is_the_default(look_again: Look) -> None:
    cpu = device("cpu")
    assert cpu.name == "cpu:0" and cpu is device("cpu:0") is default_device()
    assert cpu.host_visible
    assert device(cpu) is cpu
    assert cpu in devices()
    assert "add" in kernel_rows(cpu) and "matmul" in kernel_rows(cpu)


def test_rows_come_in_the_order_they_are_asked() -> None:
    for rows in kernel_rows(device("cpu")).values():
        keys = [(-row.priority, row.index) for row in rows]
        assert keys == sorted(keys)


@pytest.mark.parametrize("name", ["", "CPU", "cpu:", "cpu:-1", "cpu:x", "cpu:01", "cpu 0", ":0"])
def test_what_is_no_name_is_said(name: str) -> None:
    with pytest.raises(DeviceError, match="no device name"):
        device(name)


def test_an_unknown_name_lists_what_is_there(look_again: Look) -> None:
    with pytest.raises(
        DeviceError, match=r"installed backends: .*cpu.*pip install dovetail-cortex-m"
    ):
        device("cortex_m")


def test_a_number_too_high_says_what_there_is(look_again: Look, build: Build) -> None:
    with pytest.raises(DeviceError, match=r"there is no cpu:7; cpu has cpu:0"):
        device("cpu:7")
    load(build("count", "three", 3))
    with pytest.raises(DeviceError, match=r"there is no three:3; three has three:0 to three:2"):
        device("three:3")


def test_a_device_that_does_not_open_is_skipped_or_raises(look_again: Look, build: Build) -> None:
    look_again(BACKENDS=build("count", "cards", 3))
    with pytest.warns(RuntimeWarning, match="card 1 does not answer"):
        names = [one.name for one in devices()]
    assert "cards:0" in names and "cards:2" in names and "cards:1" not in names
    with pytest.raises(DeviceError, match="card 1 does not answer"):
        device("cards:1")


def test_a_broken_backend_warns_once_when_chosen_and_raises_when_asked(
    look_again: Look, build: Build
) -> None:
    look_again(BACKENDS=build("null_slot", "slots"))
    with pytest.warns(RuntimeWarning, match="DOVETAIL_DISABLE=slots silences this"):
        assert device("cpu") in devices()
    assert device("cpu") in devices()  # warnings are errors here: the second time is silent
    for _ in range(2):
        with pytest.raises(PluginError, match="device_info"):
            device("slots")


def test_an_error_of_another_device_leaves_the_rest_alone(look_again: Look, build: Build) -> None:
    paths = os.pathsep.join(str(build(kind, kind)) for kind in ("crash", "good", "leave"))
    look_again(BACKENDS=paths)
    assert device("good").name == "good:0"


def test_the_default_can_be_chosen(look_again: Look, build: Build) -> None:
    look_again(BACKENDS=build("good", "chosen"), DEVICE="chosen")
    assert default_device().name == "chosen:0"
    look_again(DEVICE="nowhere")
    with pytest.raises(DeviceError, match="nowhere"):
        default_device()


def test_use_device_is_per_thread_and_ends(look_again: Look, build: Build) -> None:
    other = load(build("good", "here"))
    before = _fast.set_device(device("cpu"))
    seen: list[object] = []
    try:
        with use_device("here") as chosen:
            assert chosen is other and _fast.get_device() is other
            thread = threading.Thread(target=lambda: seen.append(_fast.set_device(device("cpu"))))
            thread.start()
            thread.join()
            with pytest.raises(ZeroDivisionError), use_device("cpu"):
                raise ZeroDivisionError
            assert _fast.get_device() is other
        assert _fast.get_device() is device("cpu")
    finally:
        _fast.set_device(before)
    assert seen == [None]


def test_many_threads_get_one_device(look_again: Look, build: Build) -> None:
    look_again(BACKENDS=build("good", "shared"))
    found: list[object] = []
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        found.append(device("shared"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(map(id, found))) == 1


def test_after_fork_a_device_that_cannot_follow_is_named(
    look_again: Look, build: Build, python: Callable[..., str]
) -> None:
    path = build("count", "cards", 1)
    text = f"""
import os
from dovetail.devices import device, load
load({str(path)!r}); device("cpu")
child = os.fork()
if child == 0:
    try:
        device("cpu")
        device("cards")
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
assert device("cards").name == "cards:0"
"""
    answer = python(text)
    assert answer.startswith("DeviceError cards:0 was opened before this process was forked")
    assert "spawn" in answer


def test_importing_dovetail_discovers_nothing(python: Callable[..., str]) -> None:
    answer = python("import sys, dovetail.devices; print('dovetail.backends' in sys.modules)")
    assert answer.strip() == "False"


def test_refresh_keeps_what_is_loaded(look_again: Look) -> None:
    cpu = device("cpu")
    backend = backends.find("cpu")
    look_again(DISABLE="cpu")
    assert backends.find("cpu").record.state == "disabled"
    look_again(DISABLE="")
    assert device("cpu") is cpu
    assert backends.find("cpu").record.state in ("ready", "not loaded")
    assert backend.record.state == "ready"


@pytest.mark.parametrize("text", ["many", "0", "-1", "nan", "inf"])
def test_a_thread_count_that_is_no_count_is_said(python: Callable[..., str], text: str) -> None:
    program = """
from dovetail.devices import device
try: device("cpu")
except Exception as error: print(type(error).__name__, error)
"""
    answer = python(program, environment={**os.environ, "DOVETAIL_NUM_THREADS": text})
    assert answer.startswith(f"DovetailError DOVETAIL_NUM_THREADS is '{text}'; it must be a number")


def test_threads_of_the_pool_are_those_of_the_setting(python: Callable[..., str]) -> None:
    program = """
import os
from dovetail import _fast
from dovetail.devices import device
seen = []
_fast.set_threads, before = seen.append, _fast.set_threads
device("cpu")
print(seen)
"""
    answer = python(program, environment={**os.environ, "DOVETAIL_NUM_THREADS": "3"})
    assert answer.strip() == "[3]"
