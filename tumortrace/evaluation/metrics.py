"""Classification metrics from labels and probabilities.

What is undefined is None, never a silent 0:

* Precision of a class that is never predicted is undefined; recall, F1, AUC and average precision of a class without
  support are undefined. F1 of a class with support that is never predicted is 0 (2 TP / (2 TP + FP + FN)).
* Averages run over the classes with support. An average over a class whose value is undefined is undefined itself:
  leaving it out would reward a model for never naming a class. So macro recall, macro F1 and weighted recall (which
  equals accuracy) are always defined, macro and weighted precision not always.
* AUC and average precision are one-vs-rest and need both the class and the rest.

Where scikit-learn is defined, the numbers are the same as its.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from tumortrace.constants import CLASSES
from tumortrace.errors import DataError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

ECE_BINS: Final = 15
LOG_LOSS_FLOOR: Final = 1e-12
"""Probabilities are clipped here before the logarithm: one sure mistake costs 27.6, not infinity."""


class ClassMetrics(BaseModel):
    """One class against the rest."""

    model_config = ConfigDict(frozen=True)

    support: int
    predicted: int
    precision: float | None
    recall: float | None
    f1: float | None
    auc: float | None
    average_precision: float | None


class Metrics(BaseModel):
    """Every figure of one set of predictions; ``confusion[true][predicted]`` counts."""

    model_config = ConfigDict(frozen=True)

    n: int
    accuracy: float | None
    macro_precision: float | None
    macro_recall: float | None
    macro_f1: float | None
    weighted_precision: float | None
    weighted_recall: float | None
    weighted_f1: float | None
    macro_auc: float | None
    macro_average_precision: float | None
    ece: float | None
    brier: float | None
    log_loss: float | None
    confusion: list[list[int]]
    classes: dict[str, ClassMetrics]

    def value(self, metric: str, class_name: str | None = None) -> float | None:
        """The figure of that name; ``class_name`` for those of one class."""
        found = getattr(self if class_name is None else self.classes[class_name], metric)
        return None if found is None else float(found)


def classification_metrics(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> Metrics:
    """Compute every metric of a set of predictions.

    Args:
        labels: ``[N]``, 0..2.
        probabilities: ``[N, 3]``, each row summing to 1.

    Raises:
        DataError: The shapes do not fit, or a label is outside 0..2.
    """
    truth, shares = check(labels, probabilities)
    confusion = confusion_counts(truth, shares.argmax(axis=1))
    support, predicted, hits = confusion.sum(axis=1), confusion.sum(axis=0), np.diag(confusion)
    classes = {
        name: ClassMetrics(
            support=int(support[k]),
            predicted=int(predicted[k]),
            precision=_ratio(hits[k], predicted[k]),
            recall=_ratio(hits[k], support[k]),
            f1=_ratio(2 * hits[k], support[k] + predicted[k]) if support[k] else None,
            auc=_auc(truth == k, shares[:, k]),
            average_precision=_average_precision(truth == k, shares[:, k]),
        )
        for k, name in enumerate(CLASSES)
    }
    present = [one for one in classes.values() if one.support]
    weights = [float(one.support) for one in present]
    equal = [1.0] * len(present)
    return Metrics(
        n=len(truth),
        accuracy=_ratio(hits.sum(), len(truth)),
        macro_precision=_average([one.precision for one in present], equal),
        macro_recall=_average([one.recall for one in present], equal),
        macro_f1=_average([one.f1 for one in present], equal),
        weighted_precision=_average([one.precision for one in present], weights),
        weighted_recall=_average([one.recall for one in present], weights),
        weighted_f1=_average([one.f1 for one in present], weights),
        macro_auc=_average([one.auc for one in present], equal),
        macro_average_precision=_average([one.average_precision for one in present], equal),
        ece=expected_calibration_error(truth, shares),
        brier=_mean(brier_terms(truth, shares)),
        log_loss=_mean(log_loss_terms(truth, shares)),
        confusion=confusion.tolist(),
        classes=classes,
    )


def check(labels: npt.ArrayLike, probabilities: npt.ArrayLike) -> tuple[Labels, Floats]:
    """Labels as int64 ``[N]`` and probabilities as float64 ``[N, 3]``, or :class:`DataError`."""
    truth = np.asarray(labels, dtype=np.int64)
    shares = np.asarray(probabilities, dtype=np.float64)
    if truth.ndim != 1 or shares.shape != (len(truth), len(CLASSES)):
        raise DataError(
            "labels and probabilities do not fit",
            value=(truth.shape, shares.shape),
            remedy=f"Give labels [N] and probabilities [N, {len(CLASSES)}].",
        )
    if len(truth) and not (truth.min() >= 0 and truth.max() < len(CLASSES)):
        raise DataError(
            "labels are outside 0..2", value=np.unique(truth).tolist(), remedy=f"Use the order {', '.join(CLASSES)}."
        )
    return truth, shares


def confusion_counts(labels: Labels, predicted: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """``[3, 3]`` counts, rows true, columns predicted."""
    size = len(CLASSES)
    return np.bincount(labels * size + predicted, minlength=size * size).reshape(size, size).astype(np.int64)


def expected_calibration_error(labels: Labels, probabilities: Floats, bins: int = ECE_BINS) -> float | None:
    """Mean gap between confidence and accuracy over equal-width bins of confidence, weighted by their slices."""
    if not len(labels):
        return None
    counts, confidence, right = bin_sums(labels, probabilities, bins)
    return float(np.abs(confidence - right).sum() / counts.sum())


def bin_of(confidence: Floats, bins: int) -> npt.NDArray[np.int64]:
    """The bin ``(k/bins, (k+1)/bins]`` each confidence falls in; 0 belongs to the first."""
    return np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)


def bin_sums(labels: Labels, probabilities: Floats, bins: int) -> tuple[Floats, Floats, Floats]:
    """For each bin of confidence, ``[bins]`` each: rows, summed confidence, and rows that are right."""
    confidence = probabilities.max(axis=1)
    right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
    where = bin_of(confidence, bins)
    table = np.zeros((3, bins))
    for row, terms in enumerate((np.ones_like(confidence), confidence, right)):
        np.add.at(table[row], where, terms)
    return table[0], table[1], table[2]


def brier_terms(labels: Labels, probabilities: Floats) -> Floats:
    """``[N]``: squared error summed over the classes, 0 (sure and right) to 2 (sure and wrong)."""
    terms: Floats = ((probabilities - np.eye(len(CLASSES))[labels]) ** 2).sum(axis=1)
    return terms


def log_loss_terms(labels: Labels, probabilities: Floats) -> Floats:
    """``[N]``: minus the natural logarithm of the true class's probability."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    terms: Floats = -np.log(np.clip(of_truth, LOG_LOSS_FLOOR, 1.0))
    return terms


def _auc(positive: npt.NDArray[np.bool_], score: Floats) -> float | None:
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score))


def _average_precision(positive: npt.NDArray[np.bool_], score: Floats) -> float | None:
    if positive.all() or not positive.any():
        return None
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, score))


def _ratio(part: int | np.integer, whole: int | np.integer) -> float | None:
    return float(part / whole) if whole else None


def _mean(terms: Floats) -> float | None:
    return float(terms.mean()) if len(terms) else None


def _average(values: list[float | None], weights: list[float]) -> float | None:
    defined = [value for value in values if value is not None]
    if not defined or len(defined) < len(values):
        return None
    return float(np.average(defined, weights=weights))
