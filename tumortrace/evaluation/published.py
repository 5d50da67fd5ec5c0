"""What others have published for this dataset, and the results that ship with this copy. No torch: pages read it."""

from __future__ import annotations

import json
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import ValidationError

from tumortrace import paths
from tumortrace.data.datasets import Dataset
from tumortrace.data.identity import is_about
from tumortrace.errors import DataError
from tumortrace.evaluation.results_document import SCHEMA, ResultsDocument
from tumortrace.evaluation.results_records import LabelSuspect

COLUMNS: Final = (
    "source",
    "year",
    "model",
    "protocol",
    "kind",
    "unit",
    "accuracy",
    "macro_f1",
    "other",
    "checked",
    "where",
)
"""Of ``literature.csv``; ``kind`` is the protocol of ours that it may be set beside: ``slice``, ``official`` (folds by
patient), ``person``, ``unknown``, or ``other`` (not this dataset, or no classification)."""


def literature() -> pd.DataFrame:
    """Published figures, a row each, columns :data:`COLUMNS`; empty where none ship."""
    path = paths.artifacts() / "benchmark" / "literature.csv"
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    return pd.read_csv(path, dtype={"year": "Int64"})


def saliency() -> dict[tuple[str, str], dict[str, npt.NDArray[np.uint8]]]:
    """Out-of-fold Grad-CAM of what each model got wrong under ``official``; empty where none ships.

    Returns:
        Model and slice id to two maps, ``[32, 32]`` uint8 each: ``predicted`` for the class it was taken for, ``true``
        for the one it is.
    """
    path = paths.artifacts() / "benchmark" / "saliency.npz"
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        found = {name: stored[name] for name in stored.files}
    if not found:
        return {}
    keys = zip(found["model"].tolist(), found["slice_id"].tolist(), strict=True)
    return {key: {name: found[name][row] for name in ("predicted", "true")} for row, key in enumerate(keys)}


def results() -> ResultsDocument:
    """``results.json`` as :func:`tumortrace.benchmark.compute.compute_benchmark` made it; empty where none ships.

    Raises:
        DataError: It cannot be read, another version wrote it, or a field holds what it cannot hold.
    """
    path = paths.artifacts() / "benchmark" / "results.json"
    if not path.is_file():
        return ResultsDocument()
    remedy = "Run `tumortrace benchmark` again."
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise DataError("the benchmark's results cannot be read", value=str(path), remedy=remedy) from error
    if not isinstance(found, dict) or found.get("schema_version") != SCHEMA:
        raise DataError("the benchmark's results are of another version", value=str(path), remedy=remedy)
    try:
        return ResultsDocument.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        what = f"the benchmark's results are damaged at {field} ({first['msg']})"
        raise DataError(what, value=str(path), remedy=remedy) from error


def suspects_of(document: ResultsDocument, dataset: Dataset) -> dict[str, list[LabelSuspect]] | None:
    """The labels the benchmark doubts, by protocol; None where it has no predictions for this dataset.

    Args:
        document: Of the benchmark.
        dataset: Known by its slices, see :func:`tumortrace.data.identity.is_about`.
    """
    found = document.failures.suspects
    if not found or not is_about(document.dataset, dataset):
        return None
    return {protocol: one.suspects for protocol, one in found.items()}
