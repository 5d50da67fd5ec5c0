"""Prediction sets with a promised coverage: the classes that cannot be ruled out.

Split conformal prediction (Vovk et al., 2005) with the least ambiguous sets (Sadinle et al., 2019, arXiv 1609.00451): a
class stays in the set while its probability is not among the lowest that the true class was ever given. One threshold a
class, so that the promise holds for each tumour and not only on average. The slices of one person are near-copies of
each other; so every person weighs the same, however many slices they have, and one more person than was seen is counted
as the worst of all (pooled distributions over groups: Dunn, Wasserman and Ramdas, 2023, arXiv 1809.07441). Written here
because split conformal prediction as libraries have it counts rows, and takes each for exchangeable with every other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.errors import DataError
from tumortrace.evaluation.metrics import Floats, check
from tumortrace.evaluation.predictions import PROBABILITIES

PredictionSets = npt.NDArray[np.bool_]
LEVELS: Final = (90, 95)
"""Promised coverages that are shown, in percent."""


def fit_limits(
    labels: npt.ArrayLike, probabilities: npt.ArrayLike, persons: Sequence[object], coverage: float
) -> Floats:
    """The least probability a class may have and still stay in the set.

    Args:
        labels: ``[N]``, 0..2, of slices that the models had not seen.
        probabilities: ``[N, 3]``.
        persons: ``[N]``, whose slice each is.
        coverage: The promise, 0..1: so often the set of a new person's slice holds the true class.

    Returns:
        ``[3]``; 0 where there are too few persons of a class to promise so much: that class always stays.

    Raises:
        DataError: There are no rows, or the coverage is not between 0 and 1.
    """
    if not 0 < coverage < 1:
        raise DataError("a coverage must lie between 0 and 1", value=coverage, remedy="Give 0.9 for 90 %.")
    truth, shares = check(labels, probabilities)
    if not len(truth):
        raise DataError("no rows to calibrate on", value=0, remedy="Give rows with their labels.")
    numbers = pd.factorize(np.asarray(persons, dtype=object))[0]
    limits = np.zeros(len(CLASSES))
    for label in range(len(CLASSES)):
        mine = truth == label
        limits[label] = _limit(shares[mine, label], numbers[mine], coverage)
    return limits


def prediction_sets(probabilities: npt.ArrayLike, limits: npt.ArrayLike) -> PredictionSets:
    """Which classes stay: ``[N, 3]`` of ``[N, 3]`` probabilities; the likeliest always does."""
    shares = np.asarray(probabilities, dtype=np.float64)
    kept: PredictionSets = shares >= np.asarray(limits, dtype=np.float64)
    kept[np.arange(len(shares)), shares.argmax(axis=1)] = True
    return kept


def set_members(shares: npt.ArrayLike, limits: npt.ArrayLike) -> tuple[int, ...]:
    """The classes of one slice's set, likeliest first."""
    one = np.asarray(shares, dtype=np.float64)
    kept = prediction_sets(one[None], limits)[0]
    return tuple(int(label) for label in np.argsort(-one, kind="stable") if kept[label])


def cross_fitted(joined: pd.DataFrame, coverage: float) -> PredictionSets:
    """The sets of every row, each fold's from limits fitted on the other folds: ``[N, 3]``.

    Args:
        joined: Out-of-fold rows of one model, protocol and seed, with truth
            (:func:`tumortrace.evaluation.predictions.join_truth`); of at least two folds.
        coverage: The promise.

    Raises:
        DataError: There is one fold only: nothing else to calibrate on.
    """
    shares, folds = joined[list(PROBABILITIES)].to_numpy(), joined["fold"].to_numpy()
    if len(set(folds)) < 2:
        raise DataError("coverage needs two folds at least", value=len(set(folds)), remedy="Train another fold.")
    found = np.zeros(shares.shape, dtype=bool)
    for fold in sorted(set(folds)):
        here = folds == fold
        rest = joined[~here]
        limits = fit_limits(rest["label"], rest[list(PROBABILITIES)], rest["person_id"].tolist(), coverage)
        found[here] = prediction_sets(shares[here], limits)
    return found


def _limit(of_truth: Floats, persons: npt.NDArray[np.int64], coverage: float) -> float:
    if not len(of_truth):
        return 0.0
    counts = np.bincount(persons)
    people = int((counts > 0).sum())
    order = np.argsort(-of_truth, kind="stable")
    mass = np.cumsum(1 / counts[persons[order]]) / (people + 1)
    enough = np.flatnonzero(mass >= coverage - 1e-12)
    return float(of_truth[order[enough[0]]]) if len(enough) else 0.0
