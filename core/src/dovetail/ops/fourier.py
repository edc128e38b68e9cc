"""Discrete Fourier transforms: complex to complex, real to complex, complex to real."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dovetail import batching, ops, shapes
from dovetail.dtypes import COMPLEX, complex_of, real_of
from dovetail.matrices import FLOATS, INEXACT, conjugate, real_part
from dovetail.op import REQUIRED, Op, Sample, Spec, define

__all__ = ["NORMS", "fft", "irfft", "rfft"]

NORMS = {"backward": "forward", "ortho": "ortho", "forward": "backward"}
"""Which transform carries the factor 1/n; and the name of the same factor seen from the other."""


def _axes(op: Op, x: Spec, axes: Any) -> tuple[int, ...]:
    """Different axes in the given order, at least one."""
    if axes is None:
        axes = tuple(range(x.ndim))
    found = tuple(shapes.axis(op.name, a, x.ndim) for a in shapes.integers(op.name, "axes", axes))
    if len(set(found)) < len(found):
        raise op.fail(f"axes={axes!r} names an axis twice; name each once")
    return found


def _norm(op: Op, norm: Any) -> str:
    if norm not in NORMS:
        raise op.fail(f'norm={norm!r} is not known; use "backward", "ortho" or "forward"')
    return str(norm)


def _filled(op: Op, x: Spec, axes: tuple[int, ...]) -> None:
    for a in axes:
        if x.shape[a] == 0:
            raise op.fail(f"{x} has no elements along axis {a}; a transform needs one at least")


# ---- complex to complex --------------------------------------------------------------------------


def _canonical(x: Spec, *, axes: Any, inverse: Any, norm: Any) -> dict[str, Any]:
    # The order of the axes is of no account here.
    found = tuple(sorted(_axes(FFT, x, axes)))
    return {"axes": found, "inverse": bool(inverse), "norm": _norm(FFT, norm)}


def _infer(x: Spec, *, axes: tuple[int, ...], inverse: bool, norm: str) -> Spec:
    _filled(FFT, x, axes)
    return Spec(x.shape, complex_of(x.dtype))


def _gradient(g: Any, y: Any, x: Any, **words: Any) -> Any:
    # The matrix exp(-2 pi i j k / n) is symmetric.
    return fft(g, **words) if x.dtype.kind == "complex" else real_part(fft(g, **words))


def _reference(
    x: np.ndarray, *, axes: tuple[int, ...], inverse: bool, norm: str, out: Any = None
) -> np.ndarray:
    if not axes:
        return x.astype(np.result_type(x.dtype, np.complex64))
    function: Any = np.fft.ifftn if inverse else np.fft.fftn
    return np.asarray(function(x, axes=axes, norm=norm, out=out))


CASES: list[tuple[tuple[int, ...], tuple[int, ...] | None]] = [
    ((1,), None),
    ((8,), (0,)),
    ((7,), (-1,)),
    ((2, 3), (0,)),
    ((3, 4, 5), (2, 0)),
    ((2, 6, 3), (1,)),
    ((0, 4), (1,)),
    ((2, 30), (1,)),
    ((64,), None),
]


def _samples() -> Iterator[Sample]:
    for shape, axes in CASES:
        for norm in NORMS:
            for inverse in (False, True):
                words = {"axes": axes, "inverse": inverse, "norm": norm}
                yield Sample(inputs=((shape, -2, 2),), attributes=words)
    yield Sample(inputs=(((), -2, 2),), attributes={"axes": ()})
    yield Sample(inputs=(((2, 3), -2, 2),), attributes={"axes": ()})


TOLERANCE = {"norm": True, "float32": 8, "float64": 8, "complex64": 8, "complex128": 8}
"""The error of a fast transform grows with log2(n), measured against the largest result."""

FFT = Op(
    name="fft",
    doc="""The discrete Fourier transform over some axes, or its inverse.

    ``y[k] = sum(x[j] * exp(-2 pi i j k / n))`` along each of ``axes``, all by default; with
    ``inverse`` the exponent is positive. ``norm`` says which direction divides by n: "backward"
    the inverse, "forward" the other, "ortho" each by its root. The result is complex: complex128
    for float64 and complex128, else complex64; integers and 16-bit floats become float32 first.
    `dt.fft` has the functions of the Array API standard over this op, rfft and irfft.

    Raises OpError when an axis does not exist, is named twice or has no elements, and when the
    norm is not known.

    numpy's pocketfft. The transform is linear and symmetric, so the gradient is itself.

    >>> import dovetail as dt
    >>> dt.ops.fft(dt.asarray([1 + 0j, 2, 3, 4])).tolist()
    [(10+0j), (-2+2j), (-2+0j), (-2-2j)]
    """,
    signature="x: T -> C",
    types={"T": INEXACT, "C": COMPLEX},
    attributes={"axes": None, "inverse": False, "norm": "backward"},
    canonical=_canonical,
    infer=_infer,
    gradient=(_gradient,),
    reference=_reference,
    samples=_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.shift("axes"),
)
fft: Any = define(FFT)


# ---- real to complex -----------------------------------------------------------------------------


def _last(op: Op, x: Spec, axes: Any, norm: Any) -> dict[str, Any]:
    found = _axes(op, x, axes)
    if not found:
        raise op.fail(f"axes={axes!r} of {x} is empty; name the axis to halve at least")
    return {"axes": (*sorted(found[:-1]), found[-1]), "norm": _norm(op, norm)}


def _halved(shape: tuple[int, ...], axis: int, extent: int) -> tuple[int, ...]:
    return (*shape[:axis], extent, *shape[axis + 1 :])


def _weights(x: Any, axis: int, size: int, inside: float) -> Any:
    """Ones where a half spectrum holds its own mirror image (0, and size / 2), else ``inside``."""
    extent = x.shape[axis]
    place = ops.iota_like(x, axis, dtype=real_of(x.dtype))
    own = ops.equal(place, 0)
    if size % 2 == 0:
        own = ops.logical_or(own, ops.equal(place, extent - 1))
    return ops.astype(ops.where(own, 1.0, inside), dtype=real_of(x.dtype))


def _rfft_canonical(x: Spec, *, axes: Any, norm: Any) -> dict[str, Any]:
    return _last(RFFT, x, axes, norm)


def _rfft_infer(x: Spec, *, axes: tuple[int, ...], norm: str) -> Spec:
    _filled(RFFT, x, axes)
    halved = _halved(x.shape, axes[-1], x.shape[axes[-1]] // 2 + 1)
    return Spec(halved, complex_of(x.dtype))


def _rfft_gradient(g: Any, y: Any, x: Any, *, axes: tuple[int, ...], norm: str) -> Any:
    # The real part of the transposed transform; by symmetry an inverse one of half the sum.
    size = x.shape[axes[-1]]
    even = conjugate(g) * _weights(g, axes[-1], size, 0.5)
    return irfft(even, size, axes=axes, norm=NORMS[norm])


def _rfft_reference(
    x: np.ndarray, *, axes: tuple[int, ...], norm: Any, out: Any = None
) -> np.ndarray:
    return np.asarray(np.fft.rfftn(x, axes=axes, norm=norm, out=out))


def _rfft_samples() -> Iterator[Sample]:
    for shape, axes in CASES:
        for norm in NORMS:
            yield Sample(inputs=((shape, -2, 2),), attributes={"axes": axes, "norm": norm})


RFFT = Op(
    name="rfft",
    doc="""The discrete Fourier transform of real arrays: the half that says all.

    As fft over ``axes``, all by default; of the last of them, with n elements, only the first
    n // 2 + 1 results are kept, since the others are their conjugates. float32 gives complex64,
    float64 complex128; integers and 16-bit floats become float32.

    Raises OpError when an axis does not exist, is named twice or has no elements, and when the
    norm is not known.

    numpy's pocketfft.

    >>> import dovetail as dt
    >>> dt.ops.rfft(dt.asarray([1.0, 2.0, 3.0, 4.0])).tolist()
    [(10+0j), (-2+2j), (-2+0j)]
    """,
    signature="x: T -> C",
    types={"T": FLOATS, "C": COMPLEX},
    attributes={"axes": None, "norm": "backward"},
    canonical=_rfft_canonical,
    infer=_rfft_infer,
    gradient=(_rfft_gradient,),
    reference=_rfft_reference,
    samples=_rfft_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.shift("axes"),
)
rfft: Any = define(RFFT)


# ---- complex to real -----------------------------------------------------------------------------


def _irfft_canonical(x: Spec, *, size: Any, axes: Any, norm: Any) -> dict[str, Any]:
    words = _last(IRFFT, x, axes, norm)
    (number,) = shapes.integers("irfft", "size", (size,))
    extent = x.shape[words["axes"][-1]]
    if number < 1 or number // 2 + 1 != extent:
        raise IRFFT.fail(
            f"size={number} needs {max(number, 0) // 2 + 1} elements along axis "
            f"{words['axes'][-1]} of {x}, not {extent}; dt.fft.irfft cuts and fills"
        )
    return {"size": number, **words}


def _irfft_infer(x: Spec, *, size: int, axes: tuple[int, ...], norm: str) -> Spec:
    _filled(IRFFT, x, axes)
    return Spec(_halved(x.shape, axes[-1], size), real_of(x.dtype))


def _irfft_gradient(g: Any, y: Any, x: Any, *, size: int, axes: tuple[int, ...], norm: str) -> Any:
    back = conjugate(rfft(g, axes=axes, norm=NORMS[norm]))
    return back * _weights(back, axes[-1], size, 2.0)


def _irfft_reference(
    x: np.ndarray, *, size: int, axes: tuple[int, ...], norm: Any, out: Any = None
) -> np.ndarray:
    if len(axes) > 1:
        x = np.fft.ifftn(x, axes=axes[:-1], norm=norm)
    return np.asarray(np.fft.irfft(x, size, axis=axes[-1], norm=norm, out=out))


def _irfft_samples() -> Iterator[Sample]:
    for shape, axes in CASES:
        last = range(len(shape))[-1 if axes is None else axes[-1]]
        halved = _halved(shape, last, shape[last] // 2 + 1)
        for norm in NORMS:
            words = {"size": shape[last], "axes": axes, "norm": norm}
            yield Sample(inputs=((halved, -2, 2),), attributes=words)


IRFFT = Op(
    name="irfft",
    doc="""Real arrays from the half of their discrete Fourier transform: the inverse of rfft.

    ``size`` is the extent of the last of ``axes`` in the result; the operand has size // 2 + 1
    elements there. Imaginary parts where a real array has none (at 0, and at size / 2) are of no
    account. complex64 gives float32, complex128 float64.

    Raises OpError when an axis does not exist, is named twice or has no elements, when its extent
    does not suit ``size``, and when the norm is not known.

    numpy's pocketfft.

    >>> import dovetail as dt
    >>> dt.ops.irfft(dt.asarray([10 + 0j, -2 + 2j, -2]), 4).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """,
    signature="x: C -> T",
    types={"T": FLOATS, "C": COMPLEX},
    attributes={"size": REQUIRED, "axes": None, "norm": "backward"},
    canonical=_irfft_canonical,
    infer=_irfft_infer,
    gradient=(_irfft_gradient,),
    reference=_irfft_reference,
    samples=_irfft_samples,
    tolerance=TOLERANCE,
    host=True,
    batching=batching.shift("axes"),
)
irfft: Any = define(IRFFT)
