"""``dovetail check-backend``: its frame, and the stages about the library and the ABI itself.

Every kind of badness is a library of a few lines (bad_backends/abi_*.c) and must be found by its
code. What ops, threads, streams and graphs do wrong is in test_bad_backends.py.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import dovetail_abi
from dovetail.check_backend import check, target
from dovetail.check_backend.catalogue import CODES, calls, library
from dovetail.check_backend.runner import Run, run_stage
from dovetail.check_backend.stages import STAGES
from dovetail.cli import main

HERE = Path(__file__).parent
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
SHARED = ["-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
BY_NAME = {stage.name: stage for stage in STAGES}
PATIENCE = 3.0  # for libraries that hang; others get more, since the machine may be busy

Make = Callable[..., Path]


def gcc(*words: str | Path) -> None:
    """Run the compiler, or fail with what it says."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.fail("gcc was not found: 'apt install gcc' or 'dnf install gcc'")
    done = subprocess.run([compiler, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """``make("bad_backends/abi_load", 2)``: the library of that file with BAD=2."""

    def build(source: str, bad: int = 0, *flags: str | Path) -> Path:
        made = tmp_path / f"lib{Path(source).name}_{bad}.so"
        include = f"-I{dovetail_abi.include_dir()}"
        defines = ['-DNAME="acme"', f"-DBAD={bad}", "-DCOUNT=1"]
        gcc(*STRICT, *SHARED, include, *defines, HERE / f"{source}.c", "-o", made, *flags)
        return made

    return build


def codes(run: Run) -> set[str]:
    """What a stage found."""
    return {finding.code for finding in run.findings}


# ---- every code by a library that deserves it ----------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """A library and the codes that a stage must find in it."""

    source: str
    bad: int
    stage: str
    found: frozenset[str]
    patience: float = 60.0
    whole: bool = field(default=True)
    """Whether these are all its codes."""

    def __str__(self) -> str:
        return f"{self.source}-{self.bad}"


def bad(source: str, number: int, stage: str, found: str, patience: float = 60.0) -> Bad:
    """One of the list below; a code without a slash is of the family before it."""
    whole: list[str] = []
    for word in found.split():
        whole.append(word if "/" in word else f"{whole[-1].split('/')[0]}/{word}")
    return Bad(f"bad_backends/{source}", number, stage, frozenset(whole), patience)


LIST = [
    bad("abi_load", 1, "load", "load/crash"),
    bad("abi_load", 2, "load", "load/hang", PATIENCE),
    bad("abi_load", 3, "load", "process/exit"),
    bad("abi_load", 4, "load", "load/slow memory"),
    bad("abi_load", 5, "load", "load/crash-at-exit"),
    bad(
        "abi_process",
        0,
        "load",
        "load/prints starts-threads state/denormals descriptors environment folder limits locale "
        "mask rounding signals",
    ),
    bad("abi_query", 1, "query", "versions/accepts-other-major"),
    bad("abi_query", 2, "query", "versions/refuses-valid-host error/empty wrong-code"),
    bad(
        "abi_query",
        3,
        "query",
        "versions/refuses-valid-host error/no-end not-utf8 overrun size-changed wrong-code",
    ),
    bad("abi_query", 4, "query", "query/twice-differs versions/accepts-other-major"),
    bad("abi_query", 5, "query", "versions/accepts-older-host accepts-other-major"),
    bad(
        "abi_query",
        6,
        "query",
        "versions/wrong-required accepts-older-host accepts-other-major",
    ),
    bad("abi_query", 7, "query", "versions/wrong-built wrong-required"),
    bad(
        "abi_structs",
        1,
        "structs",
        "structs/any-type bad-row bad-types null-slot refused-by-loader reserved shadowed-row "
        "unknown-type",
    ),
    bad(
        "abi_structs",
        2,
        "structs",
        "structs/bad-name extension-for-unknown half-pair null-slot refused-by-loader reserved "
        "size",
    ),
    bad("abi_structs", 3, "structs", "structs/refused-by-loader size"),
    bad("abi_structs", 4, "structs", "structs/bad-array refused-by-loader"),
    bad("abi_structs", 5, "structs", "structs/null-slot refused-by-loader"),
    bad(
        "abi_device",
        1,
        "device",
        "alloc/leak device/bad-info bad-memory unknown-option wrong-ordinal host/memory-overrun "
        "structs/bad-array null-slot overrun reserved size",
    ),
    bad(
        "abi_device",
        2,
        "device",
        "device/bad-info bad-memory handle-on-failure error/empty wrong-code structs/bad-array "
        "null-slot overrun reserved size",
    ),
    bad("abi_device", 3, "device", "device/bad-info bad-memory handle-on-failure not-again"),
    bad("abi_device", 4, "device", "device/count-fails"),
    bad("abi_device", 5, "device", "error/empty"),
    bad("abi_device", 6, "device", "device/does-not-open handle-on-failure error/wrong-code"),
    bad(
        "abi_answers",
        0,
        "answers",
        "answers/accepts-unknown-dtype bad-reason bad-workspace crash determinism-not-confirmed "
        "kernel-with-refusal low-flag-refused no-reason nothing-to-run refuses-longer-struct "
        "unasked-precision unknown-is-error error/empty structs/overrun",
    ),
    bad("abi_answers", 1, "answers", "answers/crash low-flag-refused"),
    bad(
        "abi_alloc",
        0,
        "allocation",
        "alloc/crash-when-out-of-memory ignores-null in-hot-path leak wrong-code error/empty "
        "host/bad-alignment free-of-other-size free-of-unknown memory-overrun not-utf8 null-text",
    ),
    bad("overruns_kept", 0, "allocation", "alloc/in-hot-path leak host/memory-overrun"),
]

OF_THE_FILE = {
    "symbols/extra-export",
    "symbols/foreign-import",
    "symbols/links-host",
    "symbols/missing-library",
    "symbols/needs-library",
    "file/absolute-rpath",
    "file/executable-stack",
    "file/static-tls",
    "file/text-relocations",
}
ELSEWHERE = {
    # In tests of their own, below.
    "file/not-a-library",
    "file/other-machine",
    "symbols/no-entry",
    "load/refused",
    "process/kit-fault",
    "process/sanitizer",
    # In test_bad_backends.py, where kernels do it.
    "process/crash",
    "process/hang",
    "process/exception",
}


@pytest.mark.parametrize("one", LIST, ids=str)
def test_what_is_bad_is_found_by_name(make: Make, one: Bad) -> None:
    run = run_stage(BY_NAME[one.stage], make(one.source, one.bad), patience=one.patience)
    assert codes(run) == one.found, "\n".join(str(f) for f in run.findings)


def test_after_a_crash_the_next_step_runs(make: Make) -> None:
    """Two kernels crash at each failing allocation; what lies between and behind is judged, too."""
    run = run_stage(BY_NAME["allocation"], make("bad_backends/abi_alloc"))
    crashed = [f.where for f in run.findings if f.code == "alloc/crash-when-out-of-memory"]
    assert [where.split("(")[0] for where in crashed] == ["run of add"] * 2 + ["run of divide"] * 2
    between = [f for f in run.findings if "multiply" in f.where and f.code == "alloc/ignores-null"]
    assert between and run.finished


def test_what_is_bad_about_a_file_is_found_by_name(make: Make, tmp_path: Path) -> None:
    """Of a library that links one of Python and one that is not there when it is checked."""
    for name, symbol in (("python9", "PyErr_Occurred"), ("acmedriver", "acme_driver")):
        stub = tmp_path / f"{name}.c"
        stub.write_text(f"int {symbol}(void);\nint {symbol}(void) {{ return 1; }}\n")
        soname = f"-Wl,-soname,lib{name}.so.1"
        gcc("-shared", "-fPIC", stub, soname, "-o", tmp_path / f"lib{name}.so")
    made = make(
        "bad_backends/abi_file",
        0,
        "-DTEXT_RELOCATION",
        "-ftls-model=initial-exec",
        "-Wl,-z,notext,-z,execstack,-rpath,/opt/acme/lib,--no-as-needed",
        f"-L{tmp_path}",
        "-lpython9",
        "-lacmedriver",
    )
    run = run_stage(BY_NAME["file"], made)
    assert codes(run) == OF_THE_FILE
    refused = run_stage(BY_NAME["load"], made)
    assert codes(refused) == {"load/refused"} and "libpython9.so.1" in refused.findings[0].what


def test_every_code_has_a_library() -> None:
    found = OF_THE_FILE | ELSEWHERE
    for one in LIST:
        found |= one.found
    assert {*library.CODES, *calls.CODES} - found == set()


def test_what_is_no_library(make: Make, tmp_path: Path) -> None:
    text = tmp_path / "notes.so"
    text.write_text("this is no library")
    run = run_stage(BY_NAME["file"], text)
    assert codes(run) == {"file/not-a-library"} and not run.finished

    good = make("backends/good")
    content = bytearray(good.read_bytes())
    content[18:20] = (20).to_bytes(2, "little")  # e_machine: PowerPC, which nobody tests on
    other = tmp_path / "other.so"
    other.write_bytes(content)
    assert codes(run_stage(BY_NAME["file"], other)) == {"file/other-machine"}

    other.write_bytes(good.read_bytes()[:200])
    assert codes(run_stage(BY_NAME["file"], other)) == {"file/not-a-library"}

    nameless = make("backends/no_symbol")
    assert "symbols/no-entry" in codes(run_stage(BY_NAME["file"], nameless))
    assert codes(run_stage(BY_NAME["load"], nameless)) == {"symbols/no-entry"}


def test_what_a_sanitizer_says_is_a_finding(make: Make) -> None:
    flags = ("-fsanitize=undefined", "-fno-sanitize-recover=undefined")
    run = run_stage(BY_NAME["load"], make("bad_backends/abi_undefined", 0, *flags))
    assert codes(run) == {"process/sanitizer"}
    assert "runtime error: signed integer overflow" in run.findings[0].what


# ---- what is good --------------------------------------------------------------------------------

OURS = ("file", "load", "query", "structs", "device", "answers", "allocation")


def test_the_smallest_backend_passes_whole(make: Make) -> None:
    made = make("../../plugins/hello/csrc/hello")
    certificate = check.check(target.find(str(made)), patience=120, jobs=2)
    assert certificate.verdict == "passed", [str(f) for f in certificate.findings()]
    assert {stage.verdict for stage in certificate.stages} == {"passed"}
    assert certificate.facts["name"] == "hello" and certificate.facts["kernel_rows"] == 1
    assert {(one.op, one.dtype) for one in certificate.ops} == {("add", "float32")}


def test_the_cpu_device_keeps_the_abi() -> None:
    certificate = check.check(target.find("cpu"), quick=True, only=OURS, patience=120, jobs=2)
    assert certificate.verdict == "passed", [str(f) for f in certificate.findings()]
    assert certificate.facts["tables"] == ["device", "graph"]


def test_the_variant_that_is_asked_for_is_the_one_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOVETAIL_CPU", "baseline")
    assert target.find("cpu").path.name == "libdovetail_cpu_baseline.so"


def test_every_variant_of_the_cpu_device_is_one_symbol() -> None:
    folder = target.find("cpu").path.parent
    variants = sorted(folder.glob("libdovetail_cpu_*.so"))
    assert variants
    for path in variants:  # also those that this processor cannot run
        run = run_stage(BY_NAME["file"], path)
        assert not run.findings, [str(f) for f in run.findings]


# ---- the command ---------------------------------------------------------------------------------


def test_the_command_ends_with_what_it_found(
    make: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, wrong = make("backends/good"), make("bad_backends/abi_query", 1)
    assert main(["check-backend", str(good), "--only", "query"]) == 0
    assert "passed" in capsys.readouterr().out

    page, data = tmp_path / "page.html", tmp_path / "certificate.json"
    asked = ["check-backend", str(wrong), "--only", "query", "--page", str(page)]
    assert main([*asked, "--json", str(data)]) == 1
    said = capsys.readouterr().out
    meaning = CODES["versions/accepts-other-major"]
    assert meaning.title in said and meaning.advice[:40] in said
    assert json.loads(data.read_text())["verdict"] == "failed"
    assert "versions/accepts-other-major" in page.read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["/no/such/file.so"], "/no/such/file.so is not there"),
        (["no_such_device"], "there is no device 'no_such_device'"),
        (["cpu", "--only", "everything"], "there is no stage everything; the stages: file, load"),
        (["cpu", "--only", "file", "--json", "/no/such/folder/x"], "No such file or directory"),
    ],
)
def test_what_cannot_be_checked_ends_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-backend", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_json_on_standard_output_is_alone_there(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check-backend", str(make("backends/good")), "--only", "load", "--json", "-"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["stages"][0]["name"] == "load"
    assert "passed" in captured.err


def test_stages_that_need_a_broken_one_are_skipped_and_say_so(make: Make) -> None:
    made = make("bad_backends/abi_load", 1)
    certificate = check.check(target.find(str(made)), only=["load", "query", "structs"])
    load, query, structs = certificate.stages
    assert (load.verdict, query.verdict, structs.verdict) == ("failed", "skipped", "skipped")
    assert query.skips == ("the stage load did not run to its end",)
    assert not certificate.whole


def test_stages_at_the_same_time_give_the_same_in_the_same_order(make: Make) -> None:
    found = target.find(str(make("bad_backends/abi_query", 1)))
    several = check.check(found, only=["load", "query", "structs", "device"], jobs=3)
    assert [(one.name, one.verdict) for one in several.stages] == [
        ("load", "passed"),
        ("query", "failed"),
        ("structs", "passed"),
        ("device", "passed"),
    ]
    broken = target.find(str(make("bad_backends/abi_load", 1)))
    certificate = check.check(broken, only=["load", "query", "structs"], jobs=3)
    assert [one.verdict for one in certificate.stages] == ["failed", "skipped", "skipped"]


def test_a_manifest_and_its_folder_name_the_library(make: Make, tmp_path: Path) -> None:
    made = make("backends/good")
    manifest = tmp_path / "dovetail-backend.toml"
    text = f'name = "acme"\nabi = "1.0"\n[[libraries]]\nfile = "{made.name}"\n'
    manifest.write_text(text)
    for asked in (tmp_path, manifest):
        found = target.find(str(asked))
        assert found.path == made.resolve()
    manifest.write_text(f'{text}sha256 = "{found.sha256[::-1]}"\n')
    assert main(["check-backend", str(manifest)]) == 2
