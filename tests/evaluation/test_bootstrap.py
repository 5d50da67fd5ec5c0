"""The cluster bootstrap: right, repeatable, honest about its unit, and quick."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tumortrace.evaluation.bootstrap import (
    bootstrap,
    clusters_of,
    interval_key,
    mean_interval,
    resampling_weights,
    samples,
    weighted_mean_samples,
)
from tumortrace.evaluation.metrics import classification_metrics
from tumortrace.evaluation.predictions import PROBABILITIES, join_truth

Make = Callable[..., pd.DataFrame]


def test_every_replicate_draws_as_many_units_as_there_are() -> None:
    weights = resampling_weights(12, 50, seed=0)
    assert weights.shape == (50, 12)
    assert (weights.sum(axis=1) == 12).all()
    assert (weights == np.round(weights)).all()


def test_a_weighted_replicate_equals_the_metrics_of_the_rows_really_copied(
    clustered: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    joined = join_truth(*clustered)
    labels = joined["label"].to_numpy()
    shares = joined[list(PROBABILITIES)].to_numpy().round(1)  # ties
    shares[:, 2] = 1 - shares[:, 0] - shares[:, 1]
    cluster, count, _ = clusters_of(joined)
    weights = resampling_weights(count, 5, seed=3)
    drawn = samples(labels, shares, cluster, weights)
    for replicate in range(5):
        rows = np.repeat(np.arange(len(labels)), weights[replicate][cluster].astype(int))
        copied = classification_metrics(labels[rows], shares[rows])
        for (metric, name), values in drawn.items():
            assert values[replicate] == pytest.approx(copied.value(metric, name)), (metric, name)


def test_every_figure_has_an_interval_around_it(
    clustered: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    joined = join_truth(*clustered)
    metrics = classification_metrics(joined["label"], joined[list(PROBABILITIES)])
    intervals = bootstrap(joined, replicates=300)
    scalars = set(metrics.model_dump()) - {"n", "confusion", "classes"}
    singles = {"precision", "recall", "f1", "auc", "average_precision"}
    wanted = {interval_key(metric) for metric in scalars}
    wanted |= {interval_key(metric, name) for metric in singles for name in metrics.classes}
    assert set(intervals) == wanted
    for interval in intervals.values():
        assert interval.low < interval.value < interval.high
        assert (interval.unit, interval.clusters, interval.replicates) == ("person", 40, 300)


def test_the_same_seed_gives_the_same_intervals(clustered: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    joined = join_truth(*clustered)
    assert bootstrap(joined, replicates=100, seed=5) == bootstrap(joined, replicates=100, seed=5)
    assert bootstrap(joined, replicates=100, seed=5) != bootstrap(joined, replicates=100, seed=6)


def test_drawing_persons_gives_wider_intervals_than_drawing_slices(
    clustered: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    joined = join_truth(*clustered)
    persons = bootstrap(joined, replicates=500)["accuracy"]
    slices = bootstrap(joined.assign(person_id=pd.NA, patient_id=pd.NA), replicates=500)["accuracy"]
    assert slices.unit == "slice"
    assert slices.clusters == 400
    assert persons.high - persons.low > 2 * (slices.high - slices.low)


def test_a_weighted_mean_is_that_of_the_rows_really_copied() -> None:
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(6), rng.integers(1, 9, 6))
    values, share = rng.normal(size=len(cluster)), rng.random(len(cluster)) * (cluster != 3)
    weights = resampling_weights(6, 200, seed=1)
    for counted in (None, share, cluster == 0):
        found = weighted_mean_samples(values, cluster, weights, counted)
        each = np.ones(len(cluster)) if counted is None else np.asarray(counted, dtype=float)
        for replicate, mean in zip(weights.astype(int), found, strict=True):
            rows = np.repeat(np.arange(len(cluster)), replicate[cluster])
            if each[rows].sum() > 0:
                assert mean == pytest.approx(np.average(values[rows], weights=each[rows]))
            else:
                assert np.isnan(mean)
        assert np.isnan(found).any() == (counted is not None and counted.dtype == bool)


def test_the_unit_falls_back_from_person_to_patient_to_slice(clustered: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    joined = join_truth(*clustered)
    assert clusters_of(joined)[1:] == (40, "person")
    no_persons = joined.assign(person_id=pd.NA)
    assert clusters_of(no_persons)[1:] == (40, "patient")
    assert clusters_of(no_persons.assign(patient_id=pd.NA))[1:] == (400, "slice")


def test_the_interval_of_slices_is_the_one_the_normal_approximation_gives(make_rows: Make, make_truth: Make) -> None:
    # 800 of 1000 right, independent: 0.8 +- 1.96 sqrt(.8 * .2 / 1000) = 0.8 +- 0.0248
    right = np.arange(1000) % 5 > 0
    shares = np.where(right[:, None], (0.8, 0.1, 0.1), (0.1, 0.8, 0.1))
    interval = bootstrap(join_truth(make_rows(shares), make_truth([0] * 1000)))["accuracy"]
    assert interval.value == 0.8
    assert interval.low == pytest.approx(0.8 - 0.0248, abs=0.004)
    assert interval.high == pytest.approx(0.8 + 0.0248, abs=0.004)


def test_intervals_cover_the_true_accuracy_of_clustered_rows(make_rows: Make, make_truth: Make) -> None:
    # 60 persons of 6 slices; each person has an own chance of being right, Beta(8, 2), whose mean is 0.8
    rng = np.random.default_rng(11)
    covered = 0
    for seed in range(60):
        chance = np.repeat(rng.beta(8, 2, 60), 6)
        right = rng.random(360) < chance
        shares = np.where(right[:, None], (0.8, 0.1, 0.1), (0.1, 0.8, 0.1))
        truth = make_truth([0] * 360, [f"P{number}" for number in np.repeat(np.arange(60), 6)])
        interval = bootstrap(join_truth(make_rows(shares), truth), replicates=200, seed=seed)["accuracy"]
        covered += interval.low <= 0.8 <= interval.high
    # 95 % of 60 is 57; fewer than 51 has a chance below 1 in 200
    assert covered >= 51


def test_what_is_undefined_has_no_interval(make_rows: Make, make_truth: Make) -> None:
    # no pituitary slice, and none predicted
    shares = [(0.8, 0.1, 0.1), (0.3, 0.6, 0.1), (0.2, 0.7, 0.1), (0.6, 0.3, 0.1)] * 5
    joined = join_truth(make_rows(shares), make_truth([0, 0, 1, 1] * 5))
    intervals = bootstrap(joined, replicates=50)
    for metric in ("precision", "recall", "f1", "auc"):
        interval = intervals[interval_key(metric, "pituitary")]
        assert (interval.value, interval.low, interval.high, interval.replicates) == (None, None, None, 0)
    assert intervals["macro_f1"].low is not None


def test_a_replicate_that_lost_a_class_is_dropped_not_averaged_over_fewer(make_rows: Make, make_truth: Make) -> None:
    shares = [(0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8)]
    joined = join_truth(make_rows(shares), make_truth([0, 1, 2], ["A", "B", "C"]))
    intervals = bootstrap(joined, replicates=2000)
    # all three of three persons are drawn in 3!/3^3 = 2/9 of the replicates
    assert intervals["macro_f1"].replicates == pytest.approx(2000 * 2 / 9, rel=0.15)
    assert intervals["accuracy"].replicates == 2000


def test_one_person_alone_has_no_interval(make_rows: Make, make_truth: Make) -> None:
    joined = join_truth(make_rows([(0.8, 0.1, 0.1), (0.1, 0.8, 0.1)]), make_truth([0, 0], ["A", "A"]))
    interval = bootstrap(joined, replicates=20)["accuracy"]
    assert (interval.value, interval.low, interval.high, interval.clusters) == (0.5, None, None, 1)


def test_n_is_what_the_figure_rests_on(clustered: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    joined = join_truth(*clustered)
    intervals = bootstrap(joined, replicates=20)
    assert intervals["accuracy"].n == 400
    assert intervals["recall/glioma"].n == (joined["label"] == 1).sum()
    assert intervals["precision/glioma"].n == (joined["predicted"] == 1).sum()


def test_more_replicates_hold_no_more_rows_at_once(make_rows: Make, make_truth: Make) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    truth = make_truth(labels, [f"P{number}" for number in rng.integers(0, 209, 900)])
    joined = join_truth(make_rows(rng.dirichlet((1, 1, 1), 900)), truth)
    peaks = []
    tracemalloc.start()
    try:
        for replicates in (250, 1000):
            tracemalloc.reset_peak()
            bootstrap(joined, replicates=replicates)
            peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


def test_the_calibration_errors_interval_is_moved_by_the_bias_of_resampling(make_rows: Make, make_truth: Make) -> None:
    # as often right as it is sure: what error there is, is chance, and every resample adds more of it
    rng = np.random.default_rng(4)
    shares = rng.dirichlet((2, 1, 1), 300)
    labels = (rng.random((300, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    joined = join_truth(make_rows(shares), make_truth(labels))
    cluster, count, _ = clusters_of(joined)
    resampled = samples(labels, shares, cluster, resampling_weights(count, 2000, 0), ranked=False)["ece", None]
    interval = bootstrap(joined, replicates=2000)["ece"]
    bias = resampled.mean() - interval.value
    assert bias > 0.01
    low, high = np.quantile(np.maximum(resampled - bias, 0), (0.025, 0.975))
    assert (interval.low, interval.high) == pytest.approx((low, high))


def test_rows_of_no_weight_count_neither_in_a_mean_nor_as_persons(make_truth: Make) -> None:
    rows = make_truth([0] * 6, ["A", "A", "B", "B", "C", "C"])
    found = mean_interval(rows, [1, 0, 1, 1, 5, 5], [1, 1, 1, 1, 0, 0])
    assert (found.value, found.n, found.clusters) == (0.75, 4, 2)
    assert 0.5 <= found.low <= found.high <= 1
