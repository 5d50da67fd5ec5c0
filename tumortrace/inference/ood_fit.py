"""Fit the gate on the real dataset, and measure how often it turns away slices it has not seen.

Nothing is fitted on what the gate is to keep out: its limits are quantiles of real slices of persons left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from joblib import Parallel, delayed

from tumortrace.constants import FOLDS
from tumortrace.data import cache, splits
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError
from tumortrace.evaluation.bootstrap import mean_interval
from tumortrace.inference.ood import CLIP, SETTINGS, OODDetector, feature_distances, image_features

FALSE_ALARM: Final = 0.05
"""Share of held-out slices that the gate may turn away, half of it by distance, half for want of a tumour region."""
DIRECTIONS: Final = 64
FAR: Final = 0.999

Floats = npt.NDArray[np.float64]


def fit_detector(dataset: Dataset, peaks: Mapping[str, float]) -> OODDetector:
    """Fit on every slice; the limits come from slices of persons that were left out (``person`` folds).

    Args:
        dataset: The real one.
        peaks: Slice id to the peak of TraceNet's outline, out of fold.

    Raises:
        DataError: Slices have no peak, and fewer than 500 have one.
    """
    missing = set(dataset.manifest["slice_id"].astype(str)) - set(peaks)
    if missing and len(peaks) < 500:
        raise DataError(
            "too few slices have an out-of-fold outline", value=len(peaks), remedy="Train TraceNet on more folds first."
        )
    measured = measure_all(dataset)
    table = splits.table_for(dataset)
    ids = dataset.manifest["slice_id"].astype(str)
    outlined = np.array([peaks.get(name, np.nan) for name in ids])
    held = held_out_distances(measured, table["person"].to_numpy(dtype=np.int64))
    limits = _limits(held, outlined)
    crossed = _cross_fitted(held, outlined, table)
    card = {
        "slices": len(measured),
        "outlined": int(np.isfinite(outlined).sum()),
        "persons": int(table["person_id"].nunique()),
        "false_alarm": crossed,
        "fitted": "principal components of measured features; limits from held-out persons of the five person folds",
    }
    mean, scale, centre, directions = _plane(measured)
    return OODDetector(mean, scale, centre, directions, limits[0], limits[1], limits[2], card)


def measure_all(dataset: Dataset) -> npt.NDArray[np.float32]:
    """The measured features of every slice, a process a core: ``[N, F]``."""
    images = np.asarray(cache.load_cache(dataset, SETTINGS).images)
    return np.stack(Parallel(n_jobs=-1, batch_size=64)(delayed(image_features)(image) for image in images))


def held_out_distances(measured: npt.NDArray[np.float32], folds: npt.NDArray[np.int64]) -> Floats:
    """Distance of each slice from the plane of the other folds' slices."""
    held = np.zeros(len(measured))
    for fold in FOLDS:
        here = folds == fold
        held[here] = feature_distances(measured[here], *_plane(measured[~here]))
    return held


def _plane(measured: npt.NDArray[np.float32]) -> tuple[Floats, Floats, Floats, Floats]:
    from sklearn.decomposition import PCA

    mean, scale = measured.mean(axis=0, dtype=np.float64), measured.std(axis=0, dtype=np.float64) + 1e-3
    scaled = np.clip((measured - mean) / scale, -CLIP, CLIP)
    found = PCA(min(DIRECTIONS, *scaled.shape), random_state=0).fit(scaled)
    return mean, scale, found.mean_, found.components_


def _limits(held: Floats, peaks: Floats) -> tuple[float, float, float]:
    near = float(np.quantile(held, 1 - FALSE_ALARM / 2))
    return near, float(np.quantile(held, FAR)), float(np.nanquantile(peaks, FALSE_ALARM / 2))


def _cross_fitted(held: Floats, peaks: Floats, table: pd.DataFrame) -> dict[str, Any]:
    """The share turned away, each fold by limits from the other folds."""
    folds = table["person"].to_numpy(dtype=np.int64)
    away = np.zeros(len(held), dtype=bool)
    for fold in FOLDS:
        here = folds == fold
        near, _, peak = _limits(held[~here], peaks[~here])
        away[here] = (held[here] > near) | (peaks[here] < peak)
    known = np.isfinite(peaks)
    found = mean_interval(table, away, known.astype(np.float64))
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "wanted": FALSE_ALARM}
