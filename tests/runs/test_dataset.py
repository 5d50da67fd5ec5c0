"""A run belongs to one dataset: written down when it is made, found by fingerprint, and no other is taken for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.tiny import write_tiny
from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.constants import CLASSES
from tumortrace.data import datasets
from tumortrace.errors import DataError, DatasetMismatch, DatasetNotFound
from tumortrace.evaluation.report import make_report, write_report
from tumortrace.runs import dataset as run_dataset
from tumortrace.runs.run import Run
from tumortrace.training.session import prepare


def unnamed(tiny: RunConfig) -> RunConfig:
    return tiny.model_copy(update={"dataset": None})


def relabelled(home: Path, name: str, fingerprint: str, kind: str = "real") -> None:
    """Another dataset with the same ids and other labels."""
    folder = write_tiny(home, name)
    manifest = pd.read_parquet(folder / "manifest.parquet")
    manifest["label"] = ((manifest["label"] + 1) % 3).astype("Int8")
    manifest.to_parquet(folder / "manifest.parquet")
    card = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(card | {"fingerprint": fingerprint, "kind": kind}))


def predicted(run: Run) -> None:
    """Rows that are all right, and their report."""
    dataset = run.dataset.dataset
    test = dataset.manifest[dataset.manifest["official_fold"] == 1]
    shares = {f"p_{name}": (test["label"] == place).astype(float) for place, name in enumerate(CLASSES)}
    rows = pd.DataFrame({"model": "cnn3d", "protocol": "official", "seed": 0, "fold": 1, "slice_id": test["slice_id"]})
    rows = rows.assign(**shares)
    rows.to_parquet(run.folder / "predictions.parquet")
    report = make_report(rows, dataset.manifest, synthetic=dataset.synthetic, replicates=5)
    write_report(report, run.folder / "report.json")
    run.write_status(run.status.model_copy(update={"state": "finished"}))


def test_a_run_that_names_no_dataset_keeps_the_one_it_was_made_on(home: Path, tiny: RunConfig) -> None:
    run = runs.create(unnamed(tiny))
    assert run.config.dataset == "tiny"
    relabelled(home, "figshare", "other")
    assert datasets.available()[0] == "figshare", "the first of the available ones is another now"
    assert run.dataset.dataset.name == "tiny"
    assert not run.dataset.assumed


def test_a_run_follows_its_dataset_under_another_name(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    (home / "data" / "tiny").rename(home / "data" / "renamed")
    assert run.dataset.dataset.name == "renamed"


def test_another_dataset_of_the_same_name_is_refused_with_the_way_back(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    shutil.rmtree(home / "data" / "tiny")
    with pytest.raises(DatasetNotFound, match="rests on a dataset that is not imported here"):
        _ = run.dataset
    relabelled(home, "tiny", "other", kind="synthetic")
    with pytest.raises(DatasetMismatch, match=r"another dataset.*fingerprint tiny-30-3; now.*other.*data phantom"):
        _ = run.dataset
    with pytest.raises(DatasetMismatch):
        prepare(run)


def test_nothing_is_made_where_the_dataset_is_not_imported(home: Path, tiny: RunConfig) -> None:
    with pytest.raises(DatasetNotFound, match="no such dataset is imported"):
        runs.create(tiny.model_copy(update={"dataset": "elsewhere"}), "a")
    assert runs.list_runs() == []


def test_an_older_run_is_read_through_what_its_report_says(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    predicted(run)
    (run.folder / run_dataset.FILE).unlink()
    (run.folder / "config.json").write_text(unnamed(tiny).model_dump_json())
    relabelled(home, "figshare", "other", kind="synthetic")
    assert datasets.available()[0] == "figshare"
    found = run.dataset
    assert (found.dataset.name, found.assumed) == ("tiny", True), "the other one's labels give another accuracy"
    shutil.rmtree(home / "data" / "tiny")
    with pytest.raises(DatasetMismatch, match="gives the figures that"):
        _ = run.dataset


def test_an_older_run_that_says_nothing_is_not_guessed(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    (run.folder / run_dataset.FILE).unlink()
    assert run.dataset.assumed
    (run.folder / "config.json").write_text(unnamed(tiny).model_dump_json())
    with pytest.raises(DatasetMismatch, match="not named in its settings"):
        _ = run.dataset


def test_a_damaged_note_is_named(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    (run.folder / run_dataset.FILE).write_text("{")
    with pytest.raises(DataError, match="note of its dataset cannot be read"):
        _ = run.dataset
