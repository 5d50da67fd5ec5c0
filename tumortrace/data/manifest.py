"""The manifest: one row a slice, what is known of it, and nothing guessed.

Unknown stays unknown: a missing patient is ``<NA>``, never 0 and never "one patient per slice".
"""

from __future__ import annotations

import re
from typing import Any, Final

import pandas as pd

from tumortrace.constants import CLASSES
from tumortrace.errors import DataError

COLUMNS: Final[dict[str, Any]] = {
    "slice_id": "string",  # unique; the dataset's own number where it has one
    "label": "Int8",  # 0 meningioma, 1 glioma, 2 pituitary
    "patient_id": "string",  # as published; <NA> when unknown
    "person_id": "string",  # as given, else by FOLLOW_UP_RULE from patient_id; <NA> when unknown
    "series_id": "string",  # neighbouring slices of one patient and plane (estimated); <NA> when unknown
    "position": "Int16",  # 0-based place in the series
    "official_fold": "Int8",  # 1..5; <NA> when unknown
    "source": "string",  # file it came from, relative to the import source
    "sha256": "string",  # of the decoded pixels (dtype, shape and bytes)
    "height": "Int32",
    "width": "Int32",
    "box_x0": "Int32",  # tumour bounding box, half-open, pixels of the slice
    "box_y0": "Int32",
    "box_x1": "Int32",
    "box_y1": "Int32",
    "area_px": "Int32",  # tumour area in pixels of the slice
    "outline": "string",  # "x,y x,y ..." in pixels of the slice; <NA> when unknown
    "outline_iou": "Float32",  # agreement of the filled outline with the published mask; <NA> without both
}

FOLLOW_UP_RULE: Final = "ids MR######X, a letter after six digits, are follow-up exams of MR######"
"""How exams of one person are told in the published ids; a guess from their form, for nothing published says so."""
_FOLLOW_UP = re.compile(r"^(MR\d{6})[A-Z]$")


def person_of(patient_id: str) -> str:
    """The person behind a patient id, by :data:`FOLLOW_UP_RULE`: ``MR040240C`` is a follow-up exam of ``MR040240``."""
    match = _FOLLOW_UP.match(patient_id)
    return match.group(1) if match else patient_id


def conform(rows: pd.DataFrame) -> pd.DataFrame:
    """Give ``rows`` every manifest column, in order and with its type.

    Args:
        rows: At least ``slice_id`` and ``label``; other columns may be missing and become ``<NA>``.

    Returns:
        A new frame, sorted by slice id (numerically where all ids are numbers), with a fresh index. ``person_id`` is
        derived from ``patient_id`` where it is not given.

    Raises:
        DataError: A slice id is repeated, or a label is outside 0..2.
    """
    out = pd.DataFrame(index=rows.index)
    for name, dtype in COLUMNS.items():
        column = rows[name] if name in rows else pd.Series(pd.NA, index=rows.index)
        out[name] = column.astype(dtype)
    derived = out["patient_id"].map(person_of, na_action="ignore").astype("string")
    out["person_id"] = out["person_id"].fillna(derived)
    repeated = out["slice_id"][out["slice_id"].duplicated()].tolist()
    if repeated:
        raise DataError("slice ids are repeated", value=repeated[:5], remedy="Give every slice its own id.")
    wrong = out.loc[~out["label"].isin(range(len(CLASSES))), "label"].tolist()
    if wrong:
        raise DataError("labels are outside 0..2", value=wrong[:5], remedy=f"Use the order {', '.join(CLASSES)}.")
    if len(out) and out["slice_id"].str.fullmatch(r"\d+").all():
        order = out["slice_id"].astype("int64").sort_values(kind="stable").index
    else:
        order = out["slice_id"].sort_values(kind="stable").index
    return out.loc[order].reset_index(drop=True)


def summary(manifest: pd.DataFrame) -> dict[str, Any]:
    """Counts of a manifest, ready for JSON.

    Returns:
        ``slices``, ``patients``, ``persons`` (None when unknown), ``classes`` (name to count) and ``folds``
        (official fold to count; empty when unknown).
    """
    labels = manifest["label"].value_counts()
    folds = manifest["official_fold"].dropna().value_counts().sort_index()
    return {
        "slices": len(manifest),
        "patients": int(manifest["patient_id"].nunique()) or None,
        "persons": int(manifest["person_id"].nunique()) or None,
        "classes": {name: int(labels.get(index, 0)) for index, name in enumerate(CLASSES)},
        "folds": {str(fold): int(count) for fold, count in folds.items()},
    }
