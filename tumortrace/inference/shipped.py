"""The shipped benchmark results: rows of predictions and the reports made from them. No torch."""

from __future__ import annotations

import json

import pandas as pd

from tumortrace import paths
from tumortrace.data.catalog import CLASSES
from tumortrace.evaluation.report import Report

COLUMNS = ("model", "protocol", "seed", "fold", "slice_id", *(f"p_{name}" for name in CLASSES))


def shipped_predictions() -> pd.DataFrame:
    """A row a model, protocol, seed and test slice; an empty frame with the columns where none ship."""
    path = paths.artifacts() / "benchmark" / "predictions.parquet"
    if not path.is_file():
        return pd.DataFrame(
            {name: pd.Series(dtype="float64" if name.startswith("p_") else "string") for name in COLUMNS}
        )
    return pd.read_parquet(path)


def shipped_reports() -> list[Report]:
    """The report of each shipped model and protocol, as computed when they were published."""
    path = paths.artifacts() / "benchmark" / "results.json"
    if not path.is_file():
        return []
    return [Report.model_validate(entry) for entry in json.loads(path.read_text())["reports"]]
