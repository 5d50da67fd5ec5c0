"""Pixel values as they are handed on: one of four types, all finite, of a size that can be a slice."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops

from tumortrace.errors import InputError
from tumortrace.imaging.formats.limits import HUGE, MEGAPIXELS, PIXELS, SIDE

Pixels = npt.NDArray[Any]
_KEPT = {("u", 1): np.uint8, ("u", 2): np.uint16, ("i", 1): np.int16, ("i", 2): np.int16}


def broken(what: str = "the file is broken or cut off", detail: object = "") -> InputError:
    """What is said of a file of a known format that cannot be read to its end."""
    return InputError(what, value=str(detail), remedy="Export it again.")


def check_size(height: int, width: int) -> None:
    """Refuse what cannot be a slice.

    Raises:
        InputError: Fewer rows or columns than SIDE, or more pixels than PIXELS.
    """
    shown = f"{width} x {height}"
    if min(height, width) < SIDE:
        raise InputError(f"the image has fewer than {SIDE} rows or columns", value=shown, remedy="Give a whole slice.")
    if height * width > PIXELS:
        raise too_large(shown)


def too_large(size: str = "") -> InputError:
    """What is said of a slice of more pixels than PIXELS."""
    return InputError(
        f"the image is larger than {MEGAPIXELS} megapixels", value=size, remedy="Reduce it and try again."
    )


def standard(pixels: Pixels) -> Pixels:
    """``[H, W]`` of any real type to uint8, uint16 or int16 unchanged, or to float32, in native byte order."""
    if pixels.dtype.kind == "b":
        return pixels.astype(np.uint8)
    if pixels.dtype.kind not in "iuf":
        raise broken("the pixels are no plain numbers", pixels.dtype.name)
    kept = _KEPT.get((pixels.dtype.kind, pixels.dtype.itemsize), np.float32)
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(pixels, dtype=kept)


def no_numbers(pixels: Pixels) -> npt.NDArray[np.bool_] | None:
    """Which pixels are NaN, infinite or beyond HUGE; None where the type has no such values."""
    if pixels.dtype.kind != "f":
        return None
    with np.errstate(invalid="ignore"):
        return ~(np.abs(pixels) <= HUGE)


def finite(pixels: Pixels) -> tuple[Pixels, int]:
    """Set the pixels that are no numbers to the darkest one that is.

    Returns:
        The pixels, and how many were set.

    Raises:
        InputError: At least half of them are no numbers.
    """
    wrong = no_numbers(pixels)
    if wrong is None or not wrong.any():
        return pixels, 0
    count = int(wrong.sum())
    check_share(count, pixels.size)
    mended = pixels.copy()
    mended[wrong] = pixels[~wrong].min()
    return mended, count


def check_share(wrong: int, size: int) -> None:
    """Refuse pixels of which half are no numbers.

    Raises:
        InputError: So it is.
    """
    if 2 * wrong >= size:
        raise InputError(
            "half or more of the pixels are not numbers (NaN or infinite)",
            value=f"{wrong} of {size}",
            remedy="Export it again without them.",
        )


def mended_fact(count: int) -> dict[str, str]:
    """What is told of pixels that were mended."""
    return {"values": f"{count} pixels that are not numbers are shown as the darkest"} if count else {}


def is_flat(pixels: Pixels) -> bool:
    """Whether all pixels have one value."""
    return bool((pixels == pixels.flat[0]).all())


def bits(pixels: Pixels) -> str:
    """``16``, or ``32 (real numbers)``."""
    size = pixels.dtype.itemsize * 8
    return f"{size} (real numbers)" if pixels.dtype.kind == "f" else str(size)


def chroma_and_grey(image: Image.Image) -> tuple[float, npt.NDArray[np.uint8]]:
    """An RGB picture to its mean chroma (0..1) and its luminance ``[H, W]`` (Rec. 601)."""
    red, green, blue = image.split()
    brightest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    counts = np.asarray(ImageChops.difference(brightest, darkest).histogram(), dtype=np.float64)
    return float(counts @ np.arange(256) / (counts.sum() * 255)), np.array(image.convert("L"))
