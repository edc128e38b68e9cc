"""Build the source archive and, from it, the wheel of every distribution into dist/.

What has not changed since the last build is not built again. Usage: wheels.py [ENV ...]
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

from workspace import DIST, ROOT, Distribution, distributions

NO_COMPILER = """\
Dovetail is built with a C compiler, and none was found (looked for: {looked}).
Install one and try again:
  Debian, Ubuntu   apt install build-essential
  Fedora           dnf install gcc
  macOS            xcode-select --install"""

# Folders of a distribution that no archive holds: changing them changes no wheel.
NOT_SHIPPED = {"tests", "benchmarks", "docs", "changes", "locks", "museum", "released"}


def compiler() -> str:
    """Return the C compiler that will be used, or end with a sentence that says what to install."""
    names = [os.environ["CC"].split()[0]] if os.environ.get("CC") else ["cc", "gcc", "clang"]
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise SystemExit(NO_COMPILER.format(looked=", ".join(names)))


def ours_first() -> dict[str, str]:
    """Return an environment in which pip's build isolation can take dovetail-abi from dist/ alone.

    A constraint to one file, not --find-links: pip ranks by version, so a stranger's newer upload
    under the same name would otherwise be chosen, and its code run.
    """
    constraints = DIST / "constraints.txt"
    lines = [
        f"{distribution.name} @ {wheel.as_uri()}\n"
        for distribution in distributions()
        for wheel in distribution.archives(".whl")
    ]
    constraints.write_text("".join(lines), encoding="utf-8")
    before = os.environ.get("PIP_CONSTRAINT", "")
    return os.environ | {"PIP_CONSTRAINT": f"{before} {constraints.as_uri()}".strip()}


def fingerprint(distribution: Distribution, settings: Iterable[str]) -> str:
    """Return a hash of everything that goes into a wheel."""
    digest = hashlib.sha256()
    surroundings = [sys.version, sysconfig.get_platform(), os.environ.get("CFLAGS"), *settings]
    digest.update(repr(surroundings).encode())
    inputs = [Path(__file__)]
    if distribution.has_c:
        version = subprocess.run([compiler(), "--version"], capture_output=True, check=True)
        digest.update(version.stdout)
        # The header is compiled in.
        inputs += sorted((ROOT / "abi" / "src").rglob("*.*"))
    for entry in sorted(distribution.folder.iterdir()):
        if entry.name not in NOT_SHIPPED and not entry.name.startswith("."):
            inputs += sorted(entry.rglob("*")) if entry.is_dir() else [entry]
    for path in inputs:
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def build(distribution: Distribution, folder: Path = DIST, settings: Iterable[str] = ()) -> Path:
    """Build one distribution into a folder, unless it already holds exactly this state of it.

    `settings` go to the build backend: "cmake.build-type=Debug". Returns the wheel.
    """
    settings = [part for setting in settings for part in ("-C", setting)]
    stamp = folder / f".{distribution.name}.sha256"
    wanted = fingerprint(distribution, settings)
    wheels = distribution.archives(".whl", folder)
    if len(wheels) == 1 and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        print(f"unchanged: {wheels[0].name}", flush=True)
        return wheels[0]
    # What is old goes first: a failed build must not leave a wheel to be tested.
    for old in [*distribution.archives("", folder), stamp]:
        old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "build", "--outdir", scratch, *settings]
        try:
            subprocess.run([*command, str(distribution.folder)], env=ours_first(), check=True)
        except subprocess.CalledProcessError as failure:
            raise SystemExit(f"{distribution.name} was not built: see above") from failure
        for result in Path(scratch).iterdir():
            shutil.move(result, folder / result.name)
    stamp.write_text(wanted, encoding="utf-8")
    [wheel] = distribution.archives(".whl", folder)
    return wheel


def main(names: list[str]) -> None:
    """Build the distributions of the named tox envs, or all."""
    DIST.mkdir(exist_ok=True)
    chosen = [one for one in distributions() if not names or one.env in names]
    if any(one.has_c for one in chosen):
        print(f"C compiler: {compiler()}", flush=True)
    for distribution in chosen:
        build(
            distribution, settings=["cmake.define.DOVETAIL_WERROR=ON"] if distribution.has_c else []
        )


if __name__ == "__main__":
    main(sys.argv[1:])
