"""Baselines without a network: the majority's class, and gradient boosting on measured features."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

from tumortrace.config import PreprocessSettings
from tumortrace.constants import CLASSES, Protocol
from tumortrace.data import cache, splits
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.predictions import COLUMNS
from tumortrace.imaging.features import all_features

MAJORITY: Final = "majority"
CLASSICAL: Final = "classical"
_SIZE: Final = 128


def classical(dataset: Dataset, protocol: Protocol, folds: tuple[int, ...], seed: int = 0) -> pd.DataFrame:
    """Out-of-fold rows of gradient boosting (scikit-learn's, its own settings) on measured features at 128 px.

    Args:
        dataset: The slices.
        protocol: How folds are formed.
        folds: Test folds, 1 to 5.
        seed: Of the boosting.
    """
    images = np.asarray(cache.load_cache(dataset, PreprocessSettings(size=_SIZE)).images)
    measured = all_features(images)
    labels = dataset.manifest["label"].to_numpy(dtype=np.int64)
    parts = []
    for fold in folds:
        split = splits.split(splits.table_for(dataset), protocol, fold, 0.0, seed)
        booster = HistGradientBoostingClassifier(random_state=seed)
        booster.fit(measured[split.train], labels[split.train])
        found = np.zeros((len(split.test), len(CLASSES)))
        found[:, booster.classes_] = booster.predict_proba(measured[split.test])
        parts.append(_rows(CLASSICAL, dataset, protocol, fold, seed, split.test, found))
    return pd.concat(parts, ignore_index=True)


def majority(dataset: Dataset, protocol: Protocol, folds: tuple[int, ...], seed: int = 0) -> pd.DataFrame:
    """Out-of-fold rows that always say the shares of the classes in the training part."""
    labels = dataset.manifest["label"].to_numpy(dtype=np.int64)
    parts = []
    for fold in folds:
        split = splits.split(splits.table_for(dataset), protocol, fold, 0.0, seed)
        shares = np.bincount(labels[split.train], minlength=len(CLASSES)) / len(split.train)
        found = np.tile(shares, (len(split.test), 1))
        parts.append(_rows(MAJORITY, dataset, protocol, fold, seed, split.test, found))
    return pd.concat(parts, ignore_index=True)


def _rows(
    model: str,
    dataset: Dataset,
    protocol: Protocol,
    fold: int,
    seed: int,
    rows: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float64],
) -> pd.DataFrame:
    slice_ids = dataset.manifest["slice_id"].to_numpy(dtype=object)[rows]
    frame = pd.DataFrame({"model": model, "protocol": protocol, "seed": seed, "fold": fold, "slice_id": slice_ids})
    for index, name in enumerate(CLASSES):
        frame[f"p_{name}"] = probabilities[:, index]
    return frame.astype({"slice_id": "string"})[list(COLUMNS)]
