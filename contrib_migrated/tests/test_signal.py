"""Signals against scipy.signal and by their identities."""

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.signal

import dovetail as dt

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from dovetail_contrib_migrated import signal

RANDOM = np.random.default_rng(5)


@pytest.mark.parametrize("pad_end", [False, True])
@pytest.mark.parametrize("axis", [-1, 0])
@pytest.mark.parametrize(("length", "step"), [(4, 2), (3, 5), (7, 1), (20, 3)])
def test_frames(length: int, step: int, axis: int, pad_end: bool) -> None:
    x = RANDOM.normal(size=(17, 3) if axis == 0 else (3, 17))
    found = np.asarray(signal.frame(x, length, step, pad_end, pad_value=9.0, axis=axis))
    rows = np.moveaxis(x, axis, 0)
    starts = range(0, 17, step) if pad_end else range(0, 17 - length + 1, step)
    wide = np.concatenate([rows, np.full((length, 3), 9.0)])
    wanted = np.array([wide[s : s + length] for s in starts]).reshape(len(starts), length, 3)
    found = found if axis == 0 else np.moveaxis(found, 0, -1)
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("length", [1, 2, 8, 9])
@pytest.mark.parametrize("periodic", [False, True])
def test_windows_are_those_of_scipy(length: int, periodic: bool) -> None:
    # A window of odd length is symmetric whatever is asked: tf.contrib was so.
    periodic_there = periodic and length % 2 == 0
    for name, ours in (("hann", signal.hann_window), ("hamming", signal.hamming_window)):
        wanted = scipy.signal.get_window(name, length, fftbins=periodic_there)
        found = np.asarray(ours(length, periodic, dtype=dt.float64))
        np.testing.assert_allclose(found, wanted, atol=1e-15)


def test_the_transform_is_scipys_frame_by_frame() -> None:
    x = RANDOM.normal(size=(2, 300))
    found = np.asarray(signal.stft(x, 50, 20))
    window = scipy.signal.get_window("hann", 50)
    frames = np.stack([x[:, s : s + 50] for s in range(0, 251, 20)], axis=1)
    np.testing.assert_allclose(found, np.fft.rfft(frames * window, 64), atol=1e-12)
    bare = np.asarray(signal.stft(x, 50, 20, fft_length=50, window_fn=None))
    np.testing.assert_allclose(bare, np.fft.rfft(frames), atol=1e-12)


@pytest.mark.parametrize(("length", "step"), [(64, 16), (60, 20), (32, 32), (50, 20)])
def test_the_inverse_gives_the_signal_again(length: int, step: int) -> None:
    x = RANDOM.normal(size=(2, 400))
    spectrum = signal.stft(x, length, step, window_fn=signal.hamming_window)
    window = signal.inverse_stft_window_fn(step, signal.hamming_window)
    again = np.asarray(signal.inverse_stft(spectrum, length, step, window_fn=window))
    inside = slice(length, again.shape[1] - length)
    np.testing.assert_allclose(again[:, inside], x[:, inside], atol=1e-12)


def test_frames_overlap_and_add_up() -> None:
    x = RANDOM.normal(size=(2, 5, 4))
    found = np.asarray(signal.overlap_and_add(x, 3))
    wanted = np.zeros((2, 16))
    for i in range(5):
        wanted[:, 3 * i : 3 * i + 4] += x[:, i]
    np.testing.assert_allclose(found, wanted, atol=1e-15)
    dt.debug.check_gradients(lambda x: dt.sum(signal.overlap_and_add(x, 3) ** 2), dt.asarray(x))


def test_mel_triangles() -> None:
    w: Any = np.asarray(signal.linear_to_mel_weight_matrix(dtype=dt.float64))
    assert w.shape == (129, 20) and w.min() == 0 and not w[0].any()
    hertz = np.linspace(0, 4000, 129)
    edges = np.linspace(*(1127 * np.log1p(np.array([125, 3800]) / 700)), 22)
    mel = 1127 * np.log1p(hertz / 700)
    for k in range(20):
        wanted = np.interp(mel, edges[k : k + 3], [0, 1, 0])
        np.testing.assert_allclose(w[1:, k], wanted[1:], atol=1e-12)
    with pytest.raises(ValueError, match="0 <= lower < upper <= half of the rate"):
        signal.linear_to_mel_weight_matrix(upper_edge_hertz=5000.0)


def test_cepstra_are_a_cosine_transform() -> None:
    x = RANDOM.normal(size=(3, 20))
    wanted = scipy.fft.dct(x, type=2) / np.sqrt(40)
    found = np.asarray(signal.mfccs_from_log_mel_spectrograms(x))
    np.testing.assert_allclose(found, wanted, atol=1e-13)
