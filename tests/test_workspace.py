"""The pyproject files agree with each other and with the folders."""

import re
import tomllib
from importlib.metadata import entry_points, requires

import pytest

from workspace import ROOT, Distribution, distributions

TOX = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["tox"]
# Envs that do not belong to one distribution.
GENERAL = {"lint", "types", "wheels", "house", "downstream", "templates", "check_backends"}
GENERAL |= {"sanitize", "sanitize_threads"}
SHARED = ["requires-python", "license", "license-files", "urls"]


def test_every_folder_has_its_env_and_every_env_its_folder() -> None:
    assert set(TOX["env_list"]) - GENERAL == {one.env for one in distributions()}
    assert set(TOX["env_list"]) >= GENERAL
    assert len(TOX["env_list"]) == len(set(TOX["env_list"]))


def test_every_plugin_folder_is_a_distribution() -> None:
    folders = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()}
    assert folders == {one.env for one in distributions() if one.is_plugin}


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_names_follow_the_folder(one: Distribution) -> None:
    name = "dovetail" if one.env == "core" else f"dovetail-{one.env.replace('_', '-')}"
    assert one.name == name
    assert (one.sources / name.replace("-", "_")).is_dir()


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_shared_keys_agree(one: Distribution) -> None:
    first = distributions()[0]
    assert {key: one.project.get(key) for key in SHARED} == {
        key: first.project.get(key) for key in SHARED
    }
    assert one.project["classifiers"] == first.project["classifiers"]


def test_tools_have_the_same_python_floor() -> None:
    root = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    floor = distributions()[0].project["requires-python"].removeprefix(">=")
    assert root["mypy"]["python_version"] == floor
    assert root["ruff"]["target-version"] == f"py{floor.replace('.', '')}"


def test_hooks_and_tox_use_the_same_tools() -> None:
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    pinned = {name for name in TOX["env"]["lint"]["deps"] if "==" in name}
    assert len(pinned) == 2
    assert set(re.findall(r"[\w-]+==[\w.]+", hooks)) == pinned


def test_the_installed_core_needs_what_its_pyproject_says() -> None:
    core = next(one for one in distributions() if one.env == "core")
    assert sorted(requires("dovetail") or []) == sorted(core.project["dependencies"])


def test_a_backend_is_named_after_its_folder() -> None:
    found = {point.name: point.value for point in entry_points(group="dovetail.backends")}
    assert found["cpu"] == "dovetail"
    for one in distributions():
        declared = one.project.get("entry-points", {}).get("dovetail.backends", {})
        for name, module in declared.items():
            assert found[name] == module
            assert one.env in (name, "core")
