"""95 % intervals by the cluster bootstrap over persons.

The slices of one head are near-copies of each other: 3,064 slices of 209 persons hold far less than 3,064 independent
answers. So whole persons are drawn with replacement, with all their slices (and seeds, and follow-up exams). Where
persons are unknown, patients are drawn, and where those are unknown too, slices; the result names the unit.

A replicate never copies rows. It is a weight for each person, and every figure is a function of weighted counts:
2,000 replicates of 3,064 rows take well under a second.

Percentile intervals, with their known limits: a figure at its ceiling (accuracy 1) gets an interval of width 0, and one
person alone gets none. Resampling biases ECE upwards, for a drawn bin strays further from its mean: its replicates are
shifted down by that bias (mean of the replicates less the value; Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 10) and cut at 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from tumortrace.constants import CLASSES
from tumortrace.evaluation.metrics import (
    ECE_BINS,
    Floats,
    Labels,
    bin_of,
    brier_terms,
    check,
    classification_metrics,
    log_loss_terms,
)
from tumortrace.evaluation.predictions import PROBABILITIES

REPLICATES: Final = 2000
LEVEL: Final = 0.95
_CHUNK: Final = 250
"""Replicates weighed at once: bounds memory to about 250 x rows x 8 bytes x 4."""

Unit = Literal["person", "patient", "slice"]


class Interval(BaseModel):
    """A figure and its 95 % interval; None where undefined."""

    model_config = ConfigDict(frozen=True)

    value: float | None
    low: float | None
    high: float | None
    n: int
    """Rows behind the figure; for one class's recall, F1, AUC and average precision, the rows of that class."""
    clusters: int
    """How many units were drawn."""
    unit: Unit
    replicates: int
    """Replicates in which the figure is defined; the others were dropped."""


def interval_key(metric: str, class_name: str | None = None) -> str:
    """``accuracy`` or ``recall/glioma``."""
    return metric if class_name is None else f"{metric}/{class_name}"


def clusters_of(joined: pd.DataFrame) -> tuple[Labels, int, Unit]:
    """Number the units to draw.

    Args:
        joined: Rows with ``person_id`` and ``patient_id``; ``slice_id`` where both are unknown.

    Returns:
        The unit of each row (``[N]``, 0-based), how many there are, and what they are.
    """
    columns: tuple[tuple[str, Unit], ...] = (("person_id", "person"), ("patient_id", "patient"), ("slice_id", "slice"))
    for column, unit in columns:
        if column in joined and joined[column].notna().all():
            codes, names = pd.factorize(joined[column], sort=True)  # rows in any order: the same intervals
            return codes.astype(np.int64), len(names), unit
    return np.arange(len(joined), dtype=np.int64), len(joined), "slice"


def resampling_weights(clusters: int, replicates: int, seed: int) -> Floats:
    """``[R, K]``: how often each of K units is drawn in each replicate; rows sum to K."""
    picks = np.random.default_rng(seed).integers(clusters, size=(replicates, clusters))
    picks += np.arange(replicates)[:, None] * clusters
    return np.bincount(picks.ravel(), minlength=replicates * clusters).reshape(replicates, clusters).astype(np.float64)


def percentile_interval(
    value: float | None, replicates: Floats, *, n: int, clusters: int, unit: Unit, level: float = LEVEL
) -> Interval:
    """The interval between the outer percentiles of the replicates that are defined (not NaN)."""
    defined = replicates[np.isfinite(replicates)]
    if value is None or clusters < 2 or not len(defined):
        return Interval(value=value, low=None, high=None, n=n, clusters=clusters, unit=unit, replicates=len(defined))
    low, high = np.quantile(defined, ((1 - level) / 2, (1 + level) / 2))
    return Interval(
        value=value, low=float(low), high=float(high), n=n, clusters=clusters, unit=unit, replicates=len(defined)
    )


def bootstrap(joined: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0) -> dict[str, Interval]:
    """Intervals of every figure of :class:`~tumortrace.evaluation.metrics.Metrics`.

    Args:
        joined: Rows with truth, of slices or of patients (see :mod:`tumortrace.evaluation.predictions`).
        replicates: How many resamples.
        seed: Of the resampling; the same rows and seed give the same intervals.

    Returns:
        :func:`interval_key` to interval. A replicate that misses a class the rows have is dropped for the figures it
        leaves undefined (all averages among them), rather than averaged over fewer classes.
    """
    labels, shares = check(joined["label"].to_numpy(), joined[list(PROBABILITIES)].to_numpy())
    metrics = classification_metrics(labels, shares)
    cluster, count, unit = clusters_of(joined)
    weights = resampling_weights(count, replicates, seed) if count else np.zeros((0, 0))
    drawn = samples(labels, shares, cluster, weights)
    out = {}
    for (metric, name), values in drawn.items():
        value = metrics.value(metric, name)
        n = metrics.n if name is None else metrics.classes[name].support
        if metric == "precision" and name is not None:
            n = metrics.classes[name].predicted
        if metric == "ece" and value is not None:
            values = np.maximum(values - (np.nanmean(values) - value), 0)
        out[interval_key(metric, name)] = percentile_interval(value, values, n=n, clusters=count, unit=unit)
    return out


def weighted_mean_samples(
    values: npt.ArrayLike, cluster: Labels, weights: Floats, share: npt.ArrayLike | None = None
) -> Floats:
    """The weighted mean over rows in every replicate, ``[R]``; NaN where none of the rows that count is drawn.

    Args:
        values: ``[N]``.
        cluster: ``[N]``, the unit each row belongs to, 0..K-1; see :func:`clusters_of`.
        weights: ``[R, K]``, how often each unit is drawn; see :func:`resampling_weights`.
        share: ``[N]``, what each row counts, 0 or more; True and False pick a group. All 1 by default.
    """
    sums, sizes = _sums(values, cluster, weights.shape[1], share)
    return _divide(weights @ sums, weights @ sizes)


def _sums(values: npt.ArrayLike, cluster: Labels, clusters: int, share: npt.ArrayLike | None) -> tuple[Floats, Floats]:
    """What each unit adds to the numerator and the denominator of a weighted mean, ``[K]`` each."""
    counts = np.ones(len(cluster)) if share is None else np.asarray(share, dtype=np.float64)
    each = (counts * np.asarray(values, dtype=np.float64), counts)
    sums, sizes = (np.asarray(np.bincount(cluster, one, clusters), dtype=np.float64) for one in each)
    return sums, sizes


def mean_interval(
    rows: pd.DataFrame,
    values: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    replicates: int = REPLICATES,
    seed: int = 0,
) -> Interval:
    """The (weighted) mean of something measured of each slice.

    Args:
        rows: ``person_id``, ``patient_id`` and ``slice_id`` of each.
        values: ``[N]``.
        weight: ``[N]``; rows of weight 0 count neither towards ``n`` nor as persons. All 1 by default.
        replicates: How many resamples.
        seed: Of the resampling.
    """
    cluster, count, unit = clusters_of(rows)
    sums, sizes = _sums(values, cluster, count, weight)
    here = np.ones(len(rows), bool) if weight is None else np.asarray(weight) > 0
    drawn = weighted_mean_samples(values, cluster, resampling_weights(count, replicates, seed), weight)
    return percentile_interval(
        float(sums.sum() / sizes.sum()) if here.any() else None, drawn,
        n=int(here.sum()), clusters=int(np.unique(cluster[here]).size), unit=unit,
    )  # fmt: skip


Samples = dict[tuple[str, str | None], Floats]
"""Metric and class (None for all) to its value in every replicate, ``[R]``; NaN where undefined."""


def samples(labels: Labels, shares: Floats, cluster: Labels, weights: Floats, *, ranked: bool = True) -> Samples:
    """Every figure in every replicate.

    Args:
        labels: ``[N]``, 0..2.
        shares: Probabilities, ``[N, 3]``.
        cluster: ``[N]``, the unit each row belongs to, 0..K-1.
        weights: ``[R, K]``, how often each unit is drawn; see :func:`resampling_weights`.
        ranked: Whether AUC and average precision are wanted: they take nine tenths of the time.
    """
    terms = {"brier": brier_terms(labels, shares), "log_loss": log_loss_terms(labels, shares)}
    return {
        **_counted(labels, shares, cluster, weights),
        **(_ranked(labels, shares, cluster, weights) if ranked else {}),
        **{(metric, None): weighted_mean_samples(values, cluster, weights) for metric, values in terms.items()},
        ("ece", None): _calibration(labels, shares, cluster, weights),
    }


def _counted(labels: Labels, shares: Floats, cluster: Labels, weights: Floats) -> Samples:
    """Figures of the confusion matrix, through the confusion counts of each unit."""
    size = len(CLASSES)
    cells = np.zeros((weights.shape[1], size * size))
    np.add.at(cells, (cluster, labels * size + shares.argmax(axis=1)), 1)
    confusion = (weights @ cells).reshape(-1, size, size)
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    support, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    each = {
        "precision": _divide(hits, predicted),
        "recall": _divide(hits, support),
        "f1": np.where(support > 0, _divide(2 * hits, support + predicted), np.nan),
    }
    present = np.unique(labels)
    out: Samples = {("accuracy", None): _divide(hits.sum(axis=1), support.sum(axis=1))}
    for metric, values in each.items():
        # NaN in one class makes the average NaN: the replicate is dropped.
        out["macro_" + metric, None] = values[:, present].mean(axis=1) if len(present) else values[:, 0]
        weighed = (values * support)[:, present].sum(axis=1)
        out["weighted_" + metric, None] = _divide(weighed, support.sum(axis=1))
        out |= {(metric, name): values[:, k] for k, name in enumerate(CLASSES)}
    return out


def _ranked(labels: Labels, shares: Floats, cluster: Labels, weights: Floats) -> Samples:
    """One-vs-rest AUC and average precision, from the weighted counts above each threshold."""
    out: Samples = {}
    for k, name in enumerate(CLASSES):
        pairs = [_areas(part, labels == k, shares[:, k], cluster) for part in _chunks(weights)]
        stacked = np.concatenate(pairs, axis=1) if pairs else np.empty((2, 0))
        out["auc", name], out["average_precision", name] = stacked
    present = np.unique(labels)
    for metric in ("auc", "average_precision"):
        columns = [out[metric, CLASSES[k]] for k in present]
        out["macro_" + metric, None] = np.mean(columns, axis=0) if columns else np.empty(0)
    return out


def _areas(weights: Floats, positive: npt.NDArray[np.bool_], score: Floats, cluster: Labels) -> Floats:
    """``[2, R]``: area under the ROC curve and average precision of each replicate; NaN without both sides."""
    order = np.argsort(-score, kind="stable")
    # Ends of runs of equal scores: a threshold takes all of a tie or none of it.
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    drawn = weights[:, cluster[order]]
    true = np.cumsum(drawn * positive[order], axis=1)[:, ends]
    false = np.cumsum(drawn, axis=1)[:, ends] - true
    positives, negatives = true[:, -1], false[:, -1]
    new_true, new_false = np.diff(true, axis=1, prepend=0), np.diff(false, axis=1, prepend=0)
    both = (positives > 0) & (negatives > 0)
    auc = _divide((new_false * (true - new_true / 2)).sum(axis=1), positives * negatives)
    precision = np.divide(true, true + false, out=np.zeros_like(true), where=true + false > 0)
    average_precision = _divide((new_true * precision).sum(axis=1), positives)
    return np.where(both, np.stack([auc, average_precision]), np.nan)


def _calibration(labels: Labels, shares: Floats, cluster: Labels, weights: Floats) -> Floats:
    """ECE, through what each unit adds to the gap of each bin."""
    confidence = shares.max(axis=1) if len(shares) else np.empty(0)
    gaps = np.zeros((weights.shape[1], ECE_BINS))
    right = shares.argmax(axis=1) == labels
    np.add.at(gaps, (cluster, bin_of(confidence, ECE_BINS)), confidence - right)
    rows = weights @ np.bincount(cluster, minlength=weights.shape[1])
    return _divide(np.abs(weights @ gaps).sum(axis=1), rows)


def _chunks(weights: Floats) -> Iterator[Floats]:
    for start in range(0, len(weights), _CHUNK):
        yield weights[start : start + _CHUNK]


def _divide(part: Floats, whole: Floats) -> Floats:
    out: Floats = np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
    return out
