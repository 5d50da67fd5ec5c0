"""Who stands in which fold, under each of the three protocols, assigned once and frozen.

For the figshare dataset the folds ship with the package (``splits_figshare.csv``, hashed below). For any other dataset
they are made once, from its manifest and a fixed seed, and kept beside it in ``splits.csv`` with its hash.

Folds count from 1. Under every protocol, fold *k* is the test part and the other four are the training part; the
milestone paper's single 80/20 split is fold 1 of ``slice`` (613 test slices).
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace import processes
from tumortrace.constants import CLASSES, FOLDS, PROTOCOLS, Protocol
from tumortrace.data.datasets import Dataset
from tumortrace.errors import SplitError, SplitOverlap, SplitUnavailable

SEED: Final = 20151222
_FROZEN: Final = Path(__file__).with_name("splits_figshare.csv")
FROZEN_SHA256: Final = "e7318b22f6adc17b396d6c45631585d27176644d550693d2ab9c0001f9a9df49"
COLUMNS: Final = ("slice_id", "label", "patient_id", "person_id", *PROTOCOLS)


@dataclass(frozen=True)
class Split:
    """Row numbers of the manifest on each side; ``validation`` is held out of the training part, never of the test."""

    train: npt.NDArray[np.int64]
    validation: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]


def assign(manifest: pd.DataFrame, seed: int = SEED) -> pd.DataFrame:
    """Assign every slice its fold under each protocol the manifest allows.

    Args:
        manifest: One row a slice (see :mod:`tumortrace.data.manifest`).
        seed: Of the shuffles behind ``slice`` and ``person``.

    Returns:
        The frame that is frozen: :data:`COLUMNS`; a protocol that cannot be is a column of ``<NA>``.
    """
    from sklearn.model_selection import StratifiedKFold

    table = manifest[["slice_id", "label", "patient_id", "person_id"]].copy()
    labels = table["label"].to_numpy(dtype=np.int64)
    table["official"] = manifest["official_fold"].astype("Int8")
    table["person"] = pd.Series(pd.NA, index=table.index, dtype="Int8")
    table["slice"] = pd.Series(pd.NA, index=table.index, dtype="Int8")
    folds = len(FOLDS)
    counts = np.bincount(labels, minlength=len(CLASSES))
    if counts.any() and counts[counts > 0].min() >= folds:
        slices = StratifiedKFold(folds, shuffle=True, random_state=seed)
        for fold, (_, test) in enumerate(slices.split(labels, labels), start=1):
            table.loc[table.index[test], "slice"] = fold
    persons = table["person_id"]
    if persons.notna().all() and persons.nunique() >= folds and counts.max() >= folds:
        for fold, test in enumerate(_grouped(folds, seed, labels, persons.to_numpy(dtype=object)), start=1):
            table.loc[table.index[test], "person"] = fold
    return table[list(COLUMNS)]


def _grouped(
    parts: int, seed: int, labels: npt.NDArray[np.int64], groups: npt.NDArray[np.object_]
) -> list[npt.NDArray[np.int64]]:
    """Row numbers of each of so many stratified parts that tear no group apart."""
    from sklearn.model_selection import StratifiedGroupKFold

    folder = StratifiedGroupKFold(parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class with fewer slices than there are parts is missing in some: nothing a reader could mend.
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        return [held for _, held in folder.split(labels, labels, groups)]


def to_csv(table: pd.DataFrame) -> bytes:
    """The exact bytes that are frozen and hashed."""
    return table.to_csv(index=False, lineterminator="\n").encode()


def frozen_figshare() -> pd.DataFrame:
    """The shipped folds of the figshare dataset, with labels, patients and persons (facts, no images).

    Raises:
        SplitError: The file does not have the hash it was frozen with.
    """
    return _read(_FROZEN, FROZEN_SHA256)


def table_for(dataset: Dataset) -> pd.DataFrame:
    """The frozen folds of a dataset, row-aligned with its manifest.

    Made and written on first use for datasets whose folds do not ship with the package.

    Raises:
        SplitError: The frozen file was changed, or does not fit the manifest.
    """
    manifest = dataset.manifest
    shipped = frozen_figshare()
    if _fits(shipped, manifest):
        return shipped
    path = dataset.folder / "splits.csv"
    seal = dataset.folder / "splits.sha256"
    if not (path.exists() and seal.exists()):
        raw = to_csv(assign(manifest))
        processes.write_bytes(path, raw)
        processes.write_text(seal, hashlib.sha256(raw).hexdigest() + "\n")
    table = _read(path, seal.read_text().strip())
    if not _fits(table, manifest):
        raise SplitError(
            "the frozen folds do not fit the dataset",
            value=str(path),
            remedy="Import the dataset again under a new --name; its folds are made afresh.",
        )
    return table


def split(
    table: pd.DataFrame,
    protocol: Protocol,
    fold: int,
    validation: float = 0.0,
    seed: int = 0,
) -> Split:
    """Train, validation and test rows of one fold.

    Args:
        table: Frozen folds, row-aligned with the manifest.
        protocol: ``official``, ``person`` or ``slice``.
        fold: 1 to 5; this fold is the test part. 0: there is none, all five train.
        validation: Share of the training part to hold out, whole persons at a time (slices, where persons are unknown).
        seed: Of the choice of the validation part.

    Raises:
        SplitUnavailable: The dataset has no folds under this protocol, or none of that number.
        SplitOverlap: A person would be on both sides of ``person``, or a patient of ``official``.
    """
    folds = table[protocol]
    if folds.isna().any():
        needs = "the author's folds (cvind.mat)" if protocol == "official" else "patient ids and enough slices"
        usable = [name for name in PROTOCOLS if table[name].notna().all()]
        raise SplitUnavailable(
            f"this dataset has no folds under the protocol; it needs {needs}",
            value=protocol,
            remedy=f"Use {' or '.join(usable)}." if usable else "Import a dataset with patient ids.",
        )
    if fold and fold not in set(folds.tolist()):
        raise SplitUnavailable(
            "no such fold", value=fold, remedy=f"Choose one of {sorted(set(folds.tolist()))} for protocol {protocol}."
        )
    is_test = (folds == fold).to_numpy(dtype=bool)
    test, rest = np.flatnonzero(is_test), np.flatnonzero(~is_test)
    check_disjoint(table, protocol, rest, test)
    held = _validation_rows(table, rest, validation, seed)
    train = np.setdiff1d(rest, held)
    if len(held):
        check_disjoint(table, "person" if table["person_id"].notna().all() else "slice", train, held)
    return Split(train, held, test)


def some_persons(table: pd.DataFrame, rows: npt.NDArray[np.int64], share: float, seed: int) -> npt.NDArray[np.int64]:
    """Some of the rows: of each class's persons (slices, where persons are unknown) the given share, at least one.

    A smaller share is part of a larger one, for the same seed.

    Args:
        table: Frozen folds.
        rows: To choose from.
        share: Above 0, up to 1.
        seed: Of the choice.
    """
    random = np.random.default_rng(seed)
    some = table.iloc[rows]
    groups = some["person_id"] if some["person_id"].notna().all() else some["slice_id"]
    kept: set[str] = set()
    for _, names in groups.groupby(some["label"], sort=True):
        order = random.permutation(sorted(set(names)))
        kept |= set(order[: max(1, round(share * len(order)))])
    return rows[groups.isin(kept).to_numpy(dtype=bool)]


def check_disjoint(
    table: pd.DataFrame,
    protocol: Protocol,
    one: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
) -> None:
    """Raise :class:`SplitOverlap` if what ``protocol`` keeps together stands on both sides."""
    column = {"official": "patient_id", "person": "person_id", "slice": "slice_id"}[protocol]
    # Unknown patients cannot be seen to overlap; `official` may come with folds but without ids.
    shared = set(table[column].iloc[one].dropna()) & set(table[column].iloc[other].dropna())
    if shared:
        raise SplitOverlap(
            f"{column.replace('_id', '')}s stand on two sides of a `{protocol}` split",
            value=sorted(shared)[:5],
            remedy="Delete splits.csv and splits.sha256 of this dataset and let them be made again.",
        )


def _validation_rows(
    table: pd.DataFrame, rest: npt.NDArray[np.int64], share: float, seed: int
) -> npt.NDArray[np.int64]:
    if share <= 0:
        return np.empty(0, np.int64)
    labels = table["label"].iloc[rest].to_numpy(dtype=np.int64)
    # scikit-learn wants a class with a slice for each part; a tiny dataset gets fewer, larger parts.
    most = int(np.bincount(labels, minlength=1).max())
    parts = max(2, min(round(1 / share), most))
    persons = table["person_id"].iloc[rest]
    known = persons if persons.notna().all() else table["slice_id"].iloc[rest]
    groups = known.to_numpy(dtype=object)
    if len(set(groups)) < parts or most < parts:
        raise SplitUnavailable(
            "too few persons for the validation share",
            value=share,
            remedy="Set validation to 0 or import more persons.",
        )
    whole = np.bincount(labels, minlength=len(CLASSES)) / len(labels)

    def unlike(held: npt.NDArray[np.int64]) -> float:
        return float(np.abs(np.bincount(labels[held], minlength=len(CLASSES)) / len(held) - whole).sum())

    # With few persons a part may lack a class: of the parts, the one most like the whole.
    held = min((held for held in _grouped(parts, seed, labels, groups) if len(held)), key=unlike)
    return np.sort(rest[held])


def _read(path: Path, sha256: str) -> pd.DataFrame:
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != sha256:
        raise SplitError(
            "the frozen folds were changed",
            value=f"{path} has SHA-256 {found[:16]}..., expected {sha256[:16]}...",
            remedy="Restore the file from version control, or delete it with its hash to make new folds.",
        )
    kinds = dict.fromkeys(COLUMNS[:4], "string") | dict.fromkeys(("label", *PROTOCOLS), "Int8")
    return pd.read_csv(io.BytesIO(raw), dtype=kinds)


def _fits(table: pd.DataFrame, manifest: pd.DataFrame) -> bool:
    return (
        len(table) == len(manifest)
        and bool((table["slice_id"].to_numpy() == manifest["slice_id"].to_numpy()).all())
        and bool((table["label"].to_numpy() == manifest["label"].to_numpy()).all())
    )
