"""What changes by RFC alone: top-level folders, core's dependencies, plugins of the first party.

Each has the number of the RFC that allows it; a refusal says which page to write. The header, the
op set and the public names have locks of their own (abi/lock.toml, core/locks).
"""

import re
import sys
import tomllib
from collections.abc import Iterable, Mapping

from workspace import ROOT, distributions, short, tracked

sys.path.insert(0, str(ROOT / "rfcs"))
from check_rfcs import DECIDED, Rfc, read

FOLDERS = {
    ".ci": 12,
    "abi": 2,
    "contrib_migrated": 14,
    "core": 4,
    "plugins": 5,
    "rfcs": 1,
    "sigs": 1,
    "tests": 13,
}
DEPENDENCIES = {"cffi": 2, "numpy": 4, "pluggy": 5}
TABLE = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)


def page(number: int) -> Rfc:
    [path] = (ROOT / "rfcs").glob(f"{number:04d}-*.md")
    return read(path)


PLUGINS = {"hello": 2, **dict.fromkeys(TABLE.findall(page(14).body), 14)}


def refusals(
    found: Iterable[str], allowed: Mapping[str, int], what: str, kind: str, file: str = "."
) -> list[str]:
    """A sentence for each thing that no RFC allows."""
    return [
        f"{file}:1: {what} {name!r} is new: write an RFC (dovetail rfc new, 'kind: {kind}', "
        f"'status: accepted') and name it with that RFC's number in tests/test_contracts.py"
        for name in sorted(set(found) - allowed.keys())
    ]


def test_top_level_folders() -> None:
    found = {short(path).split("/")[0] for path in tracked() if "/" in short(path)}
    assert refusals(found, FOLDERS, "the top-level folder", "process") == []


def test_dependencies_of_core() -> None:
    project = tomllib.loads((ROOT / "core" / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {re.split(r"[^\w-]", one)[0] for one in project["project"]["dependencies"]}
    assert refusals(asked, DEPENDENCIES, "core's dependency", "api", "core/pyproject.toml") == []
    assert asked == DEPENDENCIES.keys(), "take what core no longer needs out of the table"


def test_plugins_of_the_first_party() -> None:
    assert len(PLUGINS) > 10, "the table of RFC 14 is read"
    found = {one.env for one in distributions() if one.is_plugin}
    assert refusals(found, PLUGINS, "the plugin", "process", "plugins") == []


def test_every_number_is_that_of_a_decided_rfc() -> None:
    for number in {*FOLDERS.values(), *DEPENDENCIES.values(), *PLUGINS.values()}:
        assert page(number).fields["status"] in DECIDED, number


def test_a_refusal_says_what_to_write() -> None:
    [one] = refusals({"abi", "drivers"}, FOLDERS, "the top-level folder", "process")
    assert one.startswith(
        ".:1: the top-level folder 'drivers' is new: write an RFC (dovetail rfc new,"
    )
    assert "'kind: process'" in one and "tests/test_contracts.py" in one
