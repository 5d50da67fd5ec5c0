"""In which plane each slice of the figshare dataset was cut: an estimate, for the dataset does not say.

The published numbering runs through one plane after the other, and through the patients within each. The seams between
the blocks were found by eye, on sheets of every patient's slices; the heads on their two sides look unlike each other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

AXIAL, CORONAL, SAGITTAL = PLANES = ("axial", "coronal", "sagittal")

_BLOCKS: Final = (
    (1, AXIAL), (59, CORONAL), (60, AXIAL), (211, CORONAL), (442, SAGITTAL), (709, AXIAL), (747, CORONAL),
    (779, SAGITTAL), (781, CORONAL), (818, SAGITTAL), (918, CORONAL), (922, AXIAL), (1034, CORONAL), (1166, SAGITTAL),
    (1283, AXIAL), (1456, CORONAL), (1640, SAGITTAL), (1841, AXIAL), (2242, CORONAL), (2344, AXIAL), (2403, CORONAL),
    (2540, SAGITTAL), (2546, CORONAL), (2731, SAGITTAL), (3063, AXIAL), (3064, CORONAL),
)  # fmt: skip
"""The first slice of each block, and its plane."""
_LAST: Final = 3064


def estimate_planes(slice_ids: pd.Series[str]) -> pd.Series[str]:
    """The plane of each slice of the figshare dataset; ``<NA>`` for an id that is none of its numbers."""
    numbers = pd.to_numeric(slice_ids, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    firsts = np.array([first for first, _ in _BLOCKS], dtype=np.float64)
    names = np.array([plane for _, plane in _BLOCKS], dtype=object)
    known = (numbers >= 1) & (numbers <= _LAST) & (numbers == np.floor(numbers))
    blocks = np.searchsorted(firsts, np.where(known, numbers, 1), side="right") - 1
    found = pd.Series(names[blocks], index=slice_ids.index, dtype="string")
    return found.where(pd.Series(known, index=slice_ids.index), pd.NA)
