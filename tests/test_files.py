"""Rules for files: their length, their names, what they may name."""

import ast
import re
import warnings
from pathlib import Path

import pytest

from workspace import ROOT, Distribution, distributions, short, tracked

WARN, FAIL = 400, 700
# Longer than FAIL by decision, with the reason.
EXEMPT = {
    "abi/src/dovetail_abi/include/dovetail.h": "the whole contract is one file (RFC 0002)",
    "abi/released/1.0.0rc1/dovetail.h": "as it was released",
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
SETTINGS = ROOT / "core" / "src" / "dovetail" / "settings.py"
TABLE = ROOT / "core" / "docs" / "settings.md"
VARIABLE = r"DOVETAIL_[A-Z][A-Z0-9_]*"

FILES = tracked()
CODE = [path for path in FILES if path.suffix in {".py", ".c", ".h", ".cu", ".cpp", ".hpp"}]


def test_no_file_is_too_long() -> None:
    lengths = {
        short(path): path.read_bytes().count(b"\n") for path in CODE if short(path) not in EXEMPT
    }
    assert lengths
    long = {name: lines for name, lines in lengths.items() if lines > FAIL}
    assert not long, f"more than {FAIL} lines: split them, one idea each"
    for name, lines in lengths.items():
        if lines > WARN:
            with warnings.catch_warnings():
                warnings.simplefilter("default")
                warnings.warn(f"{name}: {lines} lines (limit {FAIL})", stacklevel=1)


def test_every_exemption_is_needed() -> None:
    for name in EXEMPT:
        assert (ROOT / name).read_bytes().count(b"\n") > FAIL, f"{name} needs no exemption"


def test_names_say_something() -> None:
    vague = [short(path) for path in FILES if VAGUE & {path.stem, *path.relative_to(ROOT).parts}]
    assert not vague, "name a file or folder after its one idea"


def test_settings_are_read_in_one_python_file() -> None:
    wrong = []
    for one in distributions():
        for path in one.sources.rglob("*.py"):
            if path == SETTINGS:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
                if constant and re.fullmatch(VARIABLE, node.value):
                    wrong.append(f"{short(path)}:{node.lineno} {node.value}")
    assert not wrong, f"only {short(SETTINGS)} names an environment variable as a value"


def test_c_reads_no_setting() -> None:
    wrong = [
        f"{short(path)}: {name}"
        for path in CODE
        if path.suffix != ".py"
        for name in re.findall(rf'getenv\s*\(\s*"({VARIABLE})"', path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "settings reach C as arguments, from settings.py"


def test_settings_are_documented_in_one_table() -> None:
    strings = {
        node.value
        for node in ast.walk(ast.parse(SETTINGS.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    read = {text for text in strings if re.fullmatch(VARIABLE, text)}
    rows = re.findall(rf"^\|\s*`({VARIABLE})`", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(set(rows)), "a row for each, once"
    assert set(rows) == read
    assert read


def records(path: Path) -> list[str]:
    """Return the op names that a file of ops/ defines: the literal `name=` of its records."""
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Op":
            for keyword in node.keywords:
                if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                    names.append(keyword.value.value)
    return names


def test_each_op_has_one_record_in_one_file() -> None:
    import dovetail.op
    import dovetail.ops  # fills the registry

    folder = ROOT / "core" / "src" / "dovetail" / "ops"
    found = {path: records(path) for path in sorted(folder.glob("*.py"))}
    names = [name for one in found.values() for name in one]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, "two records of one op"
    empty = [short(path) for path, one in found.items() if not one and path.stem != "__init__"]
    # Families made in a loop have no literal name; the registry says what they define.
    assert set(names) <= set(dovetail.op.REGISTRY)
    defining = {Path(op.infer.__code__.co_filename).stem for op in dovetail.op.REGISTRY.values()}
    # Beside the records stand formulas and samplers they are made of, and functions made of ops.
    used = {Path(module.replace(".", "/")).stem for module in dovetail.ops.LAZY.values()}
    for path in found:
        used |= set(re.findall(r"from dovetail\.ops\.(\w+) import", path.read_text("utf-8")))
    idle = [name for name in empty if Path(name).stem not in defining | used]
    assert not idle, "a file of ops/ without an op, which no op is made of either"


def test_no_path_of_a_machine() -> None:
    pattern = re.compile(rb"(?<![\w.])/(?:root|home/\w+|Users/\w+)/\.?\w")
    wrong = [short(path) for path in FILES if pattern.search(path.read_bytes())]
    assert not wrong, "a path that exists on one machine only"


@pytest.mark.parametrize("one", distributions(), ids=lambda one: one.env)
def test_every_distribution_carries_the_licence(one: Distribution) -> None:
    assert (one.folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
