"""The published layout: ``N.mat`` in a folder, in the four zips, or in one zip of them.

The files are MATLAB v7.3, which is HDF5; such as were saved again by an older version are read as well.

Each holds a group ``cjdata``: label (1 to 3), PID (character codes), image (int16), tumorBorder (x, y, x, y, ...) and
tumorMask. MATLAB writes columns first, so image and mask are transposed. ``cvind.mat``, the author's folds in slice
order, lies beside them and is no slice.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import numpy.typing as npt

from tumortrace.constants import FIGSHARE
from tumortrace.constants import FOLDS as FOLD_NUMBERS
from tumortrace.data.ingest.readers import Listing, RawSlice, ReadProblem, ReadTask
from tumortrace.data.ingest.readers.mat_locations import (
    FOLDS,
    FOLDS_FILE,
    MatLocation,
    find_mat_files,
    looks_published,
)
from tumortrace.errors import UnreadableSlice

_BROKEN: Final = (
    OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, EOFError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What h5py and zipfile raise on files that are cut off, overwritten, locked or something else altogether."""
_LARGEST: Final = 4096


def applies(source: Path) -> bool:
    """Whether ``source`` is, or holds, numbered ``.mat`` files."""
    return looks_published(source)


def tasks(source: Path, scratch: Path) -> Listing:
    """List the slices; the folds are read now, the slices later."""
    places, problems = find_mat_files(source, scratch)
    folds, more = _folds(source, [place for place in places if place.number == FOLDS])
    found: list[ReadTask] = [_Slice(place, folds.get(place.number)) for place in places if place.number != FOLDS]
    return Listing(FIGSHARE, found, problems + more)


def _folds(source: Path, places: list[MatLocation]) -> tuple[dict[int, int], list[ReadProblem]]:
    problems = [ReadProblem(source.name, f"no {FOLDS_FILE}: the official folds are unknown")] if not places else []
    for place in places:
        try:
            folds = [int(value) for value in _cvind(place.read())]
        except (UnreadableSlice, NotImplementedError, *_BROKEN) as error:
            problems.append(ReadProblem(place.label, f"the official folds could not be read ({error})"))
            continue
        wrong = sorted(set(folds) - set(FOLD_NUMBERS))
        if not wrong:
            return dict(enumerate(folds, start=1)), []
        problems.append(ReadProblem(place.label, f"the official folds are wrong: {wrong[:3]} is none of 1 to 5"))
    return {}, problems


def _cvind(raw: bytes) -> npt.NDArray[Any]:
    try:
        with h5py.File(io.BytesIO(raw), "r") as file:
            return np.asarray(file["cvind"]).ravel()
    except OSError:  # older than v7.3: not HDF5
        from scipy.io import loadmat
    values: npt.NDArray[Any] = loadmat(io.BytesIO(raw))["cvind"].ravel()
    return values


@dataclass(frozen=True)
class _Slice:
    place: MatLocation
    fold: int | None

    def __call__(self) -> RawSlice:
        source = self.place.label
        try:
            raw = self.place.read()
            if raw.startswith(b"MATLAB 5.0"):
                return self._slice(_older(raw), source)
            with h5py.File(io.BytesIO(raw), "r") as file:
                return self._slice(file["cjdata"], source)
        except UnreadableSlice:
            raise
        except _BROKEN as error:
            raise UnreadableSlice(
                f"not a slice of the published format ({error})", value=source, remedy="Fetch it again."
            ) from error

    def _slice(self, data: Any, source: str) -> RawSlice:
        published = float(np.asarray(data["label"]).ravel()[0])
        if published not in {1.0, 2.0, 3.0}:
            raise UnreadableSlice(f"the label is {published:g}, not 1, 2 or 3", value=source, remedy="Fetch it again.")
        image = _plane(data["image"], "image", source)
        mask = _plane(data["tumorMask"], "mask", source) > 0 if "tumorMask" in data else None
        border = np.asarray(data["tumorBorder"], dtype=np.float64).ravel() if "tumorBorder" in data else np.empty(0)
        pairs = border[: len(border) // 2 * 2].reshape(-1, 2)
        patient = "".join(chr(int(code)) for code in np.asarray(data["PID"]).ravel()) if "PID" in data else ""
        return RawSlice(
            slice_id=str(self.place.number),
            label=int(published) - 1,
            pixels=image,
            source=source,
            patient_id=patient.strip("\x00 ") or None,
            official_fold=self.fold,
            outline=" ".join(f"{x:.1f},{y:.1f}" for x, y in pairs) or None,
            mask=mask,
        )


def _older(raw: bytes) -> dict[str, npt.NDArray[Any]]:
    """``cjdata`` of a file older than v7.3, as v7.3 would have it: columns first, text as character codes."""
    from scipy.io import loadmat

    struct = loadmat(io.BytesIO(raw), variable_names=["cjdata"])["cjdata"].flat[0]
    values = {name: np.asarray(struct[name]) for name in struct.dtype.names}
    patient = values.get("PID")
    if patient is not None and patient.dtype.kind == "U":
        values["PID"] = np.array([ord(letter) for letter in "".join(patient.ravel())], dtype=np.uint16)
    return {name: value if name == "PID" else value.T for name, value in values.items()}


def _plane(stored: Any, what: str, source: str) -> npt.NDArray[Any]:
    # Judged before it is read: a broken header may claim any size.
    if len(stored.shape) != 2 or max(stored.shape) > _LARGEST or stored.dtype.kind not in "biuf":
        raise UnreadableSlice(f"the {what} is {stored.dtype} {stored.shape}", value=source, remedy="Fetch it again.")
    return np.ascontiguousarray(np.asarray(stored).T)
