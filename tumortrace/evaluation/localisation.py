"""Does saliency point at the tumour? Maps scored against the radiologists' outlines, slice by slice."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

THRESHOLDS: Final = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Shares of a map's maximum above which a pixel counts as pointed at."""
IOU: Final = tuple(f"iou_{round(100 * threshold):02d}" for threshold in THRESHOLDS)
COLUMNS: Final = ("pointing", "energy", *IOU)

Maps = npt.NDArray[np.float32]
Masks = npt.NDArray[np.bool_]


def score_maps(maps: Maps, masks: Masks) -> pd.DataFrame:
    """Score each map against its outline.

    Args:
        maps: ``[N, S, S]``, 0 or more.
        masks: ``[N, S, S]``; a slice without an outline gets NaN.

    Returns:
        A row a slice: ``pointing`` (1 where the strongest pixel lies inside, of several equally strong ones their
        share; the pointing game, Zhang et al., 2018, arXiv 1608.00507; no tolerance), ``energy`` (share of the map's
        sum inside; Wang et al., 2020, arXiv 1910.01279), and ``iou_05 ... iou_95``: intersection over union of the
        outline and the pixels that reach that share (%) of the map's maximum. A map that is 0 everywhere points
        nowhere: 0 in all of them.
    """
    flat, inside = maps.reshape(len(maps), -1), masks.reshape(len(masks), -1)
    total, top = flat.sum(axis=1, dtype=np.float64), flat.max(axis=1)
    empty = top <= 0
    at_top = flat == top[:, None]
    strongest = (at_top & inside).sum(axis=1) / at_top.sum(axis=1)
    energy = (flat * inside).sum(axis=1, dtype=np.float64) / np.where(empty, 1, total)
    found = {"pointing": np.where(empty, 0.0, strongest), "energy": energy}
    for name, threshold in zip(IOU, THRESHOLDS, strict=True):
        chosen = (flat >= threshold * top[:, None]) & ~empty[:, None]
        union = (chosen | inside).sum(axis=1)
        found[name] = (chosen & inside).sum(axis=1) / np.maximum(union, 1)
    table = pd.DataFrame(found, columns=list(COLUMNS))
    table[~inside.any(axis=1)] = np.nan
    return table


def intersection_over_union(shares: Maps, masks: Masks, threshold: float = 0.5) -> pd.DataFrame:
    """How well drawn outlines meet the radiologists': ``iou`` and ``dice`` of each slice, NaN without an outline.

    Args:
        shares: ``[N, S, S]`` probability of tumour.
        masks: ``[N, S, S]``.
        threshold: Above which a pixel is drawn.
    """
    drawn = shares > threshold
    common, both = (drawn & masks).sum((1, 2)), drawn.sum((1, 2)) + masks.sum((1, 2))
    table = pd.DataFrame({"iou": common / np.maximum(both - common, 1), "dice": 2 * common / np.maximum(both, 1)})
    table[~masks.any((1, 2))] = np.nan
    return table


def cross_fitted_iou(scores: pd.DataFrame, folds: pd.Series[int]) -> tuple[pd.Series[float], dict[int, float]]:
    """IoU at one fixed threshold, each fold's chosen on the others: no slice has a say in its own.

    Args:
        scores: Columns :data:`IOU`.
        folds: The test fold of each row.

    Returns:
        The IoU of each row, and the threshold of each fold. With a single fold the threshold is the best on it, which
        flatters.
    """
    chosen = pd.Series(np.nan, index=scores.index)
    thresholds = {}
    for fold in sorted(set(folds)):
        here = (folds == fold).to_numpy(dtype=bool)
        others = scores.loc[~here, list(IOU)] if (~here).any() else scores.loc[here, list(IOU)]
        best = int(np.nanargmax(others.mean().to_numpy())) if others.notna().any(axis=None) else 0
        chosen[here] = scores.loc[here, IOU[best]]
        thresholds[int(fold)] = THRESHOLDS[best]
    return chosen, thresholds
