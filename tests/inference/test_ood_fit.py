"""The gate's limits come from slices of persons that were left out of the fit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tumortrace.inference import ood, ood_fit


def test_a_slice_is_measured_against_the_other_folds_alone() -> None:
    # Each fold's slices lie on a line of their own: far from the plane of the others, on that of them all.
    rng = np.random.default_rng(0)
    folds = np.repeat(np.arange(1, 6), 20)
    measured = rng.normal(0, 0.01, (100, 80)).astype(np.float32)
    measured[np.arange(100), folds] += rng.normal(0, 5, 100).astype(np.float32)
    held = ood_fit.held_out_distances(measured, folds)
    for fold in range(1, 6):
        rest = measured[folds != fold]
        expected = ood.feature_distances(measured[folds == fold], *ood_fit._plane(rest))
        assert held[folds == fold] == pytest.approx(expected)
    whole = ood.feature_distances(measured, *ood_fit._plane(measured))
    assert held.mean() > 3 * whole.mean()


def test_half_of_the_false_alarm_is_for_distance_and_half_for_want_of_a_region() -> None:
    held, peaks = np.linspace(0, 1, 1001), np.append(np.linspace(0, 1, 1000), np.nan)
    near, far, peak = ood_fit._limits(held, peaks)
    assert (near, far, peak) == pytest.approx((0.975, 0.999, 0.025))


def test_the_false_alarm_of_a_fold_is_by_limits_of_the_others() -> None:
    folds = np.repeat(np.arange(1, 6), 40)
    ids = pd.Series([str(place) for place in range(200)], dtype="string")
    table = pd.DataFrame({"slice_id": ids, "patient_id": ids, "person_id": ids, "person": folds})
    # The first fold is far from all others: by their limits every slice of it is turned away, and none of theirs.
    held = np.where(folds == 1, 9.0, 1.0)
    found = ood_fit._cross_fitted(held, np.full(200, 0.5), table)
    assert (found["value"], found["n"]) == (pytest.approx(0.2), 200)
