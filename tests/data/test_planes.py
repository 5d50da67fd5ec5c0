from __future__ import annotations

import pandas as pd

from tumortrace.data import splits
from tumortrace.data.planes import PLANES, estimate_planes


def test_every_published_slice_has_a_plane_and_others_none() -> None:
    found = estimate_planes(splits.frozen_figshare()["slice_id"])
    assert set(found) == set(PLANES)
    counts = found.value_counts()
    assert counts.sum() == 3064
    assert counts.min() > 900, "the planes are about equally common"
    strange = estimate_planes(pd.Series(["0", "3065", "P001-3", "1.5", None], dtype="string"))
    assert strange.isna().all()


def test_the_seams_are_where_the_numbering_changes_plane() -> None:
    found = estimate_planes(pd.Series(["58", "59", "60", "441", "442", "3062", "3063", "3064"], dtype="string"))
    assert found.tolist() == [
        "axial", "coronal", "axial", "coronal", "sagittal", "sagittal", "axial", "coronal",
    ]  # fmt: skip
