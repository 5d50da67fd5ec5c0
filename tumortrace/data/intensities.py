"""How bright tumours are, and the heads around them.

The one thing here that has to read every slice (some ten seconds for 3,064), so it is kept under ``cache/brightness/``
by the dataset's fingerprint; beyond :data:`MOST` slices an even sample stands for all.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import cpu_count
from PIL import Image

from tumortrace import paths, processes
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DatasetDamaged
from tumortrace.imaging.window import stretched

Shares = npt.NDArray[np.float32]

MOST: Final = 4000
BINS: Final = 40
"""From the slice's black (0) to its white (1): its half per cent darkest and brightest pixels."""
AIR: Final = 0.1
"""Darker than this is air, not head."""
_VERSION: Final = 2
_SIZE: Final = 128
_AT_ONCE: Final = min(4, cpu_count())


@dataclass(frozen=True)
class Brightness:
    """Histograms of the slices with an outline."""

    rows: pd.DataFrame
    """``[N]`` rows of the manifest, those looked at."""
    inside: Shares
    outside: Shares
    """``[N, 40]``: how much of the tumour, and of the head around it, is that bright; rows sum to 1, or 0."""
    of: int
    """Slices with an outline; more than were looked at where they are a sample."""

    def means(self, where: str) -> npt.NDArray[np.float64]:
        """Mean brightness of each slice ``inside`` or ``outside``, in 0..1; NaN where there is nothing to average."""
        shares = self.inside if where == "inside" else self.outside
        total = shares.sum(axis=1, dtype=np.float64)
        middles = (np.arange(BINS) + 0.5) / BINS
        return np.where(total > 0, (shares @ middles) / np.where(total > 0, total, 1), np.nan)

    def by_class(self, where: str) -> pd.DataFrame:
        """``class_name, low, high, share``: the mean histogram of each class, in which each slice counts the same."""
        shares = self.inside if where == "inside" else self.outside
        edges = np.linspace(0, 1, BINS + 1)
        parts = []
        for name in self.rows["class_name"].unique():
            here = (self.rows["class_name"] == name).to_numpy(dtype=bool) & (shares.sum(axis=1) > 0)
            if here.any():
                mean = shares[here].mean(axis=0)
                parts.append(
                    pd.DataFrame({"class_name": str(name), "low": edges[:-1], "high": edges[1:], "share": mean})
                )
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def brightness(dataset: Dataset, rows: pd.DataFrame, told: Callable[[float], None] | None = None) -> Brightness:
    """Read it from the cache, or measure.

    Args:
        dataset: Whose slices.
        rows: Its manifest with ``class_name``.
        told: Called now and then with the share that is done, from 0 to 1.
    """
    known = rows[rows["area_px"].notna()]
    looked = known if len(known) <= MOST else known.iloc[np.linspace(0, len(known) - 1, MOST).astype(int)]
    path = paths.cache() / "brightness" / f"{dataset.fingerprint[:24]}-{_VERSION}.npz"
    try:
        with np.load(io.BytesIO(path.read_bytes())) as kept:
            inside, outside = kept["inside"], kept["outside"]
        if len(inside) == len(looked):
            return Brightness(looked, inside, outside, len(known))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # not there yet, or damaged: made anew
    inside, outside = np.zeros((len(looked), BINS), np.float32), np.zeros((len(looked), BINS), np.float32)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda slice_id: measured(dataset, slice_id), looked["slice_id"].astype(str))
        for place, one in enumerate(found):
            inside[place], outside[place] = one
            if told is not None and place % 50 == 0:
                told(place / len(looked))
    processes.write_npz(path, {"inside": inside, "outside": outside})
    return Brightness(looked, inside, outside, len(known))


def measured(dataset: Dataset, slice_id: str) -> tuple[Shares, Shares]:
    """Two histograms of one slice, inside its mask and in the head outside it; zeros without a mask or a file."""
    mask = dataset.mask(slice_id)
    nothing = np.zeros(BINS, np.float32)
    if mask is None or not mask.any():
        return nothing, nothing
    try:
        pixels = dataset.pixels(slice_id)
    except DatasetDamaged:
        return nothing, nothing
    image = Image.fromarray(pixels if pixels.dtype == np.uint8 else pixels.astype(np.float32))
    factor = max(1, max(pixels.shape) // _SIZE)
    grey = np.asarray(image.reduce(factor), dtype=np.float32)
    within = np.asarray(Image.fromarray(mask.astype(np.uint8) * 255).reduce(factor)) > 127
    shown = stretched(grey)
    return _histogram(shown[within]), _histogram(shown[~within & (shown > AIR)])


def _histogram(values: npt.NDArray[Any]) -> Shares:
    counts = np.histogram(values, bins=BINS, range=(0, 1))[0].astype(np.float32)
    return np.asarray(counts / max(float(counts.sum()), 1.0), dtype=np.float32)
