"""Every hook that a Python-level plugin may fill in; the reference for plugin authors.

A plugin is a module or object named by an entry point of the group ``dovetail.plugins``. It marks
its functions with the marker below, which keeps a misspelt name from passing silently:

```python
from dovetail.hookspecs import hook

@hook
def dovetail_add_verbs(subparsers): ...
```

Device plugins use none of this: they are a library, a C table and a manifest. No hook is ever
called while an op runs.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pluggy

__all__ = ["dovetail_add_verbs", "hook"]

hook = pluggy.HookimplMarker("dovetail")
_spec = pluggy.HookspecMarker("dovetail")

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Subparsers = Any


@_spec
def dovetail_add_verbs(subparsers: Subparsers) -> None:
    """Add verbs to the command ``dovetail``.

    ``subparsers`` is what argparse's ``add_subparsers`` gave. Each verb sets ``run``, a function
    that takes the parsed arguments and returns the exit status::

        verb = subparsers.add_parser("convert", help="convert a model file")
        verb.add_argument("file")
        verb.set_defaults(run=convert)

    Called once per run of the command; a hook that raises is reported and skipped.
    """
