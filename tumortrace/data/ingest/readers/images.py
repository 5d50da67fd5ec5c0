"""The picture files of a dataset: which they are, and how one becomes a grey slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tumortrace.errors import InputError, UnreadableSlice
from tumortrace.imaging.io import SUFFIXES, read_image


def is_picture(path: Path) -> bool:
    """Whether its suffix, in letters of any size, is one of a file that may hold a slice."""
    return path.suffix.lower().removeprefix(".") in SUFFIXES


def read_grey(path: Path, name: str) -> npt.NDArray[np.generic]:
    """A picture of a dataset as grey ``[H, W]``; real numbers are spread over 16 bits.

    Raises:
        UnreadableSlice: It cannot be read; see :func:`tumortrace.imaging.io.read_image`.
    """
    try:
        pixels: npt.NDArray[Any] = read_image(path.read_bytes(), name)
    except (InputError, OSError) as error:
        what = error.what if isinstance(error, InputError) else str(error)
        raise UnreadableSlice(
            f"not a readable image ({what})", value=name, remedy="Fetch the file again or remove it."
        ) from error
    if pixels.dtype.kind != "f":
        return pixels
    # A range of 0 to 1 would be rounded to black and white.
    low, high = float(pixels.min()), float(pixels.max())
    spread: npt.NDArray[np.generic] = np.rint((pixels - low) * (65535 / ((high - low) or 1.0))).astype(np.uint16)
    return spread
