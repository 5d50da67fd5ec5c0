"""Patterns in one model's errors, from its rows and the manifest alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.benchmark import error_analysis, error_patterns
from tumortrace.constants import CLASSES
from tumortrace.data.manifest import conform
from tumortrace.evaluation.predictions import join_truth

MANIFEST = conform(
    pd.DataFrame(
        {
            "slice_id": [str(number) for number in range(1, 41)],
            "label": np.arange(40) // 4 % 3,
            "patient_id": [f"P{number // 4:02d}" for number in range(40)],
            "height": 100, "width": 200, "area_px": [200] * 39 + [None],
            "box_x0": 100, "box_x1": 120, "box_y0": 20, "box_y1": 40,
        }
    )
)  # fmt: skip


def joined(wrong: set[str]) -> pd.DataFrame:
    labels = MANIFEST["label"].to_numpy(dtype=int)
    said = np.where(MANIFEST["slice_id"].isin(wrong), (labels + 1) % 3, labels)
    shares = np.full((40, 3), 0.1)
    shares[np.arange(40), said] = 0.8
    table = pd.DataFrame(
        {"model": "a", "protocol": "person", "seed": 0, "fold": np.arange(40) // 20 + 1,
         "slice_id": MANIFEST["slice_id"]}
    )  # fmt: skip
    return join_truth(table.assign(**{f"p_{n}": shares[:, k] for k, n in enumerate(CLASSES)}), MANIFEST)


def test_a_manifest_tells_size_place_and_slices_and_nothing_of_contrast() -> None:
    facts = error_patterns.manifest_facts(MANIFEST, figshare=True)
    assert facts.index.tolist() == MANIFEST["slice_id"].tolist()
    first = facts.iloc[0]
    assert (first["size"], first["side"], first["height"]) == pytest.approx((0.01, 0.05, 0.3))
    assert np.isnan(facts["size"].iloc[-1])
    assert facts["contrast"].isna().all()
    assert facts["slices"].eq(4).all()
    assert facts["plane"].eq("axial").all()
    assert error_patterns.manifest_facts(MANIFEST, figshare=False)["plane"].isna().all()
    lines = error_analysis.error_rates(
        joined({"1"}).drop(columns=["label", "patient_id", "person_id"]), MANIFEST, facts
    )
    assert {line["by"] for line in lines} == {"class", "plane", "size", "side", "height", "slices"}


def test_a_folds_error_rate_has_an_interval_over_its_persons() -> None:
    table = error_patterns.by_fold(joined({"1", "2", "3", "21"}))
    assert table["group"].tolist() == ["fold 1", "fold 2"]
    assert table["value"].tolist() == pytest.approx([3 / 20, 1 / 20])
    assert table["persons"].tolist() == [5, 5]
    assert ((table["low"] <= table["value"]) & (table["value"] <= table["high"])).all()


def test_errors_come_in_persons() -> None:
    table = error_patterns.concentration(joined({"1", "2", "3", "21"}))
    assert table["person_id"].iloc[:2].tolist() == ["P00", "P05"]
    assert table["errors"].iloc[:3].tolist() == [3, 1, 0]
    assert table["together"].iloc[:3].tolist() == pytest.approx([0.75, 1, 1])
    assert len(table) == 10
    nobody = joined(set()).assign(person_id=pd.NA)
    assert error_patterns.concentration(nobody).empty
