"""Slices as small encoded pictures: what is sent to the browser is bytes of a few kilobytes, never raw arrays."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from tumortrace.explain import overlay

OUTLINE_COLOUR = "#ffd43b"
"""Yellow stands out from grey tissue and is none of the class colours."""


def thumbnail(pixels: npt.NDArray[np.generic], outline: str | None, side: int) -> bytes:
    """A square JPEG of ``side`` pixels; ``outline`` ("x,y x,y ...", pixels of the slice) is drawn where given."""
    shown = _shown(pixels, outline, width=max(2, round(max(pixels.shape) / side)))
    image = Image.fromarray(shown)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    square = Image.new(image.mode, (side, side))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return encode(np.asarray(square), "JPEG")


@lru_cache(16)
def missing(side: int) -> bytes:
    """What stands in a tile whose file is missing or broken: a crossed square JPEG of ``side`` pixels."""
    square = Image.new("L", (side, side), 40)
    pen = ImageDraw.Draw(square)
    for line in ((0, 0, side, side), (0, side, side, 0)):
        pen.line(line, fill=110, width=2)
    return encode(np.asarray(square), "JPEG")


def full(pixels: npt.NDArray[np.generic], outline: str | None) -> bytes:
    """The slice at its own size as PNG."""
    return encode(_shown(pixels, outline, width=2), "PNG")


def encode(image: npt.NDArray[np.uint8], kind: str = "PNG") -> bytes:
    """``[H, W]`` or ``[H, W, 3]`` uint8 as PNG or JPEG bytes."""
    out = io.BytesIO()
    Image.fromarray(image).save(out, kind, **({"quality": 85} if kind == "JPEG" else {}))
    return out.getvalue()


def fitted(image: npt.NDArray[np.uint8], side: int) -> bytes:
    """A picture whose longer side has ``side`` pixels, as PNG; a small one is scaled up smoothly."""
    scale = side / max(image.shape[:2])
    size = max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0]))
    return encode(np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)), "PNG")


def _shown(pixels: npt.NDArray[np.generic], outline: str | None, width: int) -> npt.NDArray[np.uint8]:
    shown = overlay.to_display(pixels)
    return shown if outline is None else overlay.draw_outline(shown, outline, colour=OUTLINE_COLOUR, width=width)


def enlarged(image: npt.NDArray[np.uint8], side: int = 448) -> bytes:
    """A small square picture scaled up smoothly, as PNG."""
    large = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    return encode(np.asarray(large), "PNG")
