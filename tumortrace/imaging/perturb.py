"""What if the slice looked a little different? Changes a user may try, and small ones to measure stability by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from tumortrace.errors import ConfigError
from tumortrace.imaging.window import stretched

Pixels = npt.NDArray[np.generic]
Greys = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Perturbation:
    """What is done to a slice, in this order; the default changes nothing."""

    window: float = 100.0
    """Width of the grey window, % of the slice's own range (0.5th to 99.5th percentile)."""
    level: float = 50.0
    """Its middle, % of that range."""
    noise: float = 0.0
    """Standard deviation of Gaussian noise added, % of that range."""
    zoom: float = 1.0
    """Above 1 the border is cut off, below 1 a black one is added."""
    rotate: float = 0.0
    """Degrees, anticlockwise."""
    mirror: bool = False
    """Left to right."""
    flip: bool = False
    """Top to bottom."""

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        bounds = {"window": (1, 400), "level": (-100, 200), "noise": (0, 100), "zoom": (0.25, 4), "rotate": (-360, 360)}
        for name, (low, high) in bounds.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"{name} is out of range", value=value, remedy=f"Choose from {low} to {high}.")


NOTHING: Final = Perturbation()
SMALL_PERTURBATIONS: Final[dict[str, Perturbation]] = {
    "as given": NOTHING,
    "turned 5° left": Perturbation(rotate=5),
    "turned 5° right": Perturbation(rotate=-5),
    "turned 10° left": Perturbation(rotate=10),
    "turned 10° right": Perturbation(rotate=-10),
    "mirrored": Perturbation(mirror=True),
    "5 % closer": Perturbation(zoom=1.05),
    "5 % farther": Perturbation(zoom=0.95),
    "more contrast": Perturbation(window=85),
    "less contrast": Perturbation(window=115),
    "brighter": Perturbation(level=45),
    "darker": Perturbation(level=55),
    "2 % noise": Perturbation(noise=2),
}
"""Changes that should move no diagnosis, by name."""


def perturb(pixels: Pixels, change: Perturbation, seed: int = 0) -> Greys:
    """Change a slice.

    Args:
        pixels: ``[H, W]``, finite, any real dtype.
        change: What to do.
        seed: Of the noise.

    Returns:
        ``[H, W]`` in 0..1.
    """
    shown = stretched(pixels)
    bottom = (change.level - change.window / 2) / 100
    shown = np.clip((shown - bottom) / (change.window / 100), 0, 1)
    if change.noise:
        noise = np.random.default_rng(seed).normal(0, change.noise / 100, shown.shape)
        shown = np.clip(shown + noise.astype(np.float32), 0, 1)
    if change.zoom != 1 or change.rotate:
        shown = _move(shown, change.zoom, change.rotate)
    if change.mirror:
        shown = shown[:, ::-1]
    if change.flip:
        shown = shown[::-1]
    return np.ascontiguousarray(shown, dtype=np.float32)


def _move(shown: Greys, zoom: float, degrees: float) -> Greys:
    # Not skimage's warp: it smears the slice's border into the black around it; inside they agree.
    height, width = shown.shape
    turn = np.deg2rad(degrees)
    cos, sin = np.cos(turn) / zoom, np.sin(turn) / zoom
    middle_x, middle_y = width / 2, height / 2
    # Pillow maps places of the result to places of the source.
    matrix = (
        cos, -sin, middle_x - cos * middle_x + sin * middle_y,
        sin, cos, middle_y - sin * middle_x - cos * middle_y,
    )  # fmt: skip
    moved = Image.fromarray(shown).transform((width, height), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(moved, dtype=np.float32)
