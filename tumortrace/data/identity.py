"""Is this the published dataset? Decided by its slices, never by its name.

Anybody may import slices of their own under the name ``figshare``, with the same numbers as ids. Folds, predictions,
doubted labels and similar slices that ship with the project are about the published slices alone, so they may stand
beside a dataset only where ids, labels and patients are the published ones.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import pandas as pd

from tumortrace.constants import FIGSHARE
from tumortrace.data import datasets
from tumortrace.data.datasets import Dataset
from tumortrace.data.splits import frozen_figshare
from tumortrace.errors import DataError


def published_slices(manifest: pd.DataFrame) -> int:
    """How many of the published slices a manifest holds.

    Args:
        manifest: With ``slice_id``, ``label`` and ``patient_id``.

    Returns:
        The number of its rows where each is a published slice (the same id, label and patient); 0 where one is not.
    """
    known = frozen_figshare().set_index("slice_id")[["label", "patient_id"]]
    held = known.reindex(manifest["slice_id"].astype("string")).reset_index(drop=True)
    mine = manifest[["label", "patient_id"]].reset_index(drop=True).astype(held.dtypes.to_dict())
    # Unknown is not equal to anything.
    return len(manifest) if (held == mine).fillna(False).to_numpy(dtype=bool).all() else 0


def is_published(dataset: Dataset) -> bool:
    """Whether a dataset is the published one, or a part of it."""
    return not dataset.synthetic and _held(dataset.folder, dataset.fingerprint) > 0


@lru_cache(maxsize=64)
def _held(folder: Path, fingerprint: str) -> int:
    return published_slices(Dataset(folder, {"fingerprint": fingerprint}).manifest)


def find_published() -> Dataset | None:
    """The imported dataset that is the published one, the most complete where several are; None where none is."""
    found = []
    for name in datasets.available():
        try:
            dataset = datasets.open_dataset(name)
            if is_published(dataset):
                found.append((len(dataset.manifest), dataset))
        except (DataError, OSError, ValueError, KeyError):  # damaged, or gone this moment
            continue
    return max(found, key=lambda pair: pair[0])[1] if found else None


class Benchmarked(Protocol):
    """What a benchmark says of its dataset."""

    @property
    def name(self) -> str:
        """Of its folder."""

    @property
    def fingerprint(self) -> str | None:
        """Over ids, labels and pixels; None: not recorded."""


def is_about(facts: Benchmarked | None, dataset: Dataset) -> bool:
    """Whether a benchmark speaks of a dataset's slices.

    The published dataset is known by its slices, whole or in part; any other by its name and fingerprint.

    Args:
        facts: ``dataset`` of the benchmark's document (``results.json``); None: it names none, and speaks of none.
        dataset: What it may speak of.
    """
    if facts is None:
        return False
    if facts.name == FIGSHARE:
        return is_published(dataset)
    told = facts.fingerprint
    return facts.name == dataset.name and told in (None, dataset.fingerprint)
