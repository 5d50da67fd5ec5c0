"""Scores of saliency, summed up."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.benchmark import localisation_summary
from tumortrace.evaluation.localisation import IOU

COUNT = 60


@pytest.fixture
def table() -> pd.DataFrame:
    """Two folds; the IoU is best at 50 % in both, and right slices are pointed at more often."""
    right = np.arange(COUNT) % 4 > 0
    rows = {
        "model": "resnet18", "fold": np.arange(COUNT) % 2 + 1, "slice_id": [str(one) for one in range(COUNT)],
        "method": "gradcam", "correct": right, "sampled": False, "weight": 1.0,
        "pointing": right.astype(float), "energy": 0.25,
    }  # fmt: skip
    rows |= {name: 0.6 if name == "iou_50" else 0.1 for name in IOU}
    return pd.DataFrame(rows)


@pytest.fixture
def truth() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "slice_id": [str(one) for one in range(COUNT)],
            "patient_id": [f"P{one // 3}" for one in range(COUNT)],
            "person_id": [f"P{one // 3}" for one in range(COUNT)],
        }
    )


def found(lines: list[dict], metric: str, group: str = "all", method: str = "gradcam") -> dict:
    return next(line for line in lines if (line["metric"], line["group"], line["method"]) == (metric, group, method))


def test_scores_are_averaged_for_all_slices_and_for_right_and_wrong_answers(
    table: pd.DataFrame, truth: pd.DataFrame
) -> None:
    kept, thresholds = localisation_summary.one_threshold(table)
    lines = localisation_summary.summarise(kept, truth)
    everything = found(lines, "pointing")
    assert everything["value"] == pytest.approx(0.75)
    assert everything["low"] < 0.75 < everything["high"]
    assert (everything["n"], everything["persons"]) == (COUNT, 20)
    assert found(lines, "pointing", "right")["value"] == 1
    assert found(lines, "pointing", "wrong")["value"] == 0
    assert found(lines, "iou")["value"] == pytest.approx(0.6)
    assert thresholds == {"resnet18/gradcam": {1: 0.5, 2: 0.5}}
    assert not any(line["metric"] == "road" for line in lines), "what was not measured has no line"


def test_a_fold_has_no_say_in_its_own_threshold(table: pd.DataFrame) -> None:
    table.loc[table["fold"] == 1, "iou_90"] = 0.9
    kept, thresholds = localisation_summary.one_threshold(table)
    assert thresholds["resnet18/gradcam"] == {1: 0.5, 2: 0.9}
    assert kept.loc[kept["fold"] == 2, "iou"].eq(np.float32(0.1)).all()


def test_a_sample_is_weighed_back_to_all_slices(table: pd.DataFrame, truth: pd.DataFrame) -> None:
    wrong, right = table[~table["correct"]].head(5), table[table["correct"]].head(5)
    sample = pd.concat([wrong.assign(weight=15 / 5), right.assign(weight=45 / 5)]).assign(method="scorecam")
    kept, _ = localisation_summary.one_threshold(sample.assign(sampled=True))
    line = found(localisation_summary.summarise(kept, truth), "pointing", method="scorecam")
    assert line["value"] == pytest.approx(0.75), "half of the sample is right, three quarters of the slices are"
    assert line["sampled"]
    assert line["n"] == 10


def test_drawn_outlines_keep_their_own_overlap(table: pd.DataFrame, truth: pd.DataFrame) -> None:
    drawn = table.assign(method="outline", iou=0.5, dice=2 / 3)
    kept, thresholds = localisation_summary.one_threshold(pd.concat([table, drawn], ignore_index=True))
    lines = localisation_summary.summarise(kept, truth)
    assert found(lines, "iou", method="outline")["value"] == pytest.approx(0.5)
    assert found(lines, "dice", method="outline")["value"] == pytest.approx(2 / 3)
    assert "resnet18/outline" not in thresholds
