"""Prediction rows: the only thing any figure is computed from.

A row is one model's probabilities for one slice, made once, on the fold that was held out::

    model  protocol  seed  fold  slice_id  p_meningioma  p_glioma  p_pituitary

:func:`join_truth` sets the truth beside it; :func:`by_patient` averages a patient's slices.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.errors import DataError

PROBABILITIES: Final = tuple(f"p_{name}" for name in CLASSES)
KEYS: Final = ("model", "protocol", "seed", "fold", "slice_id")
COLUMNS: Final = (*KEYS, *PROBABILITIES)
TRUTH: Final = ("label", "patient_id", "person_id")
SUM_TOLERANCE: Final = 1e-3
"""How far a row's probabilities may sum from 1: float16 softmax strays by about 5e-4."""


def empty_rows() -> pd.DataFrame:
    """The frame of no predictions, with its columns and types."""
    text, whole, share = "string", "int64", "float64"
    kinds = [text, text, whole, whole, text] + [share] * len(PROBABILITIES)
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in zip(COLUMNS, kinds, strict=True)})


def join_truth(rows: pd.DataFrame, truth: pd.DataFrame) -> pd.DataFrame:
    """Set label, patient and person beside each prediction.

    Args:
        rows: :data:`COLUMNS`; further columns are kept.
        truth: ``slice_id`` and ``label``; ``patient_id`` and ``person_id`` where known. A manifest or a table of frozen
            folds will do; other columns are ignored.

    Returns:
        A new frame in the order of ``rows``: its columns, then ``label`` (int64), ``patient_id``, ``person_id``
        (string, ``<NA>`` when unknown), ``predicted`` (int64, the first of equal probabilities), ``confidence``
        (the greatest probability), ``correct`` (bool), ``true_class`` and ``predicted_class`` (names).

    Raises:
        DataError: Columns are missing, a probability is NaN or outside 0..1, a row does not sum to 1, a slice is
            predicted twice by one model, protocol and seed, or a slice is not in ``truth``.
    """
    _check_columns(rows, COLUMNS, "prediction rows")
    _check_columns(truth, ("slice_id", "label"), "the truth")
    _check_probabilities(rows)
    _check_unique(rows, truth)
    known = truth.set_index(truth["slice_id"].astype("string"))
    slices = rows["slice_id"].astype("string")
    absent = slices[~slices.isin(known.index)].tolist()
    if absent:
        raise DataError(
            "predicted slices are not in the dataset",
            value=absent[:5],
            remedy="Open the dataset that the model was tested on.",
        )
    joined = rows.drop(columns=[name for name in TRUTH if name in rows]).reset_index(drop=True)
    joined["slice_id"] = slices.to_numpy()
    joined["label"] = known["label"].reindex(slices).to_numpy(dtype=np.int64)
    for name in ("patient_id", "person_id"):
        column = known[name] if name in known else pd.Series(pd.NA, index=known.index)
        joined[name] = column.astype("string").reindex(slices).array
    return _judge(joined)


def by_patient(joined: pd.DataFrame) -> pd.DataFrame | None:
    """One row a patient (and model, protocol, seed): the mean probability over the patient's slices.

    Args:
        joined: From :func:`join_truth`.

    Returns:
        ``model, protocol, seed, patient_id, person_id, label``, the mean probabilities, ``slices`` (how many), and the
        same ``predicted ... predicted_class`` as :func:`join_truth`. None when the patient of any slice is unknown:
        a share of the patients is not the patients.

    Raises:
        DataError: A patient has slices of more than one label.
    """
    if joined["patient_id"].isna().any() or joined.empty:
        return None
    labels = joined.groupby("patient_id", sort=False)["label"].nunique()
    mixed = labels[labels > 1].index.tolist()
    if mixed:
        raise DataError(
            "patients have slices of more than one label",
            value=mixed[:5],
            remedy="Check the patient ids of the dataset; patient-level figures need one diagnosis a patient.",
        )
    groups = joined.groupby(["model", "protocol", "seed", "patient_id"], sort=True, observed=True)
    patients = groups.agg(
        person_id=("person_id", "first"),
        label=("label", "first"),
        **{name: (name, "mean") for name in PROBABILITIES},
        slices=("slice_id", "size"),
    ).reset_index()
    return _judge(patients)


def _judge(frame: pd.DataFrame) -> pd.DataFrame:
    probabilities = frame[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    names = np.array(CLASSES, dtype=object)
    predicted = probabilities.argmax(axis=1)
    labels = frame["label"].to_numpy(dtype=np.int64)
    return frame.assign(
        predicted=predicted.astype(np.int64),
        confidence=probabilities.max(axis=1),
        correct=predicted == labels,
        true_class=names[labels],
        predicted_class=names[predicted],
    )


def _check_columns(frame: pd.DataFrame, needed: tuple[str, ...], what: str) -> None:
    missing = [name for name in needed if name not in frame]
    if missing:
        raise DataError(f"{what} lack columns", value=missing, remedy=f"They need {', '.join(needed)}.")


def _check_probabilities(rows: pd.DataFrame) -> None:
    probabilities = rows[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    # NaN fails every comparison, so it is caught here too.
    wrong = ~((probabilities >= -SUM_TOLERANCE) & (probabilities <= 1 + SUM_TOLERANCE)).all(axis=1)
    wrong |= ~(np.abs(probabilities.sum(axis=1) - 1) <= SUM_TOLERANCE)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise DataError(
            f"{int(wrong.sum())} prediction rows are no probabilities (NaN, outside 0..1, or not summing to 1)",
            value=(str(rows["slice_id"].iloc[first]), probabilities[first].tolist()),
            remedy="Predict these slices again; apply softmax once, in float32.",
        )


def _check_unique(rows: pd.DataFrame, truth: pd.DataFrame) -> None:
    # A slice is in the test part of one fold only: the fold is no excuse for a second row.
    twice = rows[rows.duplicated(["model", "protocol", "seed", "slice_id"])]["slice_id"].tolist()
    if twice:
        raise DataError(
            "slices are predicted more than once by one model, protocol and seed",
            value=twice[:5],
            remedy="Keep one run for each fold.",
        )
    repeated = truth["slice_id"][truth["slice_id"].duplicated()].tolist()
    if repeated:
        raise DataError(
            "slice ids are repeated in the truth", value=repeated[:5], remedy="Give one row for each slice."
        )
