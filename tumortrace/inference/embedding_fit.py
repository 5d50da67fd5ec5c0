"""Make the map of a dataset: run a shipped model over its slices and lay out what its last layer saw."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from joblib import Parallel, delayed
from torch import Tensor, nn

from tumortrace.constants import VERSION
from tumortrace.data import duplicates, identity
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError, UnknownModel
from tumortrace.inference import embedding
from tumortrace.inference.bundle import Bundle, find_bundle
from tumortrace.inference.classifier import Classifier
from tumortrace.inference.embedding import Embedding

_BATCH: Final = 32
NEAR: Final = 0.02
"""Distance of near-duplicates where a dataset is too small to measure one and no map of the real one ships."""

Progress = Callable[[int, int], None]


def publish_map(model: str | None = None, progress: Progress | None = None) -> Path:
    """Map every slice of the real dataset and write the map into ``artifacts/embedding/``.

    Args:
        model: A shipped model; None takes :func:`tumortrace.inference.embedding.embedding_model`.
        progress: Called with (done, total) slices.

    Raises:
        UnknownModel: No such model ships.
        DataError: The published dataset is not imported, or only a part of it.
    """
    dataset = identity.find_published()
    if dataset is None or not embedding.is_published(dataset.manifest):
        raise DataError(
            "the map that ships is of the published slices",
            value="not imported" if dataset is None else f"{dataset.name}: {len(dataset.manifest)} slices",
            remedy="Import the whole dataset first.",
        )
    embedding.save_embedding(make_map(dataset, _bundle(model), progress), embedding.shipped())
    return embedding.shipped()


def map_here(dataset: Dataset, progress: Progress | None = None) -> Path:
    """Map a dataset with the model that ships, and keep the map in ``TUMORTRACE_HOME``.

    Raises:
        UnknownModel: No model ships.
        DataError: Too few slices, or one of them cannot be read.
    """
    bundle = _bundle(None)
    folder = embedding.embedding_path(dataset, bundle)
    embedding.save_embedding(make_map(dataset, bundle, progress), folder)
    return folder


def make_map(dataset: Dataset, bundle: Bundle, progress: Progress | None = None) -> Embedding:
    """Run the model over the slices (at most :data:`tumortrace.inference.embedding.MOST`) and lay them out.

    Raises:
        DataError: Too few slices, or one of them cannot be read.
    """
    rows = embedding.sample(len(dataset.manifest))
    manifest = dataset.manifest.iloc[rows]
    ids = manifest["slice_id"].astype(str).tolist()
    features, places = embedding.lay_out(feature_vectors(Classifier.from_bundle(bundle), dataset, ids, progress))
    # Rounded as they are kept, so that distances are the same now and later.
    features = features.astype(np.float16).astype(np.float32)
    limit, measured = duplicates.limit_of(features, manifest["person_id"], _known_limit(bundle))
    facts: dict[str, Any] = {
        "model": bundle.name,
        "weights_sha256": bundle.card["weights_sha256"],
        "trained_on": bundle.trained_on,
        "held_out": {"protocol": bundle.config.protocol, "fold": bundle.config.fold},
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "method": embedding.METHOD,
        "seed": embedding.SEED,
        "n": len(ids),
        "of": len(dataset.manifest),
        "near": round(limit, 4),
        "near_pairs": measured,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"tumortrace": VERSION, "torch": torch.__version__.split("+")[0]},
    }
    points = pd.DataFrame({"slice_id": ids, "x": places[:, 0].round(4), "y": places[:, 1].round(4)})
    return Embedding(points, features, facts)


@torch.inference_mode()
def feature_vectors(
    model: Classifier, dataset: Dataset, slice_ids: list[str], progress: Progress | None = None
) -> npt.NDArray[np.float32]:
    """What the last layer of a model is given of each slice, ``[N, F]``.

    Args:
        model: For this alone: a hook is hung on it.
        dataset: Where the slices are.
        slice_ids: Which of them.
        progress: Called with (done, total).

    Raises:
        DataError: A slice cannot be read.
    """
    caught: list[Tensor] = []
    last = [module for module in model.network.modules() if isinstance(module, nn.Linear)][-1]
    hook = last.register_forward_pre_hook(lambda _, given: caught.append(given[0].float()))
    try:
        for start in range(0, len(slice_ids), _BATCH):
            part = slice_ids[start : start + _BATCH]
            images = np.stack(
                Parallel(n_jobs=-1, prefer="threads")(delayed(_read)(model, dataset, one) for one in part)
            )
            stack = torch.from_numpy(images).float().div_(255).unsqueeze(1)
            model.network(stack.repeat(1, model.config.model.depth, 1, 1))
            if progress:
                progress(start + len(part), len(slice_ids))
    finally:
        hook.remove()
    return torch.cat(caught).numpy()


def _read(model: Classifier, dataset: Dataset, slice_id: str) -> npt.NDArray[np.uint8]:
    return model.prepare(dataset.pixels(slice_id))


def _bundle(name: str | None) -> Bundle:
    bundle = embedding.embedding_model() if name is None else find_bundle(name)
    if bundle is None:
        raise UnknownModel("no model ships", value="artifacts/models", remedy="Restore artifacts/, or publish a run.")
    return bundle


def _known_limit(bundle: Bundle) -> float:
    """What the map of the real dataset has measured for this model."""
    path = embedding.shipped()
    if (path / "map.json").is_file():
        facts = embedding.load_embedding(path).facts
        if facts["weights_sha256"] == bundle.card["weights_sha256"]:
            return float(facts["near"])
    return NEAR
