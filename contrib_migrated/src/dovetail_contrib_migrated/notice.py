"""The notice that code here is a guest: which name replaces it, and when it goes."""

from __future__ import annotations

import functools
import warnings
from datetime import date

from dovetail_contrib_migrated.index import row

__all__ = ["guest"]


@functools.cache
def guest(project: str) -> None:
    """Warn, once per process, that a project lives here for a while; for its module's first line.

    The words come from the project's row in INDEX.toml: its replacement, the version of
    dovetail-contrib-migrated that removes it, and the date by which it has graduated or left.
    """
    found = row(project)
    due: date = found["leave-by"]
    warnings.warn(
        f"dovetail_contrib_migrated.{project} keeps tf.contrib.{project} alive for a while: "
        f"version {found['removed-in']}, at the latest after {due}, removes it. Its replacement: "
        f"{found['replacement']}",
        FutureWarning,
        stacklevel=3,
    )
