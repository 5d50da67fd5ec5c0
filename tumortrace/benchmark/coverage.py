"""Do prediction sets hold what they promise? Each fold's sets come from limits fitted on the other folds. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.evaluation import conformal
from tumortrace.evaluation.bootstrap import mean_interval
from tumortrace.evaluation.conformal import LEVELS
from tumortrace.evaluation.predictions import PROBABILITIES, join_truth


def limits(rows: pd.DataFrame, truth: pd.DataFrame, model: str, protocol: str) -> dict[str, list[float]]:
    """What an answer to a new slice uses: per level (as text) the limits of the three classes, from all folds.

    Args:
        rows: Test rows; the first seed's are used.
        truth: ``slice_id, label, patient_id, person_id``.
        model: Whose.
        protocol: Whose folds.

    Returns:
        Empty where that model has no rows.
    """
    mine = _of(rows, truth, model, protocol)
    if mine.empty:
        return {}
    shares, persons = mine[list(PROBABILITIES)], mine["person_id"].tolist()
    return {str(level): conformal.fit_limits(mine["label"], shares, persons, level / 100).tolist() for level in LEVELS}


def summarise(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Coverage and size of the sets, out of fold, for every model and protocol of two folds and more.

    Returns:
        Dicts of ``model, protocol, level, class`` (null for all), ``metric`` (``coverage``, ``size``: classes in a set,
        ``single``: share of sets of one class), ``value, low, high, n``; 95 % intervals over persons.
    """
    lines = []
    for (model, protocol), part in rows.groupby(["model", "protocol"], sort=True):
        if part["fold"].nunique() < 2 or str(model) == "majority":
            continue
        joined = _of(rows, truth, str(model), str(protocol))
        labels = joined["label"].to_numpy(dtype=np.int64)
        for level in LEVELS:
            kept = conformal.cross_fitted(joined, level / 100)
            size = kept.sum(axis=1)
            measured = {"coverage": kept[np.arange(len(kept)), labels], "size": size, "single": size == 1}
            for label in (None, *range(len(CLASSES))):
                weight = np.ones(len(labels)) if label is None else (labels == label).astype(np.float64)
                for metric, values in measured.items():
                    found = mean_interval(joined, values, weight)
                    lines.append(
                        {
                            "model": model, "protocol": protocol, "level": level,
                            "class": None if label is None else CLASSES[label], "metric": metric,
                            "value": found.value, "low": found.low, "high": found.high, "n": found.n,
                        }
                    )  # fmt: skip
    return lines


def _of(rows: pd.DataFrame, truth: pd.DataFrame, model: str, protocol: str) -> pd.DataFrame:
    mine = rows[(rows["model"] == model) & (rows["protocol"] == protocol)]
    return join_truth(mine[mine["seed"] == mine["seed"].min()], truth)
