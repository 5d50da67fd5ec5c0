from __future__ import annotations

import numpy as np
import pandas as pd

from tumortrace.data.manifest import conform
from tumortrace.data.series import SIDE, assign_series


def looks(*kinds: int) -> np.ndarray:
    pictures = [np.random.default_rng(kind).normal(size=(SIDE, SIDE)) for kind in range(10)]
    noise = np.random.default_rng(99)
    return np.stack([pictures[kind] + 0.1 * noise.normal(size=(SIDE, SIDE)) for kind in kinds]).astype(np.float32)


def table(ids: list[int], patients: list[str | None]) -> pd.DataFrame:
    return conform(pd.DataFrame({"slice_id": [str(i) for i in ids], "label": 0, "patient_id": patients}))


def test_consecutive_slices_that_look_alike_are_a_series() -> None:
    found = assign_series(table([1, 2, 3, 4], ["A"] * 4), looks(0, 0, 1, 1))
    assert found["series_id"].tolist() == ["A-1", "A-1", "A-2", "A-2"]
    assert found["position"].tolist() == [0, 1, 0, 1]


def test_a_missing_id_begins_a_new_series() -> None:
    found = assign_series(table([1, 2, 4], ["A"] * 3), looks(0, 0, 0))
    assert found["series_id"].tolist() == ["A-1", "A-1", "A-2"]


def test_two_patients_never_share_a_series_however_alike() -> None:
    found = assign_series(table([1, 2, 3, 4], ["A", "A", "B", "B"]), looks(0, 0, 0, 0))
    assert found.groupby("series_id")["patient_id"].nunique().eq(1).all()


def test_slices_of_unknown_patients_have_no_series() -> None:
    found = assign_series(table([1, 2], ["A", None]), looks(0, 0))
    assert found["series_id"].isna().tolist() == [False, True]
