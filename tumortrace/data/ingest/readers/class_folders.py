"""Class folders of pictures, as most copies of the dataset come: ``meningioma/``, ``glioma_tumor/``, ``3/``, ...

Patients are unknown, and stay so: only the ``slice`` protocol can be used with such a dataset.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tumortrace.constants import CLASSES
from tumortrace.data.ingest.readers import Listing, RawSlice, ReadProblem, ReadTask
from tumortrace.data.ingest.readers.images import is_picture, read_grey
from tumortrace.imaging.formats.archives import is_junk

_HEALTHY = re.compile(r"^(no|non|without|healthy|normal)")


def applies(source: Path) -> bool:
    """Whether a folder below ``source`` (or itself) is named after a class and holds images."""
    return source.is_dir() and any(True for _ in _images(source))


def tasks(source: Path, scratch: Path) -> Listing:
    """List the images of the class folders; folders of other names and files of other kinds are reported."""
    images = [_Image(path, path.relative_to(source).as_posix(), label) for path, label in _images(source)]
    named = {path for path, _ in _class_folders(source)}
    problems = []
    for folder in sorted(entry for entry in source.rglob("*") if entry.is_dir() and entry not in named):
        count = sum(1 for path in folder.iterdir() if is_picture(path))
        if count:
            healthy = _HEALTHY.match(folder.name.lower())
            why = "no tumour: there is no such class here" if healthy else "not named after a class"
            problems.append(ReadProblem(folder.relative_to(source).as_posix(), f"{count} images left out: {why}"))
    problems += _passed_over(source)
    found: list[ReadTask] = [*sorted(images, key=lambda image: image.name)]
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
            if path.is_file() and is_picture(path):
                yield path, label


def _passed_over(source: Path) -> Iterator[ReadProblem]:
    """A line for each class folder with files that are no pictures: how many of each suffix."""
    for folder, _ in _class_folders(source):
        others = Counter(
            path.suffix.lower() or "without suffix"
            for path in folder.iterdir()
            if path.is_file() and not is_picture(path) and not is_junk(path.name)
        )
        if others:
            many = others.total()
            kinds = ", ".join(f"{suffix} {count}" for suffix, count in others.most_common())
            name = folder.relative_to(source).as_posix()
            yield ReadProblem(name, f"{many} file{'s' * (many > 1)} left out, no kind of picture known here: {kinds}")


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
