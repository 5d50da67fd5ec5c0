"""How figures are written for people: one way everywhere."""

from __future__ import annotations

from typing import Final

from tumortrace.evaluation.bootstrap import Interval

UNDEFINED: Final = "undefined"

METRIC_NAMES: Final = {
    "accuracy": "Accuracy",
    "macro_precision": "Macro precision",
    "macro_recall": "Macro recall",
    "macro_f1": "Macro F1",
    "weighted_precision": "Weighted precision",
    "weighted_recall": "Weighted recall",
    "weighted_f1": "Weighted F1",
    "macro_auc": "Macro ROC AUC",
    "macro_average_precision": "Macro average precision",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "auc": "ROC AUC",
    "average_precision": "Average precision",
    "ece": "Calibration error (ECE)",
    "brier": "Brier score",
    "log_loss": "Log loss",
    "support": "Support",
}
"""Words for every metric of :class:`~tumortrace.evaluation.metrics.Metrics`, and for the size of a class."""


def percent(value: float | None, digits: int = 1) -> str:
    """0.9412 as ``94.1 %``; None as ``undefined``. The space does not break."""
    return UNDEFINED if value is None else f"{100 * value:.{digits}f}\N{NO-BREAK SPACE}%"


def decimal(value: float | None, digits: int = 3) -> str:
    """0.94123 as ``0.941``; None as ``undefined``."""
    return UNDEFINED if value is None else f"{value:.{digits}f}"


def with_interval(interval: Interval, digits: int = 1) -> str:
    """``94.1 % (92.0 to 95.8)``: a share with its 95 % interval, without the brackets where there is none."""
    text = percent(interval.value, digits)
    if interval.value is None or interval.low is None or interval.high is None:
        return text
    return f"{text} ({100 * interval.low:.{digits}f} to {100 * interval.high:.{digits}f})"
