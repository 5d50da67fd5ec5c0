"""What pages read, cached with bounds. Keys carry a stamp of the file behind them, so nothing stale is ever served."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import streamlit as st

from tumortrace import paths, processes
from tumortrace.data import datasets, identity, splits
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DatasetDamaged, RunUnreadable
from tumortrace.evaluation import published
from tumortrace.evaluation.results_document import ResultsDocument
from tumortrace.runs import index
from tumortrace.runs.index import IndexEntry
from tumortrace.ui.shell import images


def dataset_names() -> list[str]:
    """Names of the imported datasets, the real one first."""
    return datasets.available()


def dataset(name: str) -> Dataset:
    """An imported dataset with its manifest already read; shared between sessions, so never changed."""
    folder = datasets.open_dataset(name).folder
    return _dataset(str(folder), stamp(folder / "dataset.json"))


def published_dataset() -> Dataset | None:
    """The imported dataset that is the published one (or a part of it), whatever its name; None where none is."""
    found = identity.find_published()
    return None if found is None else dataset(found.name)


def published_part() -> int:
    """How many of the published slices are imported."""
    found = published_dataset()
    return 0 if found is None else len(found.manifest)


def about(document: ResultsDocument) -> Dataset | None:
    """The imported dataset that a benchmark's document speaks of; None where it is not here."""
    names = [name for name in dataset_names() if identity.is_about(document.dataset, dataset(name))]
    return dataset(names[0]) if names else None


@st.cache_resource(max_entries=4, show_spinner=False)
def _dataset(folder: str, changed: int) -> Dataset:
    found = datasets.open_dataset(Path(folder).name)
    _ = found.manifest
    return found


def folds(chosen: Dataset) -> pd.DataFrame:
    """The frozen folds, row-aligned with the manifest; do not change the frame."""
    return _folds(str(chosen.folder), chosen.fingerprint)


@st.cache_resource(max_entries=4, show_spinner="Reading the folds ...")
def _folds(folder: str, fingerprint: str) -> pd.DataFrame:
    return splits.table_for(datasets.open_dataset(Path(folder).name))


def row_of(chosen: Dataset, slice_id: str) -> pd.Series | None:
    """The manifest's row of a slice; None where the dataset has no such slice."""
    place = places(chosen).get(slice_id)
    return None if place is None else chosen.manifest.iloc[place]


def places(chosen: Dataset) -> dict[str, int]:
    """Each slice id of a dataset to its row in the manifest."""
    return _places(str(chosen.folder), chosen.fingerprint)


@st.cache_resource(max_entries=4, show_spinner=False)
def _places(folder: str, fingerprint: str) -> dict[str, int]:
    ids = dataset(Path(folder).name).manifest["slice_id"]
    return {str(name): place for place, name in enumerate(ids)}


def thumbnail(chosen: Dataset, slice_id: str, side: int = 168, outline: bool = False) -> bytes:
    """A slice as a small JPEG; a crossed square where its file is missing or broken."""
    return _thumbnail(str(chosen.folder), chosen.fingerprint, slice_id, side, outline)


@st.cache_data(max_entries=2048, show_spinner=False)
def _thumbnail(folder: str, fingerprint: str, slice_id: str, side: int, outline: bool) -> bytes:
    chosen = dataset(Path(folder).name)
    try:
        pixels = chosen.pixels(slice_id)
    except DatasetDamaged:
        return images.missing(side)
    return images.thumbnail(pixels, outline_of(chosen, slice_id) if outline else None, side)


def picture(chosen: Dataset, slice_id: str, outline: bool = False) -> bytes:
    """A slice at its own size as PNG."""
    return _picture(str(chosen.folder), chosen.fingerprint, slice_id, outline)


@st.cache_data(max_entries=128, show_spinner=False)
def _picture(folder: str, fingerprint: str, slice_id: str, outline: bool) -> bytes:
    chosen = dataset(Path(folder).name)
    return images.full(chosen.pixels(slice_id), outline_of(chosen, slice_id) if outline else None)


def outline_of(chosen: Dataset, slice_id: str) -> str | None:
    """The outline as text, None where unknown."""
    row = row_of(chosen, slice_id)
    return None if row is None or pd.isna(row["outline"]) else str(row["outline"])


@dataclass(frozen=True)
class RunRow:
    """One run, in a line."""

    id: str
    state: str
    model: str
    dataset: str | None
    protocol: str
    fold: int
    size: int
    epoch: int
    epochs: int
    created: float
    seconds: float


def run_rows() -> list[RunRow]:
    """Every run that can be read, newest first; asked anew each time, as a reader of a live list wants."""
    processes.reap()
    return [_row(entry) for entry in index.read_index().entries]


def _row(entry: IndexEntry) -> RunRow:
    config, status = entry.config, entry.status
    return RunRow(
        entry.run.id, status.state, config.model.name, entry.dataset_name, config.protocol, config.fold,
        config.preprocess.size, status.epoch, status.epochs or config.optim.epochs, status.created, status.seconds,
    )  # fmt: skip


def unreadable_runs() -> list[RunUnreadable]:
    """Why each run that no page can show cannot be read."""
    return index.read_index().unreadable


def finished_runs() -> list[IndexEntry]:
    """Runs that have a report and predictions, newest first."""
    return [entry for entry in index.read_index().entries if entry.report is not None]


def trained_runs() -> list[IndexEntry]:
    """Runs with final weights, newest first; one that trained on all five folds has no report."""
    return [entry for entry in index.read_index().entries if entry.weights]


def shipped_saliency(model: str, slice_id: str, kind: str) -> npt.NDArray[np.uint8] | None:
    """The out-of-fold map that ships for a mistake, ``[32, 32]``; None where there is none.

    Args:
        model: Its name.
        slice_id: The slice.
        kind: ``predicted`` or ``true``: the class it speaks for.
    """
    path = artifacts_file("benchmark", "saliency.npz")
    found = _shipped_saliency(str(path), stamp(path)).get((model, slice_id))
    return None if found is None else found[kind]


@st.cache_resource(max_entries=2, show_spinner=False)
def _shipped_saliency(path: str, changed: int) -> dict[tuple[str, str], dict[str, npt.NDArray[np.uint8]]]:
    return published.saliency()


def artifacts_file(*parts: str) -> Path:
    """A shipped file, whether it is there or not."""
    return paths.artifacts().joinpath(*parts)


def stamp(path: Path) -> int:
    """Changes whenever the file does; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0
