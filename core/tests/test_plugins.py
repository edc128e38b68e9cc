"""Discovery: manifests, variants, names claimed twice, switches, and Python-level plugins."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dovetail import _fast, backends, manifest, plugins
from dovetail.devices import device
from dovetail.errors import DeviceError, PluginError

Build = Callable[..., Path]
Install = Callable[..., Path]
Look = Callable[..., None]
HERE = manifest.platform_word()


def write(folder: Path, text: str) -> Path:
    path = folder / manifest.FILE_NAME
    path.write_text(text)
    return path


# ---- manifests -----------------------------------------------------------------------------------


def test_the_cpu_device_has_a_manifest_like_any_other() -> None:
    backend = backends.find("cpu")
    assert backend.manifest is not None
    assert {one.variant for one in backend.manifest.libraries} >= {"baseline", "avx2", "avx512"}
    for one in backend.manifest.libraries:
        if one.platform in (None, HERE):
            assert one.path.is_file() or (one.platform is None and HERE.endswith("aarch64"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "not valid TOML"),
        ('abi = "1.0"\n[[libraries]]\nfile = "a.so"', "lacks the key 'name'"),
        ('name = "x"\n[[libraries]]\nfile = "a.so"', "lacks the key 'abi'"),
        ('name = "x"\nabi = "1.0"', "lacks the key 'libraries'"),
        ('name = "x"\nabi = "1.0"\nlibraries = []', "one or more"),
        ('name = "x"\nabi = "1.0"\nlibraries = ["a.so"]', "one or more"),
        ('name = "X-1"\nabi = "1.0"\n[[libraries]]\nfile = "a.so"', "a device word has"),
        ('name = "x"\nabi = "one"\n[[libraries]]\nfile = "a.so"', "'one' is no ABI version"),
        ('name = "x"\nabi = 1\n[[libraries]]\nfile = "a.so"', "abi is 1; it must be text"),
        ('name = "x"\nabi = "1.0"\n[[libraries]]\nfile = "/a.so"', "relative to the manifest"),
        ('name = "x"\nabi = "1.0"\n[[libraries]]\nfile = "../a.so"', "relative to the manifest"),
        ('name = "x"\nabi = "1.0"\n[[libraries]]\nfile = ""', "relative to the manifest"),
        (
            'name = "x"\nabi = "1.0"\n[[libraries]]\nfile = "a.so"\nrequires = "avx2"',
            "must be a list",
        ),
        (
            'name = "x"\nabi = "1.0"\n[[libraries]]\nfile = "a.so"\npriority = true',
            "must be an integer",
        ),
    ],
)
def test_a_manifest_that_is_wrong_says_where(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PluginError, match=message) as caught:
        manifest.read(write(tmp_path, text))
    assert manifest.FILE_NAME in str(caught.value)


def test_keys_of_the_future_are_ignored(tmp_path: Path) -> None:
    text = 'name = "x"\nabi = "1.7"\ncolour = "red"\n[[libraries]]\nfile = "a.so"\nshape = 1\n'
    read = manifest.read(write(tmp_path, text))
    assert (read.abi, read.abi_required, read.libraries[0].variant) == ("1.7", "1.0", "baseline")


VARIANTS = """
name = "x"
abi = "1.0"
[[libraries]]
file = "wide.so"
variant = "wide"
platform = "linux-x86_64"
requires = ["avx2", "avx512f"]
priority = 30
[[libraries]]
file = "middle.so"
variant = "middle"
platform = "linux-x86_64"
requires = ["avx2"]
priority = 20
[[libraries]]
file = "neon.so"
variant = "neon"
platform = "linux-aarch64"
[[libraries]]
file = "plain.so"
variant = "plain"
"""


def test_the_variant_of_highest_priority_that_fits_is_chosen(tmp_path: Path) -> None:
    read = manifest.read(write(tmp_path, VARIANTS))
    for name in ("wide", "middle", "neon", "plain"):
        (tmp_path / f"{name}.so").touch()

    def choose(*features: str, here: str = "linux-x86_64", variant: str | None = None) -> str:
        return read.choose(frozenset(features), here, variant).variant

    assert choose("avx2", "avx512f") == "wide"
    assert choose("avx2", "fma") == "middle"
    assert choose("avx512f") == "plain"
    assert choose("avx2", here="linux-riscv64") == "plain"
    assert choose("neon", here="linux-aarch64") == "neon"
    assert choose("avx2", "avx512f", variant="middle") == "middle"
    with pytest.raises(PluginError, match=r"no variant 'huge'; it has wide, middle, neon, plain"):
        choose("avx2", variant="huge")
    with pytest.raises(PluginError, match=r"no library that runs .*: wide needs avx512f"):
        choose("avx2", variant="wide")
    with pytest.raises(PluginError, match="neon is for linux-aarch64"):
        choose("avx2", variant="neon")
    (tmp_path / "middle.so").unlink()
    with pytest.raises(PluginError, match=r"middle\.so of its manifest is not there; install"):
        choose("avx2")


def test_the_cpu_variant_can_be_forced(python: Callable[..., str]) -> None:
    text = "from dovetail import backends; print(backends.load('cpu').record.variant)"
    answer = python(text, environment={**os.environ, "DOVETAIL_CPU": "baseline"})
    assert answer.strip() == "baseline"


def test_a_forced_variant_that_cannot_run_is_refused(
    look_again: Look, python: Callable[..., str]
) -> None:
    text = """
from dovetail.devices import device
try: device("cpu")
except Exception as error: print(type(error).__name__, error)
"""
    answer = python(text, environment={**os.environ, "DOVETAIL_CPU": "quantum"})
    assert answer.startswith("PluginError") and "no variant 'quantum'" in answer
    if "avx512f" not in _fast.cpu_features() and HERE == "linux-x86_64":
        answer = python(text, environment={**os.environ, "DOVETAIL_CPU": "avx512"})
        assert "avx512 needs avx512" in answer


# ---- finding -------------------------------------------------------------------------------------


def test_an_installed_backend_is_found_without_importing_it(
    look_again: Look, build: Build, install: Install
) -> None:
    install("hill", build("good", "hill"))
    look_again()
    assert list(backends.installed()) == sorted(backends.installed())
    record = backends.find("hill").record
    assert (record.distribution, record.version) == ("dovetail-hill", "0.5")
    assert (record.state, record.abi, record.abi_required) == ("not loaded", "1.0", "1.0")
    assert device("hill").name == "hill:0"
    assert "dovetail_hill" not in sys.modules
    ready = backends.find("hill").record
    assert (ready.state, ready.devices, ready.ops) == ("ready", 1, ("add",))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "cannot be read"),
        ({"entry": "[dovetail.backends]\nbad = dovetail_bad.inner\n"}, "name a top-level package"),
        ({"entry": "[dovetail.backends]\nbad = no_such_package\n"}, "no_such_package .* not there"),
        ({"manifest": "name = 3"}, "name is 3"),
        (
            {"manifest": 'name = "good"\nabi = "1.0"\n[[libraries]]\nfile = "a.so"'},
            "calls the device 'good', the entry point 'bad'",
        ),
        (
            {"manifest": 'name = "bad"\nabi = "1.0"\n[[libraries]]\nfile = "a.so"'},
            "is not there; install its package again",
        ),
    ],
)
def test_a_badly_installed_backend_is_named(
    look_again: Look, install: Install, arguments: dict[str, str], message: str
) -> None:
    install("bad", **arguments)
    look_again()
    with pytest.raises(PluginError, match=message) as caught:
        device("bad")
    assert str(caught.value).startswith("dovetail-bad 0.5: ")
    assert device("cpu").name == "cpu:0"


def test_a_library_that_calls_itself_otherwise_is_refused(
    look_again: Look, build: Build, install: Install
) -> None:
    install("label", build("good", "content"))
    look_again()
    with pytest.raises(PluginError, match="calls its device 'content', its manifest 'label'"):
        device("label")


def test_a_name_claimed_twice_is_refused_by_name(
    look_again: Look, build: Build, install: Install
) -> None:
    for distribution in ("dovetail-one", "dovetail-two"):
        install(
            "both",
            build("good", "both"),
            distribution=distribution,
            package=distribution.replace("-", "_"),
        )
    look_again()
    message = r"dovetail-one 0\.5 and dovetail-two 0\.5 both claim .* both; uninstall one of them"
    with pytest.raises(PluginError, match=message):
        device("both")


def test_nobody_else_may_be_cpu(look_again: Look, build: Build, install: Install) -> None:
    before = device("cpu")
    install("cpu", build("good", "cpu"), distribution="stranger", package="stranger_cpu")
    look_again()
    assert backends.find("cpu").record.distribution == "dovetail"
    assert device("cpu") is before


def test_a_path_goes_before_an_installed_one(
    look_again: Look, build: Build, install: Install
) -> None:
    install("mine", build("fail_in_run", "mine"))
    path = build("good", "mine")
    look_again(BACKENDS=path)
    assert backends.find("mine").record.path == path


def test_two_paths_of_one_name_are_refused(look_again: Look, build: Build) -> None:
    paths = [str(build(kind, "pair")) for kind in ("good", "younger")]
    look_again(BACKENDS=os.pathsep.join(paths))
    with pytest.raises(PluginError, match="names two libraries for the device pair"):
        device("pair")


def test_the_current_directory_is_never_searched(
    look_again: Look, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = build("good", "local")
    monkeypatch.chdir(path.parent)
    look_again(BACKENDS=path.name)
    with pytest.raises(PluginError, match="not an absolute path"):
        device(path.stem)
    with pytest.raises(DeviceError, match="there is no device 'local'"):
        device("local")


def test_switches(look_again: Look, build: Build) -> None:
    paths = os.pathsep.join(str(build("good", name)) for name in ("red", "green", "blue"))
    look_again(BACKENDS=paths, DISABLE="red, nothing")
    with pytest.raises(PluginError, match="red is disabled: DOVETAIL_DISABLE names it"):
        device("red")
    assert backends.find("green").record.state == "not loaded"
    look_again(DISABLE="", PLUGINS="blue")
    with pytest.raises(PluginError, match="green is disabled: DOVETAIL_PLUGINS does not name it"):
        device("green")
    assert device("blue").name == "blue:0"
    assert device("cpu").name == "cpu:0"


def test_records_tell_how_each_one_fares(look_again: Look, build: Build) -> None:
    paths = [build("good", "fine"), build("null_answer", "sad"), build("count", "empty", 0)]
    look_again(BACKENDS=os.pathsep.join(map(str, paths)), DISABLE="fine")
    states = {record.name: record for record in plugins.records(load_all=True)}
    assert states["cpu"].state == "ready" and states["cpu"].variant
    assert states["fine"].state == "disabled"
    assert states["null_answer_sad"].state == "broken"  # it never told its name
    assert "asleep" in states["null_answer_sad"].reason
    assert (states["empty"].state, states["empty"].devices) == ("not usable", 0)
    assert states["empty"].reason == "no Acme card is plugged in"


# ---- Python-level plugins ------------------------------------------------------------------------


@pytest.fixture
def fresh_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "_manager", None)
    monkeypatch.setattr(plugins, "_python_records", [])


def python_plugin(install: Install, name: str, text: str) -> None:
    folder = install(
        name, package=f"dt_{name}", entry=f"[dovetail.plugins]\n{name} = dt_{name}.hooks\n"
    )
    (folder / "__init__.py").write_text("")
    (folder / "hooks.py").write_text(text)


GOOD_HOOKS = """
from dovetail.hookspecs import hook
@hook
def dovetail_add_verbs(subparsers):
    subparsers.add_parser("greet").set_defaults(run=lambda chosen: print("hi"))
"""


@pytest.mark.usefixtures("fresh_manager")
def test_one_broken_python_plugin_does_not_stop_the_next(install: Install) -> None:
    python_plugin(install, "aaa", "import no_such_module")
    python_plugin(install, "bbb", "raise SystemExit(4)")
    python_plugin(install, "ccc", GOOD_HOOKS.replace("(subparsers)", "(subparsers, surprise)"))
    python_plugin(install, "ddd", GOOD_HOOKS)
    with pytest.warns(RuntimeWarning) as caught:
        manager = plugins.manager()
    said = "\n".join(str(one.message) for one in caught)
    assert "aaa of dovetail-aaa 0.5 is skipped" in said and "no_such_module" in said
    assert "DOVETAIL_DISABLE=bbb silences this" in said
    assert "surprise" in said
    assert [name for name, _ in manager.list_name_plugin()] == ["ddd"]
    states = {record.name: record.state for record in plugins.records() if record.kind == "python"}
    assert states == {"aaa": "broken", "bbb": "broken", "ccc": "broken", "ddd": "ready"}


@pytest.mark.usefixtures("fresh_manager")
def test_python_plugins_obey_the_switches(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    python_plugin(install, "aaa", "import no_such_module")
    python_plugin(install, "ddd", GOOD_HOOKS)
    monkeypatch.setenv("DOVETAIL_DISABLE", "aaa")
    monkeypatch.setenv("DOVETAIL_PLUGINS", "xyz")
    assert plugins.manager().list_name_plugin() == []
    states = {record.name: record.reason for record in plugins.records() if record.kind == "python"}
    assert states == {
        "aaa": "DOVETAIL_DISABLE names it",
        "ddd": "DOVETAIL_PLUGINS does not name it",
    }
