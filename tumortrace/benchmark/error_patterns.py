"""Patterns in the errors of one model that the benchmark's document has not counted: a run's, or by fold. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from tumortrace.benchmark import error_analysis
from tumortrace.data.planes import estimate_planes


def manifest_facts(manifest: pd.DataFrame, *, figshare: bool) -> pd.DataFrame:
    """What a slice's errors may depend on, as far as its manifest tells; no picture is read.

    :func:`tumortrace.benchmark.error_analysis.describe` measures the same in the pixels: there the tumour's middle is
    that of its mask, here that of its box.

    Args:
        manifest: Of the dataset.
        figshare: Whether its slice ids are the published numbers, from which planes are estimated.

    Returns:
        Indexed by slice id, the columns of ``describe``; ``contrast`` is never known.
    """
    numbers = manifest.set_index(manifest["slice_id"].astype("string"))
    found = pd.DataFrame(index=numbers.index)
    area = numbers["height"].astype("Float64") * numbers["width"].astype("Float64")
    across = (numbers["box_x0"].astype("Float64") + numbers["box_x1"]) / 2 / numbers["width"]
    down = (numbers["box_y0"].astype("Float64") + numbers["box_y1"]) / 2 / numbers["height"]
    found["size"] = (numbers["area_px"].astype("Float64") / area).astype(np.float64)
    found["side"] = (across - 0.5).abs().astype(np.float64)
    found["height"] = down.astype(np.float64)
    found["contrast"] = np.nan
    found["plane"] = estimate_planes(pd.Series(found.index)).to_numpy() if figshare else pd.NA
    found["slices"] = numbers.groupby("patient_id")["slice_id"].transform("size").to_numpy()
    return found


def by_fold(joined: pd.DataFrame) -> pd.DataFrame:
    """The error rate of each test fold, with its interval over persons.

    Args:
        joined: From :func:`~tumortrace.evaluation.predictions.join_truth`, one model and protocol.

    Returns:
        ``group, value, low, high, n, persons``; each fold is another network.
    """
    marks = joined["fold"].map(lambda fold: f"fold {int(fold)}")
    lines: list[dict[str, Any]] = [{"group": group, **line} for group, line in error_analysis.rates(joined, marks)]
    return pd.DataFrame(lines, columns=["group", "value", "low", "high", "n", "persons"])


def concentration(joined: pd.DataFrame) -> pd.DataFrame:
    """How few persons make how many of the errors.

    Args:
        joined: As above; slices of unknown persons are left out.

    Returns:
        A row a person that has any: ``person_id, true_class, errors, n`` (slices judged, over all seeds), ``share`` (of
        all errors) and ``together`` (of this person and those before), most errors first.
    """
    known = joined[joined["person_id"].notna()]
    if known.empty:
        return pd.DataFrame(columns=["person_id", "true_class", "errors", "n", "share", "together"])
    table = known.groupby("person_id").agg(
        true_class=("true_class", "first"), errors=("correct", lambda right: int((~right).sum())), n=("correct", "size")
    )
    table = table.sort_values(["errors", "n"], ascending=[False, True], kind="stable").reset_index()
    total = max(1, int(table["errors"].sum()))
    return table.assign(share=table["errors"] / total, together=table["errors"].cumsum() / total)
