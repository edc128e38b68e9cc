"""How far a result is from the reference, in units in the last place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dovetail.dtypes import DType, real_of

__all__ = ["allowed", "assert_close", "ulp_error"]

# Bits of the significand, with the hidden one, and the exponent of the smallest normal number.
_FORMATS = {
    "float16": (11, -14),
    "bfloat16": (8, -126),
    "float32": (24, -126),
    "float64": (53, -1022),
}

DEFAULT_ULPS = 4.0


def _spacing(x: np.ndarray[Any, Any], kind: DType) -> np.ndarray[Any, Any]:
    """Distance from |x| to the next larger number of a dtype."""
    bits, least = _FORMATS[kind.name]
    _, exponent = np.frexp(np.abs(x))
    # frexp gives [0.5, 1), so the leading bit has the exponent less one.
    exponent = np.where(x == 0, least, np.maximum(exponent - 1, least))
    return np.asarray(np.ldexp(1.0, exponent - (bits - 1)))


def ulp_error(
    got: Any, want: Any, kind: DType, *, norm: bool = False
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Element by element, |got - want| in units in the last place of ``want``.

    Equal infinities and two NaNs are 0 apart, anything else that is not finite is infinitely far.
    Integers and bools are 0 or infinitely far apart; of complex numbers the worse part counts, in
    units of their larger part, since a product's parts may cancel. ``norm``: the unit is the last
    place of the largest finite magnitude in ``want``, for sums whose terms may cancel.

    >>> from dovetail.dtypes import float32
    >>> ulp_error(np.float32(1) + np.float32(2.0**-23), np.float32(1), float32).item()
    1.0
    """
    got, want = np.asarray(got), np.asarray(want)
    if kind.kind == "complex":
        part = real_of(kind)
        unit = _largest(np.maximum(_size(want.real), _size(want.imag)), norm)
        parts = ((got.real, want.real), (got.imag, want.imag))
        of_real, of_imag = (_error(g, w, unit, part) for g, w in parts)
        return np.asarray(np.maximum(of_real, of_imag), np.float64)
    if kind.kind != "float":
        return np.where(got == want, 0.0, np.inf)
    return _error(got, want, _largest(_size(want), norm), kind)


def _size(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    wide = x.astype(np.float64)
    return np.where(np.isfinite(wide), np.abs(wide), 0.0)


def _largest(size: np.ndarray[Any, Any], norm: bool) -> np.ndarray[Any, Any]:
    return np.full_like(size, np.max(size)) if norm and size.size else size


def _error(
    got: np.ndarray[Any, Any], want: np.ndarray[Any, Any], unit: np.ndarray[Any, Any], kind: DType
) -> np.ndarray[Any, Any]:
    got, want = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(got) & np.isfinite(want)
    with np.errstate(all="ignore"):
        error = np.abs(got - want) / _spacing(unit, kind)
        same = (got == want) | (np.isnan(got) & np.isnan(want))
    return np.where(same, 0.0, np.where(finite, error, np.inf))


def _default(tolerance: Mapping[str, Any], kind: DType) -> float:
    """A complex dtype that a record does not name is twice as far off as its parts, or exact."""
    if kind.kind != "complex":
        return DEFAULT_ULPS
    parts = float(tolerance.get(real_of(kind).name, DEFAULT_ULPS))
    return parts and 2 * parts


def allowed(tolerance: Mapping[str, Any], kind: DType) -> float:
    """How many units in the last place a result of some dtype may be off."""
    if kind.kind not in ("float", "complex"):
        return 0.0
    return float(tolerance.get(kind.name, _default(tolerance, kind)))


def assert_close(
    got: Any, want: Any, kind: DType, tolerance: Mapping[str, Any], what: object
) -> None:
    """Raise AssertionError unless ``got`` is within an op's tolerance of ``want``."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        raise AssertionError(f"{what}: shape {got.shape} instead of {want.shape}")
    limit = allowed(tolerance, kind)
    error = ulp_error(got, want, kind, norm=bool(tolerance.get("norm")))
    if error.size and error.max() > limit:
        at = np.unravel_index(int(error.argmax()), error.shape)
        place = tuple(int(i) for i in at)
        raise AssertionError(
            f"{what}: element {place} is {got[at]!r} instead of {want[at]!r}, {error[at]:.3g} ulp "
            f"off where {limit:g} are allowed; {int((error > limit).sum())} of {error.size} are so"
        )
