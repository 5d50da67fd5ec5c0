from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tumortrace.benchmark import baselines
from tumortrace.data.datasets import Dataset, open_dataset
from tumortrace.data.phantom import make_phantom
from tumortrace.evaluation.predictions import COLUMNS
from tumortrace.evaluation.report import make_report
from tumortrace.imaging.features import features


@pytest.fixture
def phantoms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    return open_dataset(make_phantom(persons=30, size=96).name)


def test_a_blank_slice_is_described_too() -> None:
    measured = features(np.zeros((128, 128), np.uint8))
    assert np.isfinite(measured).all()
    assert measured.shape == features(np.full((128, 128), 90, np.uint8)).shape


def test_texture_tells_rough_from_smooth() -> None:
    random = np.random.default_rng(0)
    rough = random.integers(0, 256, (128, 128)).astype(np.uint8)
    smooth = np.tile(np.arange(128, dtype=np.uint8), (128, 1))
    assert np.abs(features(rough) - features(smooth)).max() > 0.1


@pytest.mark.slow
def test_each_slice_is_predicted_once_and_better_than_by_the_majority(phantoms: Dataset) -> None:
    folds = (1, 2, 3, 4, 5)
    floor = baselines.majority(phantoms, "person", folds)
    measured = baselines.classical(phantoms, "person", folds)
    for rows in (floor, measured):
        assert tuple(rows.columns) == COLUMNS
        assert sorted(rows["slice_id"]) == sorted(phantoms.manifest["slice_id"])
    scores = [make_report(rows, phantoms.manifest, synthetic=True).slice.metrics for rows in (floor, measured)]
    assert scores[1].accuracy > scores[0].accuracy + 0.1
    assert scores[0].macro_auc == pytest.approx(0.5, abs=0.15)
