"""A slice judged together with the other slices of its exam: what a series tells that a slice alone does not.

One patient id is one exam here, and all its slices show one tumour, so the mean over the others is evidence. How much a
slice's own answer counts beside it is chosen on the validation part of the fold. These rows answer another question
than those of slices alone, and carry another name: ``<model>_exam``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.evaluation.metrics import LOG_LOSS_FLOOR
from tumortrace.evaluation.rows import COLUMNS, PROBABILITIES

SUFFIX: Final = "_exam"
JUDGED: Final = ("ensemble", "tracenet")
"""Models that are judged so."""
OWN: Final = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Shares that a slice's own answer may have."""

Floats = npt.NDArray[np.float64]


def together(
    test: pd.DataFrame, held: pd.DataFrame, truth: pd.DataFrame, models: Sequence[str] = JUDGED
) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Rows of ``<model>_exam`` for every fold that has validation rows.

    Args:
        test: Prediction rows (:mod:`tumortrace.evaluation.rows`).
        held: Rows of the validation parts, same columns.
        truth: ``slice_id, label, patient_id``.
        models: Whose.

    Returns:
        The rows; and the share of a slice's own answer, by model and ``protocol/seed/fold``.
    """
    known = truth.set_index(truth["slice_id"].astype("string"))
    parts: list[pd.DataFrame] = []
    chosen: dict[str, dict[str, float]] = {}
    for (model, *place), part in test[test["model"].isin(models)].groupby(
        ["model", "protocol", "seed", "fold"], sort=True
    ):
        protocol, seed, fold = place
        same = (held["model"] == model) & (held["protocol"] == protocol)
        own = held[same & (held["seed"] == seed) & (held["fold"] == fold)]
        if own.empty:
            continue
        share = _fit(own, known)
        mixed = _mix(part, known, share)
        parts.append(part.assign(model=f"{model}{SUFFIX}", **dict(zip(PROBABILITIES, mixed.T, strict=True))))
        chosen.setdefault(f"{model}{SUFFIX}", {})[f"{protocol}/{seed}/{fold}"] = share
    rows = pd.concat(parts, ignore_index=True)[list(COLUMNS)] if parts else test.iloc[:0][list(COLUMNS)]
    return rows, chosen


def _fit(held: pd.DataFrame, known: pd.DataFrame) -> float:
    labels = known["label"].reindex(held["slice_id"]).to_numpy(dtype=np.int64)

    def loss(share: float) -> float:
        of_truth = _mix(held, known, share)[np.arange(len(labels)), labels]
        return float(-np.log(np.clip(of_truth, LOG_LOSS_FLOOR, None)).mean())

    return min(OWN, key=loss)


def _mix(rows: pd.DataFrame, known: pd.DataFrame, share: float) -> Floats:
    """``[N, 3]``: the slice's own answer and the mean of the others of its exam; alone where it has none."""
    own = rows[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    exams = known["patient_id"].reindex(rows["slice_id"])
    # A slice of an unknown patient is an exam of its own.
    codes = exams.astype("string").fillna(pd.Series("?" + rows["slice_id"].astype(str).to_numpy(), index=exams.index))
    number = pd.factorize(codes)[0]
    count = np.bincount(number)[number][:, None]
    total = np.stack([np.bincount(number, one)[number] for one in own.T], axis=1)
    others = np.where(count > 1, (total - own) / np.maximum(count - 1, 1), own)
    mixed: Floats = share * own + (1 - share) * others
    return mixed
