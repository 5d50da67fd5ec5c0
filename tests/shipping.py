"""Models that ship, made without training: random weights, and everything that was fitted for them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from tumortrace import paths, processes
from tumortrace.config import parse_config
from tumortrace.evaluation.results_document import EnsembleVote, ResultsDocument
from tumortrace.evaluation.results_records import CoverageFigure, LocalisationFigure
from tumortrace.inference.ood import OODDetector, image_features, save_detector
from tumortrace.inference.retrieval import save_index
from tumortrace.models.registry import build

MODELS = ("resnet18", "tracenet")


def ship(name: str) -> None:
    """A model with random weights."""
    config = parse_config({"model": {"name": name}, "preprocess": {"size": 64}})
    torch.manual_seed(0)
    raw = save({key: value.clone() for key, value in build(config.model).state_dict().items()})
    folder = paths.artifacts() / "models" / name
    processes.write_bytes(folder / "weights.safetensors", raw)
    card = {
        "config": config.model_dump(mode="json"), "weights_sha256": hashlib.sha256(raw).hexdigest(), "scores": {},
        "trained_on": "nothing at all", "synthetic": False, "created": "2026-01-01",
    }  # fmt: skip
    processes.write_json(folder / "model.json", card)


def gate(near: float) -> None:
    count = len(image_features(np.zeros((128, 128), np.uint8)))
    arrays = np.zeros(count), np.ones(count), np.zeros(count), np.eye(2, count)
    save_detector(OODDetector(*arrays, near, near * 2, 0.0, {"slices": 10}))


def ship_results(document: ResultsDocument) -> Path:
    """Write the benchmark's document where it is looked for; the folder."""
    folder = paths.artifacts() / "benchmark"
    processes.write_json(folder / "results.json", document.model_dump(mode="json", by_alias=True))
    return folder


def ship_all() -> None:
    """Two models, what was fitted for them, an open gate, and an index of similar slices."""
    for name in MODELS:
        ship(name)
    equal = dict.fromkeys(MODELS, 1.0), dict.fromkeys(MODELS, 0.5)
    vote = EnsembleVote(protocol="person", seed=0, fold=1, temperatures=equal[0], weights=equal[1], n=200)
    coverage = CoverageFigure(
        model="ensemble", protocol="person", level=90, class_name=None, metric="coverage", value=0.91, low=0.89,
        high=0.93, n=3064,
    )  # fmt: skip
    pointing = LocalisationFigure(
        model="tracenet", method="gradcam", metric="pointing", group="all", value=0.91, low=0.89, high=0.93, n=3064,
        persons=209, sampled=False,
    )  # fmt: skip
    ship_results(
        ResultsDocument(
            votes=[vote], limits={"person": {90: [0.2] * 3, 95: [0.0] * 3}}, coverage=[coverage],
            localisation=[pointing],
        )
    )  # fmt: skip
    gate(1e6)
    seen = np.random.default_rng(0).normal(size=(100, 1636)).astype(np.float32)
    save_index(seen, [str(place) for place in range(1, 101)], paths.artifacts() / "models" / "tracenet")
