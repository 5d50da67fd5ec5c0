"""The published dataset is known by its slices, never by its name."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tumortrace.data import identity, splits
from tumortrace.data.datasets import open_dataset
from tumortrace.data.manifest import conform
from tumortrace.evaluation.results_document import DatasetFacts


def imported(home: Path, name: str, rows: pd.DataFrame, fingerprint: str = "f") -> None:
    folder = home / "data" / name
    folder.mkdir(parents=True)
    conform(rows).to_parquet(folder / "manifest.parquet")
    (folder / "dataset.json").write_text(json.dumps({"name": name, "kind": "real", "fingerprint": fingerprint}))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def frozen() -> pd.DataFrame:
    return splits.frozen_figshare()[["slice_id", "label", "patient_id"]]


def test_a_part_of_the_published_slices_is_counted(frozen: pd.DataFrame) -> None:
    assert identity.published_slices(conform(frozen)) == 3064
    assert identity.published_slices(conform(frozen.iloc[:20])) == 20


@pytest.mark.parametrize(
    "change",
    [{"slice_id": "9999"}, {"label": 2}, {"patient_id": "somebody"}, {"patient_id": pd.NA}],
    ids=["id", "label", "patient", "unknown patient"],
)
def test_one_slice_of_another_origin_makes_it_another_dataset(frozen: pd.DataFrame, change: dict) -> None:
    rows = frozen.iloc[:20].copy()
    assert rows["label"].iloc[0] != 2
    rows.loc[rows.index[0], list(change)] = list(change.values())
    assert identity.published_slices(conform(rows)) == 0


def test_the_published_slices_are_found_under_any_name(home: Path, frozen: pd.DataFrame) -> None:
    assert identity.find_published() is None
    imported(home, "figshare", frozen.iloc[:5].assign(label=1), "own")
    assert identity.find_published() is None
    imported(home, "part", frozen.iloc[:20], "part")
    imported(home, "whole", frozen, "whole")
    found = identity.find_published()
    assert found is not None
    assert found.name == "whole"


def test_a_benchmark_speaks_of_its_own_slices_alone(home: Path, frozen: pd.DataFrame) -> None:
    imported(home, "figshare", frozen.iloc[:5].assign(label=1), "own")
    imported(home, "mine", frozen.iloc[:20], "a")
    own, mine = open_dataset("figshare"), open_dataset("mine")
    facts = DatasetFacts(name="figshare", slices=20, patients=3, persons=3)
    assert [identity.is_about(facts, one) for one in (own, mine)] == [False, True]
    assert not identity.is_about(None, mine)
    assert not identity.is_about(facts.model_copy(update={"name": "mine", "fingerprint": "b"}), mine)
    assert identity.is_about(facts.model_copy(update={"name": "mine", "fingerprint": "a"}), mine)
