"""Imports run one way, plugins -> core -> abi, and importing the core pulls in no device."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from workspace import ROOT, Distribution, distributions

SOURCES = [(one, path) for one in distributions() for path in sorted(one.sources.rglob("*.py"))]


def modules(distribution: Distribution) -> set[str]:
    """Return the top-level names a distribution brings."""
    return {path.name for path in distribution.sources.iterdir() if path.is_dir()}


def imported(path: Path) -> set[str]:
    """Return the top-level names a file imports, at any depth of nesting."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def allowed(distribution: Distribution) -> set[str]:
    """Return which of our distributions one may import: itself and what it declares."""
    if distribution.env == "abi":
        return {"dovetail-abi"}
    if distribution.env == "core":
        return {"dovetail", "dovetail-abi"}
    declared = [re.split(r"[^\w-]", one)[0] for one in distribution.project["dependencies"]]
    return {distribution.name, "dovetail", "dovetail-abi", *declared}


def test_there_are_sources() -> None:
    assert {one.env for one, _ in SOURCES} == {one.env for one in distributions()}


@pytest.mark.parametrize(
    ("distribution", "path"),
    SOURCES,
    ids=[str(path.relative_to(ROOT)) for _, path in SOURCES],
)
def test_imports_run_one_way(distribution: Distribution, path: Path) -> None:
    owner = {name: one.name for one in distributions() for name in modules(one)}
    reached = {owner[name] for name in imported(path) if name in owner}
    assert reached <= allowed(distribution)


PROBE = """\
import sys
import dovetail
print("\\n".join(sorted(sys.modules)))
print("--")
print(open("/proc/self/maps").read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the list of mapped files is Linux's")
def test_import_loads_no_plugin_and_no_device() -> None:
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded, mapped = done.stdout.split("--\n")
    names = set(loaded.split())
    assert "dovetail" in names
    plugins = set().union(*(modules(one) for one in distributions() if one.is_plugin))
    assert plugins, "a check without plugins to look for"
    assert not plugins & names
    assert "numpy" in mapped, "the map shows what is loaded"
    assert not re.findall(r"\S*libdovetail_\S+", mapped)
