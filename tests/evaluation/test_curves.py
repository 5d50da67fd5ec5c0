"""Precision-recall curves against scikit-learn, with ties, with one class, and thinned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, precision_recall_curve

from tumortrace.constants import CLASSES
from tumortrace.evaluation import curves
from tumortrace.evaluation.predictions import PROBABILITIES


def judged(count: int, digits: int, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.ones(3), count).round(digits)
    labels = np.where(rng.random(count) < 0.7, shares.argmax(axis=1), rng.integers(0, 3, count))
    return pd.DataFrame(shares, columns=list(PROBABILITIES)).assign(label=labels)


@pytest.mark.parametrize("digits", [1, 6])
def test_the_curve_is_that_of_scikit_learn(digits: int) -> None:
    rows = judged(60, digits)
    frame = curves.precision_recall_frame(rows)
    for place, name in enumerate(CLASSES):
        mine = frame[frame["class_name"] == name]
        precision, recall, _ = precision_recall_curve(rows["label"] == place, rows[PROBABILITIES[place]])
        wanted = {(round(r, 9), round(p, 9)) for r, p in zip(recall[:-1], precision[:-1], strict=True)}
        got = {(round(r, 9), round(p, 9)) for r, p in zip(mine["recall"][1:], mine["precision"][1:], strict=True)}
        assert wanted == got
        steps = np.diff(mine["recall"].to_numpy(), prepend=0.0) * mine["precision"].to_numpy()
        assert steps.sum() == pytest.approx(
            average_precision_score(rows["label"] == place, rows[PROBABILITIES[place]]), abs=1e-9
        )


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    rows = judged(5000, 9)
    part = curves.precision_recall_frame(rows).groupby("class_name").agg(["min", "max", "size"])
    assert (part["recall", "size"] <= curves.POINTS).all()
    assert (part["recall", "min"] == 0).all()
    assert (part["recall", "max"] == 1).all()


def test_a_class_that_no_slice_has_gets_no_curve() -> None:
    rows = judged(40, 6)
    rows["label"] = np.where(rows["label"] == 2, 0, rows["label"])
    assert set(curves.precision_recall_frame(rows)["class_name"]) == {"meningioma", "glioma"}
    assert curves.precision_recall_frame(rows.assign(label=1)).empty
