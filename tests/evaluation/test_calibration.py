"""Reliability bins and temperature."""

from __future__ import annotations

import numpy as np
import pytest

from tumortrace.errors import DataError
from tumortrace.evaluation.calibration import apply_temperature, fit_temperature, reliability_bins
from tumortrace.evaluation.metrics import expected_calibration_error, log_loss_terms


def test_bins_hold_what_belongs_to_them() -> None:
    # confidences .95 (right) .95 (wrong) .6 (right) .5 (right), four bins: (.25,.5] has one, (.5,.75] one, (.75,1] two
    shares = [(0.95, 0.05, 0), (0.95, 0.05, 0), (0.6, 0.4, 0), (0.5, 0.3, 0.2)]
    bins = reliability_bins([0, 1, 0, 0], shares, bins=4)
    assert bins["n"].tolist() == [0, 1, 1, 2]
    assert bins["confidence"].tolist() == [None, 0.5, 0.6, pytest.approx(0.95)]
    assert bins["accuracy"].tolist() == [None, 1, 1, 0.5]
    assert bins[["low", "high"]].to_numpy().tolist() == [[0, 0.25], [0.25, 0.5], [0.5, 0.75], [0.75, 1]]


def test_the_bins_add_up_to_the_calibration_error() -> None:
    rng = np.random.default_rng(0)
    labels, shares = rng.integers(0, 3, 300), rng.dirichlet((1, 1, 1), 300)
    bins = reliability_bins(labels, shares)
    filled = bins[bins["n"] > 0]
    total = (filled["n"] * (filled["confidence"] - filled["accuracy"]).abs()).sum() / 300
    assert total == pytest.approx(expected_calibration_error(labels, shares))


def test_temperature_finds_how_much_too_sure_a_model_is() -> None:
    # labels drawn from the probabilities; then the logits are tripled, so the temperature to find is 3
    rng = np.random.default_rng(2)
    honest = rng.dirichlet((1, 1, 1), 4000)
    labels = (rng.random((4000, 1)) > honest.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    sure = apply_temperature(honest, 1 / 3)
    found = fit_temperature(labels, sure)
    assert found == pytest.approx(3, rel=0.1)
    assert log_loss_terms(labels, apply_temperature(sure, found)).mean() < log_loss_terms(labels, sure).mean()


def test_temperature_keeps_the_order_of_the_classes_and_one_changes_nothing() -> None:
    shares = np.random.default_rng(3).dirichlet((1, 1, 1), 50)
    assert apply_temperature(shares, 1) == pytest.approx(shares)
    warmer = apply_temperature(shares, 4)
    assert warmer.sum(axis=1) == pytest.approx(np.ones(50))
    assert (warmer.argsort(axis=1) == shares.argsort(axis=1)).all()
    assert (warmer.max(axis=1) < shares.max(axis=1)).all()


def test_temperature_by_hand() -> None:
    # square roots of .81 .09 .10 ... over their sum: .9, .3, sqrt(.1)
    sum_of_roots = 0.9 + 0.3 + 0.1**0.5
    expected = [0.9 / sum_of_roots, 0.3 / sum_of_roots, 0.1**0.5 / sum_of_roots]
    assert apply_temperature([(0.81, 0.09, 0.1)], 2)[0] == pytest.approx(expected)


def test_a_temperature_of_zero_and_one_fitted_on_nothing_are_refused() -> None:
    with pytest.raises(DataError, match="above 0"):
        apply_temperature([(1, 0, 0)], 0)
    with pytest.raises(DataError, match="Give validation rows"):
        fit_temperature([], np.empty((0, 3)))
