"""A page of small pictures, made side by side and kept: the slices themselves are read once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import cpu_count
from PIL import Image

from tumortrace.data import datasets
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DatasetDamaged
from tumortrace.explain import overlay
from tumortrace.ui.shell import images

TILE: Final = 146
"""Width on the page, in CSS pixels."""
SIDE: Final = 219
"""Width of the picture: enough for a screen of one and a half device pixels a CSS pixel."""
_KEPT: Final = 4096
_AT_ONCE: Final = min(4, cpu_count())


def make_thumbnails(chosen: Dataset, rows: pd.DataFrame, outlined: bool, side: int = SIDE) -> list[bytes]:
    """A square JPEG of each row's slice, in order; crossed where its file is missing or broken.

    ``st.image`` sends such a picture as it is only with ``width="stretch"``; given a smaller width it would decode and
    encode it again on every run, and WebP it always would.

    Args:
        chosen: The dataset.
        rows: With ``slice_id`` and ``outline``.
        outlined: Whether the outline is drawn where it is known.
        side: In pixels.
    """
    lines = [None if pd.isna(line) or not outlined else str(line) for line in rows["outline"]]
    asked = zip(rows["slice_id"].astype(str), lines, strict=True)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda one: _made(chosen.folder, chosen.fingerprint, *one, side), asked))


def shrunk(pixels: npt.NDArray[np.generic], outline: str | None, side: int) -> bytes:
    """A square JPEG of ``side`` pixels: reduced first, windowed then, which is a tenth of the work.

    Args:
        pixels: ``[H, W]`` of any dtype.
        outline: ``"x,y x,y ..."`` in pixels of the slice.
        side: In pixels.
    """
    grey = pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32)
    image = Image.fromarray(grey)
    image = image.reduce(max(1, max(image.size) // side))
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    shown = overlay.to_display(np.asarray(image))
    if outline is not None:
        scale = image.width / pixels.shape[1]
        shown = overlay.draw_outline(shown, outline, colour=images.OUTLINE_COLOUR, width=2, scale=scale)
    small = Image.fromarray(shown)
    square = Image.new(small.mode, (side, side))
    square.paste(small, ((side - small.width) // 2, (side - small.height) // 2))
    return images.encode(np.asarray(square), "JPEG")


@lru_cache(_KEPT)
def _made(folder: Path, fingerprint: str, slice_id: str, outline: str | None, side: int) -> bytes:
    try:
        pixels = datasets.open_dataset(folder.name).pixels(slice_id)
    except DatasetDamaged:
        return images.missing(side)
    return shrunk(pixels, outline, side)
