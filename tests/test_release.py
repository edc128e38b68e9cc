"""What a release checks, on broken examples; fragments are collected; the matrix is current."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import changelog
import compatibility
import pytest
import release

from workspace import ROOT, Distribution, distributions


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_every_fragment_is_good(one: Distribution) -> None:
    assert list(changelog.check(one)) == []


def test_the_matrix_is_what_the_script_writes() -> None:
    page = compatibility.PAGE.read_text(encoding="utf-8")
    assert page == compatibility.page(), "run python tests/compatibility.py"
    for one in distributions():
        assert f"| {one.name} | {one.project['version']} |" in page


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_every_distribution_has_its_place_in_the_changelog(one: Distribution) -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^### {re.escape(one.name)} \d", text, re.MULTILINE)


@pytest.fixture
def thing(tmp_path: Path) -> Distribution:
    """A distribution with one good fragment."""
    project = 'name = "dovetail-thing"\nversion = "1.2.0"\n'
    (tmp_path / "pyproject.toml").write_text(f"[project]\n{project}", encoding="utf-8")
    (tmp_path / "changes").mkdir()
    text = "`thing` takes\nless time.\n"
    (tmp_path / "changes" / "speed.changed.md").write_text(text, encoding="utf-8")
    return Distribution(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("speed.md", "Good.", "changes/speed.md:1: name: call it <word>.<kind>.md, where kind is"),
        ("Speed.added.md", "Good.", "name: call it"),
        ("speed.news.md", "Good.", "name: call it"),
        ("speed.fixed.md", " \n", "changes/speed.fixed.md:1: empty: say in a sentence"),
        ("speed.fixed.md", "One.\n- two", "changes/speed.fixed.md:2: markup: write sentences"),
        ("speed.fixed.md", "# Title", "speed.fixed.md:1: markup"),
    ],
)
def test_each_bad_fragment_is_named(thing: Distribution, name: str, text: str, says: str) -> None:
    assert list(changelog.check(thing, thing.folder)) == []
    (thing.folder / "changes" / name).write_text(text, encoding="utf-8")
    assert any(says in one for one in changelog.check(thing, thing.folder))


def test_fragments_are_collected_under_their_version(thing: Distribution) -> None:
    (thing.folder / "changes" / "old.removed.md").write_text("`old` is gone.", encoding="utf-8")
    (thing.folder / "changes" / "new.added.md").write_text("x " * 100, encoding="utf-8")
    before = "# Changes\n\n## Unreleased\n\n### dovetail 2.0\n\n- Two.\n\n## 2025\n\n- Old.\n"
    after = changelog.collect(before, thing)
    wanted = "- `thing` takes less time.\n- Removed: `old` is gone.\n\n### dovetail 2.0\n\n- Two."
    assert "## Unreleased\n\n### dovetail-thing 1.2.0\n\n- x x" in after and wanted in after
    assert max(map(len, after.splitlines())) <= changelog.WIDTH
    again = changelog.collect(after, thing)
    assert again.count("### dovetail-thing 1.2.0\n") == 1 and again.count("takes less time") == 2
    for path in changelog.fragments(thing):
        path.unlink()
    assert changelog.collect(before, thing) == before


@pytest.mark.parametrize("word", ["nosuch", "--colect"])
def test_a_word_that_changelog_does_not_know_is_refused(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert changelog.main(["core", word]) == 2
    assert "usage: changelog.py [--collect] [ENV ...], where ENV is" in capsys.readouterr().out


def test_a_changelog_without_its_heading_is_named(thing: Distribution) -> None:
    with pytest.raises(SystemExit, match="no line '## Unreleased' to collect under"):
        changelog.collect("# Changes\n", thing)


def test_a_release_needs_a_version_and_a_changelog(thing: Distribution) -> None:
    assert list(release.version_findings(thing)) == []
    [waits] = release.changelog_findings(thing, "### dovetail-thing 1.2.0\n")
    assert "speed.changed.md wait to be collected; run python tests/changelog.py" in waits
    [missing, _] = release.changelog_findings(thing, "### dovetail-thing 1.1.0\n")
    assert missing.startswith("CHANGELOG.md:1: section: it has no '### dovetail-thing 1.2.0'")
    for version in ("1.2.0.dev0", "1.2.0+local", "1.2.0.post1"):
        thing.settings["project"]["version"] = version
        [one] = release.version_findings(thing)
        assert f"/pyproject.toml:3: version: {version} is a development version" in one


def test_a_release_needs_its_archives(thing: Distribution, tmp_path: Path) -> None:
    found = list(release.archive_findings(thing, tmp_path))
    assert len(found) == 2 and "holds 0 files *.whl, not one" in found[0]


def test_metadata_that_the_index_refuses_is_named(tmp_path: Path, monkeypatch: Any) -> None:
    bad = tmp_path / "thing-1.0-py3-none-any.whl"
    bad.write_bytes(b"no archive")
    [one] = release.metadata_findings([bad])
    assert one.startswith("twine refuses the metadata")


def state(name: str, state: str) -> dict[str, str]:
    return {"name": name, "state": state, "reason": "it crashed" if state == "broken" else ""}


def test_every_plugin_of_ours_is_ready(thing: Distribution) -> None:
    thing.settings["project"]["entry-points"] = {"dovetail.backends": {"thing": "dovetail_thing"}}
    ready = [state("thing", "ready"), state("another", "broken")]
    assert list(release.plugin_findings(json.dumps(ready), [thing])) == []
    [one] = release.plugin_findings(json.dumps([state("thing", "broken")]), [thing])
    assert one == "dovetail-thing: plugin thing is broken: it crashed"
    [one] = release.plugin_findings("[]", [thing])
    assert one == "dovetail-thing: plugin thing is not listed: no entry point"


@pytest.mark.parametrize("fails", [None, "demo"])
def test_whatever_is_released_is_tried_with_core(
    monkeypatch: Any, tmp_path: Path, fails: str | None
) -> None:
    abi, core = (one for one in distributions() if one.env in ("abi", "core"))
    needed, ran = [], []

    def closure(start: list[Distribution]) -> tuple[list[Path], list[str]]:
        needed.extend(start)
        return [], []

    def run(command: list[str], **_: Any) -> Any:
        ran.append(command[3])
        broken = json.dumps([state("cpu", "broken")])
        return subprocess.CompletedProcess(command, int(command[3] == fails), broken, "")

    monkeypatch.setattr(release, "closure", closure)
    monkeypatch.setattr(release.venv, "create", lambda *_, **__: None)
    monkeypatch.setattr(release.subprocess, "run", run)
    [one] = release.install_and_try([abi], tmp_path)
    assert needed == [abi, core]
    if fails is None:
        assert ran == ["install", "check", "info", "demo", "plugins"]
        assert one == "dovetail: plugin cpu is broken: it crashed"
    else:
        assert one.startswith("python -m dovetail demo failed for dovetail-abi:")


def test_a_distribution_that_is_not_there_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["nosuch"]) == 2
    assert "there is no distribution 'nosuch'; there are" in capsys.readouterr().out
