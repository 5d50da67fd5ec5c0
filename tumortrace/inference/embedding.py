"""The map of a dataset: every slice where a shipped model sees it, laid out in two dimensions. No torch.

::

    artifacts/embedding/          for the real dataset; TUMORTRACE_HOME/cache/embedding-*/ for any other
        map.parquet      slice_id, x, y
        features.npz     [N, 64] float16, of unit length: principal components of what the model's last layer saw
        map.json         model, checksum of its weights, method, seed, how many slices

t-SNE (van der Maaten and Hinton, 2008) keeps neighbours together; what lies far apart on the map, and how far, says
little. scikit-learn's is taken: UMAP would bring a compiler (numba) along, for a picture that says the same.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from tumortrace import paths, processes
from tumortrace.config.models import map_models
from tumortrace.constants import SLICES
from tumortrace.data.datasets import Dataset
from tumortrace.data.identity import published_slices
from tumortrace.errors import DataError
from tumortrace.inference.bundle import Bundle, list_bundles
from tumortrace.inference.retrieval import unit_vectors

SEED: Final = 0
DIRECTIONS: Final = 64
PERPLEXITY: Final = 30
MOST: Final = 5_000
"""Slices laid out; of a larger dataset so many are drawn."""
LEAST: Final = 10
METHOD: Final = f"PCA to {DIRECTIONS} dimensions, then t-SNE (perplexity {PERPLEXITY})"

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Embedding:
    """A map of slices, and the features it was made from."""

    points: pd.DataFrame  # slice_id, x, y
    features: npt.NDArray[np.float32]  # [N, 64], row-aligned with the points
    facts: dict[str, Any]

    @property
    def stamp(self) -> str:
        """Changes with the weights and the slices behind the map."""
        return f"{self.facts['weights_sha256'][:12]}-{self.facts['fingerprint'][:12]}"


def embedding_model() -> Bundle | None:
    """The shipped model whose features are mapped: TraceNet where it ships, else ResNet18, else the best there is."""
    bundles = {bundle.name: bundle for bundle in list_bundles()}
    named = [bundles[name] for name in map_models() if name in bundles]
    return next(iter([*named, *bundles.values()]), None)


def find_embedding(dataset: Dataset) -> Embedding | None:
    """The map of a dataset: the one that ships for the real one, or one made here by the model that ships now.

    Raises:
        DataError: The shipped one is damaged.
    """
    if is_published(dataset.manifest) and (shipped() / "map.json").is_file():
        return load_embedding(shipped())
    bundle = embedding_model()
    if bundle is None:
        return None
    folder = embedding_path(dataset, bundle)
    try:
        return load_embedding(folder) if (folder / "map.json").is_file() else None
    except DataError:
        return None  # it can be made again


def shipped() -> Path:
    """Where the map of the real dataset ships."""
    return paths.artifacts() / "embedding"


def embedding_path(dataset: Dataset, bundle: Bundle) -> Path:
    """Where the map of another dataset is kept."""
    return paths.cache() / f"embedding-{dataset.fingerprint[:20]}-{bundle.card['weights_sha256'][:12]}"


def is_published(manifest: pd.DataFrame) -> bool:
    """Whether these are all the slices of the real dataset (pixels may be recompressed)."""
    return published_slices(manifest) == SLICES


def load_embedding(folder: Path) -> Embedding:
    """Read a map.

    Raises:
        DataError: A file is missing or damaged.
    """
    try:
        facts: dict[str, Any] = json.loads((folder / "map.json").read_text())
        points = pd.read_parquet(folder / "map.parquet")
        with np.load(folder / "features.npz", allow_pickle=False) as stored:
            features = stored["features"].astype(np.float32)
        if not len(points) == len(features) == facts["n"]:
            raise ValueError(f"{len(points)} points, {len(features)} features")
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise DataError(
            "the map of the slices is damaged", value=str(folder),
            remedy=f"Delete the folder, or make it again with `{paths.command('publish-map')}`.",
        ) from error  # fmt: skip
    return Embedding(points, features, facts)


def save_embedding(found: Embedding, folder: Path) -> None:
    """Write a map; each file appears whole, ``map.json`` last."""
    processes.write_parquet(folder / "map.parquet", found.points)
    processes.write_npz(folder / "features.npz", {"features": found.features.astype(np.float16)})
    processes.write_json(folder / "map.json", found.facts)


def sample(count: int) -> npt.NDArray[np.int64]:
    """Row numbers of the slices to lay out: all, or :data:`MOST` drawn with the seed."""
    if count <= MOST:
        return np.arange(count)
    return np.sort(np.random.default_rng(SEED).choice(count, MOST, replace=False))


def lay_out(seen: Floats) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Lay slices out in two dimensions, by PCA and t-SNE.

    Args:
        seen: ``[N, F]``, what a model saw of each slice.

    Returns:
        Features ``[N, 64]`` of unit length (fewer columns where N or F are smaller), and places ``[N, 2]``, scaled to
        -1..1.

    Raises:
        DataError: Fewer than ten slices.
    """
    if len(seen) < LEAST:
        raise DataError("too few slices for a map", value=len(seen), remedy=f"Import {LEAST} or more.")
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    found = PCA(min(DIRECTIONS, *seen.shape), random_state=SEED).fit_transform(seen.astype(np.float64))
    features = unit_vectors(found).astype(np.float32)
    perplexity = min(PERPLEXITY, (len(seen) - 1) / 3)
    # One thread: sums then come in one order and the map is the same each time; and where other work keeps the cores
    # busy, threads that wait for each other a thousand times take minutes.
    with threadpool_limits(1):
        places = TSNE(2, perplexity=perplexity, init="pca", random_state=SEED).fit_transform(features)
    places = places - (places.max(axis=0) + places.min(axis=0)) / 2
    return features, (places / max(float(np.abs(places).max()), 1e-9)).astype(np.float32)
