"""``python -m dovetail`` and the command ``dovetail``."""

from __future__ import annotations

import sys

from dovetail.cli import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
