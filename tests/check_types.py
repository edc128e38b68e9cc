"""Run mypy, strictly, over the sources of every distribution at once."""

import subprocess
import sys

from workspace import ROOT, distributions

if __name__ == "__main__":
    folders = [str(one.sources.relative_to(ROOT)) for one in distributions()]
    sys.exit(subprocess.run([sys.executable, "-m", "mypy", *folders], check=False).returncode)
