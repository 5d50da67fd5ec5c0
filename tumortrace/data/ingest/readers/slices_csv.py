"""A folder ``images/`` with a ``slices.csv``.

Its columns: slice_id, label (1 to 3), patient_id, person_id, official_fold, border_xy; only the first two are needed.
``person_id`` says whose exams belong together; without it a person follows from the patient id (see
:func:`tumortrace.data.manifest.person_of`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from tumortrace.constants import CLASSES, FIGSHARE, FOLDS
from tumortrace.data.ingest.readers import Listing, RawSlice, ReadProblem, ReadTask
from tumortrace.data.ingest.readers.images import is_picture, read_grey
from tumortrace.errors import ImportFailed


def applies(source: Path) -> bool:
    """Whether this is such a folder."""
    return (source / "slices.csv").is_file()


def tasks(source: Path, scratch: Path) -> Listing:
    """List the rows of ``slices.csv``.

    Raises:
        ImportFailed: It is no table, or a needed column is missing.
    """
    try:
        table = pd.read_csv(source / "slices.csv", dtype="string")
    except (OSError, ValueError) as error:  # pandas' own errors and wrong encodings are ValueErrors
        raise ImportFailed(
            f"slices.csv cannot be read ({error})", value=str(source), remedy="Save it as UTF-8 with commas."
        ) from error
    missing = {"slice_id", "label"} - set(table.columns)
    if missing:
        raise ImportFailed(
            "slices.csv lacks columns", value=sorted(missing), remedy="It needs slice_id and label (1, 2 or 3)."
        )
    found: list[ReadTask] = []
    problems = []
    images = source / "images"
    pictures = {path.stem: path for path in sorted(images.iterdir()) if is_picture(path)} if images.is_dir() else {}
    for row in table.to_dict("records"):
        slice_id = row["slice_id"]
        label = str(row["label"]).removesuffix(".0")
        if pd.isna(slice_id) or label not in {"1", "2", "3"}:
            problems.append(
                ReadProblem(f"slices.csv: {slice_id}", f"label {label} is not 1, 2 or 3 ({', '.join(CLASSES)})")
            )
            continue
        path = pictures.get(str(slice_id))
        if path is None:
            problems.append(ReadProblem(f"slices.csv: {slice_id}", "no image of that id in images/"))
            continue
        fold = (_text(row.get("official_fold")) or "").removesuffix(".0")
        if fold and fold not in {str(number) for number in FOLDS}:
            problems.append(ReadProblem(f"slices.csv: {slice_id}", f"official_fold {fold} is not 1 to 5"))
            continue
        found.append(
            _Row(
                path,
                str(slice_id),
                int(label) - 1,
                _text(row.get("patient_id")),
                int(fold) if fold else None,
                _text(row.get("border_xy")),
                _text(row.get("person_id")),
            )
        )
    return Listing(FIGSHARE, found, problems)


@dataclass(frozen=True)
class _Row:
    path: Path
    slice_id: str
    label: int
    patient_id: str | None
    fold: int | None
    outline: str | None
    person_id: str | None

    def __call__(self) -> RawSlice:
        name = f"images/{self.path.name}"
        pixels = read_grey(self.path, name)
        return RawSlice(
            self.slice_id, self.label, pixels, name, patient_id=self.patient_id, person_id=self.person_id,
            official_fold=self.fold, outline=self.outline,
        )  # fmt: skip


def _text(value: object) -> str | None:
    return None if value is None or pd.isna(value) or value == "" else str(value)  # type: ignore[call-overload]
