"""Euler's beta function and its logarithm."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.dtypes import FLOATING
from dovetail.op import Op, define
from dovetail.ops.gamma_functions import digamma
from dovetail.samples import binary
from dovetail.shapes import elementwise
from dovetail.special_reference import log_beta

__all__ = ["beta", "betaln"]

TOLERANCE = {"float32": 1, "float64": 2, "float16": 1, "bfloat16": 1}
SAMPLES = binary((0.3, 9), (0.3, 9), extra=(([0.01, 20.0, 1e3, 3.0], [50.0, 0.5, 2.0, 4.0]),))

beta: Any = define(
    Op(
        name="beta",
        doc="""gamma(a) gamma(b) / gamma(a + b), element by element.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. Infinity at
    the poles of gamma, unless the two cancel. DLMF 5.12.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.beta(dt.asarray(2.0), dt.asarray(3.0)).item(), 5)  # 1 / 12
    0.08333
    """,
        signature="a: T, b: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("beta"),
        gradient=(
            lambda g, y, a, b: g * y * (digamma(a) - digamma(a + b)),
            lambda g, y, a, b: g * y * (digamma(b) - digamma(a + b)),
        ),
        reference=lambda a, b: np.exp(log_beta(a, b)),
        samples=SAMPLES,
        tolerance=TOLERANCE,
    )
)

betaln: Any = define(
    Op(
        name="betaln",
        doc="""log |beta(a, b)|, element by element, right also where the gammas' logarithms cancel.

    Shapes broadcast, dtypes promote; integers and bools are converted to float32 first. DLMF 5.12.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.betaln(dt.asarray(2.0), dt.asarray(3.0)).item(), 5)
    -2.48491
    """,
        signature="a: T, b: T -> T",
        types={"T": FLOATING},
        broadcast=True,
        infer=elementwise("betaln"),
        gradient=(
            lambda g, y, a, b: g * (digamma(a) - digamma(a + b)),
            lambda g, y, a, b: g * (digamma(b) - digamma(a + b)),
        ),
        reference=log_beta,
        samples=SAMPLES,
        # Where the logarithms cancel the reference has the absolute accuracy of 64 bits.
        tolerance={**TOLERANCE, "float64": 64},
    )
)
