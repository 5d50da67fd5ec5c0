"""Reports as tidy frames, for tables and charts. Nothing is computed here beyond shares of counts.

Undefined stays None: such columns have dtype object.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.evaluation.bootstrap import Interval
from tumortrace.evaluation.report import UNITS, Report, UnitReport

CLASSIFICATION_COLUMNS = ("name", "precision", "recall", "f1", "support")
AVERAGES = (("macro avg", "macro"), ("weighted avg", "weighted"))


def figures(report: Report) -> list[dict[str, Any]]:
    """Every figure of a report, flat and ready for JSON.

    Returns:
        Dicts of ``model, protocol, unit`` (slice or patient), ``metric``, ``class`` (None for all classes), ``value,
        low, high`` (None when undefined; a support has no interval) and ``n``: the slices or patients behind the figure
        (of one class's recall, those of the class), each counted once however many seeds there are.
    """
    out = []
    for unit in UNITS:
        part = report.unit(unit)
        if part is None:
            continue
        seeds = len(report.seeds)
        every = [(key, part.interval(*_metric_and_class(key))) for key in part.intervals]
        everything = {"model": report.model, "protocol": report.protocol, "unit": unit}
        for key, found in every:
            metric, name = _metric_and_class(key)
            ends = {"value": found.value, "low": found.low, "high": found.high}
            out.append({**everything, "metric": metric, "class": name, **ends, "n": round(found.n / seeds)})
        for name, one in part.metrics.classes.items():
            support = round(one.support / seeds)
            ends = {"value": support, "low": None, "high": None}
            out.append({**everything, "metric": "support", "class": name, **ends, "n": support})
    return out


def _metric_and_class(key: str) -> tuple[str, str | None]:
    metric, _, name = key.partition("/")
    return metric, name or None


def classification_table(report: Report, unit: str = "slice") -> pd.DataFrame:
    """The classification report: three classes, then accuracy, macro and weighted averages.

    Returns:
        ``name, precision, recall, f1`` (None when undefined, and where a line has no such figure) and ``support``; the
        accuracy stands in ``f1``, as scikit-learn prints it. No rows where the unit is undefined.
    """
    part = report.unit(unit)
    if part is None:
        return _frame([], CLASSIFICATION_COLUMNS)
    metrics = part.metrics
    lines: list[tuple[Any, ...]] = [
        (name, one.precision, one.recall, one.f1, one.support) for name, one in metrics.classes.items()
    ]
    lines.append(("accuracy", None, None, metrics.accuracy, metrics.n))
    for line, prefix in AVERAGES:
        values = [metrics.value(f"{prefix}_{metric}") for metric in ("precision", "recall", "f1")]
        lines.append((line, *values, metrics.n))
    return _frame(lines, CLASSIFICATION_COLUMNS)


def confusion_frame(report: Report, unit: str = "slice") -> pd.DataFrame:
    """The confusion matrix, a row a cell.

    Returns:
        ``true, predicted`` (class names, in order), ``count``, ``share`` of the true class (None without support) and
        ``support`` of the true class. No rows where the unit is undefined.
    """
    part = report.unit(unit)
    counts = [] if part is None else part.metrics.confusion
    lines = [
        (CLASSES[row], CLASSES[column], count, count / sum(line) if sum(line) else None, sum(line))
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
    ]
    return _frame(lines, ("true", "predicted", "count", "share", "support"))


def roc_frame(report: Report, unit: str = "slice") -> pd.DataFrame:
    """The ROC curves: ``class_name, fpr, tpr, auc`` (of the class, repeated); no rows for a class without one."""
    part = report.unit(unit)
    lines = (
        [] if part is None else [(p.class_name, p.fpr, p.tpr, part.metrics.classes[p.class_name].auc) for p in part.roc]
    )
    return _frame(lines, ("class_name", "fpr", "tpr", "auc"))


def reliability_frame(report: Report, unit: str = "slice") -> pd.DataFrame:
    """The reliability diagram: ``low, high, n, confidence, accuracy``, a row a bin."""
    part = report.unit(unit)
    lines = [] if part is None else [(b.low, b.high, b.n, b.confidence, b.accuracy) for b in part.reliability]
    return _frame(lines, ("low", "high", "n", "confidence", "accuracy"))


def class_metric_frame(
    report: Report, unit: str = "slice", metrics: Sequence[str] = ("precision", "recall", "f1")
) -> pd.DataFrame:
    """Figures of each class: ``class_name, metric, value, low, high``."""
    part = report.unit(unit)
    lines = [] if part is None else [_class_line(part, name, metric) for name in CLASSES for metric in metrics]
    return _frame(lines, ("class_name", "metric", "value", "low", "high"))


def leaderboard_frame(
    reports: Sequence[Report], metric: str = "macro_f1", unit: str = "slice", class_name: str | None = None
) -> pd.DataFrame:
    """One figure of several reports, a row a report, in their order.

    Returns:
        ``model, protocol, folds`` (e.g. ``1-5``), ``value, low, high, n, synthetic``; reports without the unit are
        left out.
    """
    lines = []
    for report in reports:
        part = report.unit(unit)
        if part is not None:
            found: Interval = part.interval(metric, class_name)
            lines.append(
                (
                    report.model,
                    report.protocol,
                    folds_text(report.folds),
                    found.value,
                    found.low,
                    found.high,
                    found.n,
                    report.synthetic,
                )
            )
    return _frame(lines, ("model", "protocol", "folds", "value", "low", "high", "n", "synthetic"))


def folds_text(folds: Sequence[int]) -> str:
    """``1``, ``1, 3`` or, without a gap, ``1-5``; sorted on entry."""
    unbroken = len(folds) > 2 and list(folds) == list(range(folds[0], folds[-1] + 1))
    return f"{folds[0]}-{folds[-1]}" if unbroken else ", ".join(str(fold) for fold in folds)


def _class_line(part: UnitReport, name: str, metric: str) -> tuple[Any, ...]:
    found = part.interval(metric, name)
    return name, metric, found.value, found.low, found.high


def _frame(lines: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> pd.DataFrame:
    """Columns that hold None keep it (object), instead of turning it into NaN."""
    table: dict[str, pd.Series[Any]] = {}
    for place, name in enumerate(columns):
        values = [line[place] for line in lines]
        table[name] = pd.Series(values, dtype=object) if None in values or not values else pd.Series(values)
    return pd.DataFrame(table)
