"""A folder ``images/`` with a ``slices.csv``: slice_id, label (1 to 3), patient_id, official_fold, border_xy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from tumortrace.data.catalog import CLASSES, FIGSHARE, FOLDS
from tumortrace.data.readers import Listing, Problem, RawSlice, Task
from tumortrace.errors import ImportFailed, UnreadableSlice

_SUFFIXES = (".jpg", ".jpeg", ".png")
_LARGEST = 4096


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
    found: list[Task] = []
    problems = []
    for row in table.to_dict("records"):
        slice_id = row["slice_id"]
        label = str(row["label"]).removesuffix(".0")
        if pd.isna(slice_id) or label not in {"1", "2", "3"}:
            problems.append(
                Problem(f"slices.csv: {slice_id}", f"label {label} is not 1, 2 or 3 ({', '.join(CLASSES)})")
            )
            continue
        path = next((p for s in _SUFFIXES if (p := source / "images" / f"{slice_id}{s}").is_file()), None)
        if path is None:
            problems.append(Problem(f"slices.csv: {slice_id}", "no image of that id in images/"))
            continue
        fold = (_text(row.get("official_fold")) or "").removesuffix(".0")
        if fold and fold not in {str(number) for number in FOLDS}:
            problems.append(Problem(f"slices.csv: {slice_id}", f"official_fold {fold} is not 1 to 5"))
            continue
        found.append(
            _Row(
                path,
                str(slice_id),
                int(label) - 1,
                _text(row.get("patient_id")),
                int(fold) if fold else None,
                _text(row.get("border_xy")),
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

    def __call__(self) -> RawSlice:
        name = f"images/{self.path.name}"
        pixels = read_grey(self.path, name)
        return RawSlice(self.slice_id, self.label, pixels, name, self.patient_id, self.fold, self.outline)


def read_grey(path: Path, name: str) -> npt.NDArray[np.generic]:
    """A PNG or JPEG of a dataset as grey ``[H, W]``.

    Raises:
        UnreadableSlice: It cannot be decoded, or is larger than any slice.
    """
    try:
        with Image.open(path, formats=("PNG", "JPEG")) as image:
            if max(image.size) > _LARGEST:
                raise UnreadableSlice(f"{image.width}x{image.height} is no slice", value=name, remedy="Remove it.")
            wide = image.mode.startswith("I")
            pixels: npt.NDArray[np.generic] = np.asarray(image if wide else image.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UnreadableSlice(
            f"not a readable image ({error})", value=name, remedy="Fetch the file again or remove it."
        ) from error
    return np.clip(pixels.astype(np.int64), 0, 65535).astype(np.uint16) if wide else pixels


def _text(value: object) -> str | None:
    return None if value is None or pd.isna(value) or value == "" else str(value)  # type: ignore[call-overload]
