"""``dovetail check-backend``: backends that break one promise are caught by name, good ones pass.

What they break is how they behave when they are used. What is wrong with a library before that is
in test_check_backend.py.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import dovetail
import dovetail_abi
from dovetail.check_backend import target, unsupported
from dovetail.check_backend.catalogue import behaviour, device, graphs
from dovetail.check_backend.runner import Run, run_stage
from dovetail.check_backend.stages import STAGES
from dovetail.errors import PluginError

HERE = Path(__file__).parent
BAD = HERE / "bad_backends"
ACCELERATOR = Path(dovetail.__file__).parent / "templates" / "accelerator" / "csrc"
HELLO = HERE.parent.parent / "plugins" / "hello" / "csrc"
STAGE = {stage.name: stage for stage in STAGES}
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Werror"]
SHARED = ["-O1", "-shared", "-fPIC", "-fvisibility=hidden"]
PATIENCE = 100.0  # of good steps, on a busy machine; what hangs is given less

# file -> the stage that looks at it, and every code it must find
CAUGHT = {
    "wrong_float64": ("ops", {"ops/wrong-result"}),
    "wrong_tail": ("ops", {"ops/wrong-result"}),
    "wrong_scalar": ("ops", {"ops/wrong-result"}),
    "wrong_large": ("ops", {"ops/wrong-large"}),
    "alias_of_no_operand": ("ops", {"ops/validation"}),
    "wrong_strided": ("layouts", {"ops/wrong-strided"}),
    "wrong_in_place": ("kernels", {"ops/wrong-in-place"}),
    "wrong_unaligned": ("layouts", {"ops/wrong-unaligned"}),
    "ignores_nan": ("layouts", {"ops/special-values"}),
    "loses_denormals": ("layouts", {"ops/denormals", "ops/zero-sign"}),
    "writes_past": ("kernels", {"ops/writes-outside"}),
    "writes_before": ("kernels", {"ops/writes-outside"}),
    "changes_input": ("kernels", {"ops/changes-input"}),
    "leaves_last": ("kernels", {"ops/leaves-output"}),
    "workspace_overrun": ("kernels", {"ops/workspace-overrun"}),
    "overruns_kept": ("kernels", {"host/memory-overrun"}),
    "fails_in_run": ("kernels", {"ops/fails"}),
    "fails_silently": ("kernels", {"ops/fails-silently"}),
    "refuses_always": ("kernels", {"ops/refuses-always"}),
    "other_version": ("kernels", {"ops/other-version"}),
    "unknown_op": ("kernels", {"ops/unknown"}),
    "flushes_denormals": ("kernels", {"state/denormals"}),
    "changes_rounding": ("kernels", {"state/rounding"}),
    "handles_signals": ("kernels", {"state/signals"}),
    "changes_locale": ("kernels", {"state/locale"}),
    "changes_folder": ("kernels", {"state/folder"}),
    "changes_mask": ("kernels", {"state/mask"}),
    "prints": ("kernels", {"state/prints"}),
    "crashes": ("kernels", {"process/crash"}),
    "exits": ("kernels", {"process/exit"}),
    "hangs": ("kernels", {"process/hang"}),
    "throws": ("kernels", {"process/exception"}),
    "not_repeatable": ("repeat", {"repeat/not-deterministic"}),
    "varies": ("repeat", {"repeat/varies"}),
    "depends_on_threads": ("repeat", {"repeat/depends-on-threads"}),
    "races": ("threads", {"threads/race"}),
    "races_between_ops": ("threads", {"threads/race"}),
    "crashes_on_threads": ("threads", {"threads/crash"}),
    "hangs_on_threads": ("threads", {"threads/hang"}),
    "leaks_memory": ("growth", {"growth/runs"}),
    "leaks_kernels": ("growth", {"growth/kernels"}),
    "leaks_files": ("growth", {"growth/files"}),
    "leaks_streams": ("growth", {"growth/threads"}),
    "leaks_events": ("growth", {"growth/handles"}),
    "grows": ("growth", {"growth/memory"}),
    "overlapping_alloc": ("memory", {"memory/overlap"}),
    "misaligned_alloc": ("memory", {"memory/alignment"}),
    "alloc_refuses_odd": ("memory", {"memory/fails"}),
    "alloc_wraps": ("memory", {"memory/no-limit"}),
    "counters_swapped": ("memory", {"memory/counters"}),
    "out_of_memory_silent": ("memory", {"memory/fails-silently"}),
    "memory_not_returned": ("memory", {"memory/not-returned"}),
    "copies_flat": ("copies", {"copies/strides"}),
    "copies_from_start": ("copies", {"copies/offset"}),
    "copies_half": ("copies", {"copies/wrong"}),
    "copies_refused": ("copies", {"copies/fails"}),
    "fills_bytes": ("copies", {"copies/fill"}),
    "fill_mute": ("copies", {"copies/fails-silently"}),
    "copy_overtakes": ("streams", {"streams/order"}),
    "views_not_copied": ("streams", {"streams/order"}),
    "null_stream_waits_not": ("streams", {"streams/null-not-done"}),
    "sync_waits_not": ("streams", {"streams/sync-not-done"}),
    "stream_dropped": ("streams", {"streams/work-dropped"}),
    "wait_ignored": ("streams", {"streams/wait-ignored"}),
    "stream_wait_mute": ("streams", {"streams/fails-silently"}),
    "release_early": ("streams", {"streams/released-early"}),
    "error_lost": ("streams", {"streams/error-lost"}),
    "error_sticks": ("streams", {"streams/error-again"}),
    "error_without_tag": ("streams", {"streams/error-without-tag"}),
    "error_without_text": ("streams", {"streams/error-without-text"}),
    "event_early": ("streams", {"events/early"}),
    "event_never": ("streams", {"events/never"}),
    "event_waits_too_long": ("streams", {"events/timeout-ignored"}),
    "event_query_fails": ("streams", {"streams/fails"}),
    "elapsed_backwards": ("streams", {"events/elapsed"}),
    "elapsed_unwritten": ("streams", {"events/elapsed"}),
    "graph_wrong": ("graphs", {"graphs/wrong-result"}),
    "graph_writes_past": ("graphs", {"graphs/writes-outside"}),
    "graph_claims_outside": ("graphs", {"graphs/claims-outside"}),
    "graph_gives_no_reason": ("graphs", {"graphs/no-reason"}),
    "graph_one_group": ("graphs", {"graphs/not-convex"}),
    "graph_breaks_claim": ("graphs", {"graphs/claim-not-kept"}),
    "graph_constants": ("graphs", {"graphs/constants"}),
    "graph_races": ("graphs", {"graphs/race"}),
    "graph_few_streams": ("graphs", {"graphs/fails"}),
    "graph_mute": ("graphs", {"graphs/fails-silently"}),
    "graph_leaks": ("graphs", {"graphs/leak"}),
    "blob_refused": ("saved_graphs", {"graphs/not-loaded"}),
    "blob_without_constants": ("saved_graphs", {"graphs/save-differs"}),
    "blob_damaged": ("saved_graphs", {"graphs/damaged-accepted"}),
    "blob_crashes": ("saved_graphs", {"graphs/blob-crash"}),
    "blob_of_another": ("saved_graphs", {"graphs/foreign-accepted"}),
}
UNDEFINED = {"views_not_copied"}
"""They read memory that is no longer there: what comes of it is anybody's guess, and is noticed."""
HANGS = {"hangs": 6.0, "hangs_on_threads": 6.0}
IN_FULL = {"wrong_large"}  # what --quick leaves out
UNPROVOKED = {
    # What a list beside the library says: test_a_listed_failure_is_tolerated_until_it_passes.
    "ops/known-failure",
    "ops/unexpected-pass",
}

_L0 = ("kernels", "ops", "layouts", "repeat", "threads", "growth")
_L1 = (*_L0, "memory", "copies", "streams")
_L2 = ("graphs", "saved_graphs")
GOOD = {
    "good_kernels": _L0,
    "good_scalars": ("ops", "kernels", "layouts"),
    "good_device": _L1,
    "good_graph": _L2,
    "good_map": ("device", "ops"),
    "hello": _L0,
    "accelerator": (*_L1, *_L2),
}


def build(name: str, folder: Path) -> Path:
    """Compile a backend against the header alone; its device word is its file's name."""
    folder.mkdir()
    sources = [BAD / f"{name}.c"]
    if name == "throws":
        sources = [BAD / "throws.cpp"]
    elif name in ("accelerator", "hello"):
        sources = sorted((ACCELERATOR if name == "accelerator" else HELLO).glob("*.c"))
    language = ["g++", "-std=c++11"] if name == "throws" else ["gcc", "-std=c11", "-Wpedantic"]
    compiler = shutil.which(language[0])
    assert compiler is not None, f"{language[0]} was not found: 'apt install g++'"
    made = folder / f"lib{name}.so"
    include = f"-I{dovetail_abi.include_dir()}"
    command = [*WARNINGS, *SHARED, include, f'-DNAME="{name}"', *map(str, sources)]
    done = subprocess.run(
        [compiler, *language[1:], *command, "-o", str(made), "-lm", "-pthread"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return made


def checked(name: str, stage: str, library: Path) -> Run:
    patience = HANGS.get(name, PATIENCE)
    return run_stage(STAGE[stage], library, quick=name not in IN_FULL, patience=patience)


def good(name: str, folder: Path) -> list[Run]:
    library = build(name, folder)
    return [checked(name, stage, library) for stage in GOOD[name]]


@pytest.fixture(scope="module")
def runs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, "Future[list[Run]]"]]:
    """Every library that is asked for: as many at the same time as there are processors."""
    root = tmp_path_factory.mktemp("bad_backends")
    chosen = [one for one in request.session.items if "runs" in getattr(one, "fixturenames", ())]
    names = [one.callspec.params["name"] for one in chosen]  # type: ignore[attr-defined]

    def caught(name: str) -> list[Run]:
        return [checked(name, CAUGHT[name][0], build(name, root / name))]

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield {
            name: pool.submit(good, name, root / name)
            if name in GOOD
            else pool.submit(caught, name)
            for name in names
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", CAUGHT)
def test_what_is_broken_is_found_and_nothing_else(
    name: str, runs: dict[str, "Future[list[Run]]"]
) -> None:
    [run] = runs[name].result()
    codes = {finding.code for finding in run.findings}
    if name in UNDEFINED:
        about = ("streams/", "events/", "process/")
        assert codes and all(code.startswith(about) for code in codes), run.findings
    else:
        assert codes == CAUGHT[name][1], run.findings


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found_where_nothing_is_broken(
    name: str, runs: dict[str, "Future[list[Run]]"]
) -> None:
    for run in runs[name].result():
        assert run.finished
        assert [f for f in run.findings if f.severity != "note"] == []


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("fails_silently", "ops/fails-silently", "and no text"),
        ("writes_past", "ops/writes-outside", "it wrote past the end of output 0"),
        ("workspace_overrun", "ops/workspace-overrun", "it wrote past the end of workspace 0"),
        ("crashes", "process/crash", "it crashed with SIGSEGV"),
        ("throws", "process/exception", "add: out of luck"),
    ],
)
def test_what_the_validation_layer_sees_first_has_the_same_code(
    name: str, code: str, said: str, tmp_path: Path
) -> None:
    """Also where it sees it as the process ends: at the guard page behind an operand."""
    found = checked(name, "ops", build(name, tmp_path / name)).findings
    assert {f.code for f in found} == {code} and said in found[0].what


def test_the_table_has_every_file() -> None:
    files = {p.stem for p in BAD.iterdir() if p.suffix in (".c", ".cpp")}
    ours = {name for name in files if not name.startswith("abi_")}  # of test_check_backend.py
    assert ours == set(CAUGHT) | (set(GOOD) - {"hello", "accelerator"})


def test_every_code_has_a_library() -> None:
    codes = {*behaviour.CODES, *device.CODES, *graphs.CODES}
    found = set().union(*(found for _, found in CAUGHT.values()))
    assert codes - found == UNPROVOKED


def test_memory_behind_map_alone_is_said_to_be_left_out(tmp_path: Path) -> None:
    library = build("good_map", tmp_path / "good_map")
    for stage in ("kernels", "memory"):
        run = checked("good_map", stage, library)
        assert run.findings == [] and "map alone" in run.stopped


def test_the_kernels_of_the_cpu_device_keep_their_promises() -> None:
    run = run_stage(STAGE["kernels"], target.find("cpu").path, quick=True, patience=PATIENCE)
    assert run.finished and [f for f in run.findings if f.severity != "note"] == []


def test_delays_of_any_length_change_no_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACCELERATOR_OPTIONS", "delay_us=400,seed=7")
    library = build("accelerator", tmp_path / "accelerator")
    for stage in ("streams", "graphs"):
        run = checked("accelerator", stage, library)
        assert run.finished and [f for f in run.findings if f.severity != "note"] == []


# ---- unsupported.toml ----------------------------------------------------------------------------

LISTED = """
[[unsupported]]
op = "add"
dtype = "f64"
reason = "the chip has float32 alone"
issue = "https://example.com/7"
"""


@pytest.mark.parametrize(
    ("name", "code"),
    [("wrong_float64", "ops/known-failure"), ("good_kernels", "ops/unexpected-pass")],
)
def test_a_listed_failure_is_tolerated_until_it_passes(
    name: str, code: str, tmp_path: Path
) -> None:
    library = build(name, tmp_path / name)
    (library.parent / "unsupported.toml").write_text(LISTED)
    found = checked(name, "ops", library).findings
    assert [(f.code, f.where) for f in found] == [(code, "add of float64")]
    assert "https://example.com/7" in found[0].what


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[unsupported]]\nop = 'add'", "entry 1: it lacks issue, reason"),
        ("[[unsupported]]\nop = 'add'\nreason = ''\nissue = ''\nwhy = ''", "what is why"),
        ("[[unsupported]]\nop = 'add'\nreason = ''\nissue = ''\ndtype = 'f33'", "names no dtype"),
        ("unsupported = 7", "nothing else"),
        ("[unsupported", "cannot be read"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "unsupported.toml"
    file.write_text(text)
    with pytest.raises(PluginError, match=said):
        unsupported.read(file)
