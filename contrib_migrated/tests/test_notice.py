"""A guest says once per process what replaces it and when it goes."""

import subprocess
import sys

from dovetail_contrib_migrated.index import projects

GUESTS = sorted(name for name, row in projects().items() if row["fate"] == "shim")


def test_every_guest_says_so_once() -> None:
    text = f"""
import warnings, importlib
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for name in {GUESTS!r}:
        module = importlib.import_module(f"dovetail_contrib_migrated.{{name}}")
        importlib.reload(module)
print(len(caught))
for one in caught:
    print(one.category.__name__, one.message)
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    count, *lines = done.stdout.splitlines()
    assert int(count) == len(GUESTS) == len(lines) >= 5
    for name, line in zip(GUESTS, lines, strict=True):
        assert line.startswith(f"FutureWarning dovetail_contrib_migrated.{name} keeps tf.contrib")
        row = projects()[name]
        assert row["removed-in"] in line and row["replacement"] in line
