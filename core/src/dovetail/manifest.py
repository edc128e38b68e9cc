"""The manifest of a backend: ``dovetail-backend.toml`` beside its library, read without loading it.

```toml
name = "hello"              # the device word, as in "hello:0"
abi = "1.0"                 # the device ABI it was built with
abi_required = "1.0"        # the least it needs
ops = 1                     # how many ops it brings; for people

[[libraries]]
file = "libdovetail_hello.so"   # relative to this file
variant = "baseline"            # a name, where there are several
platform = "linux-x86_64"       # left out: any
requires = ["avx2", "fma"]      # processor features; left out: none
priority = 0                    # the highest that fits is taken
sha256 = "..."                  # optional; compared before the library is opened
```
"""

from __future__ import annotations

import platform
import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from dovetail.errors import PluginError

__all__ = ["FILE_NAME", "Library", "Manifest", "platform_word", "read"]

FILE_NAME = "dovetail-backend.toml"
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_VERSION = re.compile(r"(\d+)\.(\d+)\Z")
_SYSTEMS = {"linux": "linux", "darwin": "macos", "win32": "windows"}
_MACHINES = {"amd64": "x86_64", "x64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """One shared library of a backend and where it may run."""

    path: Path
    variant: str
    platform: str | None
    requires: frozenset[str]
    priority: int
    sha256: str | None

    def lacks(self, features: frozenset[str], here: str) -> str:
        """Why it cannot run on platform ``here`` with these processor features; "" when it can."""
        if self.platform is not None and self.platform != here:
            return f"is for {self.platform}"
        missing = sorted(self.requires - features)
        return f"needs {', '.join(missing)}" if missing else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """What a backend says about itself."""

    name: str
    abi: str
    abi_required: str
    ops: int | None
    libraries: tuple[Library, ...]
    path: Path

    def choose(self, features: frozenset[str], here: str, variant: str | None = None) -> Library:
        """The library for this processor: of those that fit, the one of highest priority.

        ``variant`` asks for one by name; it must fit too.
        """
        pool = self.libraries
        if variant is not None:
            pool = tuple(one for one in pool if one.variant == variant)
            if not pool:
                known = ", ".join(one.variant for one in self.libraries)
                raise PluginError(
                    f"device {self.name} has no variant {variant!r}; it has {known} (asked for by "
                    f"DOVETAIL_CPU)"
                )
        fits = [one for one in pool if not one.lacks(features, here)]
        if not fits:
            reasons = "; ".join(f"{one.variant} {one.lacks(features, here)}" for one in pool)
            raise PluginError(
                f"device {self.name} has no library that runs on this machine ({here}): {reasons}"
            )
        best = max(fits, key=lambda one: one.priority)
        if not best.path.is_file():
            raise PluginError(
                f"device {self.name}: the library {best.path} of its manifest is not there; "
                f"install its package again"
            )
        return best


def platform_word() -> str:
    """This system and processor as manifests write them.

    >>> platform_word().count("-")
    1
    """
    machine = platform.machine().lower()
    return f"{_SYSTEMS.get(sys.platform, sys.platform)}-{_MACHINES.get(machine, machine)}"


def read(path: Path) -> Manifest:
    """Read and check a manifest; a `PluginError` says which key is wrong and what belongs there."""
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise PluginError(
            f"{path} cannot be read ({error.strerror}); a backend's package holds its manifest "
            f"there"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PluginError(f"{path} is not valid TOML: {error}") from error
    name = _get(path, data, "name", str)
    if not _WORD.match(name):
        raise PluginError(
            f"{path}: name is {name!r}; a device word has 1 to 32 of the characters a-z, 0-9 and "
            f"_, and begins with a letter"
        )
    abi = _version(path, _get(path, data, "abi", str))
    tables = _get(path, data, "libraries", list)
    if not tables or not all(isinstance(one, dict) for one in tables):
        raise PluginError(f"{path}: it needs one or more [[libraries]] tables")
    return Manifest(
        name=name,
        abi=abi,
        abi_required=_version(
            path, _get(path, data, "abi_required", str, abi.split(".")[0] + ".0")
        ),
        ops=_get(path, data, "ops", int, None),
        libraries=tuple(_library(path, one) for one in tables),
        path=path,
    )


_NEEDED: Any = object()
_TYPES = {str: "text", int: "an integer", list: "a list"}


def _get(path: Path, table: Mapping[str, Any], key: str, kind: type, default: Any = _NEEDED) -> Any:
    value = table.get(key, default)
    if value is _NEEDED:
        raise PluginError(f"{path} lacks the key {key!r} ({_TYPES[kind]})")
    if value is not default and (not isinstance(value, kind) or isinstance(value, bool)):
        raise PluginError(f"{path}: {key} is {value!r}; it must be {_TYPES[kind]}")
    return value


def _version(path: Path, text: str) -> str:
    if not _VERSION.match(text):
        raise PluginError(f"{path}: {text!r} is no ABI version; write major.minor, such as '1.0'")
    return text


def _library(path: Path, table: Mapping[str, Any]) -> Library:
    file = _get(path, table, "file", str)
    parts = PurePosixPath(file)
    if not file or parts.is_absolute() or ".." in parts.parts or "\\" in file:
        raise PluginError(
            f"{path}: the library {file!r} must be named relative to the manifest, inside its "
            f"folder"
        )
    requires = _get(path, table, "requires", list, [])
    if not all(isinstance(word, str) for word in requires):
        raise PluginError(f"{path}: requires is {requires!r}; it must be a list of feature words")
    return Library(
        path=path.parent / file,
        variant=_get(path, table, "variant", str, "baseline"),
        platform=_get(path, table, "platform", str, None),
        requires=frozenset(requires),
        priority=_get(path, table, "priority", int, 0),
        sha256=_get(path, table, "sha256", str, None),
    )
