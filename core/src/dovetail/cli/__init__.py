"""The command ``dovetail``: one module per verb, and verbs of plugins beside ours."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dovetail.cli import check_backend, demo, explain, info, new_backend, plugins, replay, rfc
from dovetail.errors import DovetailError
from dovetail.plugins import manager

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = _parser()
    chosen, rest = parser.parse_known_args(arguments)
    if rest and not getattr(chosen, "takes_rest", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    chosen.rest = rest
    if getattr(chosen, "run", None) is None:
        parser.print_help()
        return 2
    try:
        status: int | None = chosen.run(chosen)
    except DovetailError as error:
        print(f"dovetail: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        sys.stderr.close()
        return 1
    return status or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dovetail", description="Tensor programs on every device that has a plugin."
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB")
    for ours in (check_backend, demo, explain, info, new_backend, plugins, replay, rfc):
        ours.add(verbs)
    _add_foreign(verbs)
    return parser


def _add_foreign(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Verbs of Python-level plugins; a hook that raises is named and the others go on."""
    for implementation in manager().hook.dovetail_add_verbs.get_hookimpls():
        try:
            implementation.function(verbs)
        except Exception as error:
            print(
                f"dovetail: the plugin {implementation.plugin_name} cannot add its verbs "
                f"({type(error).__name__}: {error}); DOVETAIL_DISABLE={implementation.plugin_name} "
                f"silences this",
                file=sys.stderr,
            )
