"""The shipped benchmark results: rows of predictions and the reports made from them. No torch."""

from __future__ import annotations

import pandas as pd

from tumortrace import paths
from tumortrace.evaluation.predictions import empty_rows
from tumortrace.evaluation.report import Report, read_reports


def shipped_predictions() -> pd.DataFrame:
    """A row a model, protocol, seed and test slice; an empty frame with the columns where none ship."""
    path = paths.artifacts() / "benchmark" / "predictions.parquet"
    return pd.read_parquet(path) if path.is_file() else empty_rows()


def shipped_reports() -> list[Report]:
    """The report of each model and protocol, as the benchmark computed it; none where none ship.

    Raises:
        DataError: The file holds no reports.
    """
    path = paths.artifacts() / "benchmark" / "reports.json"
    return read_reports(path) if path.is_file() else []
