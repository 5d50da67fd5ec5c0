"""``tumortrace data quality``: said, as JSON, as a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tumortrace.data import datasets
from tumortrace.data.phantom import make_phantom

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Run) -> Run:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("COLUMNS", "120")

    return call


def test_a_missing_file_is_found_said_and_written_and_gone_once_it_is_mended(run: Run, tmp_path: Path) -> None:
    make_phantom(persons=15, size=48)
    dataset = datasets.open_dataset("phantom")
    path = dataset.image_path("3")
    raw = path.read_bytes()
    path.unlink()
    table = tmp_path / "quality.csv"
    status, out, _ = run("data", "quality", "--csv", str(table))
    assert status == 0
    assert "Unreadable slices: 1 found" in out
    assert "slice 3: its file is missing" in out
    assert "Label suspects: not made: The benchmark has not judged" in out
    found = pd.read_csv(table, dtype=str)
    assert list(found.columns) == ["slice_id", "check", "detail"]
    assert found.loc[found["check"] == "unreadable", "slice_id"].tolist() == ["3"]
    path.write_bytes(raw)
    document = json.loads(run("data", "quality", "phantom", "--json")[1])
    states = {one["check"]: one["status"] for one in document["checks"]}
    assert states["unreadable"] == "fine"
    assert states["suspect"] == "unknown"
    assert document["slices"] == len(dataset.manifest)


def test_without_a_dataset_it_is_one_line(run: Run) -> None:
    status, _, err = run("data", "quality")
    assert status == 1
    assert "no dataset is imported" in err


def test_the_map_needs_the_real_dataset_and_says_so(run: Run) -> None:
    status, _, err = run("publish-map")
    assert status == 1
    assert "not imported" in err
