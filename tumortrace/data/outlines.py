"""From a radiologist's outline to a mask, and from a mask to what the manifest keeps of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Mask = npt.NDArray[np.bool_]


def parse(outline: str) -> list[tuple[float, float]]:
    """``"x,y x,y ..."`` to points, x the column and y the row.

    Raises:
        ValueError: Not pairs of numbers.
    """
    pairs = [pair.split(",") for pair in outline.split()]
    return [(float(x), float(y)) for x, y in pairs]


def fill(outline: str, shape: tuple[int, int]) -> Mask:
    """The filled polygon as a mask ``[H, W]``; empty for fewer than three points."""
    points = parse(outline)
    canvas = Image.new("L", (shape[1], shape[0]))
    if len(points) > 2:
        ImageDraw.Draw(canvas).polygon(points, fill=1, outline=1)
    return np.asarray(canvas) > 0


def agreement(first: Mask, second: Mask) -> float:
    """Intersection over union; 1 for two empty masks."""
    union = np.count_nonzero(first | second)
    return 1.0 if union == 0 else np.count_nonzero(first & second) / union


def box(mask: Mask) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 (half-open) of what is set, or None."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
