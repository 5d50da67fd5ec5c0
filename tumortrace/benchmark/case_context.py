"""With case context: a slice answered from its own logits and those of the other slices of its exam.

One patient id is one exam here, and all its slices show one tumour, so what the network says of the others is evidence;
no label of theirs is used. Log-probabilities are averaged, and how much a slice's own count beside the mean of the
others is chosen on the validation part of the fold. It is another input setting than a slice alone, never mixed with
it: these rows carry another name, ``<model>_exam``.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.config import CONTEXT
from tumortrace.evaluation.case_context import with_context
from tumortrace.evaluation.metrics import LOG_LOSS_FLOOR
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES

OWN_WEIGHT: Final = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
"""Shares that a slice's own answer may have; never none, or all slices of an exam would have the same."""

Floats = npt.NDArray[np.float64]


def with_case_context(
    test: pd.DataFrame, held: pd.DataFrame, truth: pd.DataFrame
) -> tuple[pd.DataFrame, dict[str, dict[str, float]]]:
    """Rows of ``<model>_exam`` for every fold that has validation rows.

    Args:
        test: Prediction rows (:mod:`tumortrace.evaluation.predictions`).
        held: Rows of the validation parts, same columns.
        truth: ``slice_id, label, patient_id``.

    Returns:
        The rows; and the share of a slice's own answer, by model and ``protocol/seed/fold``.
    """
    known = truth.set_index(truth["slice_id"].astype("string"))
    parts: list[pd.DataFrame] = []
    chosen: dict[str, dict[str, float]] = {}
    for (model, *place), part in test.groupby(["model", "protocol", "seed", "fold"], sort=True):
        protocol, seed, fold = place
        same = (held["model"] == model) & (held["protocol"] == protocol)
        own = held[same & (held["seed"] == seed) & (held["fold"] == fold)]
        if own.empty:
            continue
        share = _fit(own, known)
        mixed = _mix(part, known, share)
        parts.append(part.assign(model=f"{model}{CONTEXT}", **dict(zip(PROBABILITIES, mixed.T, strict=True))))
        chosen.setdefault(f"{model}{CONTEXT}", {})[f"{protocol}/{seed}/{fold}"] = share
    rows = pd.concat(parts, ignore_index=True)[list(COLUMNS)] if parts else test.iloc[:0][list(COLUMNS)]
    return rows, chosen


def _fit(held: pd.DataFrame, known: pd.DataFrame) -> float:
    labels = known["label"].reindex(held["slice_id"]).to_numpy(dtype=np.int64)

    def loss(share: float) -> float:
        of_truth = _mix(held, known, share)[np.arange(len(labels)), labels]
        return float(-np.log(np.clip(of_truth, LOG_LOSS_FLOOR, None)).mean())

    return min(OWN_WEIGHT, key=loss)


def _mix(rows: pd.DataFrame, known: pd.DataFrame, share: float) -> Floats:
    """``[N, 3]``: from the slice's own log-probabilities and the others' of its exam; its own where there are none."""
    exams = known["patient_id"].reindex(rows["slice_id"])
    # A slice of an unknown patient is an exam of its own.
    codes = exams.astype("string").fillna(pd.Series("?" + rows["slice_id"].astype(str).to_numpy(), index=exams.index))
    return with_context(rows[list(PROBABILITIES)].to_numpy(dtype=np.float64), pd.factorize(codes)[0], share)
