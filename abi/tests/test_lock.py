"""dovetail.h is what lock.toml says, breaks nothing released, and every break has a name."""

import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from layout import FROZEN, STRIDED, Abi, compare, fingerprint, measure, run

import dovetail_abi

ABI = Path(__file__).parents[1]
sys.path.insert(0, str(ABI.parent / "rfcs"))
from check_rfcs import DECIDED, read  # noqa: E402  it has no dependencies

HEADER = dovetail_abi.include_dir() / "dovetail.h"
LOCK: dict[str, Any] = tomllib.loads((ABI / "lock.toml").read_text(encoding="utf-8"))
RELEASED = [r["version"] for r in LOCK["released"]]


def released(version: str) -> Path:
    """The header of a release."""
    return ABI / "released" / version / "dovetail.h"


# ---- the lock ------------------------------------------------------------------------------------


def test_the_header_is_the_locked_one() -> None:
    found = fingerprint(HEADER.read_text(encoding="utf-8"))
    assert found == LOCK["header"]["fingerprint"], (
        f"dovetail.h has changed. Write an RFC of kind abi that says why (rfcs/README.md), name it "
        f"in abi/lock.toml as rfc, and put its fingerprint there: {found}"
    )


def test_the_lock_names_a_decided_rfc_of_kind_abi() -> None:
    number = LOCK["header"]["rfc"]
    [path] = (ABI.parent / "rfcs").glob(f"{number:04}-*.md")
    fields = read(path).fields
    assert fields["kind"] == "abi", f"{path.name} is not of kind abi"
    assert fields["status"] in DECIDED, path.name


def test_the_lock_names_the_version_of_the_header(tmp_path: Path) -> None:
    constants = measure(HEADER, tmp_path).constants
    assert LOCK["header"]["abi_version"] == constants["DVT_ABI_VERSION"]
    minor = LOCK["header"]["version"].split(".")[:2]
    assert minor == [str(constants["DVT_ABI_MAJOR"]), str(constants["DVT_ABI_MINOR"])]


@pytest.mark.parametrize("version", RELEASED)
def test_a_released_header_stays_as_it_was(version: str) -> None:
    [row] = [r for r in LOCK["released"] if r["version"] == version]
    assert fingerprint(released(version).read_text(encoding="utf-8")) == row["fingerprint"]


def test_every_released_header_is_in_the_lock() -> None:
    assert sorted(p.name for p in (ABI / "released").iterdir() if p.is_dir()) == sorted(RELEASED)


@pytest.mark.parametrize("version", RELEASED)
def test_the_header_breaks_nothing_that_was_released(version: str, tmp_path: Path) -> None:
    old = measure(released(version), tmp_path)
    breaks, _ = compare(old, measure(HEADER, tmp_path))
    assert not breaks, "\n".join(breaks)


# ---- the gate itself: every kind of change -------------------------------------------------------


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> Abi:
    return measure(HEADER, tmp_path_factory.mktemp("now"))


def changed(tmp_path: Path, old: str, new: str) -> Abi:
    """The ABI of the header with one text replaced."""
    text = HEADER.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in dovetail.h"
    path = tmp_path / "dovetail.h"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return measure(path, tmp_path)


LEGAL = {
    "a field at the end": (
        "} dvt_copy;",
        "    uint64_t priority; /* new */\n} dvt_copy;",
        ["dvt_copy.priority"],
    ),
    "a slot at the end of a table": (
        "} dvt_graph_api;",
        "    dvt_status (*warm)(dvt_executable *executable, dvt_error *error);\n} dvt_graph_api;",
        ["dvt_graph_api.warm"],
    ),
    "a constant": (
        "#define DVT_MAP_WRITE 2",
        "#define DVT_MAP_WRITE 2\n#define DVT_MAP_DISCARD 4",
        ["constant DVT_MAP_DISCARD"],
    ),
    "a struct": (
        "typedef struct dvt_capture dvt_capture;",
        "typedef struct dvt_capture dvt_capture;\ntypedef struct dvt_note {\n    uint32_t "
        "struct_size; /* s */\n    uint32_t flags; /* f */\n} dvt_note;",
        ["struct dvt_note", "type dvt_note"],
    ),
}


@pytest.mark.parametrize("what", LEGAL)
def test_a_legal_addition_passes_and_is_listed(what: str, now: Abi, tmp_path: Path) -> None:
    old, new, names = LEGAL[what]
    breaks, additions = compare(now, changed(tmp_path, old, new))
    assert breaks == []
    assert additions == names


ILLEGAL = {
    "a swap": (
        "    dvt_device *source_device;      /* null: host memory */\n"
        "    dvt_device *destination_device; /* null: host memory */\n",
        "    dvt_device *destination_device; /* null: host memory */\n"
        "    dvt_device *source_device;      /* null: host memory */\n",
        "dvt_copy.source_device changed places with dvt_copy.destination_device",
    ),
    "an insertion": (
        "    dvt_write_fn write;",
        "    uint64_t checksum; /* new */\n    dvt_write_fn write;",
        "dvt_blob.write was moved by the new dvt_blob.checksum",
    ),
    "a removal": (
        '    const char *architecture;              /* e.g. "x86-64-v3", "sm_90a" */\n',
        "",
        "dvt_device_info.architecture was removed",
    ),
    "another type of the same size": (
        "    int32_t priority;     /* 0 = normal, higher = sooner */",
        "    uint32_t priority;    /* 0 = normal, higher = sooner */",
        "dvt_stream_desc.priority was of type int32_t and is of type uint32_t",
    ),
    "another parameter of a slot": (
        "dvt_status (*event_query)(dvt_event *event, dvt_error *error);",
        "dvt_status (*event_query)(dvt_event *event, uint64_t flags, dvt_error *error);",
        "dvt_device_api.event_query was of type",
    ),
    "another value of a constant": (
        "#define DVT_PENDING 2 ",
        "#define DVT_PENDING 3 ",
        "constant DVT_PENDING was 2 and is 3",
    ),
    "a constant gone": ("#define DVT_MAP_READ 1", "", "constant DVT_MAP_READ is gone"),
    "a change behind an extension": (
        "    double start_ns;      /* since profiler start */",
        "    float start_ns;       /* since profiler start */",
        "dvt_span.start_ns was of type double and is of type float",
    ),
    "a change of a function type": (
        "typedef void (*dvt_span_fn)(void *context, const dvt_span *span);",
        "typedef int32_t (*dvt_span_fn)(void *context, const dvt_span *span);",
        "type dvt_span_fn was",
    ),
    "growth of a struct that never grows": (
        "} dvt_place;",
        "    int32_t numa; /* new */\n} dvt_place;",
        "dvt_place.numa is new, but dvt_place never grows",
    ),
    "growth into padding": (
        "    uint32_t block_bytes; /* bytes per block */\n    uint32_t reserved;    /* zero */\n",
        "    uint32_t block_bytes; /* bytes per block */\n",
        "dvt_custom_type.reserved was removed",
    ),
}


@pytest.mark.parametrize("what", ILLEGAL)
def test_an_illegal_change_is_named(what: str, now: Abi, tmp_path: Path) -> None:
    old, new, message = ILLEGAL[what]
    breaks, _ = compare(now, changed(tmp_path, old, new))
    assert any(message in one for one in breaks), breaks


def test_a_field_in_former_padding_is_named(now: Abi, tmp_path: Path) -> None:
    padded = changed(
        tmp_path,
        "    uint32_t block_bytes; /* bytes per block */\n    uint32_t reserved;    /* zero */\n",
        "    uint32_t block_bytes; /* bytes per block */\n",
    )
    breaks, _ = compare(padded, now)
    assert any("dvt_custom_type.reserved lies in what was padding (LP64)" in b for b in breaks)


def test_a_change_that_only_32_bits_see_is_named(now: Abi, tmp_path: Path) -> None:
    wide = changed(
        tmp_path,
        "    void *context;        /* first argument of write */",
        "    uint64_t context;     /* first argument of write */",
    )
    breaks, _ = compare(now, wide)
    assert any("ILP32" in b and "dvt_blob" in b for b in breaks)


def test_all_structs_but_the_frozen_ones_start_with_their_size(now: Abi) -> None:
    for name, one in now.structs.items():
        assert (one.fields[0].name == "struct_size") != (name in FROZEN | STRIDED), name


def test_comments_and_spaces_leave_the_fingerprint_alone() -> None:
    text = HEADER.read_text(encoding="utf-8")
    assert fingerprint(
        text.replace("    ", "  ").replace("null: done", "none: done")
    ) == fingerprint(text)
    assert fingerprint(text.replace("#define DVT_OK 0", "#define DVT_OK 1")) != fingerprint(text)


def test_a_gate_that_cannot_run_is_shut(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AssertionError, match="gcc was not found, so this gate cannot run"):
        run("gcc", "--version")
