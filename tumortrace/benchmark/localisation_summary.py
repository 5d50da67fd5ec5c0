"""Localisation at a glance: what the scores of :mod:`tumortrace.benchmark.saliency_scores` come to, with intervals.

IoU is taken at one threshold a model and method, chosen for each fold on the other folds. What was scored on a sample
only (Score-CAM, ROAD) is weighed back to all slices; the interval draws persons, as everywhere.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.evaluation.bootstrap import mean_interval
from tumortrace.evaluation.localisation import IOU, cross_fitted_iou

PUBLISHED_METRICS: Final = ("model", "fold", "slice_id", "method", "correct", "sampled", "weight",
               "pointing", "energy", "iou", "dice", "road")  # fmt: skip
METRICS: Final = ("pointing", "energy", "iou", "dice", "road")
GROUPS: Final = ("all", "right", "wrong")


def one_threshold(table: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, dict[int, float]]]:
    """Reduce the IoU at every threshold to that at one.

    Args:
        table: Rows of :func:`tumortrace.benchmark.saliency_scores.score_saliency` of any number of runs, with two more
            columns: ``model`` and ``fold``.

    Returns:
        Columns :data:`PUBLISHED_METRICS`, and ``model/method`` to the threshold of each fold. Outlines that a model
        draws itself are probabilities: they have their own IoU, at 0.5.
    """
    table = table.reset_index(drop=True)
    own = table["iou"] if "iou" in table else pd.Series(np.nan, index=table.index)
    table["iou"] = own.astype(np.float64)
    for name in METRICS:
        if name not in table:
            table[name] = np.nan
    thresholds = {}
    for (model, method), part in table.groupby(["model", "method"], sort=True):
        scored = part[part["pointing"].notna()]
        if scored.empty or scored["iou"].notna().any():
            continue
        iou, chosen = cross_fitted_iou(scored, scored["fold"])
        table.loc[scored.index, "iou"] = iou
        thresholds[f"{model}/{method}"] = chosen
    kept = table[list(PUBLISHED_METRICS)].drop(columns=[name for name in IOU if name in PUBLISHED_METRICS])
    return kept.astype(dict.fromkeys((*METRICS, "weight"), "float32")), thresholds


def summarise(table: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Means with intervals, for all slices, and for those classified right and wrong.

    Args:
        table: From :func:`one_threshold`.
        truth: ``slice_id, patient_id, person_id``.

    Returns:
        Dicts of ``model, method, group`` (:data:`GROUPS`), ``metric`` (:data:`METRICS`), ``value, low, high``, ``n``
        (slices scored), ``persons`` and ``sampled``; without what was not scored.
    """
    known = truth.set_index(truth["slice_id"].astype("string"))
    lines = []
    for (model, method), part in table.groupby(["model", "method"], sort=True):
        for metric in METRICS:
            scored = part[part[metric].notna()].reset_index(drop=True)
            if scored.empty:
                continue
            for name in ("patient_id", "person_id"):
                scored[name] = known[name].reindex(scored["slice_id"].astype("string")).array
            marks = {"all": np.ones(len(scored), bool), "right": scored["correct"].to_numpy(dtype=bool)}
            marks["wrong"] = ~marks["right"]
            for group in GROUPS:
                if marks[group].any():
                    found = _mean(scored, metric, marks[group])
                    lines.append({"model": model, "method": method, "group": group, "metric": metric, **found})
    return lines


def _mean(scored: pd.DataFrame, metric: str, here: npt.NDArray[np.bool_]) -> dict[str, Any]:
    found = mean_interval(scored, scored[metric], scored["weight"].to_numpy(dtype=np.float64) * here)
    return {
        "value": found.value, "low": found.low, "high": found.high, "n": found.n, "persons": found.clusters,
        "sampled": bool(scored["sampled"].any()),
    }  # fmt: skip
