"""Pictures drawn by this app that are no MR slices, to see the gate at work."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import streamlit as st
from PIL import Image, ImageDraw

from tumortrace.inference.ood import FileMetadata
from tumortrace.ui.shell import images

PICTURES: Final = ("A bar chart", "A landscape", "Noise")


def non_mr_image(name: str) -> tuple[npt.NDArray[np.uint8], FileMetadata]:
    """``[H, W]`` grey, as an upload would be read, and what its colour says."""
    colours = _draw(name)
    chroma = float((colours.max(2).astype(int) - colours.min(2)).mean() / 255)
    return np.asarray(Image.fromarray(colours).convert("L")), FileMetadata(colour=chroma)


@st.cache_data(max_entries=8, show_spinner=False)
def thumbnail(name: str) -> bytes:
    """In its colours, small."""
    return images.thumbnail(_draw(name), None, 168)


def _draw(name: str) -> npt.NDArray[np.uint8]:
    size = 320
    random = np.random.default_rng(7)
    if name == "Noise":
        return np.repeat(random.integers(0, 256, (size, size, 1), dtype=np.uint8), 3, axis=2)
    canvas = Image.new("RGB", (size, size), "white")
    pen = ImageDraw.Draw(canvas)
    if name == "A bar chart":
        pen.line([(40, 20), (40, 280), (300, 280)], fill="black", width=2)
        for place, height in enumerate((90, 150, 60, 220, 180)):
            left = 60 + 46 * place
            pen.rectangle((left, 280 - height, left + 32, 279), fill=(90, 90, 90))
    else:
        pen.rectangle((0, 0, size, 170), fill=(120, 180, 235))
        pen.ellipse((220, 30, 280, 90), fill=(250, 220, 90))
        pen.polygon([(0, 190), (90, 80), (170, 190)], fill=(110, 110, 130))
        pen.polygon([(100, 200), (220, 60), (320, 200)], fill=(90, 95, 115))
        pen.rectangle((0, 170, size, size), fill=(70, 150, 70))
    return np.asarray(canvas)
