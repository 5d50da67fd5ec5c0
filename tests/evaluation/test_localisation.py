from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.evaluation.localisation import IOU, THRESHOLDS, cross_fitted_iou, intersection_over_union, score_maps


def one_mask(size: int = 20) -> np.ndarray:
    mask = np.zeros((1, size, size), bool)
    mask[0, 4:10, 6:12] = True
    return mask


def test_a_map_that_is_the_outline_scores_one_everywhere() -> None:
    mask = one_mask()
    found = score_maps(mask.astype(np.float32) * 0.3, mask).iloc[0]
    assert found["pointing"] == 1
    assert found["energy"] == pytest.approx(1)
    assert found[list(IOU)].to_numpy() == pytest.approx(np.ones(len(THRESHOLDS)))


def test_an_even_map_has_the_energy_of_the_tumours_share() -> None:
    mask = one_mask()
    found = score_maps(np.ones((1, 20, 20), np.float32), mask).iloc[0]
    assert found["pointing"] == found["energy"] == pytest.approx(36 / 400)
    assert found["iou_50"] == pytest.approx(36 / 400)


def test_a_blank_map_points_nowhere_and_a_slice_without_outline_is_not_scored() -> None:
    mask = one_mask()
    assert (score_maps(np.zeros((1, 20, 20), np.float32), mask).iloc[0] == 0).all()
    assert score_maps(np.ones((1, 20, 20), np.float32), np.zeros_like(mask)).iloc[0].isna().all()
    assert intersection_over_union(np.ones((1, 20, 20), np.float32), np.zeros_like(mask)).iloc[0].isna().all()


def test_iou_and_dice_of_half_an_outline() -> None:
    mask = one_mask()
    half = mask.astype(np.float32)
    half[0, 7:10] = 0
    found = intersection_over_union(half, mask).iloc[0]
    assert found["iou"] == pytest.approx(0.5)
    assert found["dice"] == pytest.approx(2 / 3)


def test_the_threshold_of_a_fold_is_chosen_on_the_others() -> None:
    scores = pd.DataFrame(0.1, index=range(4), columns=list(IOU))
    scores.loc[[0, 1], "iou_20"] = 0.9  # fold 1 would choose 0.20
    scores.loc[[2, 3], "iou_60"] = 0.8  # fold 2 would choose 0.60
    found, thresholds = cross_fitted_iou(scores, pd.Series([1, 1, 2, 2]))
    assert thresholds == {1: 0.6, 2: 0.2}
    assert found.tolist() == pytest.approx([0.1] * 4)
    alone, thresholds = cross_fitted_iou(scores.iloc[:2], pd.Series([1, 1]))
    assert thresholds == {1: 0.2}
    assert alone.tolist() == pytest.approx([0.9, 0.9])
