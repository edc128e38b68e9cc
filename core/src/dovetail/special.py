"""Special functions, by the names of scipy.special.

All work element by element: shapes broadcast, dtypes promote, integers and bools are converted to
float32 first, and 16-bit floats are computed in more digits and rounded once. All have derivatives
in every operand that has one, of any order (of `gammainc` and `betainc` in their parameters up to
the fourth), trace, compile and batch. How near they are to the true values stands in
core/benchmarks/accuracy/ACCURACY.md.
"""

from __future__ import annotations

from typing import Any

from dovetail.ops import erf, erfinv, log_softmax, logaddexp, logsumexp, softmax
from dovetail.ops import sigmoid as expit
from dovetail.ops.beta_functions import beta, betaln
from dovetail.ops.cardinal_sine import sinc
from dovetail.ops.entropies import entr, kl_div, rel_entr, xlog1py, xlogy
from dovetail.ops.exponential_integrals import exp1, expi
from dovetail.ops.gamma_functions import digamma, gamma, gammaln, polygamma
from dovetail.ops.gamma_functions import zeta as _hurwitz_zeta
from dovetail.ops.incomplete_beta import betainc, betaincc, betaincinv
from dovetail.ops.incomplete_gamma import gammainc, gammaincc, gammainccinv, gammaincinv
from dovetail.ops.log_odds import log_expit, logit
from dovetail.ops.modified_bessel import i0, i0e, i1, i1e
from dovetail.ops.normal_distribution import erfc, erfcinv, erfcx, log_ndtr, ndtr, ndtri

__all__ = [
    "beta",
    "betainc",
    "betaincc",
    "betaincinv",
    "betaln",
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcinv",
    "erfcx",
    "erfinv",
    "exp1",
    "expi",
    "expit",
    "gamma",
    "gammainc",
    "gammaincc",
    "gammainccinv",
    "gammaincinv",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "kl_div",
    "log_expit",
    "log_ndtr",
    "log_softmax",
    "logaddexp",
    "logit",
    "logsumexp",
    "ndtr",
    "ndtri",
    "polygamma",
    "rel_entr",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]


def zeta(x: Any, q: Any = 1.0) -> Any:
    """Hurwitz' zeta function, the sum of (q + k) ** -x over k >= 0; Riemann's without ``q``.

    Infinity at x = 1 and where q is a whole number not above 0; NaN for x < 1 and, unless x is
    whole, for q < 0. The derivative flows to q. DLMF 25.11.

    Raises OpError when the shapes do not broadcast.

    >>> import dovetail as dt
    >>> round(dt.special.zeta(dt.asarray(2.0)).item(), 5)  # pi ** 2 / 6
    1.64493
    """
    return _hurwitz_zeta(x, q)
