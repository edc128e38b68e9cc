"""Measure how far the special and elementary functions are from the true values.

Points are drawn in the boxes of functions.py and elementary.py with a fixed seed; the true values
are mpmath's at 50 digits, and scipy or numpy is judged on the same points. Needs mpmath and scipy,
which nothing else does. From the root of the repository:

    python core/benchmarks/accuracy/accuracy.py --write          # ACCURACY.md
    python core/benchmarks/accuracy/accuracy.py --values         # core/tests/special_values.json
    python core/benchmarks/accuracy/accuracy.py digamma erfc     # some, on the screen
"""

from __future__ import annotations

import argparse
import json
import platform
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import scipy
from elementary import ELEMENTARY
from functions import FUNCTIONS, Function, betainc, draw, gammainc, gammaincc
from mpmath import mp, mpf

import dovetail as dt

HERE = Path(__file__).parent
VALUES = HERE.parents[1] / "tests" / "special_values.json"
PER_BOX = 400
STORED_PER_BOX = 10
LIMIT = {"float64": 4.0, "float32": 2.0}
ALL = {**FUNCTIONS, **ELEMENTARY}


@dataclass
class Judged:
    """Worst errors in units in the last place of one function and dtype."""

    ours: float = 0.0
    at: tuple[float, ...] = ()
    theirs: float = 0.0
    missed: int = 0
    """Points where the peer is inside the limit and we are not."""
    count: int = 0


def ulps(got: float, true: mpf, kind: np.dtype[Any]) -> float:
    """|got - true| in units in the last place of the true value rounded."""
    near = kind.type(float(true))
    if not np.isfinite(near) or not np.isfinite(got):
        return 0.0 if float(near) == float(got) else float("inf")
    spacing = float(np.spacing(np.abs(near)))
    return float(abs((mpf(float(got)) - true) / mpf(spacing)))


def function_of(name: str) -> Any:
    """Dovetail's function."""
    return getattr(dt, name) if name in ELEMENTARY else getattr(dt.special, name)


def peer_of(name: str, function: Function) -> Any:
    """The function of scipy or numpy that has the same meaning."""
    return getattr(np, function.numpy) if function.numpy else getattr(scipy.special, name)


def points(name: str, function: Function, count: int) -> Iterator[np.ndarray[Any, Any]]:
    """The arguments in each box, one row per operand."""
    random = np.random.default_rng(zlib.crc32(name.encode()))
    for box in function.boxes:
        yield draw(box, count, random, function.whole)


def judge(name: str, count: int) -> dict[str, Judged]:
    """The errors of one function in both dtypes."""
    function = ALL[name]
    found = {"float64": Judged(), "float32": Judged()}
    for xs in points(name, function, count):
        true = [function.exact(*map(mpf, map(float, column))) for column in xs.T]
        for dtype, result in found.items():
            kind = np.dtype(dtype)
            narrow = xs.astype(kind)
            fits = np.all(narrow == xs, axis=0)
            ours = np.asarray(function_of(name)(*(dt.asarray(x) for x in narrow)))
            with np.errstate(all="ignore"):
                theirs = peer_of(name, function)(*narrow)
            for i in np.flatnonzero(fits):
                top = float(np.finfo(kind).max)
                if not float(np.finfo(kind).tiny) <= abs(true[i]) <= top:
                    continue  # beyond the normal numbers of the dtype
                error = ulps(ours[i], true[i], kind)
                other = ulps(theirs[i], true[i], kind)
                result.count += 1
                result.missed += error > LIMIT[dtype] >= other
                result.theirs = max(result.theirs, other)
                if error > result.ours or not result.at:
                    result.ours, result.at = error, tuple(map(float, xs[:, i]))
    return found


def derivative_errors(count: int) -> Iterator[tuple[str, float, tuple[float, ...]]]:
    """Worst relative errors of the derivatives in the parameters, against differentiated series."""
    random = np.random.default_rng(5)
    for order in (1, 2, 3, 4):
        worst, at = 0.0, ()
        for _ in range(count):
            a = float(np.exp(random.uniform(np.log(0.05), np.log(100))))
            x = float(max(a + 3 * np.sqrt(a) * random.normal(), 0.02 * a))
            if x > a + 1:
                true = mp.diff(lambda z, x=x: -gammaincc(z, mpf(x)), mpf(a), order)
            else:
                true = mp.diff(lambda z, x=x: gammainc(z, mpf(x)), mpf(a), order)
            ours = dt.ops.gammainc_derivative(dt.asarray(np.float64(a)), np.float64(x), order=order)
            error = float(abs((mpf(ours.item()) - true) / true))
            worst, at = max((worst, at), (error, (a, x)))
        yield f"gammainc, order {order} in a", worst, at
    worst, at = 0.0, ()
    for _ in range(count // 4):
        a = float(np.exp(random.uniform(np.log(1.2e5), np.log(1e6))))
        x = float(a + np.sqrt(a) * random.uniform(-3, 3))
        true = mp.diff(lambda z, x=x: gammainc(z, mpf(x)), mpf(a))
        ours = dt.ops.gammainc_derivative(dt.asarray(np.float64(a)), np.float64(x), order=1)
        worst, at = max((worst, at), (float(abs((mpf(ours.item()) - true) / true)), (a, x)))
    yield "gammainc, once in an a above 1.1e5, x within 3 deviations", worst, at
    for order in ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2)):
        worst, at = 0.0, ()
        for _ in range(count // 2):
            a, b = (float(np.exp(v)) for v in random.uniform(np.log(0.2), np.log(60), 2))
            x = float(np.clip(random.beta(a, b), 1e-3, 0.999))
            true = mp.diff(lambda p, q, x=x: betainc(p, q, mpf(x)), (mpf(a), mpf(b)), order)
            operands = (dt.asarray(np.float64(v)) for v in (a, b, x))
            ours = dt.ops.betainc_derivative(*operands, order=order)
            error = float(abs((mpf(ours.item()) - true) / true))
            worst, at = max((worst, at), (error, (a, b, x)))
        yield f"betainc, order {order[0]} in a and {order[1]} in b", worst, at


def number(error: float) -> str:
    """An error for the table."""
    return f"{error:.2f}" if error < 100 else f"{error:.1e}"


def row(name: str, found: dict[str, Judged]) -> str:
    """One line of the table."""
    wide, narrow = found["float64"], found["float32"]
    at = ", ".join(f"{x:.9g}" for x in wide.at)
    cells = [name, number(wide.ours), number(wide.theirs), str(wide.missed)]
    cells += [number(narrow.ours), number(narrow.theirs), str(narrow.missed), f"({at})"]
    return "| " + " | ".join(cells) + " |"


HEAD = """| function | float64 | peer | missed | float32 | peer | missed | worst float64 at |
|---|---:|---:|---:|---:|---:|---:|---|"""


def table(
    names: Iterator[str] | list[str], count: int, outside: list[str] | None = None
) -> list[str]:
    """The table of some functions; each line is also shown when it is known.

    ``outside`` gathers what is not within the bar.
    """
    lines = HEAD.splitlines()
    for name in names:
        found = judge(name, count)
        lines.append(row(name, found))
        if outside is not None:
            outside += [
                f"- {name}, {dtype}: {number(result.ours)} units at "
                f"({', '.join(f'{x:.9g}' for x in result.at)}); the peer's worst is "
                f"{number(result.theirs)}."
                for dtype, result in found.items()
                if result.ours > LIMIT[dtype]
            ]
        print(lines[-1], flush=True)
    return lines


def report(count: int) -> str:
    """The page."""
    outside: list[str] = []
    return "\n".join(
        [
            "# How near the functions are to the true values",
            "",
            "Made by `python core/benchmarks/accuracy/accuracy.py --write`, on "
            f"{platform.machine()} with {platform.libc_ver()[0]} {platform.libc_ver()[1]}, "
            f"numpy {np.__version__}, scipy {scipy.__version__}, mpmath {mpmath.__version__}, "
            f"{count} points in each box of functions.py and elementary.py.",
            "",
            "Errors are the worst found, in units in the last place of the true value. The peer is "
            "scipy.special for special functions and numpy for elementary ones, on the same "
            "points. *missed* counts points where the peer is within the bar, 4 units in float64 "
            "and 2 in float32, and Dovetail is not. Points whose value is no normal number of the "
            "dtype are left out.",
            "",
            "## Special functions",
            "",
            *table(sorted(FUNCTIONS), count, outside),
            "",
            "## Elementary functions",
            "",
            *table(sorted(ELEMENTARY), count, outside),
            "",
            "## Outside the bar",
            "",
            *(outside or ["No point of any function."]),
            "",
            "Known besides: digamma left of -1 has the accuracy of 1 unit of its largest term, so "
            "fewer digits beside its zeros there; what is computed by continued fractions takes a "
            "time that grows as the root of the larger parameter.",
            "",
            "## Derivatives in the parameters",
            "",
            "The worst relative error in float64 of what the gradients of the incomplete functions "
            "are made of; scipy has none of them.",
            "",
            "| derivative | relative error | at |",
            "|---|---:|---|",
            *(
                f"| {what} | {error:.1e} | ({', '.join(f'{x:.6g}' for x in at)}) |"
                for what, error, at in derivative_errors(40)
            ),
            "",
        ]
    )


def values() -> dict[str, list[list[float]]]:
    """Some arguments and true values of each function, for the tests."""
    found: dict[str, list[list[float]]] = {}
    for name in sorted(ALL):
        rows = []
        for xs in points(name, ALL[name], STORED_PER_BOX):
            for column in xs.T:
                operands = [float(x) for x in column]
                true = float(ALL[name].exact(*map(mpf, operands)))
                if 1e-300 < abs(true) < 1e300:
                    rows.append([*operands, true])
        found[name] = rows
    random = np.random.default_rng(6)
    for order in (1, 2):
        rows = []
        for _ in range(8):
            a, x = (float(v) for v in np.exp(random.uniform(np.log(0.1), np.log(30), 2)))
            # where P is nearly 1, of what is missing, which keeps its digits
            part = gammainc if x < a + 1 else lambda a, x: -gammaincc(a, x)
            rows.append([a, x, float(mp.diff(lambda z, x=x: part(z, mpf(x)), mpf(a), order))])  # noqa: B023
        found[f"gammainc_derivative {order}"] = rows
    for order in ((1, 0), (0, 1), (1, 1)):
        rows = []
        for _ in range(6):
            a, b = (float(v) for v in np.exp(random.uniform(np.log(0.2), np.log(30), 2)))
            x = float(np.clip(random.beta(a, b), 1e-3, 0.999))
            true = mp.diff(lambda p, q, x=x: betainc(p, q, mpf(x)), (mpf(a), mpf(b)), order)
            rows.append([a, b, x, float(true)])
        found[f"betainc_derivative {order[0]} {order[1]}"] = rows
    return found


def main() -> None:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--values", action="store_true")
    parser.add_argument("--points", type=int, default=PER_BOX)
    arguments = parser.parse_args()
    if arguments.values:
        lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in values().items()]
        VALUES.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    elif arguments.write:
        (HERE / "ACCURACY.md").write_text(report(arguments.points))
    else:
        table(arguments.names or sorted(ALL), arguments.points)


if __name__ == "__main__":
    main()
