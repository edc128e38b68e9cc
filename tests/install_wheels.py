"""Install a distribution from dist/, with what its tests need. Usage: install_wheels.py ENV

Ours come first, from dist/ and nowhere else; then only what their metadata asks of third parties,
so that no index can supply a package under one of our names. The env `house` gets everything.
"""

import email
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

from workspace import Distribution, distributions


def normal(requirement: str) -> str:
    """Return the name at the start of a requirement, as the package index compares names."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    if match is None:
        raise SystemExit(f"{requirement!r} is not a requirement")
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def requirements(wheel: Path) -> list[str]:
    """Return what a wheel needs at run time, extras left out."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [one for one in archive.namelist() if one.endswith(".dist-info/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))
    asked = metadata.get_all("Requires-Dist", [])
    return [one for one in asked if not re.search(r";.*\bextra\b", one)]


def closure(start: Iterable[Distribution]) -> tuple[list[Path], list[str]]:
    """Return our wheels that are needed, and the requirements that are not ours."""
    ours = {normal(one.name): one for one in distributions()}
    wheels: dict[str, Path] = {}
    others: set[str] = set()
    for one in start:
        others.update(one.settings.get("dependency-groups", {}).get("test", []))
    queue = [one.name for one in start]
    queue += [asked for asked in others if normal(asked) in ours]
    while queue:
        name = normal(queue.pop())
        if name in wheels:
            continue
        found = ours[name].archives(".whl")
        if len(found) != 1:
            raise SystemExit(
                f"dist/ holds {len(found)} wheels of {name}, not one: run `tox -e wheels`"
            )
        wheels[name] = found[0]
        for asked in requirements(found[0]):
            others.add(asked)
            if normal(asked) in ours:
                queue.append(asked)
    return sorted(wheels.values()), sorted(one for one in others if normal(one) not in ours)


def pip_install(*arguments: str) -> None:
    """Run pip in this environment."""
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *arguments], check=True)


def install(env: str, instead: Path | None = None) -> None:
    """Install for one tox env; `instead` takes the place of the wheel with the same file name."""
    chosen = [one for one in distributions() if env in (one.env, "house")]
    if not chosen:
        raise SystemExit(f"no distribution belongs to the tox env {env!r}")
    wheels, others = closure(chosen)
    if instead is not None:
        wheels = [instead if wheel.name == instead.name else wheel for wheel in wheels]
    pip_install("--force-reinstall", "--no-deps", "--no-index", *map(str, wheels))
    if others:
        pip_install(*others)
    # Whether the versions of ours and theirs fit is asked of pip itself, without any index.
    subprocess.run([sys.executable, "-m", "pip", "check"], check=True)


if __name__ == "__main__":
    install(sys.argv[1])
