"""The index of tf.contrib is whole and true, and its checker names each kind of mistake."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from workspace import ROOT

CHECKER = ROOT / "contrib_migrated" / "check_index.py"


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    sys.path.insert(0, str(CHECKER.parent))
    try:
        import check_index
    finally:
        sys.path.remove(str(CHECKER.parent))
    return check_index


def test_the_index_passes() -> None:
    command = [sys.executable, str(CHECKER)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


CORE = """\
[[project]]
project = "opt"
fate = "core"
home = "home.py"
evidence = "test.py"
sig = "release"
reason = "why"
proposed = "move"
"""
PLANNED = """\
[[project]]
project = "lite"
fate = "planned"
plugin = "convert"
rfc = 14
sig = "release"
reason = "why"
proposed = "move"
"""
SHIM = CORE.replace('"core"', '"shim"') + (
    'replacement = "dovetail_convert, when it can"\nremoved-in = "0.8.0"\nleave-by = 2999-01-01\n'
)
IN_CORE = SHIM.replace("_convert", ".nn")
RFC = "---\nstatus: accepted\n---\n`convert`\n"


@pytest.fixture
def findings(repository: Path, checker: ModuleType) -> Callable[..., list[str]]:
    """``findings(text)``: what is said of an index with this text."""

    def look(text: str, rfc: str = RFC, write: bool = True) -> list[str]:
        pages = {
            "contrib_migrated/INDEX.toml": text,
            "contrib_migrated/README.md": f"{checker.BEGIN}\n{checker.END}\n",
            "contrib_migrated/pyproject.toml": '[project]\nversion = "0.7.0"\n',
            "core/src/dovetail/nn/__init__.py": "",
            "sigs/release/CHARTER.md": "---\nowns: *\n---\n",
            "sigs/edge/CHARTER.md": "---\nowns: edge/**\n---\n",
            "rfcs/0014-plugins.md": rfc,
            "home.py": "",
            "test.py": "",
        }
        for name, content in pages.items():
            path = repository / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        number = len(re.findall(r"^\[\[project\]\]$", text, re.MULTILINE))
        return [str(one) for one in checker.check(repository, write=write, number=number)]

    return look


@pytest.mark.parametrize("text", [CORE, PLANNED, SHIM, IN_CORE, CORE + PLANNED])
def test_good_rows_pass(findings: Callable[..., list[str]], text: str) -> None:
    assert findings(text) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (CORE.replace('"core"', '"lost"'), "fate: opt: fate is 'lost'; choose of core, plugin"),
        (CORE.replace('home = "home.py"\n', ""), "keys: opt: a row with fate 'core' needs 'home'"),
        (CORE + "rfc = 14\n", "keys: opt: 'rfc' says nothing in a row with fate 'core'; take it"),
        (CORE.replace('"why"', '""'), "keys: opt: the reason is empty; one sentence tells"),
        (CORE.replace("home.py", "gone.py"), "home: opt: gone.py is not there; name a path"),
        (CORE.replace("test.py", "gone.py"), "evidence: opt: gone.py is not there; name a path"),
        (CORE.replace("release", "nobody"), "sig: opt: there is no SIG 'nobody'"),
        (
            CORE.replace('"core"', '"plugin"') + 'plugin = "x"\n',
            "plugin: opt: plugins/x is not there",
        ),
        (PLANNED.replace("14", "15"), "rfc: lite: there is no RFC 15"),
        (PLANNED.replace("convert", "x"), "0014-plugins.md does not name the plugin `x`"),
        (SHIM.replace("2999-01-01", "2020-01-01"), "leave-by: opt: it was to graduate or leave by"),
        (SHIM.replace("2999-01-01", '"soon"'), "leave-by: opt: leave-by must be a date"),
        (SHIM.replace("release", "edge"), "sig: opt: by the charters release owns home.py; sig"),
        (SHIM.replace("0.8.0", "0.7.0"), "opt: this is version 0.7.0, and 0.7.0 was to remove it"),
        (SHIM.replace("_convert, when it can", ""), "replacement: opt: 'dovetail' names nothing"),
        (SHIM.replace("dovetail_convert, when it can", ""), "replacement: opt: '' names nothing"),
        (SHIM.replace("_convert", "_other"), "replacement: opt: 'dovetail_other, when it can' na"),
        (IN_CORE.replace(".nn", ".gone"), "replacement: opt: 'dovetail.gone, when it can' names"),
        (SHIM.replace("0.8.0", "next"), "removed-in: opt: removed-in is a version"),
    ],
)
def test_each_mistake_is_named(findings: Callable[..., list[str]], text: str, says: str) -> None:
    found = findings(text)
    assert any(says in one for one in found), found
    assert found[0].startswith("contrib_migrated/INDEX.toml:1: ")


def test_a_second_row_and_a_missing_one_are_named(findings: Callable[..., list[str]]) -> None:
    found = findings(CORE + PLANNED + CORE)
    assert "contrib_migrated/INDEX.toml:17: twice: opt has a row already" in found
    assert any("number: 2 projects; tf.contrib had 3" in one for one in found)


def test_what_is_planned_is_accepted(findings: Callable[..., list[str]]) -> None:
    [one] = findings(PLANNED, rfc=RFC.replace("accepted", "draft"))
    assert "0014-plugins.md is not accepted, so nothing is planned" in one


def test_a_table_out_of_date_is_named(findings: Callable[..., list[str]]) -> None:
    [one] = findings(CORE, write=False)
    assert one.startswith("contrib_migrated/README.md:1: made: it is out of date; run")
