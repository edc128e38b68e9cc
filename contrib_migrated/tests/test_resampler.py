"""Sampled images against scipy's interpolation."""

import warnings
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

import dovetail as dt

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    from dovetail_contrib_migrated.resampler import resampler

RANDOM = np.random.default_rng(4)


def judge(data: Any, warp: Any) -> Any:
    wide = np.pad(data, [(0, 0), (2, 2), (2, 2), (0, 0)])
    out = np.empty((*warp.shape[:-1], data.shape[-1]))
    for b in range(len(data)):
        at = [warp[b, ..., 1] + 2, warp[b, ..., 0] + 2]
        for c in range(data.shape[-1]):
            out[b, ..., c] = map_coordinates(wide[b, ..., c], at, order=1, mode="constant")
    return out


@pytest.mark.parametrize("points", [(9,), (3, 4), (2, 2, 2)])
def test_it_interpolates_and_fades_at_the_border(points: tuple[int, ...]) -> None:
    data = RANDOM.normal(size=(2, 5, 6, 3))
    warp = RANDOM.uniform(-1.5, 6.5, (2, *points, 2))
    np.testing.assert_allclose(np.asarray(resampler(data, warp)), judge(data, warp), atol=1e-13)


def test_whole_pixels_are_pixels() -> None:
    data = RANDOM.normal(size=(1, 4, 3, 2))
    grid = np.stack(np.meshgrid(range(3), range(4)), axis=-1)[None].astype(float)
    np.testing.assert_array_equal(np.asarray(resampler(data, grid)), data)


def test_gradients_in_data_and_warp() -> None:
    data = dt.asarray(RANDOM.normal(size=(1, 4, 4, 2)))
    warp = dt.asarray(RANDOM.uniform(0.1, 0.9, (1, 5, 2)) + RANDOM.integers(-1, 4, (1, 5, 2)))
    dt.debug.check_gradients(lambda d, w: dt.sum(resampler(d, w) ** 2), data, warp)


def test_shapes_are_checked_in_words() -> None:
    with pytest.raises(ValueError, match=r"data has shape \(4, 4, 2\) and warp \(1, 2\)"):
        resampler(np.zeros((4, 4, 2)), np.zeros((1, 2)))
    with pytest.raises(ValueError, match="data has 2 images, warp 1 sets of points"):
        resampler(np.zeros((2, 4, 4, 1)), np.zeros((1, 3, 2)))
