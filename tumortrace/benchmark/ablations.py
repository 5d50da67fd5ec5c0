"""One factor at a time around one recipe: what each choice is worth, on the same slices, with paired intervals."""

from __future__ import annotations

from typing import Any, Final

import pandas as pd

from tumortrace.evaluation.metrics import classification_metrics
from tumortrace.evaluation.predictions import PROBABILITIES, join_truth
from tumortrace.evaluation.significance import paired_differences

BASE: Final = "base"
METRICS: Final = ("accuracy", "macro_f1", "log_loss")


def effects(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Each variant against the base of its model.

    Args:
        rows: Prediction rows with two more columns: ``base`` (which recipe the variant departs from) and ``variant``
            (``factor: level``, or ``base``). Folds that one side lacks are left out.
        truth: ``slice_id, label, patient_id, person_id``.

    Returns:
        Dicts of ``base, factor, level, metric, value`` (the variant's), ``difference`` (variant less base) with its
        paired interval (``low, high``), ``n`` (slices) and ``folds``. The base itself has ``factor`` None.
    """
    lines: list[dict[str, Any]] = []
    for base, part in rows.groupby("base", sort=True):
        joined = {
            str(variant): join_truth(side.drop(columns=["base", "variant"]), truth)
            for variant, side in part.groupby("variant", sort=False)
        }
        if BASE not in joined:
            continue
        for variant, side in joined.items():
            ours, theirs = _on_common_folds(side, joined[BASE])
            if ours.empty:
                continue
            gaps = paired_differences(ours, theirs, ranked=False) if variant != BASE else {}
            found = classification_metrics(ours["label"], ours[list(PROBABILITIES)])
            factor, _, level = variant.partition(": ")
            for metric in METRICS:
                gap = gaps.get(metric)
                lines.append(
                    {
                        "base": str(base), "factor": None if variant == BASE else factor, "level": level or None,
                        "metric": metric, "value": found.value(metric),
                        "difference": gap.value if gap else None,
                        "low": gap.low if gap else None, "high": gap.high if gap else None,
                        "n": int(ours["slice_id"].nunique()),
                        "folds": sorted(int(fold) for fold in ours["fold"].unique()),
                    }
                )  # fmt: skip
    return lines


def _on_common_folds(side: pd.DataFrame, base: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    keys = ["seed", "fold"]
    shared = side[keys].drop_duplicates().merge(base[keys].drop_duplicates())
    return side.merge(shared, on=keys), base.merge(shared, on=keys)
