"""Window and level: which pixel values show as black, which as white."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.generic]


def top_of(pixels: Pixels) -> int:
    """The greatest value sliders have to reach: 255 for 8 bits, else the greatest that occurs (at least 1)."""
    return 255 if pixels.dtype == np.uint8 else max(1, int(np.ceil(float(np.max(pixels)))))


def windowed(pixels: Pixels, level: float, width: float) -> npt.NDArray[np.uint8]:
    """``[H, W]`` of any dtype to uint8: black at ``level - width / 2``, white at ``level + width / 2``.

    Args:
        pixels: The slice.
        level: The value that shows as middle grey.
        width: How many values lie between black and white; below 1 it counts as 1.
    """
    span = max(float(width), 1.0)
    grey = (np.asarray(pixels, dtype=np.float32) - np.float32(level - span / 2)) / np.float32(span)
    shown: npt.NDArray[np.uint8] = np.rint(np.clip(np.nan_to_num(grey), 0, 1) * 255).astype(np.uint8)
    return shown


def percentile_ends(pixels: Pixels, low: float = 0.5, high: float = 99.5) -> tuple[np.floating, np.floating]:
    """The values of two percentiles of the pixels.

    Args:
        pixels: At least one, finite.
        low: The lower percentile, 0 to 100.
        high: The upper one.
    """
    bottom, top = np.percentile(np.asarray(pixels, dtype=np.float32), (low, high))
    return bottom, top


def stretched(pixels: Pixels, low: float = 0.5, high: float = 99.5) -> npt.NDArray[np.floating]:
    """Pixels in 0..1, cut off at two percentiles (:func:`percentile_ends`); those of one flat colour become 0."""
    grey = np.asarray(pixels, dtype=np.float32)
    bottom, top = percentile_ends(grey, low, high)
    shown: npt.NDArray[np.floating] = np.clip((grey - bottom) / max(float(top - bottom), 1e-6), 0, 1)
    return shown


def between(pixels: Pixels, low: float = 0.5, high: float = 99.5) -> tuple[int, int]:
    """Level and width that set two percentiles of the pixels to black and white.

    Args:
        pixels: Any number of them.
        low: The percentile that is black.
        high: The one that is white.
    """
    if not pixels.size:
        return 128, 255
    bottom, top = (float(value) for value in percentile_ends(pixels, low, high))
    return round((bottom + top) / 2), max(1, round(top - bottom))
