"""The most similar slices of the dataset, with their diagnoses: neighbours in what TraceNet's head sees. No torch.

::

    artifacts/models/tracenet/neighbours.npz
        features     [N, 64] float16, of unit length: principal components of what the head saw
        slice_id     [N]
        mean, directions   to bring a new slice there

TraceNet has learnt the labels, so its neighbours share a diagnosis more often than they share a look; and it was
trained on these very slices. They illustrate an answer, and are no second opinion.

One product of 3,064 rows with a vector needs no index; and a library's search returns the nearest rows, where the
nearest persons are asked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tumortrace import paths, processes
from tumortrace.config.models import retrieval_model
from tumortrace.data import splits
from tumortrace.errors import DataError

FILE: Final = "neighbours.npz"
DIRECTIONS: Final = 64

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Neighbour:
    """A slice of the dataset that resembles another."""

    slice_id: str
    label: int
    person_id: str
    similarity: float
    """Cosine, at most 1."""


class RetrievalIndex:
    """The dataset's slices where TraceNet sees them."""

    def __init__(self, features: Floats, slice_ids: list[str], mean: Floats, directions: Floats) -> None:
        self._features, self._mean, self._directions = features.astype(np.float32), mean, directions
        self._ids = np.array(slice_ids)
        truth = splits.frozen_figshare().set_index("slice_id")
        self._labels = truth["label"].reindex(self._ids).to_numpy(dtype=np.int64)
        self._persons = truth["person_id"].reindex(self._ids).astype(str).to_numpy()

    def __len__(self) -> int:
        return len(self._ids)

    def find(self, seen: Floats, count: int = 5, but_not: str | None = None) -> list[Neighbour]:
        """The nearest slices, at most one of each person.

        Args:
            seen: ``[F]``, what TraceNet's head saw of the slice in question.
            count: How many.
            but_not: A person whose slices do not count: the one the slice is of, where it is from the dataset.
        """
        likeness = self._features @ unit_vectors((seen - self._mean) @ self._directions.T)
        return self._nearest(likeness, count, but_not, None)

    def beside(self, slice_id: str, count: int = 5, among: Collection[str] | None = None) -> list[Neighbour] | None:
        """The nearest slices to one that is in the index itself; no model is asked.

        Args:
            slice_id: Of the real dataset.
            count: How many, at most one of each person, none of the slice's own.
            among: The slices that may be named; None for all.

        Returns:
            None where the index does not hold the slice.
        """
        rows = np.flatnonzero(self._ids == slice_id)
        if not len(rows):
            return None
        likeness = self._features @ self._features[rows[0]]
        return self._nearest(likeness, count, str(self._persons[rows[0]]), among)

    def _nearest(
        self, likeness: Floats, count: int, but_not: str | None, among: Collection[str] | None
    ) -> list[Neighbour]:
        found: list[Neighbour] = []
        taken = {but_not}
        for row in np.argsort(-likeness, kind="stable"):
            if len(found) == count:
                break
            if self._persons[row] not in taken and (among is None or str(self._ids[row]) in among):
                taken.add(self._persons[row])
                found.append(
                    Neighbour(
                        str(self._ids[row]), int(self._labels[row]), str(self._persons[row]), float(likeness[row])
                    )
                )
        return found


def unit_vectors(rows: Floats) -> Floats:
    """Rows ``[N, F]`` (or one, ``[F]``) scaled to length 1."""
    scaled: Floats = rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-6)
    return scaled


def load_index() -> RetrievalIndex | None:
    """The index of the TraceNet that ships; None where it ships without one.

    Raises:
        DataError: The file is damaged.
    """
    path = paths.artifacts() / "models" / retrieval_model() / FILE
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            mean, directions = stored["mean"].astype(np.float32), stored["directions"].astype(np.float32)
            return RetrievalIndex(stored["features"], stored["slice_id"].tolist(), mean, directions)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            "the index of similar slices is damaged", value=str(path), remedy="Restore artifacts/ from the repository."
        ) from error


def save_index(seen: Floats, slice_ids: list[str], folder: Path) -> Path:
    """Write the index beside a shipped TraceNet.

    Args:
        seen: ``[N, F]``, what its head saw of every slice.
        slice_ids: Of the real dataset.
        folder: Of the shipped model, ``artifacts/models/tracenet``.
    """
    from sklearn.decomposition import PCA

    found = PCA(min(DIRECTIONS, *seen.shape), random_state=0).fit(seen.astype(np.float64))
    mean, directions = found.mean_.astype(np.float32), found.components_.astype(np.float32)
    features = unit_vectors((seen - mean) @ directions.T).astype(np.float16)
    arrays = {"features": features, "slice_id": np.array(slice_ids), "mean": mean}
    processes.write_npz(folder / FILE, {**arrays, "directions": directions.astype(np.float16)})
    return folder / FILE
