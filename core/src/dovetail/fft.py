"""Discrete Fourier transforms: the extension of the Array API standard.

Transforms take float32, float64, complex64 and complex128 and keep the precision; integers and
16-bit floats become float32. ``n`` and ``s`` cut an axis or fill it with zeros first. ``norm`` says
which direction is divided by the number of elements: "backward" the inverse, "forward" the forward
one, "ortho" both by its root. All of them differentiate, compile and batch. For real numbers the
gradient is real; complex gradients follow the convention of `dt.grad`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dovetail import ops, shapes
from dovetail.dtypes import complex_of, float32
from dovetail.dtypes import dtype as as_dtype
from dovetail.errors import OpError
from dovetail.matrices import array, conjugate
from dovetail.ops.fourier import NORMS
from dovetail.ops.fourier import fft as fft_op
from dovetail.ops.fourier import irfft as irfft_op
from dovetail.ops.fourier import rfft as rfft_op
from dovetail.ops.rotation import roll
from dovetail.ranges import arange

__all__ = [
    "fft",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "ifft",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfftn",
    "rfft",
    "rfftfreq",
    "rfftn",
]

Extents = Sequence[int] | None


def _complex(name: str, x: Any) -> Any:
    x = array(name, x)
    return x if x.dtype.kind == "complex" else ops.astype(x, dtype=complex_of(x.dtype))


def _any(name: str, x: Any) -> Any:
    """An operand as floats or complex numbers."""
    x = array(name, x)
    return x if x.dtype.kind in ("float", "complex") else ops.astype(x, dtype=float32)


def _real(name: str, x: Any) -> Any:
    x = array(name, x)
    if x.dtype.kind == "complex":
        raise OpError(
            f"{name}: x is {x.dtype}{list(x.shape)}; it transforms real arrays. Take the real part "
            f"with dt.real, or use {name.replace('ihfft', 'ifft').replace('rfft', 'fft')}"
        )
    return x


def _resized(name: str, x: Any, axes: tuple[int, ...], extents: Sequence[int]) -> Any:
    """The array cut, or filled with zeros at the end, along axes."""
    low, high = [0] * x.ndim, [0] * x.ndim
    stop: list[int | None] = [None] * x.ndim
    for a, n in zip(axes, extents, strict=True):
        if n < 1:
            raise OpError(f"{name}: {n} elements along axis {a}; a transform needs one at least")
        if n < x.shape[a]:
            stop[a] = n
        else:
            high[a] = n - x.shape[a]
    if any(n is not None for n in stop):
        x = ops.slice(x, start=(None,) * x.ndim, stop=tuple(stop), step=None)
    return ops.pad(x, low=tuple(low), high=tuple(high)) if any(high) else x


def _along(name: str, x: Any, n: Any, axis: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The one axis and its extent."""
    at = shapes.axis(name, axis, x.ndim)
    return (at,), (x.shape[at],) if n is None else shapes.integers(name, "n", (n,))


def _over(name: str, x: Any, s: Any, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Axes in the given order and their extents."""
    if s is not None and axes is None:
        raise OpError(
            f"{name}: s={s!r} without axes; say which axes it means, for instance "
            f"axes={tuple(range(-len(s), 0))}"
        )
    given = range(x.ndim) if axes is None else shapes.integers(name, "axes", axes)
    found = tuple(shapes.axis(name, a, x.ndim) for a in given)
    if len(set(found)) < len(found):
        raise OpError(f"{name}: axes={axes!r} names an axis twice; name each once")
    if s is None:
        return found, tuple(x.shape[a] for a in found)
    wanted = shapes.integers(name, "s", s)
    if len(wanted) != len(found):
        raise OpError(f"{name}: s={s!r} and axes={axes!r} have different lengths")
    return found, wanted


def _c2c(name: str, x: Any, where: Any, inverse: bool, norm: str) -> Any:
    axes, extents = where
    return fft_op(_resized(name, x, axes, extents), axes=axes, inverse=inverse, norm=norm)


def _r2c(name: str, x: Any, where: Any, norm: str) -> Any:
    axes, extents = where
    if not axes:
        raise OpError(f"{name}: it needs one axis at least; x has shape {x.shape}")
    return rfft_op(_resized(name, x, axes, extents), axes=axes, norm=norm)


def _c2r(name: str, x: Any, where: Any, size: Any, norm: str) -> Any:
    """``size`` is the last extent of the result, by default the even one that x may come from."""
    axes, extents = where
    if not axes:
        raise OpError(f"{name}: it needs one axis at least; x has shape {x.shape}")
    if size is None:
        size = 2 * (x.shape[axes[-1]] - 1)
    if size < 1:
        raise OpError(
            f"{name}: {size} elements along axis {axes[-1]} of the result; it needs one at least, "
            "give n or s"
        )
    extents = (*extents[:-1], size // 2 + 1)
    return irfft_op(_resized(name, x, axes, extents), size, axes=axes, norm=norm)


def _known(name: str, norm: Any) -> str:
    if norm not in NORMS:
        raise OpError(f'{name}: norm={norm!r} is not known; use "backward", "ortho" or "forward"')
    return str(norm)


def fft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The discrete Fourier transform along one axis.

    >>> import dovetail as dt
    >>> dt.fft.fft(dt.asarray([1.0, 2.0, 3.0, 4.0])).tolist()
    [(10+0j), (-2+2j), (-2+0j), (-2-2j)]
    """
    x = _any("fft", x)
    return _c2c("fft", x, _along("fft", x, n, axis), False, _known("fft", norm))


def ifft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The inverse of `fft`.

    >>> import dovetail as dt
    >>> dt.fft.ifft(dt.asarray([10, -2 + 2j, -2, -2 - 2j])).tolist()
    [(1+0j), (2+0j), (3+0j), (4+0j)]
    """
    x = _any("ifft", x)
    return _c2c("ifft", x, _along("ifft", x, n, axis), True, _known("ifft", norm))


def fftn(x: Any, /, *, s: Extents = None, axes: Extents = None, norm: str = "backward") -> Any:
    """The discrete Fourier transform over several axes, all by default.

    ``s`` holds the extents to cut or fill ``axes`` to, and asks for them.

    >>> import dovetail as dt
    >>> dt.fft.fftn(dt.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[(10+0j), (-2+0j)], [(-4+0j), 0j]]
    """
    x = _any("fftn", x)
    return _c2c("fftn", x, _over("fftn", x, s, axes), False, _known("fftn", norm))


def ifftn(x: Any, /, *, s: Extents = None, axes: Extents = None, norm: str = "backward") -> Any:
    """The inverse of `fftn`.

    >>> import dovetail as dt
    >>> dt.fft.ifftn(dt.asarray([[10, -2], [-4, 0j]])).tolist()
    [[(1+0j), (2+0j)], [(3+0j), (4+0j)]]
    """
    x = _any("ifftn", x)
    return _c2c("ifftn", x, _over("ifftn", x, s, axes), True, _known("ifftn", norm))


def rfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The discrete Fourier transform of real arrays: the first n // 2 + 1 results.

    >>> import dovetail as dt
    >>> dt.fft.rfft(dt.asarray([1.0, 2.0, 3.0, 4.0])).tolist()
    [(10+0j), (-2+2j), (-2+0j)]
    """
    x = _real("rfft", x)
    return _r2c("rfft", x, _along("rfft", x, n, axis), _known("rfft", norm))


def irfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The inverse of `rfft`, real; ``n`` is its extent, by default twice x's less two.

    >>> import dovetail as dt
    >>> dt.fft.irfft(dt.asarray([10, -2 + 2j, -2])).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """
    x = _complex("irfft", x)
    return _c2r("irfft", x, _along("irfft", x, None, axis), n, _known("irfft", norm))


def rfftn(x: Any, /, *, s: Extents = None, axes: Extents = None, norm: str = "backward") -> Any:
    """The transform of real arrays over several axes, all by default; the last one is halved.

    >>> import dovetail as dt
    >>> dt.fft.rfftn(dt.asarray([[1.0, 2.0], [3.0, 4.0]])).tolist()
    [[(10+0j), (-2+0j)], [(-4+0j), 0j]]
    """
    x = _real("rfftn", x)
    return _r2c("rfftn", x, _over("rfftn", x, s, axes), _known("rfftn", norm))


def irfftn(x: Any, /, *, s: Extents = None, axes: Extents = None, norm: str = "backward") -> Any:
    """The inverse of `rfftn`, real; ``s`` holds its extents along ``axes``.

    >>> import dovetail as dt
    >>> dt.fft.irfftn(dt.asarray([[10, -2], [-4, 0j]])).tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    x = _complex("irfftn", x)
    where = _over("irfftn", x, s, axes)
    size = None if s is None else where[1][-1]
    return _c2r("irfftn", x, where, size, _known("irfftn", norm))


def hfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The transform of half of a Hermitian-symmetric array, which is real.

    >>> import dovetail as dt
    >>> dt.fft.hfft(dt.asarray([1.0, 2.0, 3.0])).tolist()
    [8.0, -2.0, 0.0, -2.0]
    """
    x = conjugate(_complex("hfft", x))
    return _c2r("hfft", x, _along("hfft", x, None, axis), n, NORMS[_known("hfft", norm)])


def ihfft(x: Any, /, *, n: int | None = None, axis: int = -1, norm: str = "backward") -> Any:
    """The inverse of `hfft`: half of the Hermitian-symmetric array that a real one comes from.

    >>> import dovetail as dt
    >>> dt.real(dt.fft.ihfft(dt.asarray([8.0, -2.0, 0.0, -2.0]))).tolist()
    [1.0, 2.0, 3.0]
    """
    x = _real("ihfft", x)
    return conjugate(_r2c("ihfft", x, _along("ihfft", x, n, axis), NORMS[_known("ihfft", norm)]))


def _frequencies(name: str, steps: range, step: float, dtype: Any, device: Any) -> Any:
    kind = float32 if dtype is None else as_dtype(dtype)
    if kind.kind != "float":
        raise OpError(f"{name}: dtype={kind} holds no frequencies; use a floating dtype")
    return arange(steps.start, steps.stop, dtype=kind, device=device) / step


def _count(name: str, n: Any) -> int:
    (count,) = shapes.integers(name, "n", (n,))
    if count < 1:
        raise OpError(f"{name}: n={n} must be 1 or more")
    return count


def fftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies of the results of `fft`, of samples ``d`` apart: 0, 1, ..., -2, -1 over n d.

    >>> import dovetail as dt
    >>> dt.fft.fftfreq(4).tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    n = _count("fftfreq", n)
    return ifftshift(_frequencies("fftfreq", range(-(n // 2), (n + 1) // 2), n * d, dtype, device))


def rfftfreq(n: int, /, *, d: float = 1.0, dtype: Any = None, device: Any = None) -> Any:
    """The frequencies of the results of `rfft`, of n samples ``d`` apart.

    >>> import dovetail as dt
    >>> dt.fft.rfftfreq(4).tolist()
    [0.0, 0.25, 0.5]
    """
    n = _count("rfftfreq", n)
    return _frequencies("rfftfreq", range(n // 2 + 1), n * d, dtype, device)


def _shifted(name: str, x: Any, axes: Any, back: bool) -> Any:
    x = array(name, x)
    over = shapes.axes(name, axes, x.ndim)
    by = tuple(-(x.shape[a] // 2) if back else x.shape[a] // 2 for a in over)
    return roll(x, by, over)


def fftshift(x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """The frequency 0 moved to the middle of the axes, all by default.

    >>> import dovetail as dt
    >>> dt.fft.fftshift(dt.fft.fftfreq(4)).tolist()
    [-0.5, -0.25, 0.0, 0.25]
    """
    return _shifted("fftshift", x, axes, back=False)


def ifftshift(x: Any, /, *, axes: int | Sequence[int] | None = None) -> Any:
    """The inverse of `fftshift`.

    >>> import dovetail as dt
    >>> dt.fft.ifftshift(dt.asarray([-0.5, -0.25, 0.0, 0.25])).tolist()
    [0.0, 0.25, -0.5, -0.25]
    """
    return _shifted("ifftshift", x, axes, back=True)
