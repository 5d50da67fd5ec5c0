"""From a radiologist's outline to a mask, and from a mask to what the manifest keeps of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
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
    # Not skimage's polygon2mask: it leaves out pixels that the line runs through, and tumours would shrink by a rim.
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


def problem(outline: Any, height: Any, width: Any, area: Any) -> str:
    """What is wrong with an outline, on a slice of that size and with that area in pixels; empty where nothing is."""
    if pd.isna(outline):
        return "no outline"
    try:
        points = np.array(parse(str(outline)))
    except ValueError:
        return "the outline is no list of points"
    if len(points) < 3:
        return f"an outline of {len(points)} points"
    if pd.isna(area) or int(area) == 0:
        return "an outline without area"
    if pd.isna(height) or pd.isna(width):
        return ""
    # A point on the far edge of the last pixel is still inside.
    outside = int(((points < -0.5) | (points > (float(width) + 0.5, float(height) + 0.5))).any(axis=1).sum())
    return f"{outside} of {len(points)} points lie outside the slice" if outside else ""
