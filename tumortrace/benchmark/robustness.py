"""What the shifted test says: accuracy on each kind of shift, and what is lost against the same slices as they are.

No torch: computed from the rows that :mod:`tumortrace.benchmark.shifted` has left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from tumortrace.benchmark.plan import PlannedRun
from tumortrace.benchmark.records import SHIFTED, Records
from tumortrace.evaluation.bootstrap import Interval, mean_interval
from tumortrace.evaluation.predictions import KEYS, PROBABILITIES, join_truth

NONE: Final = "none"
"""The slices as they are."""
ALL: Final = "all"
"""The mean over every kind and strength."""
_SLICE: Final = list(KEYS)


def gather(entries: Sequence[PlannedRun], records: Records) -> pd.DataFrame:
    """The shifted rows of the runs of these entries that have any; with columns, and none, where no run has."""
    parts = []
    for entry in (entry for entry in entries if entry.part in ("official", "person")):
        run = records.find(entry.task)
        if run is not None and (run.folder / SHIFTED).is_file():
            parts.append(pd.read_parquet(run.folder / SHIFTED))
    columns = [*KEYS, "kind", "level", *PROBABILITIES]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def summarise(rows: pd.DataFrame, truth: pd.DataFrame) -> list[dict[str, Any]]:
    """Accuracy and loss of every model under every protocol.

    Args:
        rows: From :func:`gather`.
        truth: ``slice_id, label, patient_id, person_id``.

    Returns:
        A line a model, protocol, kind and level (:data:`ALL` and 0 for the mean over all): ``accuracy`` and ``lost``
        (points of accuracy lost against the same slices as they are), each with its 95 % interval over persons, ``n``
        slices and ``persons``.
    """
    lines: list[dict[str, Any]] = []
    for (model, protocol), part in rows.groupby(["model", "protocol"], sort=True):
        # A slice is there once a shift, and each time a row of its own.
        joined = pd.concat([join_truth(one, truth) for _, one in part.groupby(["kind", "level"], sort=False)])
        right = joined["label"].to_numpy() == joined[list(PROBABILITIES)].to_numpy().argmax(axis=1)
        joined = joined.assign(right=right.astype(np.float64))
        whole = joined[joined["kind"] == NONE].set_index(_SLICE)
        shifted = joined[joined["kind"] != NONE]
        groups = [((ALL, 0), shifted), *shifted.groupby(["kind", "level"], sort=False)]
        for (kind, level), group in groups:
            mean = group.groupby(_SLICE, sort=True)["right"].mean()
            base = whole.loc[mean.index]
            people = base.reset_index()[["slice_id", "patient_id", "person_id"]]
            accuracy = mean_interval(people, mean.to_numpy())
            lost = mean_interval(people, base["right"].to_numpy() - mean.to_numpy())
            place = {"model": str(model), "protocol": str(protocol), "kind": str(kind), "level": int(level)}
            lines.append(place | _ends("accuracy", accuracy) | _ends("lost", lost) | {
                "n": int(people["slice_id"].nunique()), "persons": accuracy.clusters,
            })  # fmt: skip
    return lines


def _ends(name: str, one: Interval) -> dict[str, float | None]:
    return {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
