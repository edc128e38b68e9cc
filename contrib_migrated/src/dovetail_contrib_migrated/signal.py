"""tf.contrib.signal: frames, windows, short-time Fourier transforms, mel scales, cepstra.

Allen, "Short term spectral analysis, synthesis, and modification by discrete Fourier transform",
1977; the mel scale is HTK's, 1127 ln(1 + f / 700).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import dovetail as dt
from dovetail_contrib_migrated.notice import guest

__all__ = [
    "frame",
    "hamming_window",
    "hann_window",
    "inverse_stft",
    "inverse_stft_window_fn",
    "linear_to_mel_weight_matrix",
    "mfccs_from_log_mel_spectrograms",
    "overlap_and_add",
    "stft",
]

guest("signal")


def frame(
    signal: Any,
    frame_length: int,
    frame_step: int,
    pad_end: bool = False,
    pad_value: float = 0,
    axis: int = -1,
    name: str | None = None,
) -> Any:
    """Overlapping pieces of one axis: [..., samples, ...] to [..., frames, frame_length, ...].

    Without ``pad_end`` samples that fill no whole frame are dropped; with it the last frames are
    filled with ``pad_value``. ``name`` is ignored.

    >>> frame(dt.asarray([1.0, 2.0, 3.0, 4.0, 5.0]), 3, 2).tolist()
    [[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]
    """
    x = dt.asarray(signal)
    if frame_length < 1 or frame_step < 1:
        raise ValueError(f"frame_length is {frame_length}, frame_step {frame_step}; both are >= 1")
    axis = axis % x.ndim
    samples = x.shape[axis]
    if pad_end:
        count = -(-samples // frame_step)
        missing = max(0, frame_length + frame_step * (count - 1) - samples)
        filled = (*x.shape[:axis], missing, *x.shape[axis + 1 :])
        x = dt.concat([x, dt.full(filled, pad_value, dtype=x.dtype)], axis=axis)
    else:
        count = max(0, 1 + (samples - frame_length) // frame_step)
    index = frame_step * np.arange(count)[:, None] + np.arange(frame_length)
    pieces = dt.take(x, dt.asarray(index.reshape(-1)), axis=axis)
    return dt.reshape(pieces, (*x.shape[:axis], count, frame_length, *x.shape[axis + 1 :]))


def overlap_and_add(signal: Any, frame_step: int, name: str | None = None) -> Any:
    """Frames [..., frames, frame_length] added up where they overlap: [..., samples].

    >>> overlap_and_add(dt.asarray([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0]]), 2).tolist()
    [1.0, 1.0, 3.0, 2.0, 2.0]
    """
    x = dt.asarray(signal)
    *outer, count, length = x.shape
    if frame_step < 1:
        raise ValueError(f"frame_step is {frame_step}; it is >= 1")
    samples = frame_step * (count - 1) + length if count else 0
    index = frame_step * np.arange(count)[:, None] + np.arange(length)
    base = dt.zeros((*outer, samples), dtype=x.dtype)
    flat = dt.reshape(x, (*outer, count * length))
    return base.at[..., dt.asarray(index.reshape(-1))].add(flat)


def _raised_cosine(length: int, periodic: bool, dtype: Any, a: float, b: float) -> Any:
    if length < 1:
        raise ValueError(f"window_length is {length}; it is >= 1")
    if length == 1:
        return dt.ones((1,), dtype=dtype)
    # A periodic window of even length is the beginning of a symmetric one that is longer by one.
    n = length + (1 - length % 2 if periodic else 0) - 1
    return dt.asarray(a - b * np.cos(2 * np.pi * np.arange(length) / n), dtype=dtype)


def hann_window(
    window_length: int, periodic: bool = True, dtype: Any = dt.float32, name: str | None = None
) -> Any:
    """Hann's window, [window_length]; symmetric when the length is odd, as in tf.contrib.

    >>> hann_window(4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    return _raised_cosine(window_length, periodic, dtype, 0.5, 0.5)


def hamming_window(
    window_length: int, periodic: bool = True, dtype: Any = dt.float32, name: str | None = None
) -> Any:
    """Hamming's window, [window_length]; symmetric when the length is odd, as in tf.contrib."""
    return _raised_cosine(window_length, periodic, dtype, 0.54, 0.46)


def _enclosing_power(n: int) -> int:
    return 1 << (n - 1).bit_length()


def stft(
    signals: Any,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Callable[..., Any] | None = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Any:
    """The short-time Fourier transform of real signals [..., samples].

    The result is complex, [..., frames, fft_length // 2 + 1]. ``fft_length`` None: the smallest
    power of two that holds a frame. ``window_fn(frame_length, dtype=...)``; None: no window.
    """
    pieces = frame(signals, frame_length, frame_step, pad_end=pad_end)
    if window_fn is not None:
        pieces = pieces * window_fn(frame_length, dtype=pieces.dtype)
    return dt.fft.rfft(pieces, n=fft_length or _enclosing_power(frame_length))


def inverse_stft_window_fn(
    frame_step: int, forward_window_fn: Callable[..., Any] = hann_window, name: str | None = None
) -> Callable[..., Any]:
    """The window for `inverse_stft` with which frames that overlap give the signal again."""

    def window(frame_length: int, dtype: Any = dt.float32) -> Any:
        forward = np.asarray(forward_window_fn(frame_length, dtype=dt.float64))
        overlaps = -(-frame_length // frame_step)
        squares = np.zeros(overlaps * frame_step)
        squares[:frame_length] = forward**2
        total = np.tile(squares.reshape(overlaps, frame_step).sum(axis=0), overlaps)
        return dt.asarray(forward / total[:frame_length], dtype=dtype)

    return window


def inverse_stft(
    stfts: Any,
    frame_length: int,
    frame_step: int,
    fft_length: int | None = None,
    window_fn: Callable[..., Any] | None = hann_window,
    name: str | None = None,
) -> Any:
    """Signals [..., samples] of short-time Fourier transforms [..., frames, bins].

    To undo `stft`, ``window_fn`` is ``inverse_stft_window_fn(frame_step)``.
    """
    pieces = dt.fft.irfft(dt.asarray(stfts), n=fft_length or _enclosing_power(frame_length))
    pieces = pieces[..., :frame_length]
    if window_fn is not None:
        pieces = pieces * window_fn(frame_length, dtype=pieces.dtype)
    return overlap_and_add(pieces, frame_step)


def linear_to_mel_weight_matrix(
    num_mel_bins: int = 20,
    num_spectrogram_bins: int = 129,
    sample_rate: float = 8000,
    lower_edge_hertz: float = 125.0,
    upper_edge_hertz: float = 3800.0,
    dtype: Any = dt.float32,
    name: str | None = None,
) -> Any:
    """Triangles on the mel scale: [num_spectrogram_bins, num_mel_bins], to multiply spectra with.

    The first bin, which holds the mean, has no weight.
    """
    if not 0 <= lower_edge_hertz < upper_edge_hertz <= sample_rate / 2:
        raise ValueError(
            f"edges of {lower_edge_hertz} and {upper_edge_hertz} Hz at {sample_rate} samples a "
            f"second; 0 <= lower < upper <= half of the rate"
        )

    def mel(hertz: Any) -> Any:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    bins = mel(np.linspace(0.0, sample_rate / 2, num_spectrogram_bins)[1:])[:, None]
    edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (bins - lower) / (center - lower), (upper - bins) / (upper - center)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    return dt.asarray(np.pad(weights, [(1, 0), (0, 0)]), dtype=dtype)


def mfccs_from_log_mel_spectrograms(log_mel_spectrograms: Any, name: str | None = None) -> Any:
    """Mel-frequency cepstral coefficients of [..., mel bins]: a cosine transform of type II, scaled
    by ``1 / sqrt(2 * bins)``, as in HTK."""
    x = dt.asarray(log_mel_spectrograms)
    n = x.shape[-1]
    if n == 0:
        raise ValueError("there are no mel bins")
    k = np.arange(n)
    basis = 2 * np.cos(np.pi / n * (k[:, None] + 0.5) * k) / np.sqrt(2 * n)
    return x @ dt.asarray(basis, dtype=x.dtype)
