"""The op set and the public names are the locked ones; each kind of change is refused in words."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workspace import ROOT

LOCKS = ROOT / "core" / "locks"


@pytest.fixture(scope="module")
def lock() -> ModuleType:
    sys.path.insert(0, str(LOCKS))
    try:
        import lock as module
    finally:
        sys.path.remove(str(LOCKS))
    return module


def test_core_is_what_the_locks_say(lock: ModuleType) -> None:
    assert lock.check(ROOT) == []


def test_the_locks_see_something(lock: ModuleType) -> None:
    found = lock.read(LOCKS)
    assert len(found.ops) > 200 and found.ops["matmul"]["signature"] == "x: T, y: T -> T"
    assert len(found.names) > 500 and "donate=()" in found.names["dovetail.jit"]
    assert found.names["dovetail.Array.sum"] == "(x, axis=None, dtype=None, keepdims=False)"
    assert found.names["dovetail.Array.shape"] == found.names["dovetail.DType.name"] == "attribute"


ROW = {"version": 1, "signature": "x: T -> T", "attributes": ["axis=None"]}


def locked(lock: ModuleType, **changes: Any) -> Any:
    given: dict[str, Any] = {
        "rfc": 3,
        "ops": {"thing": ROW},
        "names": {"dovetail.thing": "(x, axis=None)"},
        "deprecated": {},
        "removed": {},
        "lines": {"op_set.toml thing": 6, "public_names.toml dovetail.thing": 9},
    }
    return lock.Lock(**{**given, **changes})


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({}, "thing is gone"),
        ({"thing": ROW, "other": ROW}, "other is new"),
        ({"thing": {**ROW, "version": 2}}, "version was 1 and is 2"),
        ({"thing": {**ROW, "signature": "x: T, y: T -> T"}}, "signature was 'x: T -> T' and is"),
        ({"thing": {**ROW, "attributes": []}}, "attributes was ['axis=None'] and is []"),
    ],
)
def test_a_changed_op_needs_an_rfc(lock: ModuleType, found: dict[str, Any], says: str) -> None:
    [one] = lock.op_findings(locked(lock), found)
    assert says in one
    assert one.startswith(f"core/locks/op_set.toml:{1 if 'other' in says else 6}: op: ")
    assert "dovetail rfc new, 'kind: api', 'status: accepted'" in one and "--rfc NUMBER" in one
    assert ("raise its version" in one) == (" was " in one and "version was" not in one)


@pytest.mark.parametrize(("version", "status"), [(1, 1), (2, 0)])
def test_an_op_changes_with_its_version(
    lock: ModuleType, monkeypatch: pytest.MonkeyPatch, version: int, status: int
) -> None:
    row = {**ROW, "signature": "x: T, y: T -> T", "version": version}
    written: list[int] = []
    monkeypatch.setattr(
        lock, "check", lambda _: list(lock.op_findings(locked(lock), {"thing": row}))
    )
    monkeypatch.setattr(lock, "write", lambda _, number, __: written.append(number))
    assert lock.main(["--write"]) == 1 and written == []
    assert lock.main(["--write", "--rfc", "3"]) == status and len(written) == 1 - status


def names(
    lock: ModuleType, found: dict[str, str], fragments: str = "", **changes: Any
) -> list[str]:
    return list(lock.name_findings(locked(lock, **changes), found, fragments, "0.5.0.dev0"))


SAME = {"dovetail.thing": "(x, axis=None)"}


def test_a_new_name_needs_a_fragment(lock: ModuleType) -> None:
    found = {**SAME, "dovetail.nn.more": "(x)"}
    [one] = names(lock, found)
    assert "dovetail.nn.more is new, and no file of core/changes names `nn.more`" in one
    [one] = names(lock, found, "- `dt.nn.more`: more of it")
    assert "take it over with python core/locks/lock.py --write" in one
    of_class = {**SAME, "dovetail.Thing": "class", "dovetail.Thing.sum": "(self)"}
    for one in names(lock, of_class, "- `Thing`"):
        assert "take it over" in one, "a new class is named with all that it has"
    [one] = names(lock, {**found, "dovetail.thing.sum": "(self)"}, "- `nn.more`")[1:]
    assert "no file of core/changes names `thing.sum`" in one
    [one] = names(lock, found, "- `nn.moreover`")
    assert "no file of core/changes" in one


def test_a_name_goes_after_a_release_with_a_warning_and_an_rfc(lock: ModuleType) -> None:
    [one] = names(lock, {})
    assert one.startswith("core/locks/public_names.toml:9: name: dovetail.thing is gone")
    assert "dovetail.thing is gone; it must be in [deprecated] for one release first" in one
    [one] = names(lock, {}, deprecated={"dovetail.thing": "0.5.0"})
    assert "for one release first" in one
    [one] = names(lock, {}, deprecated={"dovetail.thing": "0.4.0"})
    assert "put the number of the RFC ('kind: api', 'status: accepted') that removes it" in one
    gone = {"deprecated": {"dovetail.thing": "0.4.0"}, "removed": {"dovetail.thing": 3}}
    [one] = names(lock, {}, **gone)
    assert one.endswith("take it over with python core/locks/lock.py --write")


@pytest.mark.parametrize(
    ("before", "after", "same"),
    [
        ("(x)", "(x, y=1)", True),
        ("(x, *, a=1)", "(x, *, a=1, b=(2, 3))", True),
        ("(x, *, b=1)", "(x, *, a=0, b=1)", True),
        ("(x, y)", "(x, y, *, z=None)", True),
        ("(x)", "(x, *args, **kwargs)", True),
        ("(x)", "(x, y)", False),
        ("(x, y)", "(y, x)", False),
        ("(x, y=1)", "(x, y=2)", False),
        ("(x, y=1)", "(x)", False),
        ("(x, *, a=1)", "(x)", False),
        ("(x, *, a=1)", "(x, *, a=1, b)", False),
        ("(x)", "class", False),
        ("method", "(x)", False),
        ("attribute", "(x)", False),
        ("DType", "float", False),
    ],
)
def test_what_takes_the_same_calls(lock: ModuleType, before: str, after: str, same: bool) -> None:
    assert lock.takes_the_same_calls(before, after) is same


def test_a_signature_that_takes_more_is_taken_over(lock: ModuleType) -> None:
    [one] = names(lock, {"dovetail.thing": "(x, axis=None, *, keepdims=False)"})
    assert "takes more than it did; take it over" in one


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("kind: api\nstatus: accepted", None),
        ("kind: process\nstatus: accepted", "must say 'kind: api'"),
        ("kind: api\nstatus: draft", "must say 'kind: api' and 'status: accepted'"),
        (None, "there is no RFC 3; name the one that decided"),
    ],
)
def test_the_rfc_is_decided(
    lock: ModuleType, tmp_path: Path, header: str | None, says: str | None
) -> None:
    (tmp_path / "rfcs").mkdir()
    if header is not None:
        text = f"---\n{header}\n---\n"
        (tmp_path / "rfcs" / "0003-thing.md").write_text(text, encoding="utf-8")
    found = list(lock.rfc_findings(locked(lock), tmp_path))
    assert not found if says is None else says in found[0]


def test_what_is_written_is_read_again(lock: ModuleType, tmp_path: Path) -> None:
    old = locked(lock, deprecated={"dovetail.thing": "0.4.0"}, removed={"dovetail.other": 3})
    lock.write(tmp_path, 7, old)
    again = lock.read(tmp_path)
    assert again.rfc == 7 and again.ops == lock.op_set() and again.names == lock.public_names()
    assert again.deprecated == old.deprecated and again.removed == old.removed
