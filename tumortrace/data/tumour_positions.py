"""Where tumours sit: outlines laid over one another, by class and plane."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image, ImageDraw

from tumortrace.data import polygons
from tumortrace.data.datasets import Dataset

MOST: Final = 6000
"""Slices looked at; of more, an even sample."""
SIDE: Final = 64
"""Of the maps."""
CELLS: Final = 16
"""Of the coarse grid that says of each slice which places its tumour touches."""
UNKNOWN: Final = "plane unknown"
_FINE: Final = 4


@dataclass(frozen=True)
class Places:
    """Sums over the slices with an outline."""

    slice_ids: npt.NDArray[np.str_]
    """``[N]``, of the slices looked at."""
    groups: list[tuple[str, str]]
    """``[N]``: class and plane of each."""
    cells: npt.NDArray[np.bool_]
    """``[N, 16, 16]``: whether the slice's tumour touches the cell."""
    maps: dict[tuple[str, str], npt.NDArray[np.float32]]
    """Class and plane to ``[64, 64]``: the share of its slices whose tumour covers the place."""
    counts: dict[tuple[str, str], int]
    """Class and plane to its slices."""
    of: int
    """Slices with an outline; more than were looked at where they are a sample."""

    def touching(self, marks: list[tuple[str, str, int, int]]) -> list[str]:
        """Ids of the slices whose tumour touches any of these cells.

        Args:
            marks: Class, plane, row and column of each cell.
        """
        found = np.zeros(len(self.slice_ids), dtype=bool)
        for name, plane, down, across in marks:
            here = np.fromiter((group == (name, plane) for group in self.groups), bool, len(self.groups))
            found |= here & self.cells[:, down, across]
        return [str(slice_id) for slice_id in self.slice_ids[found]]


def places(dataset: Dataset, rows: pd.DataFrame) -> Places:
    """Lay the tumours of a dataset over one another: about a second for 3,064 slices, for the outlines are enough.

    Args:
        dataset: For the masks of slices whose outline is not known as a line.
        rows: Its manifest with ``class_name`` and ``plane``.
    """
    known = rows[rows["outline"].notna() | rows["area_px"].notna()]
    looked = known if len(known) <= MOST else known.iloc[np.linspace(0, len(known) - 1, MOST).astype(int)]
    small = np.zeros((len(looked), SIDE, SIDE), np.uint8)
    lines = zip(looked["slice_id"], looked["outline"], looked["width"], looked["height"], strict=True)
    for place, (slice_id, outline, width, height) in enumerate(lines):
        if pd.notna(outline):
            small[place] = laid(str(outline), int(width), int(height))
        else:
            mask = dataset.mask(str(slice_id))
            if mask is not None:
                whole = Image.fromarray(mask.astype(np.uint8) * 255)
                small[place] = np.asarray(whole.resize((SIDE, SIDE), Image.Resampling.BOX))
    planes = looked["plane"].astype("object").where(looked["plane"].notna(), UNKNOWN).astype(str)
    groups = list(zip(looked["class_name"].astype(str), planes, strict=True))
    names = sorted(set(groups))
    numbers = np.array([names.index(group) for group in groups], dtype=np.int64)
    maps = {
        name: small[numbers == number].mean(axis=0, dtype=np.float32) / np.float32(255)
        for number, name in enumerate(names)
    }
    counts = {name: int((numbers == number).sum()) for number, name in enumerate(names)}
    step = SIDE // CELLS
    cells = small.reshape(-1, CELLS, step, CELLS, step).max(axis=(2, 4)) > 127
    ids = looked["slice_id"].astype(str).to_numpy(dtype=np.str_)
    return Places(ids, groups, np.asarray(cells), maps, counts, len(known))


def laid(outline: str, width: int, height: int) -> npt.NDArray[np.uint8]:
    """The filled outline on 64 by 64, 0 to 255: the share of each place that it covers.

    Args:
        outline: ``"x,y x,y ..."`` in pixels of the slice.
        width: Of the slice.
        height: Of the slice.
    """
    fine = SIDE * _FINE
    canvas = Image.new("L", (fine, fine))
    points = [(x * fine / width, y * fine / height) for x, y in polygons.parse(outline)]
    if len(points) > 2:
        ImageDraw.Draw(canvas).polygon(points, fill=255, outline=255)
    return np.asarray(canvas.reduce(_FINE))
