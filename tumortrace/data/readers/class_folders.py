"""Class folders of PNG or JPEG, as most copies of the dataset come: ``meningioma/``, ``glioma_tumor/``, ``3/``, ...

Patients are unknown, and stay so: only the ``slice`` protocol can be used with such a dataset.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tumortrace.data.catalog import CLASSES
from tumortrace.data.readers import Listing, Problem, RawSlice, Task
from tumortrace.data.readers.slices_csv import read_grey

_SUFFIXES = {".png", ".jpg", ".jpeg"}
_HEALTHY = re.compile(r"^(no|non|without|healthy|normal)")


def applies(source: Path) -> bool:
    """Whether a folder below ``source`` (or itself) is named after a class and holds images."""
    return source.is_dir() and any(True for _ in _images(source))


def tasks(source: Path, scratch: Path) -> Listing:
    """List the images of the class folders; folders of other names are reported."""
    images = [_Image(path, path.relative_to(source).as_posix(), label) for path, label in _images(source)]
    named = {path for path, _ in _class_folders(source)}
    problems = []
    for folder in sorted(entry for entry in source.rglob("*") if entry.is_dir() and entry not in named):
        count = sum(1 for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES)
        if count:
            healthy = _HEALTHY.match(folder.name.lower())
            why = "no tumour: there is no such class here" if healthy else "not named after a class"
            problems.append(Problem(folder.relative_to(source).as_posix(), f"{count} images left out: {why}"))
    found: list[Task] = [*sorted(images, key=lambda image: image.name)]
    return Listing("folders", found, problems)


def class_of(folder: str) -> int | None:
    """The label a folder's name stands for: ``Glioma_Tumor`` is 1, ``3`` is 2 (the dataset counts from 1)."""
    name = re.sub(r"[^a-z0-9]", "", folder.lower())
    if _HEALTHY.match(name):
        return None
    if name in {"1", "2", "3"}:
        return int(name) - 1
    for label, stem in enumerate(("meningiom", "gliom", "pituitar")):
        if name.startswith(stem):
            return label
    return None


def _class_folders(source: Path) -> Iterator[tuple[Path, int]]:
    for folder in (source, *sorted(entry for entry in source.rglob("*") if entry.is_dir())):
        label = class_of(folder.name)
        if label is not None:
            yield folder, label


def _images(source: Path) -> Iterator[tuple[Path, int]]:
    for folder, label in _class_folders(source):
        for path in sorted(folder.iterdir()):
            if path.is_file() and path.suffix.lower() in _SUFFIXES:
                yield path, label


@dataclass(frozen=True)
class _Image:
    path: Path
    name: str
    label: int

    def __call__(self) -> RawSlice:
        # Two folders may each have an image 1.jpg: the path makes the id, the stem keeps it readable.
        stem = re.sub(r"[^A-Za-z0-9-]+", "-", self.path.stem).strip("-")[:40] or "slice"
        slice_id = f"{CLASSES[self.label]}-{stem}-{hashlib.sha256(self.name.encode()).hexdigest()[:8]}"
        return RawSlice(slice_id, self.label, read_grey(self.path, self.name), self.name)
