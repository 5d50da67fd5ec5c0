"""The published layout: ``N.mat`` (MATLAB v7.3, which is HDF5) in a folder, in the four zips, or in one zip of them.

Each holds a group ``cjdata``: label (1 to 3), PID (character codes), image (int16), tumorBorder (x, y, x, y, ...) and
tumorMask. MATLAB writes columns first, so image and mask are transposed. ``cvind.mat``, the author's folds in slice
order, lies beside them and is no slice.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from tumortrace.data.catalog import FIGSHARE
from tumortrace.data.readers import Listing, Problem, RawSlice, Task
from tumortrace.errors import UnreadableSlice

_SLICE = re.compile(r"(?:^|/)(\d+)\.mat$")
_FOLDS = "cvind.mat"
_MAX_MEMBER = 64 * 2**20


def applies(source: Path) -> bool:
    """Whether ``source`` is, or holds, numbered ``.mat`` files."""
    if source.is_file():
        return source.suffix == ".mat" or (zipfile.is_zipfile(source) and any(True for _ in _members(source)))
    return any(_SLICE.search(path.name) for path in source.rglob("*.mat")) or any(
        zipfile.is_zipfile(path) and any(True for _ in _members(path)) for path in source.glob("*.zip")
    )


def tasks(source: Path) -> Listing:
    """List the slices; the folds are read now, the slices later."""
    places = sorted(set(_places(source)), key=lambda place: (place.number, place.label))
    folds, problems = _folds(source, [place for place in places if place.number == 0])
    slices = [place for place in places if place.number > 0]
    found: list[Task] = [_Slice(place, folds.get(place.number)) for place in slices]
    return Listing(FIGSHARE, found, problems)


@dataclass(frozen=True)
class _Place:
    """Where one ``.mat`` file is: a file, or a member of a zip, or of a zip in a zip. Number 0 is ``cvind.mat``."""

    number: int
    path: Path
    members: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return "/".join((self.path.name, *self.members))

    def read(self) -> bytes:
        if not self.members:
            return self.path.read_bytes()
        with zipfile.ZipFile(self.path) as outer:
            if len(self.members) == 1:
                return _bounded(outer, self.members[0])
            # A stored inner zip can be read in place; a packed one is unpacked in memory, as far as needed.
            with outer.open(self.members[0]) as inner, zipfile.ZipFile(inner) as archive:
                return _bounded(archive, self.members[1])


def _bounded(archive: zipfile.ZipFile, member: str) -> bytes:
    if archive.getinfo(member).file_size > _MAX_MEMBER:
        raise UnreadableSlice("larger than any slice can be", value=member, remedy="Check the archive.")
    return archive.read(member)


def _number(name: str) -> int | None:
    if name.rsplit("/", 1)[-1].lower() == _FOLDS:
        return 0
    match = _SLICE.search(name)
    return int(match.group(1)) if match else None


def _places(source: Path) -> Iterator[_Place]:
    if source.is_file() and source.suffix != ".mat":
        yield from _members(source)
        return
    folder = source if source.is_dir() else source.parent
    for path in folder.rglob("*.mat") if source.is_dir() else (source, folder / _FOLDS):
        number = _number(path.name)
        if number is not None and path.is_file():
            yield _Place(number, path)
    if source.is_dir():
        for path in sorted(source.glob("*.zip")):
            if zipfile.is_zipfile(path):
                yield from _members(path)
        if (folder.parent / _FOLDS).is_file():
            yield _Place(0, folder.parent / _FOLDS)


def _members(path: Path) -> Iterator[_Place]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            number = _number(name)
            if number is not None:
                yield _Place(number, path, (name,))
            elif name.lower().endswith(".zip"):
                with archive.open(name) as inner, zipfile.ZipFile(inner) as nested:
                    for member in nested.namelist():
                        if (number := _number(member)) is not None:
                            yield _Place(number, path, (name, member))


def _folds(source: Path, places: list[_Place]) -> tuple[dict[int, int], list[Problem]]:
    for place in places:
        try:
            raw = place.read()
            if raw[:4] == b"\x89HDF"[:4] or b"MATLAB 7.3" in raw[:128]:
                with h5py.File(io.BytesIO(raw), "r") as file:
                    values = np.asarray(file["cvind"]).ravel()
            else:
                from scipy.io import loadmat

                values = loadmat(io.BytesIO(raw))["cvind"].ravel()
            return {number: int(fold) for number, fold in enumerate(values, start=1)}, []
        except (OSError, KeyError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
            return {}, [Problem(place.label, f"the official folds could not be read ({error})")]
    return {}, [Problem(str(source.name), f"no {_FOLDS}: the official folds are unknown")]


@dataclass(frozen=True)
class _Slice:
    place: _Place
    fold: int | None

    def __call__(self) -> RawSlice:
        label = self.place.label
        try:
            with h5py.File(io.BytesIO(self.place.read()), "r") as file:
                return self._slice(file["cjdata"], label)
        except UnreadableSlice:
            raise
        except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError, zipfile.BadZipFile) as error:
            raise UnreadableSlice(
                f"not a slice of the published format ({error})", value=label, remedy="Fetch it again."
            ) from error

    def _slice(self, data: Any, source: str) -> RawSlice:
        published = float(np.asarray(data["label"]).ravel()[0])
        if published not in {1.0, 2.0, 3.0}:
            raise UnreadableSlice(f"the label is {published:g}, not 1, 2 or 3", value=source, remedy="Fetch it again.")
        image: npt.NDArray[np.generic] = np.asarray(data["image"]).T
        if image.ndim != 2 or image.dtype.kind not in "iuf":
            raise UnreadableSlice(f"the image is {image.dtype} {image.shape}", value=source, remedy="Fetch it again.")
        border = np.asarray(data["tumorBorder"], dtype=np.float64).ravel() if "tumorBorder" in data else np.empty(0)
        mask = np.asarray(data["tumorMask"]).T > 0 if "tumorMask" in data else None
        patient = "".join(chr(int(code)) for code in np.asarray(data["PID"]).ravel()) if "PID" in data else ""
        pairs = border[: len(border) // 2 * 2].reshape(-1, 2)
        return RawSlice(
            slice_id=str(self.place.number),
            label=int(published) - 1,
            pixels=np.ascontiguousarray(image),
            source=source,
            patient_id=patient.strip("\x00 ") or None,
            official_fold=self.fold,
            outline=" ".join(f"{x:.1f},{y:.1f}" for x, y in pairs) or None,
            mask=mask,
        )
