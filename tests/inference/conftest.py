"""Finished runs made without training: random weights, and rows as if they had predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from tests.datasets import write_published
from tumortrace import runs
from tumortrace.config import parse_config
from tumortrace.constants import CLASSES
from tumortrace.data import splits
from tumortrace.models.registry import build
from tumortrace.runs.run import Run

SIZES = {"cnn3d": 48, "resnet18": 64, "inception_v3": 96, "tracenet": 64}
MakeRun = Callable[..., Run]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    write_published(tmp_path / "home")
    return tmp_path


@pytest.fixture
def make_run() -> MakeRun:
    def make(name: str = "cnn3d", fold: int = 1, seed: int = 0) -> Run:
        config = parse_config(
            {"dataset": "figshare", "fold": fold, "model": {"name": name}, "preprocess": {"size": SIZES[name]}}
        )
        run = runs.create(config)
        torch.manual_seed(seed)
        save_file(build(config.model).state_dict(), run.folder / "model.safetensors")
        truth = splits.frozen_figshare()
        rows = truth[truth["official"] == fold]
        shares = np.random.default_rng(seed).dirichlet((1, 1, 1), len(rows))
        table = pd.DataFrame(
            {"model": name, "protocol": "official", "seed": seed, "fold": fold, "slice_id": rows["slice_id"].to_list()}
        ).assign(**{f"p_{one}": shares[:, place] for place, one in enumerate(CLASSES)})
        if fold:
            table.to_parquet(run.folder / "predictions.parquet", index=False)
        (run.folder / "metrics" / "version_1").mkdir(parents=True)
        pd.DataFrame({"epoch": [1, 2], "step": [5, 10], "train_loss": [1.0, 0.5]}).to_csv(
            run.folder / "metrics" / "version_1" / "metrics.csv", index=False
        )
        counts = {"train": 2494, "validation": 0, "test": len(rows)}
        run.write_status(run.status.model_copy(update={"state": "finished", "counts": counts, "device": "cpu"}))
        return run

    return make


@pytest.fixture
def slice_() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 4000, (120, 100)).astype(np.int16)
