"""Which file is meant: a library, a manifest, or the word of an installed device."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dovetail import _fast, backends, settings
from dovetail import manifest as manifests
from dovetail.errors import PluginError

__all__ = ["Target", "find"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The library to check."""

    path: Path
    sha256: str
    size: int


def find(asked: str) -> Target:
    """The library that ``asked`` names; a `PluginError` says what was looked for."""
    path = Path(asked)
    if path.name == manifests.FILE_NAME or (
        path.is_dir() and (path / manifests.FILE_NAME).exists()
    ):
        file = path if path.name == manifests.FILE_NAME else path / manifests.FILE_NAME
        return _from_manifest(manifests.read(file))
    if path.is_file():
        return _target(path)
    if "/" in asked or path.suffix:
        raise PluginError(
            f"{asked} is not there; name a library, a manifest or an installed device"
        )
    backend = backends.find(asked)
    if backend.manifest is not None:
        variant = settings.cpu_variant() if backend.record.name == "cpu" else None
        return _from_manifest(backend.manifest, variant)
    if backend.record.path is not None:
        return _target(backend.record.path)
    raise backend.error or PluginError(f"the device {asked} names no library")


def _from_manifest(manifest: manifests.Manifest, variant: str | None = None) -> Target:
    features = frozenset(_fast.cpu_features())
    chosen = manifest.choose(features, manifests.platform_word(), variant)
    return _target(chosen.path, chosen.sha256)


def _target(path: Path, promised: str | None = None) -> Target:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PluginError(f"{path} cannot be read: {error.strerror}") from error
    digest = hashlib.sha256(content).hexdigest()
    if promised is not None and promised.lower() != digest:
        raise PluginError(
            f"{path} is not the file its manifest names: its SHA-256 is {digest}, the manifest "
            f"says {promised}; build the manifest again"
        )
    return Target(path=path.resolve(), sha256=digest, size=len(content))
