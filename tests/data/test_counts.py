"""Counts behind the plots."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tumortrace.data import counts

ROWS = pd.DataFrame(
    {
        "slice_id": list("abcdefg"), "patient_id": ["P1", "P1", "P2", "P2", "P2", None, "P3"],
        "class_name": ["glioma"] * 5 + ["meningioma"] * 2, "area": [1.0, 2.0, 3.0, 4.0, 100.0, np.nan, 5.0],
    }
)  # fmt: skip


def test_rows_of_unknown_kind_are_not_counted():
    assert counts.counted(ROWS, ["patient_id"]).to_numpy().tolist() == [["P1", 2], ["P2", 3], ["P3", 1]]


def test_patients_stand_class_by_class_with_most_slices_first():
    assert counts.patients(ROWS)["patient_id"].tolist() == ["P3", "P2", "P1"]
    assert counts.largest(counts.patients(ROWS), 1)["patient_id"].tolist() == ["P2"]


def test_bins_of_slices_hold_every_patient():
    table = pd.DataFrame({"patient_id": range(200), "class_name": "glioma", "slices": range(1, 201)})
    bins = counts.binned_patients(table)
    assert bins["patients"].sum() == 200
    assert (bins["high"] - bins["low"] == 6).all()
    assert bins["low"].min() == 1


def test_boxes_leave_far_values_outside_their_ends():
    glioma = counts.area_boxes(ROWS).set_index("class_name").loc["glioma"]
    assert (glioma["n"], glioma["median"], glioma["high"]) == (5, 3.0, 4.0)


def test_many_points_are_sampled_evenly():
    many = pd.DataFrame({"slice_id": range(1000), "class_name": "glioma", "area": 1.0})
    points = counts.area_points(many, most=100)
    assert len(points) == 100
    assert (points["slice_id"].min(), points["slice_id"].max()) == (0, 999)
    assert len(counts.area_points(ROWS)) == 6
