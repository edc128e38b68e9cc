"""The parts of ``dovetail check-backend`` by themselves: certificate, page, host, buffers, ELF."""

import json
import re
import runpy
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest

from dovetail import _fast
from dovetail._abi import ffi, lib
from dovetail.check_backend import page, runner, text
from dovetail.check_backend.catalogue import CODES
from dovetail.check_backend.certificate import SCHEMA, Certificate, StageResult
from dovetail.check_backend.channel import Lines
from dovetail.check_backend.elf import read
from dovetail.check_backend.error_buffer import HEAD, WHOLE, ErrorBuffer
from dovetail.check_backend.finding import SEVERITIES, Finding
from dovetail.check_backend.kit_host import KitHost
from dovetail.check_backend.stage import OpResult
from dovetail.check_backend.stages import STAGES

# ---- findings and the certificate ----------------------------------------------------------------


def test_every_code_says_what_it_is_what_it_breaks_and_what_to_do() -> None:
    for code, meaning in CODES.items():
        assert re.fullmatch(r"[a-z]+/[a-z0-9-]+", code), code
        assert meaning.severity in SEVERITIES, code
        assert not meaning.title.endswith("."), code
        assert meaning.breaks.endswith(".") and meaning.advice.endswith("."), code
    with pytest.raises(KeyError, match="nonsense/code is in no catalogue"):
        Finding("nonsense/code", "load", "")
    with pytest.raises(ValueError, match="'fatal' is no severity"):
        Finding("load/prints", "load", "", severity="fatal")


def test_stages_need_only_earlier_ones() -> None:
    seen: set[str] = set()
    for stage in STAGES:
        assert set(stage.needs) <= seen, stage.name
        assert stage.name not in seen and not stage.title.endswith(".")
        seen.add(stage.name)


def certificate(*findings: Finding) -> Certificate:
    return Certificate(
        library="libacme.so",
        sha256="00" * 32,
        size=1234,
        host="0.2",
        host_abi="1.0",
        machine="Linux <x86_64>",
        date="2026-01-02T03:04:05+00:00",
        quick=False,
        whole=True,
        facts={"name": "acme", "version": "1.2", "abi": "1.0", "abi_required": "1.0"},
        stages=(
            StageResult(
                name="load",
                title="It loads",
                verdict="failed",
                seconds=0.5,
                findings=findings,
                skips=("the moon: it is not here",),
                output="<script>",
            ),
        ),
        ops=(
            OpResult(op="add", dtype="float32", cases=3, worst_ulp=0.5, bound_ulp=1.0),
            OpResult(op="add", dtype="int32", cases=3, worst_ulp=0.0),
            OpResult(op="equal", dtype="bool", cases=2, worst_ulp=None),
        ),
    )


@pytest.mark.parametrize(
    ("severities", "verdict"),
    [((), "passed"), (("note",), "passed"), (("note", "warning"), "warned"),
     (("warning", "error"), "failed")],
)  # fmt: skip
def test_the_verdict_is_the_worst_finding(severities: tuple[str, ...], verdict: str) -> None:
    found = [Finding("load/prints", "load", "it printed", severity=s) for s in severities]
    assert certificate(*found).verdict == verdict


def test_the_json_form_has_everything() -> None:
    data = json.loads(json.dumps(certificate(Finding("load/slow", "load", "2 s")).as_data()))
    assert data["schema"] == SCHEMA
    assert set(data) == {
        "schema", "verdict", "library", "plugin", "host", "machine", "date", "quick", "whole",
        "stages", "ops",
    }  # fmt: skip
    assert data["library"] == {"file": "libacme.so", "sha256": "00" * 32, "size": 1234}
    [stage] = data["stages"]
    assert set(stage) == {
        "name", "title", "verdict", "seconds", "findings", "skipped", "output"
    }  # fmt: skip
    assert stage["findings"] == [
        {
            "code": "load/slow",
            "stage": "load",
            "severity": "warning",
            "what": "2 s",
            "where": "",
            "title": CODES["load/slow"].title,
            "breaks": CODES["load/slow"].breaks,
            "advice": CODES["load/slow"].advice,
        }
    ]
    assert data["ops"][0]["worst_ulp"] == 0.5


class Balanced(HTMLParser):
    """Every element that is opened is closed, and nothing comes from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {name for name, _ in attrs}
        assert not names & {"src", "href"}, (tag, attrs)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_whole_and_escapes_what_the_library_says() -> None:
    found = Finding("symbols/extra-export", "file", "it exports <b> & c", where="<operator<>")
    reader = Balanced()
    reader.feed(page.render(certificate(found)))
    assert not reader.open
    shown = "".join(reader.texts)
    for part in (
        "it exports <b> & c",
        "<operator<>",
        "symbols/extra-export",
        CODES["symbols/extra-export"].advice,
        "the moon: it is not here"[4:],
        "<script>",
        "0.5 / 1",
        "libacme.so, 1,234 bytes",
    ):
        assert part in shown, part


def test_the_terminal_says_each_meaning_once() -> None:
    found = [Finding("load/prints", "load", f"it wrote {n} bytes") for n in (7, 8)]
    said = text.summary(certificate(*found))
    assert said.count(CODES["load/prints"].title) == 1
    assert "it wrote 7 bytes" in said and "it wrote 8 bytes" in said
    assert "add float32: 0.5 of 1 allowed" in said
    assert "load: the moon: it is not here" in said
    assert max(map(len, said.splitlines())) <= 100


def test_the_page_of_codes_is_made_from_the_catalogue() -> None:
    docs = Path(__file__).parents[1] / "docs"
    made = runpy.run_path(str(docs / "make_codes.py"))["page"]()
    committed = (docs / "check-backend-codes.md").read_text(encoding="utf-8")
    assert committed == made, "python core/docs/make_codes.py"


# ---- the channel ---------------------------------------------------------------------------------


def test_messages_arrive_whole_and_noise_is_passed_over() -> None:
    lines = Lines()
    stream = b'{"kind": "skip", "what": "a"}\nnoise of the library\n[1]\n{"kind": "done"}\n{"ki'
    got = [message for i in range(len(stream)) for message in lines.feed(stream[i : i + 1])]
    assert got == [{"kind": "skip", "what": "a"}, {"kind": "done"}]


def test_a_fault_of_the_kit_is_a_finding() -> None:
    run, child = runner.Run(), runner._Child(what="the moon")
    runner._take({"kind": "fault", "what": "KeyError", "trace": "..."}, child, run, "load")
    assert [finding.code for finding in run.findings] == ["process/kit-fault"]
    assert run.stopped


# ---- error buffers -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [HEAD, HEAD + 1, HEAD + 9, WHOLE, WHOLE + 100])
def test_writes_of_the_right_size_are_no_fault_and_longer_ones_are(size: int) -> None:
    error = ErrorBuffer(size)
    assert error.write(-3, "ä" * 300) == -3
    assert error.faults() == [] and error.code == -3
    assert len(error.message) <= max(size - HEAD - 1, 0)
    ffi.memmove(ffi.cast("char *", error.pointer) + size, b"x", 1)
    assert [code for code, _ in error.faults()] == ["error/overrun"]


# ---- the kit's host ------------------------------------------------------------------------------


@pytest.mark.parametrize("pieces", ["whole", "odd", "threads"])
@pytest.mark.parametrize(("n", "grain"), [(0, 1), (1, 0), (7, 3), (1000, 1), (1000, 64)])
def test_parallel_for_covers_each_item_once(pieces: str, n: int, grain: int) -> None:
    host = KitHost(threads=3, pieces=pieces)
    seen: list[int] = []
    lock = threading.Lock()

    @ffi.callback("dvt_range_fn")
    def work(_context: object, begin: int, end: int, worker: int) -> None:
        with lock:
            assert worker < 3
            seen.extend(range(begin, end))

    host.pointer.parallel_for(host.pointer, n, grain, work, ffi.NULL)
    assert sorted(seen) == list(range(n))


def test_the_host_fails_where_it_is_told_to_and_knows_what_is_left() -> None:
    host = KitHost()
    table = host.pointer
    with host.failing(2, once=True):
        first, second, third = (table.host_alloc(table, 100, 64) for _ in range(3))
    assert second == ffi.NULL and ffi.NULL not in (first, third)
    assert (host.allocations, host.failed, host.live_bytes) == (3, 1, 200)
    assert int(ffi.cast("uintptr_t", first)) % 64 == 0
    table.host_free(table, first, 100)
    ffi.memmove(ffi.cast("char *", third) - 1, b"x", 1)
    host.check_live()
    table.host_free(table, first, 100)
    table.host_alloc(table, 8, 3)
    assert [code for code, _ in host.take_faults()] == [
        "host/memory-overrun",
        "host/free-of-unknown",
        "host/bad-alignment",
    ]
    with host.failing(1):
        assert table.host_alloc(table, 8, 8) == table.host_alloc(table, 8, 8) == ffi.NULL


def test_the_host_writes_errors_as_the_header_says() -> None:
    host = KitHost()
    for size in (HEAD, HEAD + 2, HEAD + 5, WHOLE):
        error = ErrorBuffer(size)
        text = ffi.new("char[]", "zu heiß".encode() * 100)
        assert host.pointer.fail(host.pointer, error.pointer, lib.DVT_INTERNAL, text) == -3
        assert error.faults() == []


# ---- ELF -----------------------------------------------------------------------------------------


def test_a_library_is_read_without_help() -> None:
    path = Path(_fast.__file__)
    found = read(path)
    assert found.is_library and not found.executable_stack and not found.text_relocations
    names = {one.name for one in found.symbols if one.exported}
    assert "PyInit__fast" in names
    undefined = {one.name: one for one in found.symbols if not one.defined}
    assert "PyErr_SetString" in undefined
    assert undefined["memcpy"].version.startswith("GLIBC_")
