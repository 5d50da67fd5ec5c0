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


def between(pixels: Pixels, low: float = 0.5, high: float = 99.5) -> tuple[int, int]:
    """Level and width that set two percentiles of the pixels to black and white.

    Args:
        pixels: Any number of them.
        low: The percentile that is black.
        high: The one that is white.
    """
    if not pixels.size:
        return 128, 255
    bottom, top = (float(value) for value in np.percentile(np.asarray(pixels, dtype=np.float32), (low, high)))
    return round((bottom + top) / 2), max(1, round(top - bottom))
