"""The real dataset, where it is at hand (``TUMORTRACE_TEST_DATA`` names its folder): its counts and its oddities."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tumortrace.data import splits
from tumortrace.data.datasets import open_dataset
from tumortrace.data.ingest.importer import import_dataset

SOURCE = os.environ.get("TUMORTRACE_TEST_DATA", "")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path(SOURCE or "/nowhere").is_dir(), reason="the real dataset is not here; TUMORTRACE_TEST_DATA says where"
    ),
]


def test_the_real_dataset_has_the_counts_of_the_publication(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    report = import_dataset(Path(SOURCE)).to_json()
    assert report["slices"] == 3064
    assert report["patients"] == 233
    assert report["persons"] == 209
    assert report["classes"] == {"meningioma": 708, "glioma": 1426, "pituitary": 930}
    assert report["folds"] == {"1": 570, "2": 655, "3": 562, "4": 613, "5": 664}
    assert report["unreadable"] == report["duplicates"] == []
    dataset = open_dataset("figshare")
    assert dataset.manifest["outline"].notna().all()
    assert splits.table_for(dataset).equals(splits.frozen_figshare()), "the shipped folds are its own"
