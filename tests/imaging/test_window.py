"""Window and level."""

from __future__ import annotations

import numpy as np
import pytest

from tumortrace.explain.overlay import to_display
from tumortrace.imaging.window import between, percentile_ends, stretched, top_of, windowed


def test_the_ends_of_the_window_are_black_and_white():
    pixels = np.array([[0, 100, 150, 200, 255]], np.uint8)
    assert windowed(pixels, level=150, width=100).tolist() == [[0, 0, 128, 255, 255]]


def test_a_window_without_width_still_shows_a_picture():
    assert windowed(np.array([[9, 10, 11]], np.uint8), level=10, width=0).tolist() == [[0, 128, 255]]


def test_the_automatic_window_shows_what_thumbnails_show():
    pixels = np.random.default_rng(0).integers(0, 3000, (64, 64)).astype(np.uint16)
    apart = np.abs(windowed(pixels, *between(pixels)).astype(int) - to_display(pixels).astype(int))
    assert apart.max() <= 1


@pytest.mark.parametrize(
    ("pixels", "top"), [(np.zeros((2, 2), np.uint8), 255), (np.full((2, 2), 4000, np.uint16), 4000)]
)
def test_sliders_reach_the_greatest_value(pixels, top):
    assert top_of(pixels) == top


def test_no_pixels_have_a_window_all_the_same():
    assert between(np.array([], np.uint8)) == (128, 255)


def test_stretching_cuts_off_at_the_percentiles():
    pixels = np.arange(1001, dtype=np.int16).reshape(1, -1)
    assert percentile_ends(pixels, 10, 90) == (100, 900)
    shown = stretched(pixels, 10, 90)
    assert (shown[0, :101] == 0).all()
    assert (shown[0, 900:] == 1).all()
    assert shown[0, 500] == pytest.approx(0.5)


def test_one_flat_colour_is_black():
    assert (stretched(np.full((3, 3), 7, np.uint8)) == 0).all()
