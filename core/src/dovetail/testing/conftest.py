"""What pytest needs to run the conformance suite of an installed Dovetail.

``pytest --pyargs dovetail.testing --backend NAME``; the options are those of `_dovetail_pytest`.
"""

from __future__ import annotations

from typing import Any

from dovetail.op import REGISTRY
from dovetail.testing.conformance import Conformance, beyond_two_gigabytes

_KEY = "_dovetail_conformance"


def conformance(config: Any) -> Conformance:
    """The one record of a session."""
    found: Conformance | None = getattr(config, _KEY, None)
    if found is None:
        found = Conformance(config.getoption("--backend", "cpu"))
        setattr(config, _KEY, found)
    return found


def pytest_generate_tests(metafunc: Any) -> None:
    """A test for each op, and for each family of the huge ones."""
    if "op" in metafunc.fixturenames:
        ops = sorted(REGISTRY.values(), key=lambda op: op.name)
        metafunc.parametrize("op", ops, ids=[op.name for op in ops])
    if "family" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("--huge", False)
        names = list(beyond_two_gigabytes("cpu:0")) if wanted else []
        metafunc.parametrize("family", names)
    if "found" in metafunc.fixturenames:
        metafunc.parametrize("found", [conformance(metafunc.config)], ids=[""])


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    """What the run found, op by op."""
    found: Conformance | None = getattr(config, _KEY, None)
    if found is not None and found.findings:
        terminalreporter.section(f"conformance of {found.device.name}")
        for line in found.summary():
            terminalreporter.write_line(line)
