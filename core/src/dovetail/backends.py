"""Finding and loading device backends, and containing the broken ones.

Finding reads entry points and manifests and loads nothing. Loading happens on request and keeps a
`PluginRecord` of how it went; one broken backend never keeps another from working.
"""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import logging
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dovetail import _fast, settings
from dovetail import manifest as manifests
from dovetail._abi import ffi
from dovetail.errors import DeviceError, DovetailError, PluginError
from dovetail.kernel_row import KernelRow, read_rows
from dovetail.plugin_record import PluginRecord
from dovetail.probe import Verdict, probe

__all__ = [
    "Backend",
    "drain_log",
    "find",
    "installed",
    "load",
    "load_path",
    "refresh",
    "usable",
]

GROUP = "dovetail.backends"
_OWN = "dovetail"
_RESERVED = {"cpu": _OWN}  # a name that only this distribution may claim
_LOG = logging.getLogger("dovetail.plugins")
_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)


@dataclass(eq=False)
class Backend:
    """One device word: where it comes from and, once loaded, its C table."""

    record: PluginRecord
    manifest: manifests.Manifest | None = None
    capsule: Any = None
    rows: dict[str, list[KernelRow]] = field(default_factory=dict)
    error: DovetailError | None = None
    verdict: Verdict | None = None
    warned: bool = False


_lock = threading.RLock()
_backends: dict[str, Backend] | None = None
_by_path: dict[Path, Backend] = {}


def _new_lock() -> None:
    global _lock  # noqa: PLW0603  the parent's may be held by a thread that is not here
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_new_lock)


# ---- finding ------------------------------------------------------------------------------------


def installed() -> dict[str, Backend]:
    """Every backend by device word, sorted; reads entry points and manifests at the first call."""
    global _backends  # noqa: PLW0603  found once, under the lock
    with _lock:
        if _backends is None:
            _backends = dict(sorted(_discover().items()))
        return _backends


def refresh() -> None:
    """Look again: after an installation, or when a variable of the environment has changed.

    What is already loaded stays as it is.
    """
    global _backends
    with _lock:
        before, _backends = _backends or {}, None
        found = installed()
        for name, old in before.items():
            new = found.get(name)
            if old.capsule is None or new is None or new.error is not None:
                continue
            if _origin(old) == _origin(new):
                found[name] = old


def _origin(backend: Backend) -> Path | None:
    return backend.record.path if backend.manifest is None else backend.manifest.path


def _discover() -> dict[str, Backend]:
    claims: dict[str, list[Backend]] = {}
    points = importlib.metadata.entry_points(group=GROUP)
    for point in sorted(points, key=lambda p: (p.name, p.dist.name if p.dist else "")):
        claims.setdefault(point.name, []).append(_from_entry_point(point))
    found = {name: _one_claim(name, candidates) for name, candidates in claims.items()}
    found.update(_from_paths())
    disabled, only = settings.disabled_plugins(), settings.only_plugins()
    for name, backend in list(found.items()):
        if name in disabled:
            reason = "DOVETAIL_DISABLE names it"
        elif only is not None and name not in only and name != "cpu":
            reason = "DOVETAIL_PLUGINS does not name it"
        else:
            continue
        # A new one, so that a library that is already loaded comes back unharmed later.
        found[name] = Backend(
            record=replace(backend.record, state="disabled", reason=reason),
            error=PluginError(f"device {name} is disabled: {reason}; unset that to use it"),
        )
    return found


def _from_entry_point(point: importlib.metadata.EntryPoint) -> Backend:
    record = PluginRecord(
        name=point.name,
        distribution=point.dist.name if point.dist else None,
        version=point.dist.version if point.dist else None,
    )
    backend = Backend(record=record)
    try:
        backend.manifest = manifests.read(_package_folder(point) / manifests.FILE_NAME)
        if backend.manifest.name != point.name:
            raise PluginError(
                f"{backend.manifest.path} calls the device {backend.manifest.name!r}, the entry "
                f"point {point.name!r}; both must be the device word"
            )
    except DovetailError as error:
        _break(backend, error)
    else:
        backend.record = replace(
            record, abi=backend.manifest.abi, abi_required=backend.manifest.abi_required
        )
    return backend


def _package_folder(point: importlib.metadata.EntryPoint) -> Path:
    # A top-level name is found without importing it; a dotted one would import its parent.
    if not point.value.isidentifier():
        raise PluginError(
            f"the entry point {point.name} = {point.value!r} of {GROUP} must name a top-level "
            f"package, such as dovetail_{point.name}"
        )
    try:
        spec = importlib.util.find_spec(point.value)
    except (ImportError, ValueError) as error:
        raise PluginError(f"the package {point.value} cannot be found: {error}") from error
    if spec is None or not spec.submodule_search_locations:
        raise PluginError(
            f"the package {point.value} of the entry point {point.name} is not there; install its "
            f"distribution again"
        )
    return Path(next(iter(spec.submodule_search_locations)))


def _one_claim(name: str, candidates: list[Backend]) -> Backend:
    owner = _RESERVED.get(name)
    if owner is not None:
        rightful = [one for one in candidates if one.record.distribution == owner]
        for one in candidates:
            if one not in rightful:
                _LOG.warning("%s may not claim the device name %s", one.record.distribution, name)
        candidates = rightful or candidates[:1]
        if not rightful:
            who = candidates[0].record.distribution
            _break(candidates[0], PluginError(f"{who} may not claim the device name {name}"))
    if len(candidates) == 1:
        return candidates[0]
    claimants = " and ".join(f"{c.record.distribution} {c.record.version}" for c in candidates)
    backend = Backend(record=PluginRecord(name=name, distribution=claimants))
    _break(
        backend,
        PluginError(f"{claimants} both claim the device name {name}; uninstall one of them"),
    )
    return backend


def _from_paths() -> dict[str, Backend]:
    """The libraries of DOVETAIL_BACKENDS. They go before installed ones: the user names them."""
    found: dict[str, Backend] = {}
    for path in settings.backend_paths():
        backend = _path_backend(path)
        name = backend.record.name
        if name in found:
            error = PluginError(
                f"DOVETAIL_BACKENDS names two libraries for the device {name}: "
                f"{found[name].record.path} and {path}; keep one of them"
            )
            _break(found[name], error)
            continue
        found[name] = backend
    return found


def _path_backend(path: Path) -> Backend:
    """A plain library; its name is asked in a child process, and is the file's until then."""
    if not path.is_absolute():
        error = PluginError(
            f"{path} is not an absolute path; plugins are never looked for in the current directory"
        )
        return _break(Backend(record=PluginRecord(name=path.stem, path=path)), error)
    if path in _by_path and _by_path[path].capsule is not None:
        return _by_path[path]
    backend = Backend(record=PluginRecord(name=path.stem.removeprefix("lib"), path=path))
    try:
        verdict = probe(path)
    except DovetailError as error:
        return _break(backend, error)
    backend.verdict = verdict
    backend.record = replace(
        backend.record,
        name=verdict.name or backend.record.name,
        version=verdict.version,
        abi=_version_text(verdict.abi),
        abi_required=_version_text(verdict.abi_required),
        ops=verdict.ops,
    )
    _by_path[path] = backend
    return backend


def _version_text(version: int | None) -> str | None:
    return None if version is None else f"{version >> 16}.{version & 0xFFFF}"


# ---- loading ------------------------------------------------------------------------------------


def find(name: str) -> Backend:
    """The backend of a device word, or a `DeviceError` that says what is there instead."""
    backend = installed().get(name)
    if backend is None:
        there = ", ".join(installed()) or "none"
        raise DeviceError(
            f"there is no device {name!r} here; installed backends: {there}. A backend called "
            f"{name} usually comes with `pip install dovetail-{name.replace('_', '-')}`"
        )
    return backend


def load(name: str, *, again: bool = False) -> Backend:
    """Load the backend of a device word, once; raises its kept error when it is broken.

    ``again``: forget what an earlier probe of its library found.
    """
    with _lock:
        backend = find(name)
        if backend.capsule is None and backend.error is None:
            _contained(backend, again)
        if backend.error is not None:
            raise backend.error
        return backend


def load_path(path: Path) -> Backend:
    """Load one library by its path; its own table names the device."""
    with _lock:
        backend = _path_backend(path.absolute())
        name = backend.record.name
        other = installed().get(name)
        if other is not None and other is not backend and other.capsule is not None:
            raise PluginError(
                f"{path} calls its device {name}, but the device {name} of "
                f"{other.record.distribution or other.record.path} is already loaded; start a new "
                f"process with DOVETAIL_BACKENDS={path} to use this one instead"
            )
        if backend.capsule is None and backend.error is None:
            _contained(backend, again=False)
        if backend.error is not None:
            raise backend.error
        installed()[name] = backend
        return backend


def usable() -> Iterator[Backend]:
    """Load everything; what is broken is skipped with one warning, what is disabled silently."""
    for name, backend in list(installed().items()):
        try:
            yield load(name)
        except DovetailError as error:
            if backend.record.state == "broken" and not backend.warned:
                backend.warned = True
                warnings.warn(
                    f"{error}. It is skipped; DOVETAIL_DISABLE={name} silences this",
                    RuntimeWarning,
                    stacklevel=3,
                )


@functools.cache
def _set_threads() -> None:
    _fast.set_threads(settings.thread_count())


def _contained(backend: Backend, again: bool) -> None:
    _set_threads()
    try:
        _load(backend, again)
    except DovetailError as error:
        _break(backend, error)
    finally:
        drain_log()


def _load(backend: Backend, again: bool) -> None:
    path, sha256 = _library(backend)
    name = backend.record.name
    verdict = backend.verdict
    if verdict is None or again:
        verdict = probe(path, sha256=sha256, again=again)
    backend.verdict = verdict
    if verdict.fault:
        said = f" (it printed: {verdict.prints})" if verdict.prints else ""
        raise PluginError(
            f"{path} was tried in a child process and {verdict.fault}{said}; nothing of it was "
            f"loaded here. Report this to its maker; `dovetail plugins --recheck` tries it again"
        )
    capsule = _load_library(path)
    address = _fast.plugin_address(capsule)
    table = _table(address)
    if table["name"] != name:
        raise PluginError(
            f"{path} calls its device {table['name']!r}, its manifest {name!r}; both must be the "
            f"device word"
        )
    rows = read_rows(address, name)
    if settings.record_file() is not None:
        _record(capsule)
    count, why = _fast.device_count(capsule)
    backend.capsule, backend.rows = capsule, rows
    noise = f"it prints while it is loaded: {verdict.prints}" if verdict.prints else ""
    backend.record = replace(
        backend.record,
        version=backend.record.version or table["version"],
        abi=_version_text(table["abi"]),
        abi_required=_version_text(table["abi_required"]),
        state="ready" if count else "not usable",
        reason=noise if count else why or "it found no device on this machine",
        devices=count,
        ops=tuple(sorted(rows)),
    )


def _record(capsule: Any) -> None:
    """Record every call into the plugin: above other layers, so that it sees what the core does."""
    pattern = settings.record_file() or ""
    path = _fast.record_plugin(capsule, pattern, settings.record_data(), *settings.record_limits())
    _LOG.info("recording to %s", path)


def _load_library(path: Path) -> Any:
    if not settings.validate():
        return _fast.load_plugin(str(path.resolve()))
    import faulthandler  # noqa: PLC0415  only a validated process needs it

    # The layer's report of a crash goes first, then this one shows the user's line.
    if not faulthandler.is_enabled() and sys.stderr is not None:
        faulthandler.enable()
    _fast.validation_start()
    capsule = _fast.load_plugin(str(path.resolve()))
    _fast.validate_plugin(capsule)
    return capsule


def _library(backend: Backend) -> tuple[Path, str | None]:
    if backend.manifest is None:
        if backend.record.path is None:
            raise PluginError(f"device {backend.record.name} has neither manifest nor library")
        return backend.record.path, None
    variant = settings.cpu_variant() if backend.record.name == "cpu" else None
    features = frozenset(_fast.cpu_features())
    library = backend.manifest.choose(features, manifests.platform_word(), variant)
    backend.record = replace(backend.record, path=library.path, variant=library.variant)
    return library.path, library.sha256


def _table(address: int) -> dict[str, Any]:
    table: Any = ffi.cast("dvt_plugin *", address)
    return {
        "name": ffi.string(table.name).decode("utf-8", "replace"),
        "version": ffi.string(table.version).decode("utf-8", "replace"),
        "abi": table.abi_version,
        "abi_required": table.abi_required,
    }


def _break(backend: Backend, error: DovetailError) -> Backend:
    record = backend.record
    who = f"{record.distribution} {record.version}: " if record.distribution else ""
    backend.error = PluginError(f"{who}{error}")
    backend.error.__cause__ = error.__cause__
    backend.record = replace(record, state="broken", reason=str(error))
    return backend


def drain_log() -> None:
    """Hand what plugins logged since the last call to Python's logging."""
    drain: Callable[[], list[tuple[int, str]]] | None = getattr(_fast, "drain_log", None)
    for level, text in drain() if drain is not None else ():
        _LOG.log(_LEVELS[min(max(level, 0), 3)], "%s", text)
