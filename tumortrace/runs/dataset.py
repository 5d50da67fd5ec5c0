"""Which dataset a run rests on: written down when the run is made, and asked for whenever it is read.

A name is no identity: another dataset may be imported under it, or be the first of several. So a run folder keeps
``dataset.json`` (see :class:`DatasetRef`), and whoever needs the run's slices opens them through :func:`dataset_of`,
which finds them by fingerprint and refuses any other. A run made before that file existed is read through what its
report says of its rows, and marked as such. No torch: pages read runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from tumortrace import paths, processes
from tumortrace.data import datasets
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError, DatasetMismatch, DatasetNotFound
from tumortrace.evaluation.predictions import PROBABILITIES

FILE: Final = "dataset.json"
_SHOWN: Final = 12  # letters of a fingerprint that are shown


class DatasetRef(BaseModel):
    """The identity of a dataset, as a run keeps it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    fingerprint: str
    """SHA-256 over slice ids, labels and pixels (see :class:`~tumortrace.data.datasets.Dataset`)."""
    synthetic: bool
    slices: int
    origin: str | None = None

    @classmethod
    def of(cls, dataset: Dataset) -> DatasetRef:
        """The identity of an imported dataset."""
        origin = dataset.info.get("origin")
        return cls(
            name=dataset.name,
            fingerprint=dataset.fingerprint,
            synthetic=dataset.synthetic,
            slices=len(dataset.manifest),
            origin=None if origin is None else str(origin),
        )


@dataclass(frozen=True)
class RunDataset:
    """The dataset of a run; ``assumed`` where the run is older than :data:`FILE` and its report alone speaks for it."""

    dataset: Dataset
    assumed: bool = False


def write_ref(folder: Path, dataset: Dataset) -> DatasetRef:
    """Write down in a run folder which dataset it rests on."""
    ref = DatasetRef.of(dataset)
    processes.write_text(folder / FILE, ref.model_dump_json(indent=2))
    return ref


def read_ref(folder: Path) -> DatasetRef | None:
    """What a run folder says of its dataset; None where it was made before that was kept.

    Raises:
        DataError: The file cannot be read.
    """
    try:
        return DatasetRef.model_validate_json((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        remedy = "Restore the file from an export of the run, or train anew."
        raise DataError("the run's note of its dataset cannot be read", value=str(folder / FILE), remedy=remedy) from (
            error
        )


def dataset_of(folder: Path, named: str | None) -> RunDataset:
    """Open the dataset a run rests on, under whatever name it is imported now.

    Args:
        folder: The run folder.
        named: The ``dataset`` of its settings; used where the folder keeps no :data:`FILE`.

    Raises:
        DatasetMismatch: What is imported is another dataset, or an old run does not say enough to tell.
        DatasetNotFound: It is not imported.
        DataError: The folder's note of it cannot be read.
    """
    ref = read_ref(folder)
    return _older(folder, named) if ref is None else RunDataset(open_ref(ref, folder.name))


def open_ref(ref: DatasetRef, asker: str) -> Dataset:
    """Open the dataset of that fingerprint.

    Args:
        ref: What was written down.
        asker: The run (or file) that rests on it, for the message.

    Raises:
        DatasetMismatch: Another dataset has its name, and no other is it.
        DatasetNotFound: It is not imported.
    """
    names = datasets.available()
    held = {name: found for name in sorted(names, key=lambda name: name != ref.name) if (found := _try(name))}
    for dataset in held.values():
        if dataset.fingerprint == ref.fingerprint:
            return dataset
    if ref.name not in held:
        raise DatasetNotFound(
            f"{asker} rests on a dataset that is not imported here",
            value=f"{ref.name}, {ref.slices:,} slices, fingerprint {ref.fingerprint[:_SHOWN]}",
            remedy=_way_back(ref),
        )
    other = held[ref.name]
    raise DatasetMismatch(
        f"{asker} rests on another dataset than the one now imported as {ref.name}",
        value=f"{ref.slices:,} slices, fingerprint {ref.fingerprint[:_SHOWN]}; now {len(other.manifest):,} slices, "
        f"fingerprint {other.fingerprint[:_SHOWN]}",
        remedy=_way_back(ref),
    )


def _way_back(ref: DatasetRef) -> str:
    if ref.synthetic:
        return f"Make it again with {paths.command('data phantom --replace')} and the options it was made with."
    source = f" from {ref.origin}" if ref.origin else ""
    return f"Import it again{source} with {paths.command('data import PATH --name NAME')}; any name will do."


def _older(folder: Path, named: str | None) -> RunDataset:
    """The dataset of a run without :data:`FILE`: the one on which its rows give the figures of its report."""
    report, rows = _report(folder), _rows(folder)
    names = [named] if named is not None else datasets.available()
    held = [found for name in names if name in datasets.available() and (found := _try(name))]
    if report is None or rows is None:
        if named is not None and held:
            return RunDataset(held[0], assumed=True)
        why = "is not imported" if named is not None else "is not named in its settings"
        raise DatasetMismatch(
            f"the dataset of {folder.name}, a run of an earlier version, {why}",
            value=named,
            remedy="Import it under that name." if named is not None else "Train it anew with --dataset NAME.",
        )
    for dataset in held:
        if _agrees(dataset, rows, report):
            return RunDataset(dataset, assumed=True)
    raise DatasetMismatch(
        f"no imported dataset gives the figures that {folder.name}, a run of an earlier version, reports",
        value=named or ", ".join(names) or None,
        remedy="Import the dataset it was trained on again.",
    )


def _agrees(dataset: Dataset, rows: pd.DataFrame, report: dict[str, Any]) -> bool:
    """Whether the report's accuracy comes out of these rows with this dataset's labels."""
    if dataset.synthetic != bool(report.get("synthetic", False)):
        return False
    labels = dataset.manifest.set_index("slice_id")["label"].reindex(rows["slice_id"].astype(str))
    if labels.isna().any():
        return False
    shares = rows[list(PROBABILITIES)].to_numpy(dtype=np.float64)
    accuracy = float((shares.argmax(axis=1) == labels.to_numpy(dtype=np.int64)).mean())
    told = report["slice"]["metrics"]
    return len(rows) == told["n"] and abs(accuracy - float(told["accuracy"])) < 1e-9


def _report(folder: Path) -> dict[str, Any] | None:
    try:
        found = json.loads((folder / "report.json").read_text())
        _ = found["slice"]["metrics"]["accuracy"], found["slice"]["metrics"]["n"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(found)


def _rows(folder: Path) -> pd.DataFrame | None:
    try:
        return pd.read_parquet(folder / "predictions.parquet")
    except (OSError, ValueError):
        return None


def _try(name: str) -> Dataset | None:
    """An imported dataset, or None where it is damaged or gone this moment."""
    try:
        found = datasets.open_dataset(name)
        _ = found.fingerprint
    except (DataError, OSError, ValueError, KeyError):
        return None
    return found
