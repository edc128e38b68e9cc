"""One library in: what the loader accepts, and the sentence for each thing it refuses."""

import logging
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dovetail import backends, settings
from dovetail.devices import device, kernel_rows, load
from dovetail.errors import DeviceError, PluginError
from dovetail.kernel_row import parse_types
from dovetail.probe import probe

Build = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("look_again")


def test_a_good_library_is_loaded_by_path_and_found_by_name(build: Build) -> None:
    one = load(build("good", "good1"))
    assert one.name == "good1:0"
    assert device("good1") is one and device("good1:0") is one
    [row] = kernel_rows(one)["add"]
    assert row.types == {"T": frozenset({"f32"})} and (row.min_version, row.max_version) == (1, 1)
    record = backends.find("good1").record
    assert (record.state, record.abi, record.version, record.devices) == (
        "ready",
        "1.0",
        "1.2.3",
        1,
    )


# What a user reads, by kind of fault. In a sanitized run the sanitizer turns a crash into an exit.
CRASH = r"tried in a child process and it (crashed with SIG\w+|ended the process with status \d+)"
REFUSALS = {
    "other_major": r"built for device ABI 2\.0 and needs 2\.0; this Dovetail \(.+\) serves 1\.0 to",
    "needs_younger": r"built for device ABI 1\.9 and needs 1\.9; .* upgrade dovetail",
    "checks_itself": r"refused this Dovetail \(.+\), which serves device ABI 1\.0 to 1\.\d+: this "
    r"plugin needs a host of another dovetail ABI version",
    "null_answer": "refused this Dovetail .*: the licence server … is asleep",
    "no_symbol": "exports no dvt_plugin_query, so it is no Dovetail plugin",
    "null_slot": "device table leaves the mandatory slot device_info null",
    "bad_types": r"types 'T:f32,f64' of kernel row 1 \(multiply\) cannot be read: 'T:f32,f64' is "
    "not of the form T=f32",
    "crash": CRASH,
    "crash_at_open": CRASH,
    "bad_pointer": CRASH,
    "leave": r"tried in a child process and it ended the process with status 3",
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_bad_library_is_refused_in_a_sentence(build: Build, kind: str) -> None:
    path = build(kind, f"bad_{kind}")
    with pytest.raises(PluginError, match=REFUSALS[kind]) as caught:
        load(path)
    assert str(path) in str(caught.value) or kind == "bad_types"


def test_a_library_that_hangs_is_given_up(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_PROBE_SECONDS", "1")
    start = time.monotonic()
    with pytest.raises(PluginError, match="did not answer within 1 seconds"):
        load(build("hang"))
    assert time.monotonic() - start < 20


def test_a_library_that_prints_is_noted(build: Build) -> None:
    assert load(build("print", "prints")).name == "prints:0"
    assert "Thank you for choosing Acme!" in backends.find("prints").record.reason


def test_log_lines_reach_python_logging(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="dovetail.plugins"):
        load(build("log", "logs"))
    said = [(record.levelno, record.getMessage()) for record in caplog.records]
    assert (logging.WARNING, "the fan is loud") in said
    assert (logging.ERROR, "a level of the future") in said


def test_an_older_minor_is_extended_with_nulls(build: Build) -> None:
    from dovetail._abi import ffi

    one = load(build("older", "older"))
    table = ffi.cast("dvt_plugin *", one.plugin_address)
    assert table.struct_size == ffi.sizeof("dvt_plugin")
    assert table.n_extensions == 0 and table.extensions == ffi.NULL
    assert table.get_extension == ffi.NULL


def test_a_younger_minor_is_cut_to_what_is_known(build: Build) -> None:
    rows = kernel_rows(load(build("younger", "younger")))
    assert sorted(rows) == ["add", "op_of_the_future"]  # unknown ops and types match nothing
    assert rows["op_of_the_future"][0].types == {
        "T": frozenset({"f32"}),
        "Q": frozenset({"f2_e1m0"}),
    }
    assert backends.find("younger").record.abi == "1.3"


def test_a_plugin_without_devices_is_not_usable_and_says_why(build: Build) -> None:
    with pytest.raises(DeviceError, match="no usable device here: no Acme card is plugged in"):
        load(build("count", "none", 0))
    assert backends.find("none").record.state == "not usable"


def test_a_second_library_of_a_loaded_name_is_refused(build: Build, tmp_path: Path) -> None:
    load(build("good", "twice"))
    other = build("younger", "twice")
    with pytest.raises(PluginError, match=r"the device twice of .* is already loaded"):
        load(other)


@pytest.mark.parametrize(
    "text", ["", "T", "T=", "=f32", "T=f32;", "T=f32;T=f64", "T=f32||f64", "T=F32"]
)
def test_types_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError):
        parse_types(text)


def test_types_that_can_be_read() -> None:
    assert parse_types("T=f32|bf16;I=i32|i64") == {
        "T": frozenset({"f32", "bf16"}),
        "I": frozenset({"i32", "i64"}),
    }


def test_a_verdict_is_remembered_by_content(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build("good", "kept")
    first = probe(path)
    assert first.name == "kept" and first.ops == ("add",) and not first.fault
    kept = list((settings.cache_folder() / "probe").glob("*.json"))
    assert len(kept) == 1

    def no_child(*_arguments: object) -> None:
        raise AssertionError("a remembered library was tried again")

    monkeypatch.setattr("dovetail.probe._try", no_child)
    assert probe(path) == first
    with pytest.raises(AssertionError):
        probe(path, again=True)
    kept[0].write_text("{ damaged")
    with pytest.raises(AssertionError):
        probe(path)
    monkeypatch.undo()


def test_an_old_verdict_of_a_fault_is_not_believed(build: Build) -> None:
    path = build("leave")
    assert "status 3" in probe(path).fault
    [kept] = (settings.cache_folder() / "probe").glob("*.json")
    kept.write_text(kept.read_text().replace("status 3", "status 4"))
    assert "status 4" in probe(path).fault
    os.utime(kept, (0, 0))
    assert "status 3" in probe(path).fault


def test_a_read_only_cache_costs_nothing_but_time(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert probe(build("good", "nocache")).name == "nocache"


def test_a_file_that_is_not_what_its_manifest_names(build: Build) -> None:
    with pytest.raises(PluginError, match="SHA-256"):
        probe(build("good"), sha256="0" * 64)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="cannot be read"):
        load(tmp_path / "libnothing.so")


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    path = tmp_path / "libtext.so"
    path.write_text("not a library")
    with pytest.raises(PluginError, match=rf"{re.escape(str(path))} cannot be opened: "):
        load(path)


def test_host_and_cpu_device_say_the_version_of_the_distribution(build: Build) -> None:
    from importlib.metadata import version

    from dovetail._abi import ffi

    with pytest.raises(PluginError, match=re.escape(f"this Dovetail ({version('dovetail')})")):
        load(build("other_major", "major"))
    table = ffi.cast("dvt_plugin *", device("cpu").plugin_address)
    assert ffi.string(table.version).decode() == version("dovetail")
