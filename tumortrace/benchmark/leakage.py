"""What it is worth to have seen the same head in training.

Two questions. How much higher does a model score when slices (``slice``) or exams (``official``) of one person stand on
both sides of the split, than when none do (``person``)? And within ``official``: are gliomas whose person has a
follow-up exam in training recognised more often than gliomas whose person has none? The second could also be because
the former are easier; so the same slices are looked at under ``person``, where no exam of theirs is in training, and
the difference of the two differences is what the follow-ups are worth.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.evaluation.bootstrap import (
    REPLICATES,
    Interval,
    clusters_of,
    percentile_interval,
    resampling_weights,
    weighted_mean_samples,
)
from tumortrace.evaluation.predictions import join_truth
from tumortrace.evaluation.report import make_report
from tumortrace.evaluation.significance import paired_differences

LEAKY: Final = ("slice", "official")
HONEST: Final = "person"
METRICS: Final = ("accuracy", "macro_f1", "recall/meningioma", "recall/glioma", "recall/pituitary")


def by_protocol(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Each model's figures under a leaky protocol and under ``person``, on the slices and seeds that both tested.

    Args:
        rows: Prediction rows of several protocols.
        truth: ``slice_id, label, patient_id, person_id``.

    Returns:
        Dicts of ``model, protocol`` (the leaky one), ``metric``, ``class`` (or None), ``n`` (slices), the figure under
        each (``leaky``, ``honest``), and the ``gain`` with its paired interval (``low, high``).
    """
    lines = []
    for model, part in rows.groupby("model", sort=True):
        honest = join_truth(part[part["protocol"] == HONEST], truth)
        for protocol in LEAKY:
            leaky = join_truth(part[part["protocol"] == protocol], truth)
            one, other = _common(leaky, honest)
            if one.empty:
                continue
            gains = paired_differences(one, other, ranked=False)
            both = [make_report(side, truth, replicates=2).slice for side in (one, other)]
            for key in METRICS:
                if key not in gains:
                    continue
                metric, _, name = key.partition("/")
                found = [side.metrics.value(metric, name or None) for side in both]
                lines.append(
                    {
                        "model": model, "protocol": protocol, "metric": metric, "class": name or None,
                        "n": int(one["slice_id"].nunique()), "leaky": found[0], "honest": found[1],
                        "gain": gains[key].value, "low": gains[key].low, "high": gains[key].high,
                    }
                )  # fmt: skip
    return lines


def follow_ups(folds: pd.DataFrame) -> pd.Series[bool]:
    """Whether, when its ``official`` fold is tested, another exam of a slice's person is in training.

    Args:
        folds: ``slice_id, person_id, patient_id, official`` (:func:`tumortrace.data.splits.table_for`).

    Returns:
        Indexed like ``folds``.
    """
    spread = folds.groupby("person_id")["official"].transform("nunique")
    return (spread > 1).astype(bool)


def seen_heads(rows: pd.DataFrame, folds: pd.DataFrame) -> list[dict[str, Any]]:
    """Recall of gliomas with and without a follow-up exam in training, under ``official`` and ``person``.

    Args:
        rows: Prediction rows.
        folds: Frozen folds with label, patient and person.

    Returns:
        Dicts of ``model, protocol, group`` (``follow-up``, ``none``, ``difference``; and once a model, protocol
        ``official - person``, the group ``difference of differences``), ``value, low, high``, ``right`` and ``n``
        (slices, summed over seeds) and ``persons``. Intervals: bootstrap over persons.
    """
    glioma = CLASSES.index("glioma")
    seen = pd.Series(follow_ups(folds).to_numpy(), index=folds["slice_id"].astype("string"))
    lines: list[dict[str, Any]] = []
    for model, part in rows[rows["protocol"].isin(["official", HONEST])].groupby("model", sort=True):
        joined = join_truth(part, folds)
        joined = joined[joined["label"] == glioma]
        sides = {str(name): side.reset_index(drop=True) for name, side in joined.groupby("protocol", sort=True)}
        if "official" not in sides:
            continue
        if HONEST in sides:
            sides["official"], sides[HONEST] = _common(sides["official"], sides[HONEST])
        if sides["official"].empty:
            continue
        drawn: dict[str, npt.NDArray[np.float64]] = {}
        values: dict[str, float | None] = {}
        for protocol, side in sides.items():
            marks = seen.reindex(side["slice_id"]).to_numpy(dtype=bool)
            found, drawn[protocol] = _two_groups(side, marks)
            lines += [{"model": model, "protocol": protocol, **line} for line in found]
            values[protocol] = found[2]["value"]
        if HONEST in sides:
            both = percentile_interval(
                _less(values["official"], values[HONEST]),
                drawn["official"] - drawn[HONEST],
                n=len(sides["official"]),
                clusters=int(sides["official"]["person_id"].nunique()),
                unit="person",
            )
            lines.append(
                {"model": model, "protocol": "official - person", **_line("difference of differences", both, None)}
            )
    return lines


def _two_groups(
    side: pd.DataFrame, marks: npt.NDArray[np.bool_]
) -> tuple[list[dict[str, Any]], npt.NDArray[np.float64]]:
    """The lines of one protocol, and the difference in every replicate."""
    cluster, count, unit = clusters_of(side)
    weights = resampling_weights(count, REPLICATES, 0)
    right = side["correct"].to_numpy(dtype=np.float64)
    lines, replicates = [], []
    shares: list[float | None] = []
    for name, group in (("follow-up", marks), ("none", ~marks)):
        replicates.append(weighted_mean_samples(right, cluster, weights, group))
        shares.append(float(right[group].mean()) if group.any() else None)
        interval = percentile_interval(
            shares[-1], replicates[-1], n=int(group.sum()), clusters=int(side["person_id"][group].nunique()), unit=unit
        )
        lines.append(_line(name, interval, int(right[group].sum())))
    gap = replicates[0] - replicates[1]
    interval = percentile_interval(_less(*shares), gap, n=len(side), clusters=count, unit=unit)
    return [*lines, _line("difference", interval, None)], gap


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other


def _line(group: str, interval: Interval, right: int | None) -> dict[str, Any]:
    return {
        "group": group, "value": interval.value, "low": interval.low, "high": interval.high,
        "right": right, "n": interval.n, "persons": interval.clusters,
    }  # fmt: skip


def _common(first: pd.DataFrame, second: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both tables cut to the slices and seeds that both have, in the same order."""
    keys = ["seed", "slice_id"]
    shared = first[keys].merge(second[keys])
    return (
        shared.merge(first, on=keys, how="left"),
        shared.merge(second, on=keys, how="left"),
    )
