"""What prediction sets promise and hold."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tumortrace.benchmark import coverage
from tumortrace.evaluation.predictions import PROBABILITIES


def table(folds: int = 4, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(160), 3)
    labels = owner % 3
    shares = random.dirichlet((1, 1, 1), len(owner)) * 0.5 + 0.5 * np.eye(3)[labels]
    ids = pd.array([str(place) for place in range(len(owner))], dtype="string")
    rows = pd.DataFrame({"model": "ensemble", "protocol": "person", "seed": 0, "fold": owner % folds + 1})
    rows["slice_id"] = ids
    rows[list(PROBABILITIES)] = shares
    persons = [f"P{one}" for one in owner]
    truth = pd.DataFrame({"slice_id": ids, "label": labels, "patient_id": persons, "person_id": persons})
    return rows, truth


def test_coverage_is_given_for_all_and_for_each_class_with_intervals() -> None:
    lines = coverage.summarise(*table())
    assert {line["class"] for line in lines} == {None, "meningioma", "glioma", "pituitary"}
    held = [line for line in lines if line["metric"] == "coverage" and line["class"] is None]
    assert [line["level"] for line in held] == [90, 95]
    for line in held:
        assert line["low"] <= line["value"] <= line["high"]
        assert line["value"] > line["level"] / 100 - 0.03
        assert line["n"] == 480
    size = [line["value"] for line in lines if line["metric"] == "size" and line["class"] is None]
    assert size[0] <= size[1], "a higher promise needs larger sets"


def test_one_fold_alone_says_nothing_of_coverage_but_has_limits() -> None:
    rows, truth = table(folds=1)
    assert coverage.summarise(rows, truth) == []
    limits = coverage.limits(rows, truth, "ensemble", "person")
    assert sorted(limits) == ["90", "95"]
    assert all(low >= high for low, high in zip(limits["90"], limits["95"], strict=True))


def test_a_model_without_rows_has_no_limits() -> None:
    rows, truth = table()
    assert coverage.limits(rows, truth, "tracenet", "person") == {}
