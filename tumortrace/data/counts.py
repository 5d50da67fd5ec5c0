"""What a dataset holds, counted: the tidy frames behind the plots of the Dataset page, small at any number of rows."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from tumortrace.constants import CLASSES

MOST_PATIENTS: Final = 300
"""Patients that get a bar of their own; beyond, those with most slices."""
MOST_POINTS: Final = 3100
"""Slices that get a point of their own; beyond, an even sample of each class."""
_BARS: Final = 30


def counted(rows: pd.DataFrame, by: list[str], name: str = "count") -> pd.DataFrame:
    """How many rows there are of each kind; kinds without any, and rows of unknown kind, are left out."""
    return pd.DataFrame(rows.dropna(subset=by).groupby(by, observed=True).size().rename(name).reset_index())


def patients(rows: pd.DataFrame) -> pd.DataFrame:
    """``patient_id, class_name, slices``: a row a patient and class; class by class, most slices first."""
    table = counted(rows, ["patient_id", "class_name"], "slices")
    total = table.groupby("patient_id")["slices"].transform("sum")
    kind = table["class_name"].map(CLASSES.index)
    order = np.lexsort((table["patient_id"], -total.to_numpy(), kind.groupby(table["patient_id"]).transform("min")))
    return table.iloc[order].reset_index(drop=True)


def largest(table: pd.DataFrame, most: int = MOST_PATIENTS) -> pd.DataFrame:
    """The rows of :func:`patients` that belong to the patients with most slices."""
    total = table.groupby("patient_id")["slices"].sum().nlargest(most)
    return table[table["patient_id"].isin(total.index)]


def binned_patients(table: pd.DataFrame) -> pd.DataFrame:
    """How many patients have how many slices.

    Args:
        table: From :func:`patients`.

    Returns:
        ``class_name, low, high`` (slices, both included) and ``patients``; bins of one slice where these are few.
    """
    if table.empty:
        return pd.DataFrame(columns=["class_name", "low", "high", "patients"])
    step = max(1, round(int(table["slices"].max()) / _BARS))
    low = (table["slices"] - 1) // step * step + 1
    frame = table.assign(low=low.astype(int), high=(low + step - 1).astype(int))
    return counted(frame, ["class_name", "low", "high"], "patients")


def area_boxes(rows: pd.DataFrame) -> pd.DataFrame:
    """Quartiles of the tumour area of each class.

    Args:
        rows: ``class_name`` and ``area``, NaN where unknown.

    Returns:
        ``class_name, n, low, q1, median, q3, high``: the ends are the farthest values within one and a half times the
        distance of the quartiles, as Tukey drew them.
    """
    lines = []
    for name, part in rows.dropna(subset="area").groupby("class_name", observed=True):
        values = part["area"].to_numpy(dtype=np.float64)
        q1, median, q3 = (float(value) for value in np.percentile(values, (25, 50, 75)))
        reach = 1.5 * (q3 - q1)
        inner = values[(values >= q1 - reach) & (values <= q3 + reach)]
        lines.append((str(name), len(values), float(inner.min()), q1, median, q3, float(inner.max())))
    return pd.DataFrame(lines, columns=["class_name", "n", "low", "q1", "median", "q3", "high"])


def area_points(rows: pd.DataFrame, most: int = MOST_POINTS) -> pd.DataFrame:
    """``slice_id, class_name, area`` of slices with a known area; evenly sampled where there are more than ``most``."""
    known = rows.dropna(subset="area")[["slice_id", "class_name", "area"]]
    if len(known) <= most:
        return known
    return known.iloc[np.linspace(0, len(known) - 1, most).astype(int)]
