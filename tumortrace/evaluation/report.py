"""A report: everything there is to say about one model under one protocol, from its prediction rows alone.

Several folds are pooled: each slice is in one test fold, so five folds make one set of out-of-fold predictions of the
whole dataset. Several seeds are pooled too: every row counts, and the bootstrap keeps a person's rows of all seeds
together. The tables and frames drawn from a report are in :mod:`tumortrace.evaluation.tables`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tumortrace import processes
from tumortrace.constants import CLASSES
from tumortrace.errors import DataError
from tumortrace.evaluation.bootstrap import REPLICATES, Interval, bootstrap, interval_key
from tumortrace.evaluation.calibration import reliability_bins
from tumortrace.evaluation.metrics import Metrics, classification_metrics
from tumortrace.evaluation.predictions import PROBABILITIES, by_patient, join_truth

UnitName = Literal["slice", "patient"]
UNITS: Final = get_args(UnitName)
ROC_POINTS: Final = 200
"""Points kept of one class's ROC curve; its AUC comes from all of them."""
REMEDY: Final = "A run writes it at its end, the benchmark by `benchmark --resume`; restore a copy, or train anew."


class RocPoint(BaseModel):
    """One point of a class's one-vs-rest ROC curve."""

    model_config = ConfigDict(frozen=True)

    class_name: str
    fpr: float
    tpr: float


class ReliabilityBin(BaseModel):
    """One bin of the reliability diagram; see :func:`~tumortrace.evaluation.calibration.reliability_bins`."""

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


class UnitReport(BaseModel):
    """The figures of slices, or of patients."""

    model_config = ConfigDict(frozen=True)

    metrics: Metrics
    intervals: dict[str, Interval]
    """Keyed by :func:`~tumortrace.evaluation.bootstrap.interval_key`."""
    roc: list[RocPoint]
    reliability: list[ReliabilityBin]

    def interval(self, metric: str, class_name: str | None = None) -> Interval:
        """A figure with its interval; ends None where there is none (a report of before may lack one)."""
        found = self.intervals.get(interval_key(metric, class_name))
        if found is not None:
            return found
        shape = self.intervals["accuracy"]
        value = self.metrics.value(metric, class_name)
        return shape.model_copy(update={"value": value, "low": None, "high": None, "replicates": 0})


class Report(BaseModel):
    """One model under one protocol."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: int = 1
    model: str
    protocol: str
    folds: list[int]
    seeds: list[int]
    n_slices: int = Field(ge=1, description="Distinct slices")
    n_patients: int | None = Field(description="None when any is unknown")
    n_persons: int | None = Field(description="None when any is unknown")
    synthetic: bool = Field(False, description="The slices are made up; say so wherever a figure shows")
    created: str
    slice: UnitReport
    patient: UnitReport | None = Field(description="None when the patient of any slice is unknown")

    def unit(self, name: str) -> UnitReport | None:
        """The figures of ``slice`` or ``patient``."""
        if name not in UNITS:
            raise DataError("no such unit", value=name, remedy=f"Use {' or '.join(UNITS)}.")
        return self.slice if name == "slice" else self.patient


def make_report(
    rows: pd.DataFrame, truth: pd.DataFrame, *, synthetic: bool = False, replicates: int = REPLICATES
) -> Report:
    """Evaluate the prediction rows of one model under one protocol.

    Args:
        rows: See :mod:`tumortrace.evaluation.predictions`.
        truth: ``slice_id, label, patient_id, person_id``, e.g. a manifest or the frozen folds.
        synthetic: Whether the slices are made up.
        replicates: Of the bootstrap.

    Raises:
        DataError: There are no rows, or of several models or protocols, or they do not fit the truth.
    """
    joined = join_truth(rows, truth)
    kinds = joined[["model", "protocol"]].drop_duplicates()
    if len(kinds) != 1:
        raise DataError(
            "a report needs the rows of one model and protocol",
            value=kinds.to_dict("records")[:5],
            remedy="Use make_reports for several." if len(kinds) else "Predict the test fold first.",
        )
    patients = by_patient(joined)
    return Report(
        model=str(kinds["model"].iloc[0]),
        protocol=str(kinds["protocol"].iloc[0]),
        folds=sorted(int(fold) for fold in joined["fold"].unique()),
        seeds=sorted(int(seed) for seed in joined["seed"].unique()),
        n_slices=int(joined["slice_id"].nunique()),
        n_patients=_distinct(joined["patient_id"]),
        n_persons=_distinct(joined["person_id"]),
        synthetic=synthetic,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        slice=_unit_report(joined, replicates),
        patient=None if patients is None else _unit_report(patients, replicates),
    )


def make_reports(
    rows: pd.DataFrame, truth: pd.DataFrame, *, synthetic: bool = False, replicates: int = REPLICATES
) -> list[Report]:
    """A report for each model and protocol among ``rows``, sorted by both; none for no rows."""
    return [
        make_report(part, truth, synthetic=synthetic, replicates=replicates)
        for _, part in rows.groupby(["model", "protocol"], sort=True, observed=True)
    ]


def write_report(report: Report, path: Path) -> None:
    """Write one report as JSON, atomically."""
    processes.write_json(path, report.model_dump(mode="json"))


def read_report(path: Path) -> Report:
    """Read one report.

    Raises:
        DataError: The file is missing or no report.
    """
    try:
        return Report.model_validate(_load(path))
    except ValidationError as error:
        raise DataError("the file is no report", value=str(path), remedy=REMEDY) from error


def write_reports(reports: Sequence[Report], path: Path) -> None:
    """Write several reports as one JSON document, ``{"reports": [...]}``, atomically."""
    processes.write_json(path, {"reports": [report.model_dump(mode="json") for report in reports]})


def read_reports(path: Path) -> list[Report]:
    """Read several reports.

    Raises:
        DataError: The file is missing or holds no reports.
    """
    try:
        return [Report.model_validate(one) for one in _load(path)["reports"]]
    except (ValidationError, KeyError, TypeError) as error:
        raise DataError("the file holds no reports", value=str(path), remedy=REMEDY) from error


def _unit_report(joined: pd.DataFrame, replicates: int) -> UnitReport:
    labels = joined["label"].to_numpy(dtype=np.int64)
    shares = joined[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    bins = reliability_bins(labels, shares).to_dict("records")
    return UnitReport(
        metrics=classification_metrics(labels, shares),
        intervals=bootstrap(joined, replicates=replicates),
        roc=[point for k in range(len(CLASSES)) for point in _roc(labels == k, shares[:, k], CLASSES[k])],
        reliability=[ReliabilityBin.model_validate(one) for one in bins],
    )


def _roc(positive: npt.NDArray[np.bool_], score: npt.NDArray[np.float64], name: str) -> list[RocPoint]:
    if positive.all() or not positive.any():
        return []
    from sklearn.metrics import roc_curve

    fpr, tpr, _ = roc_curve(positive, score)
    keep = np.arange(len(fpr))
    if len(fpr) > ROC_POINTS:
        # Even steps along the curve, not along the thresholds: the steep beginning keeps its shape.
        along = fpr + tpr
        keep = np.unique(np.searchsorted(along, np.linspace(along[0], along[-1], ROC_POINTS)))
    return [RocPoint(class_name=name, fpr=float(fpr[i]), tpr=float(tpr[i])) for i in keep]


def _distinct(column: pd.Series[str]) -> int | None:
    return None if column.isna().any() else int(column.nunique())


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise DataError("a report cannot be read", value=str(path), remedy=REMEDY) from error
