"""One reader a format; each lists its slices cheaply, and reads one slice when asked.

A reader module has ``applies`` and ``tasks`` (see :class:`Reader`). A task is a small picklable callable that returns a
:class:`RawSlice` or raises :class:`tumortrace.errors.UnreadableSlice`, so that slices are read in several processes
and never all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from tumortrace.errors import ImportFailed


@dataclass(frozen=True)
class RawSlice:
    """One slice as its source has it."""

    slice_id: str
    label: int
    pixels: npt.NDArray[np.generic]  # [H, W] uint8, uint16 or int16
    source: str
    patient_id: str | None = None
    official_fold: int | None = None
    outline: str | None = None
    mask: npt.NDArray[np.bool_] | None = None
    person_id: str | None = None  # only where the source names it; else it follows from patient_id


ReadTask = Callable[[], RawSlice]


@dataclass(frozen=True)
class ReadProblem:
    """Something of the source that did not become a slice."""

    source: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """What a reader found."""

    name: str
    tasks: Sequence[ReadTask]
    problems: list[ReadProblem] = field(default_factory=list)


class Reader(Protocol):
    """What a reader module offers."""

    def applies(self, source: Path) -> bool:
        """Whether ``source`` has this reader's layout; cheap."""

    def tasks(self, source: Path, scratch: Path) -> Listing:
        """List its slices without reading them; what must be unpacked goes to ``scratch``, gone after the import."""


LAYOUTS: Final = (
    "a folder or zips of the published .mat files; a folder images/ beside slices.csv; class folders "
    "(meningioma/, glioma/, pituitary/) of PNG, JPEG, TIFF, BMP, WebP or DICOM; training_data.pickle with labels.pickle"
)


def listing(source: Path, scratch: Path) -> Listing:
    """Find the reader for ``source`` and list its slices.

    Args:
        source: A folder or a file.
        scratch: A folder that outlives the tasks, for what can only be read unpacked.

    Raises:
        ImportFailed: There is nothing there, or nothing that a reader knows.
    """
    from tumortrace.data.ingest.readers import class_folders, figshare, pickles, slices_csv

    if not source.exists():
        raise ImportFailed("there is nothing to import", value=str(source), remedy="Check the path.")
    readers: tuple[Reader, ...] = (slices_csv, figshare, pickles, class_folders)
    for reader in readers:
        if reader.applies(source):
            return reader.tasks(source, scratch)
    unpack = "Unpack it first, or g" if source.suffix == ".zip" else "G"
    raise ImportFailed("nothing here is recognised", value=str(source), remedy=f"{unpack}ive {LAYOUTS}.")
