"""One function for training and for uploads: pixels of any range and size to ``[S, S]`` uint8.

The settings travel inside every shipped model, so an upload is prepared exactly as its training slices were.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tumortrace.config.preprocess import PreprocessSettings
from tumortrace.errors import InputError
from tumortrace.imaging.window import percentile_ends

FOREGROUND_LEVEL: Final = 0.08
"""Share of the normalised range above which a pixel counts as head, for the optional crop."""


def preprocess(
    pixels: npt.NDArray[np.generic],
    settings: PreprocessSettings,
    mask: npt.NDArray[np.bool_] | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_] | None]:
    """Normalise, optionally crop, pad to a square and resize.

    Args:
        pixels: ``[H, W]``, any real dtype.
        settings: How.
        mask: ``[H, W]``, moved along with the pixels.

    Returns:
        The image ``[S, S]`` uint8 (0..255 stands for 0..1), and the mask ``[S, S]`` bool or None.

    Raises:
        InputError: Not two-dimensional, not finite, or constant.
    """
    grey = _normalise(pixels, settings)
    if settings.crop:
        top, bottom, left, right = foreground_box(grey)
        grey = grey[top:bottom, left:right]
        mask = None if mask is None else mask[top:bottom, left:right]
    image = _resize(_square(grey), settings.size)
    out = np.clip(np.rint(image * 255), 0, 255).astype(np.uint8)
    small = None if mask is None else _resize(_square(mask.astype(np.float32)), settings.size) >= 0.5
    return out, small


def invert_crop(
    found: npt.NDArray[np.float32], pixels: npt.NDArray[np.generic], settings: PreprocessSettings
) -> npt.NDArray[np.float32]:
    """Bring what was found on a prepared slice (saliency, an outline) back onto the slice as it was given.

    Args:
        found: ``[S, S]``.
        pixels: ``[H, W]``, the slice.
        settings: How it was prepared.

    Returns:
        ``[H, W]``; 0 outside what the network saw.

    Raises:
        InputError: As :func:`preprocess`.
    """
    height, width = pixels.shape
    top, bottom, left, right = 0, height, 0, width
    if settings.crop:
        top, bottom, left, right = foreground_box(_normalise(pixels, settings))
    rows, columns = bottom - top, right - left
    side = max(rows, columns)
    large = _resize(np.asarray(found, dtype=np.float32), side)
    above, before = (side - rows) // 2, (side - columns) // 2
    out = np.zeros((height, width), np.float32)
    out[top:bottom, left:right] = large[above : above + rows, before : before + columns]
    return out


def _normalise(pixels: npt.NDArray[np.generic], settings: PreprocessSettings) -> npt.NDArray[np.float32]:
    if pixels.ndim != 2 or min(pixels.shape) < 2:
        raise InputError("a slice must be a two-dimensional grey image", value=pixels.shape, remedy="Give one slice.")
    grey = np.asarray(pixels, dtype=np.float32)
    if not np.isfinite(grey).all():
        raise InputError(
            "the image has pixels that are not finite",
            value=int((~np.isfinite(grey)).sum()),
            remedy="Replace NaN and infinite pixels and try again.",
        )
    low: np.floating | float
    high: np.floating | float
    low, high = percentile_ends(grey, settings.low, settings.high)
    if high <= low:
        low, high = float(grey.min()), float(grey.max())
    if high <= low:
        raise InputError("the image is one flat colour", value=float(grey.flat[0]), remedy="Give an image of a head.")
    scaled: npt.NDArray[np.float32] = np.clip((grey - low) / (high - low), 0, 1)
    return scaled


def foreground_box(grey: npt.NDArray[np.float32]) -> tuple[int, int, int, int]:
    """Top, bottom, left, right (half-open) of the head in a ``[H, W]`` image of 0..1; the whole image if unclear."""
    head = grey > FOREGROUND_LEVEL
    # A line counts when 2 % of it is head: single bright specks of noise must not stretch the box.
    rows = np.flatnonzero(head.mean(axis=1) > 0.02)
    columns = np.flatnonzero(head.mean(axis=0) > 0.02)
    if len(rows) < 8 or len(columns) < 8:
        return 0, grey.shape[0], 0, grey.shape[1]
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _square(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    height, width = image.shape
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    return np.pad(image, ((top, side - height - top), (left, side - width - left)))


def _resize(image: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    if image.shape == (size, size):
        return image
    # Pillow's bilinear filter widens with the reduction, so nothing is aliased.
    resized = Image.fromarray(image, mode=None).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)
