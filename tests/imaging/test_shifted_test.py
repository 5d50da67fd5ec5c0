from __future__ import annotations

import numpy as np
import pytest

from tumortrace.config import PreprocessSettings
from tumortrace.errors import ConfigError
from tumortrace.imaging.preprocess import preprocess
from tumortrace.imaging.shifted_test import LEVELS, SUITE, number_of, shifted


def slice_of(side: int = 128) -> np.ndarray:
    """A head of sorts: a bright ring, grey inside, black outside, with a blob."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    far = np.hypot(x, y)
    pixels = np.where(far < 0.8, 90.0, 0.0) + np.where((far > 0.75) & (far < 0.85), 150.0, 0.0)
    pixels += np.where(np.hypot(x - 0.3, y) < 0.15, 80.0, 0.0)
    return pixels.astype(np.int16)


def seen(pixels: np.ndarray) -> np.ndarray:
    return preprocess(pixels, PreprocessSettings(size=64))[0].astype(float)


@pytest.mark.parametrize("kind", SUITE)
def test_every_kind_changes_the_slice_the_more_the_stronger(kind: str) -> None:
    plain = seen(slice_of())
    far = [
        np.mean([np.abs(seen(shifted(slice_of(), kind, level, seed)) - plain).mean() for seed in range(8)])
        for level in LEVELS
    ]
    assert 0.2 < far[0] < far[1] < far[2], far


@pytest.mark.parametrize("kind", SUITE)
def test_the_same_slice_is_shifted_the_same_way_each_time(kind: str) -> None:
    first, again = (shifted(slice_of(), kind, 2, number_of("17")) for _ in range(2))
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)


def test_slices_are_shifted_each_in_its_own_way() -> None:
    noisy = [shifted(slice_of(), "noise", 2, number_of(name)) for name in ("17", "18")]
    assert not np.array_equal(*noisy)


def test_a_shift_that_is_not_in_the_suite_names_those_that_are() -> None:
    with pytest.raises(ConfigError, match="Kinds: window"):
        shifted(slice_of(), "melt", 1)
    with pytest.raises(ConfigError, match="levels 1, 2 and 3"):
        shifted(slice_of(), "blur", 4)
