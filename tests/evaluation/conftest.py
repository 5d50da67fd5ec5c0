"""Rows and truth made by the tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from tumortrace.evaluation.predictions import PROBABILITIES

MakeRows = Callable[..., pd.DataFrame]


@pytest.fixture
def make_rows() -> MakeRows:
    def make(probabilities: list[tuple[float, ...]] | np.ndarray, **columns: object) -> pd.DataFrame:
        shares = np.asarray(probabilities, dtype=np.float64)
        frame = pd.DataFrame(shares, columns=list(PROBABILITIES))
        frame["slice_id"] = pd.Series([str(place) for place in range(1, len(frame) + 1)], dtype="string")
        return frame.assign(**{"model": "resnet18", "protocol": "official", "seed": 0, "fold": 1, **columns})

    return make


@pytest.fixture
def make_truth() -> Callable[..., pd.DataFrame]:
    def make(labels: list[int] | np.ndarray, patients: list[str | None] | None = None) -> pd.DataFrame:
        ids = [str(place) for place in range(1, len(labels) + 1)]
        owners = pd.Series(patients if patients is not None else [None] * len(ids), dtype="string")
        return pd.DataFrame(
            {
                "slice_id": pd.Series(ids, dtype="string"),
                "label": pd.Series(np.asarray(labels), dtype="Int8"),
                "patient_id": owners,
                "person_id": owners,
            }
        )

    return make


@pytest.fixture
def clustered(make_rows: MakeRows, make_truth: Callable[..., pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """400 slices of 40 patients; the slices of one patient err together."""
    rng = np.random.default_rng(7)
    owner = np.repeat(np.arange(40), 10)
    labels = (owner % 3).astype(np.int64)
    logits = 2 * np.eye(3)[labels] + rng.normal(0, 1.5, (40, 3))[owner] + rng.normal(0, 0.3, (400, 3))
    powers = np.exp(logits)
    rows = make_rows(powers / powers.sum(axis=1, keepdims=True))
    return rows, make_truth(labels, [f"P{number}" for number in owner])
