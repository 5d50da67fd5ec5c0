"""Is one model better than another on the same slices, or was it luck?

Two answers. The interval of the difference in accuracy, by the bootstrap over persons, is the one to quote. McNemar's
exact test is the field's habit; it takes slices for independent, which slices of one head are not, so its p-value is
too small.

scipy is imported where it is used: pages read this module and must open at once.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from tumortrace.errors import DataError
from tumortrace.evaluation.bootstrap import (
    REPLICATES,
    Interval,
    clusters_of,
    interval_key,
    mean_interval,
    percentile_interval,
    resampling_weights,
    samples,
)
from tumortrace.evaluation.metrics import classification_metrics
from tumortrace.evaluation.predictions import PROBABILITIES


class Comparison(BaseModel):
    """Two models on the same rows."""

    model_config = ConfigDict(frozen=True)

    first: str
    second: str
    n: int
    both_right: int
    only_first: int
    only_second: int
    both_wrong: int
    p_value: float
    """McNemar, exact, two-sided."""
    difference: Interval
    """Accuracy of the first less that of the second."""


def mcnemar_exact(only_first: int, only_second: int) -> float:
    """Two-sided exact p-value of McNemar's test: a fair coin for every row that just one model gets right."""
    from scipy.stats import binomtest

    tosses = only_first + only_second
    return float(binomtest(only_first, tosses).pvalue) if tosses else 1.0


def compare(first: pd.DataFrame, second: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0) -> Comparison:
    """Compare two sets of predictions, row by row.

    Args:
        first: From :func:`~tumortrace.evaluation.predictions.join_truth`, of one model, protocol and seed.
        second: The same slices, in any order.
        replicates: Of the bootstrap.
        seed: Of the bootstrap.

    Raises:
        DataError: A frame holds several models, protocols or seeds, or the slices differ.
    """
    names = [_only(frame) for frame in (first, second)]
    one, other = first.set_index("slice_id"), second.set_index("slice_id")
    unmatched = sorted(set(one.index) ^ set(other.index))
    if unmatched or one.empty:
        raise DataError(
            "the models were not tested on the same slices",
            value=unmatched[:5],
            remedy="Compare predictions of the same folds, or keep the slices that both have.",
        )
    a = one["correct"].to_numpy(dtype=bool)
    b = other["correct"].reindex(one.index).to_numpy(dtype=bool)
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    return Comparison(
        first=names[0],
        second=names[1],
        n=len(a),
        both_right=int((a & b).sum()),
        only_first=only_first,
        only_second=only_second,
        both_wrong=int((~a & ~b).sum()),
        p_value=mcnemar_exact(only_first, only_second),
        difference=mean_interval(first, a.astype(np.float64) - b, replicates=replicates, seed=seed),
    )


def paired_differences(
    first: pd.DataFrame, second: pd.DataFrame, *, replicates: int = REPLICATES, seed: int = 0, ranked: bool = True
) -> dict[str, Interval]:
    """Every figure of the first less that of the second, on the same slices, with paired intervals.

    Args:
        first: From :func:`~tumortrace.evaluation.predictions.join_truth`; several seeds may stand in it.
        second: The same slices and seeds, in any order; protocol and model may differ.
        replicates: Of the bootstrap; each draws the same persons for both.
        seed: Of the bootstrap.
        ranked: Whether AUC and average precision are wanted; see :func:`~tumortrace.evaluation.bootstrap.samples`.

    Returns:
        :func:`~tumortrace.evaluation.bootstrap.interval_key` to interval; figures undefined on one side are left out.

    Raises:
        DataError: The slices or seeds differ.
    """
    keys = ["seed", "slice_id"]
    one, other = first.set_index(keys).sort_index(), second.set_index(keys).sort_index()
    if not one.index.equals(other.index) or one.empty:
        raise DataError(
            "the two sides do not hold the same slices and seeds",
            value=f"{len(one)} and {len(other)} rows",
            remedy="Keep the slices and seeds that both have.",
        )
    cluster, count, unit = clusters_of(one.reset_index())
    weights = resampling_weights(count, replicates, seed)
    labels = one["label"].to_numpy(dtype=np.int64)
    shares = [side[list(PROBABILITIES)].to_numpy(dtype=np.float64) for side in (one, other)]
    drawn = [samples(labels, part, cluster, weights, ranked=ranked) for part in shares]
    metrics = [classification_metrics(labels, part) for part in shares]
    found = {}
    for metric, name in drawn[0]:
        values = [side.value(metric, name) for side in metrics]
        if values[0] is None or values[1] is None:
            continue
        found[interval_key(metric, name)] = percentile_interval(
            values[0] - values[1],
            drawn[0][metric, name] - drawn[1][metric, name],
            n=len(labels),
            clusters=count,
            unit=unit,
        )
    return found


def _only(frame: pd.DataFrame) -> str:
    kinds = frame[["model", "protocol", "seed"]].drop_duplicates()
    if len(kinds) > 1:
        raise DataError(
            "one side of a comparison holds several models, protocols or seeds",
            value=kinds.to_dict("records")[:5],
            remedy="Compare one model, protocol and seed with one other.",
        )
    return str(kinds["model"].iloc[0]) if len(kinds) else ""
