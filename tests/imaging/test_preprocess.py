from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tumortrace.config import PreprocessSettings
from tumortrace.errors import InputError
from tumortrace.imaging.preprocess import foreground_box, invert_crop, preprocess

SMALL = PreprocessSettings(size=32)


def head(height: int = 100, width: int = 80, scale: float = 1.0) -> np.ndarray:
    """A grey disc with a bright spot, off centre, on black."""
    y, x = np.mgrid[:height, :width]
    disc = ((y - 50) / 30) ** 2 + ((x - 45) / 25) ** 2 < 1
    spot = ((y - 40) / 6) ** 2 + ((x - 50) / 6) ** 2 < 1
    return (disc * 100.0 + spot * 100.0) * scale


@settings(max_examples=30, deadline=None)
@given(height=st.integers(16, 90), width=st.integers(16, 90), size=st.integers(32, 80), crop=st.booleans())
def test_any_shape_becomes_a_square_of_bytes(height: int, width: int, size: int, crop: bool) -> None:
    pixels = np.random.default_rng(height).integers(-1000, 30000, (height, width))
    mask = pixels > 0
    image, small = preprocess(pixels, PreprocessSettings(size=size, crop=crop), mask)
    assert image.shape == (size, size)
    assert image.dtype == np.uint8
    assert small is not None
    assert small.shape == (size, size)
    assert small.dtype == np.bool_


@pytest.mark.parametrize("change", [lambda a: a * 40, lambda a: a + 1000, lambda a: (a * 100).astype(np.int16)])
def test_scale_offset_and_type_of_intensities_do_not_matter(change) -> None:
    expected, _ = preprocess(head(), SMALL)
    found, _ = preprocess(change(head()), SMALL)
    assert np.abs(found.astype(int) - expected).max() <= 1


def test_a_hot_pixel_does_not_darken_the_rest() -> None:
    hot = head()
    hot[0, 0] = 1e6
    assert np.abs(preprocess(hot, SMALL)[0].astype(int) - preprocess(head(), SMALL)[0]).mean() < 1


def test_the_aspect_ratio_is_kept_and_the_mask_moves_along() -> None:
    pixels = head(200, 80)
    image, mask = preprocess(pixels, PreprocessSettings(size=200), pixels > 150)
    assert (image[:, :55] == 0).all(), "a tall slice is padded left and right"
    assert mask is not None
    bright = image > 200
    assert (bright & mask).sum() / (bright | mask).sum() > 0.9


def test_the_crop_finds_the_head_and_ignores_specks() -> None:
    pixels = head().astype(np.float32) / 200
    pixels[2, 3] = 1
    top, bottom, left, right = foreground_box(pixels)
    assert (top, bottom) == pytest.approx((20, 81), abs=3)
    assert (left, right) == pytest.approx((20, 71), abs=3)
    cropped, _ = preprocess(head(), PreprocessSettings(size=64, crop=True))
    whole, _ = preprocess(head(), PreprocessSettings(size=64))
    assert (cropped > 0).mean() > (whole > 0).mean()


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((4, 4, 3)), "two-dimensional"),
        (np.full((8, 8), 7.0), "flat"),
        (np.where(np.eye(8) > 0, np.nan, 1.0), "not finite"),
        (np.zeros((1, 1)), "two-dimensional"),
    ],
)
def test_what_is_no_slice_is_refused_in_a_sentence(pixels: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        preprocess(pixels, SMALL)


@pytest.mark.parametrize("wrong", [{"size": 16}, {"low": 60}, {"high": 40}, {"sise": 64}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        PreprocessSettings.model_validate(wrong)


@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("shape", [(200, 160), (120, 300)])
def test_what_is_found_is_laid_back_where_it_was(crop: bool, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    pixels = np.zeros(shape, np.float32)
    pixels[20:110, 30:150] = rng.uniform(300, 400, (90, 120))
    mask = np.zeros(shape, bool)
    mask[40:70, 60:110] = True
    settings = PreprocessSettings(size=128, crop=crop)
    _, small = preprocess(pixels, settings, mask)
    assert small is not None
    back = invert_crop(small.astype(np.float32), pixels, settings) >= 0.5
    assert back.shape == shape
    common = (back & mask).sum() / (back | mask).sum()
    assert common > 0.9
