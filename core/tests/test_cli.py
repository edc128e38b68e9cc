"""The command ``dovetail``, as a user runs it."""

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from dovetail import _fast
from dovetail.cli import main

Build = Callable[..., Path]
Install = Callable[..., Path]


def command(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dovetail", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_a_verb_it_explains_itself() -> None:
    done = command()
    assert done.returncode == 2
    for verb in ("demo", "info", "plugins"):
        assert verb in done.stdout


def test_an_unknown_argument_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plugins", "--colour"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --colour" in capsys.readouterr().err


def test_demo_gets_its_arguments_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    demo = types.ModuleType("dovetail.demo")
    seen: list[list[str]] = []
    demo.__dict__["main"] = seen.append
    monkeypatch.setitem(sys.modules, "dovetail.demo", demo)
    assert main(["demo", "--quick", "-h", "--out=x"]) == 0
    assert seen == [["--quick", "-h", "--out=x"]]


def test_info_tells_what_a_bug_report_needs() -> None:
    done = command("info", DOVETAIL_NUM_THREADS="3")
    assert done.returncode == 0, done.stderr
    facts = dict(line.split(":", 1) for line in done.stdout.splitlines())
    told = {title: text.strip() for title, text in facts.items()}
    assert told["dovetail"] == version("dovetail")
    assert told["numpy"] == np.__version__
    assert told["Python"].startswith(".".join(map(str, sys.version_info[:3])))
    assert told["processor"].split() == list(_fast.cpu_features())
    assert told["threads"] == "3"
    assert told["cpu variant"] in ("baseline", "avx2", "avx512", "neon")
    assert "cpu" in facts  # the line of cpu:0


def test_plugins_as_json(build: Build) -> None:
    paths = os.pathsep.join(str(build(kind, kind)) for kind in ("good", "younger", "leave"))
    done = command("plugins", "--json", DOVETAIL_BACKENDS=paths)
    assert done.returncode == 0, done.stderr
    told = {one["name"]: one for one in json.loads(done.stdout)}
    assert told["cpu"]["state"] == "ready" and told["cpu"]["distribution"] == "dovetail"
    assert 0 < told["cpu"]["ops_known"] <= told["cpu"]["ops_total"]
    assert told["good"]["abi"] == "1.0" and told["good"]["ops_known"] == 1
    assert told["younger"]["ops"] == ["add", "op_of_the_future"]
    assert told["younger"]["ops_known"] == 1
    assert told["leave_leave"]["state"] == "broken"
    assert "status 3" in told["leave_leave"]["reason"]


def test_plugins_as_a_table(build: Build) -> None:
    done = command("plugins", "-v", DOVETAIL_BACKENDS=str(build("younger", "acme")))
    assert done.returncode == 0, done.stderr
    head, *rest = done.stdout.splitlines()
    assert head.split()[:3] == ["NAME", "DISTRIBUTION", "VERSION"]
    [row] = [line for line in rest if line.startswith("acme")]
    assert "(by path)" in row and "1.3 (1.0)" in row and row.endswith("ready")
    assert "ops this Dovetail does not know: op_of_the_future" in done.stdout


def test_recheck_asks_the_library_again(build: Build, tmp_path: Path) -> None:
    path = build("leave", "acme")
    cache = tmp_path / "cache"
    variables = {"DOVETAIL_BACKENDS": str(path), "XDG_CACHE_HOME": str(cache)}
    assert "status 3" in command("plugins", **variables).stdout
    for kept in (cache / "dovetail" / "probe").glob("*.json"):
        kept.write_text(kept.read_text().replace("status 3", "status 4"))
    assert "status 4" in command("plugins", **variables).stdout
    assert "status 3" in command("plugins", "--recheck", **variables).stdout


def test_info_tells_about_the_rest_when_the_cpu_device_is_broken() -> None:
    done = command("info", DOVETAIL_CPU="quantum")
    assert done.returncode == 0
    assert "cpu variant: none" in done.stdout


def test_verbs_of_plugins_stand_beside_ours(
    install: Install, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dovetail import plugins

    monkeypatch.setattr(plugins, "_manager", None)
    monkeypatch.setattr(plugins, "_python_records", [])
    head = "from dovetail.hookspecs import hook\n@hook\ndef dovetail_add_verbs(subparsers):\n    "
    texts = {
        "angry": "raise OSError('no')",
        "clash": "subparsers.add_parser('info')",
        "greet": "subparsers.add_parser('greet').set_defaults(run=lambda chosen: print('hi') or 5)",
        "sorry": "subparsers.add_parser('sorry').set_defaults(run=fail)\n"
        "def fail(chosen):\n"
        "    from dovetail.errors import DeviceError\n"
        "    raise DeviceError('it rains; wait')",
    }
    for name, text in texts.items():
        entry = f"[dovetail.plugins]\n{name} = dt_{name}.hooks\n"
        folder = install(name, package=f"dt_{name}", entry=entry)
        (folder / "__init__.py").write_text("")
        (folder / "hooks.py").write_text(head + text + "\n")
    assert main(["greet"]) == 5
    printed = capsys.readouterr()
    assert printed.out == "hi\n"
    assert "the plugin angry cannot add its verbs (OSError: no)" in printed.err
    assert "DOVETAIL_DISABLE=clash" in printed.err
    assert main(["sorry"]) == 1
    assert capsys.readouterr().err.endswith("dovetail: it rains; wait\n")
