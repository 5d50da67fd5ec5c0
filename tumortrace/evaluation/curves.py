"""Precision-recall curves from judged rows. Numbers alone, no scikit-learn: pages draw from here and open at once."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.evaluation.predictions import PROBABILITIES

POINTS: Final = 200
"""Points kept of one class's curve; its average precision, which the report holds, comes from all of them."""

Floats = npt.NDArray[np.float64]


def precision_recall_frame(judged: pd.DataFrame) -> pd.DataFrame:
    """The precision-recall curve of each class against the rest.

    Args:
        judged: From :func:`~tumortrace.evaluation.predictions.join_truth` or
            :func:`~tumortrace.evaluation.predictions.by_patient`: ``label`` and the three probabilities.

    Returns:
        ``class_name, recall, precision``, from the strictest threshold to the loosest; no rows for a class that no row
        has, or that all have. Equal probabilities share a point: a threshold takes all of a tie or none of it.
    """
    labels = judged["label"].to_numpy(dtype=np.int64)
    parts = []
    for place, name in enumerate(CLASSES):
        positive = labels == place
        if positive.any() and not positive.all():
            recall, precision = _curve(positive, judged[PROBABILITIES[place]].to_numpy(dtype=np.float64))
            parts.append(pd.DataFrame({"class_name": name, "recall": recall, "precision": precision}))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["class_name", "recall", "precision"])


def _curve(positive: npt.NDArray[np.bool_], score: Floats) -> tuple[Floats, Floats]:
    order = np.argsort(-score, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits = np.cumsum(positive[order])[ends]
    recall, precision = hits / positive.sum(), hits / (ends + 1)
    # Before the first threshold nothing is named: the curve begins at the left edge, as high as its first point.
    recall, precision = np.insert(recall, 0, 0.0), np.insert(precision, 0, precision[0])
    if len(recall) > POINTS:
        # Even steps along the curve, so that neither the flat beginning nor the steep end loses its shape.
        along = np.cumsum(np.hypot(np.diff(recall, prepend=0.0), np.diff(precision, prepend=precision[0])))
        keep = np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], POINTS)).clip(max=len(along) - 1))
        recall, precision = recall[keep], precision[keep]
    return recall, precision
