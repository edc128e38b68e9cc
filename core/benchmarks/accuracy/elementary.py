"""The elementary functions in mpmath's words, judged like the special ones, beside numpy's."""

from __future__ import annotations

from functions import Box, Function
from mpmath import mp, mpf

WAVES: tuple[Box, ...] = (((-20, 20),), ((1e-3, 1e4),), ((1e5, 1e30),))
WHOLE: tuple[Box, ...] = (((-20, 20),), ((1e-6, 1e6),))
UNIT: tuple[Box, ...] = (((-1, 1),), ((1e-8, 1),))
POSITIVE: tuple[Box, ...] = (((0.5, 2),), ((1e-30, 1e30),))
GROWING: tuple[Box, ...] = (((-88, 88),), ((-1, 1),), ((1e-8, 1),))


def cbrt(x: mpf) -> mpf:
    """The real cube root."""
    return mp.sign(x) * mp.cbrt(abs(x))


ELEMENTARY: dict[str, Function] = {
    "acos": Function(exact=mp.acos, boxes=UNIT, numpy="arccos"),
    "acosh": Function(exact=mp.acosh, boxes=(((1, 3),), ((1, 1e30),)), numpy="arccosh"),
    "asin": Function(exact=mp.asin, boxes=UNIT, numpy="arcsin"),
    "asinh": Function(exact=mp.asinh, boxes=WHOLE, numpy="arcsinh"),
    "atan": Function(exact=mp.atan, boxes=WHOLE, numpy="arctan"),
    "atan2": Function(
        exact=mp.atan2, boxes=(((-5, 5), (-5, 5)), ((1e-5, 1e5), (1e-5, 1e5))), numpy="arctan2"
    ),
    "atanh": Function(exact=mp.atanh, boxes=UNIT, numpy="arctanh"),
    "cbrt": Function(exact=cbrt, boxes=(((-20, 20),), ((1e-30, 1e30),)), numpy="cbrt"),
    "cos": Function(exact=mp.cos, boxes=WAVES, numpy="cos"),
    "cosh": Function(exact=mp.cosh, boxes=GROWING, numpy="cosh"),
    "exp": Function(exact=mp.exp, boxes=GROWING, numpy="exp"),
    "exp2": Function(exact=lambda x: mpf(2) ** x, boxes=GROWING, numpy="exp2"),
    "expm1": Function(exact=mp.expm1, boxes=GROWING, numpy="expm1"),
    "hypot": Function(
        exact=mp.hypot, boxes=(((-5, 5), (-5, 5)), ((1e-18, 1e18), (1e-18, 1e18))), numpy="hypot"
    ),
    "log": Function(exact=mp.log, boxes=POSITIVE, numpy="log"),
    "log10": Function(exact=mp.log10, boxes=POSITIVE, numpy="log10"),
    "log1p": Function(exact=mp.log1p, boxes=(((-0.99, 1),), ((1e-8, 1e8),)), numpy="log1p"),
    "log2": Function(exact=lambda x: mp.log(x, 2), boxes=POSITIVE, numpy="log2"),
    "power": Function(
        exact=mp.power, boxes=(((0.1, 10), (-20, 20)), ((1e-4, 1e4), (-3, 3))), numpy="power"
    ),
    "sin": Function(exact=mp.sin, boxes=WAVES, numpy="sin"),
    "sinh": Function(exact=mp.sinh, boxes=GROWING, numpy="sinh"),
    "tan": Function(exact=mp.tan, boxes=WAVES, numpy="tan"),
    "tanh": Function(exact=mp.tanh, boxes=(((-5, 5),), ((1e-8, 1),)), numpy="tanh"),
}
