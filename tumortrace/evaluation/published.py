"""What others have published for this dataset, and the results that ship with this copy. No torch: pages read it."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace import paths
from tumortrace.config.former import upgrade_dotted
from tumortrace.errors import DataError

SCHEMA: Final = 1
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


def results() -> dict[str, Any]:
    """``results.json`` as :func:`tumortrace.benchmark.compute.compute_benchmark` wrote it; empty where none ships.

    Raises:
        DataError: It cannot be read, or another version wrote it.
    """
    path = paths.artifacts() / "benchmark" / "results.json"
    if not path.is_file():
        return {}
    remedy = "Run `tumortrace benchmark` again."
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except ValueError as error:
        raise DataError("the benchmark's results cannot be read", value=str(path), remedy=remedy) from error
    if found.get("schema_version") != SCHEMA:
        raise DataError("the benchmark's results are of another version", value=str(path), remedy=remedy)
    recipes = {model: upgrade_dotted(recipe) for model, recipe in found.get("recipes", {}).items()}
    return found | {"recipes": recipes}
