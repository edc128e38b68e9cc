"""Angles of the von Mises distribution, by rejection from the wrapped Cauchy distribution."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.ops.gamma_sampler import normal_of
from dovetail.ops.philox import Stream
from dovetail.ops.portable_formulas import NUMPY, cos_sin_pi, log
from dovetail.ops.sampling import VON_MISES, open_unit, rejected, sampler

__all__ = ["random_von_mises"]

Floats = np.ndarray[Any, Any]

MOST = 256
"""Proposals of an element; each is accepted with a chance above 0.65."""

PI = float.fromhex("0x1.921fb54442d18p1")
_ENDS = float.fromhex("0x1.a827999fcef32p-2"), float.fromhex("0x1.3504f333f9de6p1")
_ATAN = tuple(
    float.fromhex(word)
    for word in (
        "-0x1.24425dadce270p-6 0x1.374514ac037c5p-5 -0x1.9c95510dd839dp-5 0x1.df00699fc62bep-5 "
        "-0x1.10ea9666d37cfp-4 0x1.3b10fc57a9b06p-4 -0x1.745cf6fd57513p-4 0x1.c71c70d20ebebp-4 "
        "-0x1.249249226c2e2p-3 0x1.99999999949bbp-3 -0x1.5555555555531p-2 1"
    ).split()
)


def _arctangent(x: Floats) -> Floats:
    """atan(x), x >= 0: a minimax polynomial below tan(pi / 8), identities above."""
    far, middle = x > _ENDS[1], x > _ENDS[0]
    base = np.where(far, 0.5 * PI, np.where(middle, 0.25 * PI, 0.0))
    t = np.where(far, -1.0 / x, np.where(middle, (x - 1.0) / (x + 1.0), x))
    square = t * t
    p = np.full_like(x, _ATAN[0])
    for c in _ATAN[1:]:
        p = p * square + c
    return np.asarray(base + t * p)


def _draw(stream: Stream, kappa: Floats) -> Floats:
    result = np.full(kappa.shape, np.nan)
    even = np.flatnonzero((kappa >= 0) & (kappa < 1e-8))
    result[even] = (open_unit(stream.pair(even, 1)[0]) - 0.5) * (2.0 * PI)
    narrow = np.flatnonzero(kappa > 1e6)
    result[narrow] = normal_of(stream.pair(narrow, 1)[0]) / np.sqrt(kappa[narrow])

    tau = 1.0 + np.sqrt(1.0 + 4.0 * kappa * kappa)
    rho = 2.0 * kappa / (tau + np.sqrt(2.0 * tau))
    r = (1.0 + rho * rho) / (2.0 * rho)
    shrink = (1.0 - rho) / (1.0 + rho)

    def propose(at: Any, first: Any, second: Any) -> tuple[Any, Any]:
        u, v = open_unit(first) - 0.5, open_unit(second)
        size = np.abs(u)
        outer = size > 0.25
        cosine, sine = cos_sin_pi(np.where(outer, 0.5 - size, size))
        tangent = np.where(outer, cosine / sine, sine / cosine)
        z = np.where(outer, 2.0 * sine * sine - 1.0, 1.0 - 2.0 * sine * sine)
        c = kappa[at] * ((r[at] - 1.0) * (r[at] + 1.0) / (r[at] + z))
        good = (c * (2.0 - c) > v) | (log(NUMPY, c / v) + 1.0 - c >= 0)
        angle = 2.0 * _arctangent(shrink[at] * tangent)
        return good, np.where(u < 0, -angle, angle)

    usual = np.flatnonzero((kappa >= 1e-8) & (kappa <= 1e6))
    rejected(stream, usual, result, MOST, propose)
    return result


random_von_mises: Any = sampler(
    name="random_von_mises",
    doc="""Angles in [-pi, pi] around 0 with given concentrations.

    The density is proportional to exp(concentration * cos(x)). The keys are uint32[..., 2], the
    concentrations begin with the keys' axes before the 2; the result has their shape and dtype. NaN
    where the concentration is negative or NaN.

    D. Best and N. Fisher, "Efficient simulation of the von Mises distribution", Applied Statistics
    28 (1979). Uniform below 1e-8 and normal above 1e6, where the difference is of that order.
    Proposal n of element i is block n of its stream (tag 5). Computed in float64 by portable
    operations and rounded once.

    >>> import dovetail as dt
    >>> key = dt.asarray([0, 0], dtype=dt.uint32)
    >>> dt.ops.random_von_mises(key, dt.full((3,), 2.0)).shape
    (3,)
    """,
    parameters=("concentration",),
    tag=VON_MISES,
    draw=_draw,
    values=(
        (2.5,),
        (0.0,),
        (1e-9,),
        (1e-4,),
        (0.5,),
        (100.0,),
        (9e5,),
        (1e7,),
        (-1.0,),
        (float("nan"),),
    ),
)
