"""Pictures of slices with saliency and outlines on them. No torch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from plotly.colors import hex_to_rgb, sequential

from tumortrace.imaging.window import stretched

# Inferno (van der Walt and Smith, 2015): perceptually even and safe for colour-blind eyes.
_INFERNO: Final = np.array([hex_to_rgb(colour) for colour in sequential.Inferno], dtype=np.float32)


def to_display(pixels: npt.NDArray[np.generic], low: float = 0.5, high: float = 99.5) -> npt.NDArray[np.uint8]:
    """``[H, W]`` of any dtype to uint8, windowed between two percentiles."""
    grey = np.nan_to_num(np.asarray(pixels, dtype=np.float32))
    shown: npt.NDArray[np.uint8] = np.rint(stretched(grey, low, high) * 255).astype(np.uint8)
    return shown


def blend(image: npt.NDArray[np.uint8], heat: npt.NDArray[np.float32], opacity: float = 0.5) -> npt.NDArray[np.uint8]:
    """Lay saliency over a slice.

    Args:
        image: ``[S, S]``.
        heat: ``[S, S]`` in 0..1; where it is 0 the slice stays as it is.
        opacity: 0 shows the slice alone, 1 the strongest places in full colour.

    Returns:
        ``[S, S, 3]`` RGB.
    """
    stops = np.linspace(0, 1, len(_INFERNO))
    colour = np.stack([np.interp(heat, stops, channel) for channel in _INFERNO.T], axis=-1)
    weight = (np.clip(heat, 0, 1) ** 0.7 * opacity)[..., None]
    grey = np.repeat(image[..., None].astype(np.float32), 3, axis=2)
    mixed: npt.NDArray[np.uint8] = np.rint(grey * (1 - weight) + colour * weight).astype(np.uint8)
    return mixed


def draw_region(
    image: npt.NDArray[np.uint8], region: npt.NDArray[np.bool_], colour: str = "#FFD400", width: int = 2
) -> npt.NDArray[np.uint8]:
    """Draw the border of a region.

    Args:
        image: ``[H, W]`` or ``[H, W, 3]``.
        region: ``[H, W]``; may have several parts.
        colour: Any colour Pillow knows.
        width: Of the line, in pixels.

    Returns:
        ``[H, W, 3]`` RGB.
    """
    import skimage.measure

    measure: Any = skimage.measure  # it has no types

    picture = Image.fromarray(image).convert("RGB")
    pen = ImageDraw.Draw(picture)
    # A border of background, so that a region at the edge is closed too.
    for line in measure.find_contours(np.pad(region, 1).astype(np.float32), 0.5):
        pen.line([(float(x) - 1, float(y) - 1) for y, x in line], fill=colour, width=width, joint="curve")
    return np.asarray(picture)


def outline_points(outline: str) -> list[tuple[float, float]]:
    """``"x,y x,y ..."`` to points."""
    pairs = (pair.split(",") for pair in outline.split())
    return [(float(x), float(y)) for x, y in pairs]


def draw_outline(
    image: npt.NDArray[np.uint8],
    outline: str,
    colour: str = "#FFD400",
    width: int = 2,
    scale: float = 1.0,
) -> npt.NDArray[np.uint8]:
    """Draw a closed outline.

    Args:
        image: ``[H, W]`` or ``[H, W, 3]``.
        outline: ``"x,y x,y ..."`` in pixels of the published slice.
        colour: Any colour Pillow knows.
        width: Of the line, in pixels of ``image``.
        scale: Pixels of ``image`` per pixel of the published slice.

    Returns:
        ``[H, W, 3]`` RGB.
    """
    picture = Image.fromarray(image).convert("RGB")
    points = [(x * scale, y * scale) for x, y in outline_points(outline)]
    if len(points) > 1:
        ImageDraw.Draw(picture).line([*points, points[0]], fill=colour, width=width, joint="curve")
    return np.asarray(picture)
