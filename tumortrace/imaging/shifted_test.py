"""The shifted test: a fixed suite of what other scanners, programs and hands do to a slice, each at three strengths.

How much a network's accuracy falls on it says more of other people's scans than a test fold of the same hospitals can.
The suite is committed and seeded by slice and kind, so every network meets the very same pictures; no network is
trained or chosen on it. It works on pixels as published, before they are prepared, and shares no code with the
augmentation of training.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy import ndimage

from tumortrace.errors import ConfigError
from tumortrace.imaging.window import stretched

Grey = npt.NDArray[np.floating]
LEVELS: Final = (1, 2, 3)
"""Strengths: hardly seen, plain, hard."""
EVERY: Final = 5
"""One test slice in about so many is shifted; its id decides."""


def shifted(pixels: npt.NDArray[np.generic], kind: str, level: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """One slice of the suite.

    Args:
        pixels: ``[H, W]``, finite, any real dtype.
        kind: A key of :data:`SUITE`.
        level: One of :data:`LEVELS`.
        seed: Of what is random about it; the slice's number, so that each slice has its own and keeps it.

    Returns:
        ``[H, W]`` 8-bit grey; cut-outs are smaller.

    Raises:
        ConfigError: No such kind or level.
    """
    if kind not in SUITE or level not in LEVELS:
        raise ConfigError(
            "there is no such shift", value=(kind, level), remedy=f"Kinds: {', '.join(SUITE)}; levels 1, 2 and 3."
        )
    shown = stretched(pixels, 0.1, 99.9).astype(np.float32)
    random = np.random.default_rng((zlib.crc32(kind.encode()), level, seed))
    found = SUITE[kind](shown, level - 1, random)
    return np.rint(np.clip(found, 0, 1) * 255).astype(np.uint8)


def number_of(slice_id: str) -> int:
    """A slice's seed: a function of its id."""
    return zlib.crc32(slice_id.encode())


def _window(shown: Grey, level: int, random: np.random.Generator) -> Grey:
    """A display window off the middle: the bright end is cut off, or some of the dark one."""
    if random.random() < 0.3:
        dark = (0.08, 0.15, 0.22)[level]
        return np.asarray(np.clip((shown - dark) / (1 - dark), 0, 1))
    return np.asarray(np.clip(shown / (0.85, 0.7, 0.5)[level], 0, 1))


def _gamma(shown: Grey, level: int, random: np.random.Generator) -> Grey:
    exponent = (1.3, 1.7, 2.3)[level]
    return np.power(shown, exponent if random.random() < 0.5 else 1 / exponent).astype(np.float32)


def _bias(shown: Grey, level: int, random: np.random.Generator) -> Grey:
    """A coil on one side: brightness falls off across the slice."""
    height, width = shown.shape
    angle = random.uniform(0, 2 * np.pi)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    along = (x * np.cos(angle) + y * np.sin(angle)) / np.sqrt(2)
    return np.asarray(shown * np.exp((0.3, 0.6, 1.0)[level] * along), dtype=np.float32)


def _blur(shown: Grey, level: int, _: np.random.Generator) -> Grey:
    found: Grey = ndimage.gaussian_filter(shown, (0.004, 0.008, 0.014)[level] * max(shown.shape))
    return found


def _resolution(shown: Grey, level: int, _: np.random.Generator) -> Grey:
    """Scanned coarsely, then enlarged."""
    height, width = shown.shape
    side = (160, 112, 72)[level]
    small = Image.fromarray(shown).resize((side, round(side * height / width)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float32)


def _noise(shown: Grey, level: int, random: np.random.Generator) -> Grey:
    """Rician, as magnitude images have it."""
    sigma = (0.03, 0.06, 0.1)[level]
    real = shown + random.normal(0, sigma, shown.shape)
    found: Grey = np.hypot(real, random.normal(0, sigma, shown.shape)).astype(np.float32)
    return found


def _jpeg(shown: Grey, level: int, _: np.random.Generator) -> Grey:
    raw = io.BytesIO()
    Image.fromarray(np.rint(shown * 255).astype(np.uint8)).save(raw, "JPEG", quality=(30, 15, 7)[level])
    with Image.open(raw) as image:
        return np.asarray(image, dtype=np.float32) / 255


def _crop(shown: Grey, level: int, random: np.random.Generator) -> Grey:
    """A cut-out of the middle of the head, tighter and further off the middle."""
    height, width = shown.shape
    keep = (0.8, 0.68, 0.56)[level]
    rows, columns = round(height * keep), round(width * keep)
    top = round((height - rows) * random.uniform(0.3, 0.7))
    left = round((width - columns) * random.uniform(0.3, 0.7))
    return shown[top : top + rows, left : left + columns]


def _marks(shown: Grey, level: int, random: np.random.Generator) -> Grey:
    """A burnt-in frame, lines of text in the corners, a scale along the side."""
    height, width = shown.shape
    picture = Image.fromarray(np.rint(shown * 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    thick = max(1, round((0.006, 0.015, 0.03)[level] * width))
    draw.rectangle((0, 0, width - 1, height - 1), outline=int(random.integers(140, 256)), width=thick)
    size = max(8, round((0.03, 0.045, 0.06)[level] * height))
    for place in range(level + 1):
        text = "".join(random.choice(list("ABCDEFGHKMNPRSTXYZ0123456789 "), 6 + 4 * level))
        draw.text((2 * thick, 2 * thick + place * size), text, fill=255, font_size=size)
    for tick in range(0, height, max(4, height // 20)):
        draw.line((width - 4 * thick - 4, tick, width - 2 * thick - 1, tick), fill=230)
    return np.asarray(picture, dtype=np.float32) / 255


SUITE: Final[dict[str, Callable[[Grey, int, np.random.Generator], Grey]]] = {
    "window": _window,
    "gamma": _gamma,
    "bias field": _bias,
    "blur": _blur,
    "resolution": _resolution,
    "noise": _noise,
    "JPEG": _jpeg,
    "cut-out": _crop,
    "marks": _marks,
}
"""Kind of shift to what makes it."""
