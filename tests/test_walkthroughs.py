"""The walk-throughs of CONTRIBUTING.md and of the vendor guide, typed as they stand.

A comment above a block says what happens with it, in a copy of the tree (CONTRIBUTING) or in an
empty folder (the guide):

    <!-- file: PATH -->             the block becomes that file
    <!-- insert: PATH after: LINE --> the block is put behind that line of that file
    <!-- run -->                    the block is run by bash and must end with 0
    <!-- run: fails with WORDS -->  ... and must not, with these words in what it prints
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from workspace import ROOT, tracked

STEP = re.compile(r"^<!-- (file|insert|run)(.*?) -->\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(path: Path) -> Iterator[tuple[str, str, str]]:
    """(what, its argument, the block) in order."""
    for match in STEP.finditer(path.read_text(encoding="utf-8")):
        yield match[1], match[2].removeprefix(":").strip(), match[3]


def overlay(core: Path, target: Path) -> Path:
    """A package of the copied sources with the compiled parts of the installed one."""
    spec = find_spec("dovetail")
    assert spec is not None and spec.submodule_search_locations
    installed = Path(next(iter(spec.submodule_search_locations)))
    (target / "dovetail").mkdir(parents=True)
    for source in (core / "src" / "dovetail").iterdir():
        (target / "dovetail" / source.name).symlink_to(source)
    for built in installed.iterdir():
        place = target / "dovetail" / built.name
        if not place.exists() and built.name != "__pycache__":
            place.symlink_to(built.resolve())
    return target


def walk(document: Path, folder: Path, search: str, tmp_path: Path) -> int:
    """Do the steps of a document in a folder; how many there were."""
    scripts = str(Path(sys.executable).parent)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("DOVETAIL_")}
    environment = {
        **inherited,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": search,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTEST_ADDOPTS": "-p no:cacheprovider",
    }
    session = tmp_path / "session.sh"  # what one block exports, the next one has
    count = 0
    for what, argument, block in steps(document):
        count += 1
        if what == "file":
            place = folder / argument
            assert not place.exists(), f"{argument} is there already"
            place.write_text(block, encoding="utf-8")
        elif what == "insert":
            name, _, line = argument.partition(" after: ")
            text = (folder / name).read_text(encoding="utf-8")
            assert text.count(f"{line}\n") == 1, f"{name} has the line {line!r} once"
            text = text.replace(f"{line}\n", f"{line}\n{block}")
            (folder / name).write_text(text, encoding="utf-8")
        else:
            script = f"set -e\n{block}\nexport -p > {session}\npwd > {session}.cwd\n"
            before = f". {session}\ncd $(cat {session}.cwd)\n" if session.exists() else ""
            done = subprocess.run(
                ["bash", "-c", before + script],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            said = f"$ {block}\n{done.stdout}\n{done.stderr}"
            assert (done.returncode != 0) == bool(argument), said
            _, words = argument.split("fails with ") if argument else ("", "")
            assert words in done.stdout + done.stderr, said
    return count


def test_contributing(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for path in tracked():
        place = clone / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    subprocess.run(["git", "init", "-q", str(clone)], check=True)
    ours = overlay(clone / "core", tmp_path / "overlay")
    paths = (str(ours), str(clone / "tests"), os.environ.get("PYTHONPATH", ""))
    search = os.pathsep.join(filter(None, paths))
    assert walk(ROOT / "CONTRIBUTING.md", clone, search, tmp_path) >= 11


def test_the_vendor_guide(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    search = os.environ.get("PYTHONPATH", "")
    assert walk(ROOT / "abi" / "docs" / "guide.md", folder, search, tmp_path) >= 1


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "abi/docs/guide.md"])
def test_every_comment_has_its_block(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    marks = re.findall(r"^<!-- (?:file|insert|run)\b", text, re.MULTILINE)
    assert len(marks) == len(list(steps(ROOT / document))) > 0
