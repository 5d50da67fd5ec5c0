"""Prediction sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation import conformal
from tumortrace.evaluation.predictions import join_truth


def people(count: int, slices: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slices of one person are alike; persons differ."""
    random = np.random.default_rng(seed)
    owner = np.repeat(np.arange(count), slices)
    labels = owner % 3
    logits = 1.5 * np.eye(3)[labels] + random.normal(0, 1.2, (count, 3))[owner] + random.normal(0, 0.2, (len(owner), 3))
    return labels, np.exp(logits) / np.exp(logits).sum(1, keepdims=True), owner


@pytest.mark.parametrize("coverage", [0.9, 0.95])
def test_new_persons_are_covered_as_often_as_promised(coverage: float) -> None:
    held = []
    for seed in range(40):
        labels, shares, owner = people(240, 5, seed)
        known = owner < 180
        limits = conformal.fit_limits(labels[known], shares[known], owner[known].tolist(), coverage)
        found = conformal.prediction_sets(shares[~known], limits)
        held.append(found[np.arange(found.shape[0]), labels[~known]].mean())
    assert coverage - 0.015 < np.mean(held) < coverage + 0.04


def test_each_class_has_its_own_promise() -> None:
    labels, shares, owner = people(600, 3, 0)
    shares[labels == 0] = shares[labels == 0] * [0.3, 1, 1]
    shares /= shares.sum(1, keepdims=True)
    limits = conformal.fit_limits(labels, shares, owner.tolist(), 0.9)
    found = conformal.prediction_sets(shares, limits)
    for label in range(3):
        assert 0.89 < found[labels == label, label].mean() < 0.95
    assert limits[0] < limits[1]


def test_a_person_with_many_slices_weighs_as_much_as_one_with_few() -> None:
    shares = np.array([[0.9, 0.05, 0.05]] * 30 + [[0.2, 0.4, 0.4]] * 1000)
    owners = list(range(30)) + ["many"] * 1000
    limits = conformal.fit_limits(np.zeros(1030, int), shares, owners, 0.9)
    assert limits[0] == 0.9


def test_too_few_persons_promise_nothing_and_keep_the_class() -> None:
    limits = conformal.fit_limits([0, 0], [[0.9, 0.05, 0.05]] * 2, ["a", "b"], 0.95)
    assert limits.tolist() == [0, 0, 0]
    assert conformal.prediction_sets([[0.98, 0.01, 0.01]], limits).all()


def test_the_likeliest_class_always_stays_and_members_come_likeliest_first() -> None:
    limits = [0.99, 0.2, 0.99]
    assert conformal.set_members([0.5, 0.3, 0.2], limits) == (0, 1)
    assert conformal.set_members([0.1, 0.8, 0.1], limits) == (1,)


def test_coverage_is_measured_with_limits_of_other_folds(make_rows: Callable, make_truth: Callable) -> None:
    labels, shares, owner = people(120, 4, 3)
    rows = make_rows(shares, fold=owner % 5 + 1)
    joined = join_truth(rows, make_truth(labels, [str(one) for one in owner]))
    found = conformal.cross_fitted(joined, 0.9)
    limits = conformal.fit_limits(*_rest(joined, 1), 0.9)
    here = (joined["fold"] == 1).to_numpy()
    assert (found[here] == conformal.prediction_sets(shares[here], limits)).all()
    assert found[np.arange(len(labels)), labels].mean() > 0.88


def test_wrong_input_is_one_clear_error(make_rows: Callable, make_truth: Callable) -> None:
    with pytest.raises(DataError, match="between 0 and 1: 90"):
        conformal.fit_limits([0], [[1, 0, 0]], ["a"], 90)
    with pytest.raises(DataError, match="no rows to calibrate on"):
        conformal.fit_limits([], np.empty((0, 3)), [], 0.9)
    joined = join_truth(make_rows([(1, 0, 0)]), make_truth([0], ["a"]))
    with pytest.raises(DataError, match="two folds at least: 1"):
        conformal.cross_fitted(joined, 0.9)


def _rest(joined: pd.DataFrame, fold: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rest = joined[joined["fold"] != fold]
    return rest["label"].to_numpy(), rest.filter(like="p_").to_numpy(), rest["person_id"].tolist()
