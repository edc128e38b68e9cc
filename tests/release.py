"""Make a release and try it: ``tox -e release``, ``tox -e release -- --final hello``.

Builds wheel and source archive of every distribution (or of those named by their tox env), checks
versions, changelog and metadata, installs the wheels into an empty environment and runs the demo
there. Without ``--final`` it is a rehearsal: development versions and changes that are not
collected yet are told, and are no failure. Nothing is uploaded.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from pathlib import Path

import changelog
import compatibility
import wheels
from install_wheels import closure

from workspace import ROOT, Distribution, distributions

FINAL = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?")


def version_findings(one: Distribution) -> Iterator[str]:
    """A release has a final or a pre-release version."""
    version = one.project["version"]
    if not FINAL.fullmatch(version):
        path = one.folder / "pyproject.toml"
        lines = path.read_text(encoding="utf-8").splitlines()
        number = next((i for i, x in enumerate(lines, 1) if x.startswith("version")), 1)
        yield (
            f"{one.folder.name}/pyproject.toml:{number}: version: {version} is a development "
            f"version; write the one to release"
        )


def changelog_findings(one: Distribution, text: str) -> Iterator[str]:
    """What changed is told under the version, and no fragment waits."""
    title = f"### {one.name} {one.project['version']}"
    if f"{title}\n" not in text:
        yield f"CHANGELOG.md:1: section: it has no {title!r}; write what users of it meet"
    waiting = changelog.fragments(one)
    if waiting:
        names = ", ".join(path.name for path in waiting)
        yield (
            f"{one.folder.name}/changes:1: fragments: {names} wait to be collected; run python "
            f"tests/changelog.py --collect {one.env}"
        )


def archive_findings(one: Distribution, folder: Path = wheels.DIST) -> Iterator[str]:
    """There is one wheel and one source archive of it."""
    for suffix in (".whl", ".tar.gz"):
        found = one.archives(suffix, folder)
        if len(found) != 1:
            yield f"{one.name}: {folder.name}/ holds {len(found)} files *{suffix}, not one"


def metadata_findings(files: list[Path]) -> Iterator[str]:
    """What the package index would refuse."""
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"twine refuses the metadata:\n{done.stdout}{done.stderr}"


def plugin_findings(listed: str, chosen: list[Distribution]) -> Iterator[str]:
    """Each plugin of ours is among those that ``dovetail plugins --json`` lists, and is ready."""
    records = {record["name"]: record for record in json.loads(listed)}
    for one in chosen:
        points = one.project.get("entry-points", {})
        for name in [*points.get("dovetail.backends", ()), *points.get("dovetail.plugins", ())]:
            record = records.get(name, {"state": "not listed", "reason": "no entry point"})
            if record["state"] != "ready":
                yield f"{one.name}: plugin {name} is {record['state']}: {record['reason']}"


def install_and_try(chosen: list[Distribution], folder: Path) -> Iterator[str]:
    """The wheels, in an empty environment: they fit, the demo trains, the plugins are ready."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    core = [one for one in distributions() if one.env == "core" and one not in chosen]
    needed, _ = closure([*chosen, *core])
    steps = [
        ["-m", "pip", "install", "--quiet", "--find-links", str(wheels.DIST), *map(str, needed)],
        ["-m", "pip", "check"],
        ["-m", "dovetail", "info"],
        ["-m", "dovetail", "demo"],
        ["-m", "dovetail", "plugins", "--json"],
    ]
    for step in steps:
        done = subprocess.run(
            [str(python), *step], cwd=folder, capture_output=True, text=True, check=False
        )
        print(f"  {' '.join(step[:3])}: {'good' if done.returncode == 0 else 'failed'}", flush=True)
        if done.returncode:
            names = ", ".join(one.name for one in chosen)
            yield f"python {' '.join(step[:3])} failed for {names}:\n{done.stdout}{done.stderr}"
            return
    yield from plugin_findings(done.stdout, [*chosen, *core])


def main(arguments: list[str]) -> int:
    """Rehearse or make a release; 1 when something keeps it back."""
    final = "--final" in arguments
    names = [one for one in arguments if not one.startswith("--")]
    known = {one.env for one in distributions()}
    if set(names) - known:
        print(f"there is no distribution {min(set(names) - known)!r}; there are {sorted(known)}")
        return 2
    chosen = [one for one in distributions() if not names or one.env in names]
    wheels.main([])  # all: those that are released need the others to be tried with
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    hard, soft = [], []
    for one in chosen:
        hard += [*changelog.check(one), *archive_findings(one)]
        soft += [*version_findings(one), *changelog_findings(one, text)]
    if compatibility.PAGE.read_text(encoding="utf-8") != compatibility.page():
        hard.append("core/docs/compatibility.md is out of date: run python tests/compatibility.py")
    files = [path for one in chosen for path in (*one.archives(".whl"), *one.archives(".tar.gz"))]
    hard += metadata_findings(files)
    with tempfile.TemporaryDirectory() as folder:
        hard += install_and_try(chosen, Path(folder) / "empty")
    for finding in soft:
        print(f"{'error' if final else 'before a release'}: {finding}")
    for finding in hard:
        print(f"error: {finding}")
    for path in files:
        print(f"{path.name}  {path.stat().st_size / 1e6:.2f} MB")
    return 1 if hard or (final and soft) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
