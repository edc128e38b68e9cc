"""What lies where: the distributions of this repository, read from their pyproject files."""

import subprocess
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"


@dataclass(frozen=True)
class Distribution:
    """One folder with a pyproject.toml: one wheel, one tox env."""

    folder: Path

    @property
    def env(self) -> str:
        """Return the tox env that tests it: the name of its folder."""
        return self.folder.name

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Return its pyproject.toml."""
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def project(self) -> dict[str, Any]:
        """Return the [project] table."""
        return self.settings["project"]

    @property
    def name(self) -> str:
        """Return the name pip knows."""
        return self.project["name"]

    @property
    def sources(self) -> Path:
        """Return the folder of its Python sources."""
        return self.folder / "src"

    @property
    def is_plugin(self) -> bool:
        """Whether it lies in plugins/."""
        return self.folder.parent.name == "plugins"

    @property
    def has_c(self) -> bool:
        """Whether building it needs a C compiler."""
        return (self.folder / "CMakeLists.txt").is_file()

    def archives(self, suffix: str, folder: Path = DIST) -> list[Path]:
        """Return what dist/ (or another folder) holds of it, by suffix: .whl or .tar.gz."""
        stem = f"{self.name.replace('-', '_')}-{self.project['version']}"
        return sorted(
            path
            for path in folder.glob(f"{stem}*{suffix}")
            if path.name[len(stem)] in "-."  # 0.1.0, not 0.1.0rc1
        )


def distributions() -> list[Distribution]:
    """Return all of them in the order in which they are built: abi, core, plugins, guests."""
    folders = [ROOT / "abi", ROOT / "core"]
    folders += sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))
    folders.append(ROOT / "contrib_migrated")
    return [Distribution(folder) for folder in folders]


def tracked() -> list[Path]:
    """Return the files that git knows or would add."""
    # The checkout of a build machine often belongs to another user, which git would refuse.
    trust = ["git", "-c", "safe.directory=*"]
    command = [*trust, "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    paths = {ROOT / name for name in done.stdout.split("\0") if name}
    return sorted(path for path in paths if path.is_file())


def short(path: Path) -> str:
    """Return a path as it stands in the repository."""
    return path.relative_to(ROOT).as_posix()
