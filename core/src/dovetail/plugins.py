"""Every plugin there is, with a record of how it fares; and the pluggy side of them.

Device plugins (`dovetail.backends`) are a library and a C table. Python-level plugins fill the
hooks of `dovetail.hookspecs`; one that cannot be loaded is named and skipped, and the others work.
"""

from __future__ import annotations

import importlib.metadata
import logging
import threading
import warnings
from dataclasses import replace

import pluggy

from dovetail import backends, hookspecs, settings
from dovetail.errors import DovetailError
from dovetail.plugin_record import PluginRecord

__all__ = ["PluginRecord", "manager", "records"]

GROUP = "dovetail.plugins"
_LOG = logging.getLogger("dovetail.plugins")
_lock = threading.RLock()


def records(*, load_all: bool = False, again: bool = False) -> list[PluginRecord]:
    """A record of every plugin, device words first; ``load_all`` finds out how each one fares."""
    if load_all:
        for name in list(backends.installed()):
            try:
                backends.load(name, again=again)
            except DovetailError as error:  # kept in its record
                _LOG.debug("%s: %s", name, error)
        manager()
    return [backend.record for backend in backends.installed().values()] + _python_records


_manager: pluggy.PluginManager | None = None
_python_records: list[PluginRecord] = []


def manager() -> pluggy.PluginManager:
    """The pluggy manager with every plugin of the group ``dovetail.plugins`` that could be loaded.

    The loop is our own: pluggy's lets the first one that raises keep all others out.
    """
    global _manager  # noqa: PLW0603  made once, under the lock
    with _lock:
        if _manager is not None:
            return _manager
        made = pluggy.PluginManager("dovetail")
        made.add_hookspecs(hookspecs)
        points = importlib.metadata.entry_points(group=GROUP)
        for point in sorted(points, key=lambda p: (p.name, p.dist.name if p.dist else "")):
            _python_records.append(_register(made, point))
        _manager = made
        return made


def _register(made: pluggy.PluginManager, point: importlib.metadata.EntryPoint) -> PluginRecord:
    record = PluginRecord(
        name=point.name,
        kind="python",
        distribution=point.dist.name if point.dist else None,
        version=point.dist.version if point.dist else None,
    )
    only = settings.only_plugins()
    if point.name in settings.disabled_plugins():
        return replace(record, state="disabled", reason="DOVETAIL_DISABLE names it")
    if only is not None and point.name not in only:
        return replace(record, state="disabled", reason="DOVETAIL_PLUGINS does not name it")
    try:
        made.register(point.load(), name=point.name)
    except (Exception, SystemExit) as error:  # whatever its import or its hooks raise
        reason = f"{type(error).__name__}: {error}"
        warnings.warn(
            f"the plugin {point.name} of {record.distribution} {record.version} is skipped, since "
            f"it cannot be loaded ({reason}); DOVETAIL_DISABLE={point.name} silences this",
            RuntimeWarning,
            stacklevel=4,
        )
        return replace(record, state="broken", reason=reason)
    return replace(record, state="ready")
