"""What a run thought after each epoch, read once and kept: a page may ask every second.

Everything is keyed by the stamp of the file behind it, and bounded. What is returned is shared: do not change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from tumortrace.constants import CLASSES
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError
from tumortrace.evaluation import metrics
from tumortrace.runs import snapshots
from tumortrace.runs.run import Run
from tumortrace.runs.snapshots import Snapshot
from tumortrace.ui.shell import cache

VALIDATION: Final = "validation"
UNWATCHED_A_CLASS: Final = 3
"""Thumbnails of each class of a run that kept no saliency maps."""


@dataclass(frozen=True)
class Epoch:
    """One epoch's probabilities, without the maps; ``place`` finds the row of a slice."""

    number: int
    place: dict[str, int]
    parts: list[str]
    probabilities: npt.NDArray[np.float32]
    watched: list[str]

    def shares(self, slice_id: str) -> list[float] | None:
        """The three probabilities of a slice; None where it was not followed."""
        row = self.place.get(slice_id)
        return None if row is None else [float(share) for share in self.probabilities[row]]

    def part(self, slice_id: str) -> str | None:
        """The part of the run a slice belongs to; None where it was not followed."""
        row = self.place.get(slice_id)
        return None if row is None else self.parts[row]

    @property
    def validation(self) -> list[str]:
        """The validation slices."""
        return [slice_id for slice_id, row in self.place.items() if self.parts[row] == VALIDATION]


def read_epochs(run: Run, number: int) -> Epoch | None:
    """An epoch's probabilities; None where there are none that can be read."""
    return _epoch(str(run.folder), number, stamp(run, number))


@st.cache_resource(max_entries=1024, show_spinner=False)
def _epoch(folder: str, number: int, changed: int) -> Epoch | None:
    found = snapshots.read_snapshot(Run(Path(folder)), number)
    if found is None:
        return None
    place = {slice_id: row for row, slice_id in enumerate(found.slice_ids)}
    return Epoch(number, place, found.parts, found.probabilities, found.watched)


def maps(run: Run, number: int) -> Snapshot | None:
    """An epoch with its saliency maps."""
    return _maps(str(run.folder), number, stamp(run, number))


@st.cache_resource(max_entries=32, show_spinner=False)
def _maps(folder: str, number: int, changed: int) -> Snapshot | None:
    return snapshots.read_snapshot(Run(Path(folder)), number)


def stamp(run: Run, number: int) -> int:
    """Changes whenever the file of an epoch does; 0 where there is none."""
    return cache.stamp(run.folder / "epochs" / f"{number:04d}.npz")


def newest(run: Run) -> Epoch | None:
    """The newest epoch that can be read."""
    for number in reversed(snapshots.snapshot_epochs(run)):
        found = read_epochs(run, number)
        if found is not None:
            return found
    return None


def dataset_of(run: Run) -> Dataset | None:
    """The dataset a run learns from; None where that one is not at hand."""
    try:
        return cache.dataset(run.dataset.dataset.name)
    except DataError:
        return None


def labels(dataset: Dataset | None) -> dict[str, int]:
    """The true class of every slice; empty without a dataset."""
    return {} if dataset is None else _labels(str(dataset.folder), dataset.fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _labels(folder: str, fingerprint: str) -> dict[str, int]:
    manifest = cache.dataset(Path(folder).name).manifest
    return {str(slice_id): int(label) for slice_id, label in zip(manifest["slice_id"], manifest["label"], strict=True)}


def history(run: Run, slice_ids: list[str]) -> pd.DataFrame:
    """A row an epoch, slice and class: ``epoch, slice_id, class_name, probability``; slices in the order given."""
    held = [epoch for number in snapshots.snapshot_epochs(run) if (epoch := read_epochs(run, number)) is not None]
    rows = [
        (epoch.number, slice_id, name, share)
        for slice_id in slice_ids
        for epoch in held
        for name, share in zip(CLASSES, epoch.shares(slice_id) or [], strict=False)
    ]
    return pd.DataFrame(rows, columns=["epoch", "slice_id", "class_name", "probability"])


def confusion(epoch: Epoch, truth: dict[str, int]) -> pd.DataFrame:
    """The confusion matrix of the validation part, a row a cell: ``true, predicted, count, share, support``."""
    known = [slice_id for slice_id in epoch.validation if slice_id in truth]
    rows = [epoch.place[slice_id] for slice_id in known]
    true = np.array([truth[slice_id] for slice_id in known], dtype=np.int64)
    counts = metrics.confusion_counts(true, epoch.probabilities[rows].argmax(axis=1).astype(np.int64))
    lines = [
        (CLASSES[row], CLASSES[column], int(count), count / line.sum() if line.sum() else None, int(line.sum()))
        for row, line in enumerate(counts)
        for column, count in enumerate(line)
    ]
    return pd.DataFrame(lines, columns=["true", "predicted", "count", "share", "support"])


def tile_slices(epoch: Epoch, truth: dict[str, int]) -> list[str]:
    """The validation slices shown as thumbnails, by class: those with saliency maps, or a few of each class."""
    chosen = sorted(epoch.watched, key=lambda slice_id: truth.get(slice_id, len(CLASSES)))
    if chosen:
        return chosen
    validation = epoch.validation
    if not truth:
        return validation[: UNWATCHED_A_CLASS * len(CLASSES)]
    by_class = [[one for one in validation if truth.get(one) == label] for label in range(len(CLASSES))]
    return [slice_id for group in by_class for slice_id in group[:UNWATCHED_A_CLASS]]


def surest_mistakes(epoch: Epoch, truth: dict[str, int]) -> list[str]:
    """The validation slices: the surest mistakes first, then the least sure of the right ones."""

    def rank(slice_id: str) -> tuple[bool, float]:
        shares = epoch.probabilities[epoch.place[slice_id]]
        right = slice_id not in truth or int(shares.argmax()) == truth[slice_id]
        top = float(shares.max())
        return right, top if right else -top

    return sorted(epoch.validation, key=rank)
