"""A dataset small enough to train on in a second: one bright bar a class, at a place of its own."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.processes import FAKE_TRAINER, end_trainings
from tumortrace.config import PreprocessSettings, RunConfig, parse_config
from tumortrace.data import cache, datasets, manifest

SIDE = 32


def write_tiny(home: Path, name: str = "tiny", patients: int = 30, slices: int = 3) -> Path:
    folder = home / "data" / name
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    random = np.random.default_rng(0)
    rows = []
    for patient in range(patients):
        label = patient % 3
        for position in range(slices):
            slice_id = str(patient * slices + position + 1)
            pixels = random.integers(0, 60, (40, 40)).astype(np.uint8)
            pixels[5 + 10 * label : 12 + 10 * label, 8:32] += 150
            Image.fromarray(pixels).save(folder / "images" / f"{slice_id}.png")
            outline = np.zeros_like(pixels)
            outline[5 + 10 * label : 12 + 10 * label, 8:32] = 255
            Image.fromarray(outline).save(folder / "masks" / f"{slice_id}.png")
            rows.append(
                {
                    "slice_id": slice_id,
                    "label": label,
                    "patient_id": f"P{patient:02d}",
                    "series_id": f"P{patient:02d}-1",
                    "position": position,
                    "official_fold": patient // 3 % 5 + 1,
                }
            )
    manifest.conform(pd.DataFrame(rows)).to_parquet(folder / "manifest.parquet")
    card = {"name": name, "kind": "synthetic", "fingerprint": f"tiny-{patients}-{slices}"}
    (folder / "dataset.json").write_text(json.dumps(card))
    return folder


@pytest.fixture(scope="session")
def tiny_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the dataset and its slices prepared as :func:`tiny` asks; copied, never changed."""
    made = tmp_path_factory.mktemp("tiny")
    write_tiny(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUMORTRACE_HOME", str(made))
        cache.load_cache(datasets.open_dataset("tiny"), PreprocessSettings(size=SIDE), workers=1)
    return made


@pytest.fixture
def home(tmp_path: Path, tiny_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    shutil.copytree(tiny_home, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """What Python is called with to train in make-believe; whatever it left running ends with the test."""
    path = tmp_path / "fake.py"
    path.write_text(FAKE_TRAINER)
    yield (str(path),)
    end_trainings(tmp_path)


@pytest.fixture
def fake_python(tmp_path: Path, fake: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> str:
    """Stands where jobs look for Python: whatever they start is the make-believe trainer."""
    path = tmp_path / "python"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{fake[0]}" "$@"\n')
    path.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(path))
    return str(path)


@pytest.fixture
def tiny() -> RunConfig:
    return parse_config(
        {
            "dataset": "tiny",
            "validation": 0.2,
            "device": "cpu",
            "precision": "32-true",
            "threads": 1,
            "checkpoint": 0,
            "preprocess": {"size": SIDE},
            "model": {"name": "cnn3d"},
            "optim": {"epochs": 3, "batch_size": 8, "lr": 5e-3},
        }
    )
