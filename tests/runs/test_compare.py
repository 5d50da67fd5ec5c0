"""Runs side by side: what differs, what was best, and that unknown stays unknown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.datasets import write_manifest
from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.constants import CLASSES
from tumortrace.data import datasets
from tumortrace.errors import RunUnreadable
from tumortrace.evaluation.report import make_report, write_report
from tumortrace.runs import compare
from tumortrace.runs.run import Run


@pytest.fixture(autouse=True)
def other(home: Path) -> None:
    """A second dataset to name."""
    write_manifest(home, "other")


def make(tiny: RunConfig, name: str, changes: dict[str, Any] | None = None, **metrics: list[float]) -> Run:
    optim = tiny.optim.model_copy(update=(changes or {}).pop("optim", {}))
    run = runs.create(tiny.model_copy(update={"optim": optim, **(changes or {})}), name)
    epochs = len(next(iter(metrics.values()), []))
    if epochs:
        folder = run.folder / "metrics" / "version_1"
        folder.mkdir(parents=True)
        table = pd.DataFrame({"epoch": range(1, epochs + 1), **metrics})
        table.to_csv(folder / "metrics.csv", index=False)
    status = {
        "state": "stopped",
        "epoch": epochs,
        "counts": {"validation": 9} if epochs else {},
        "seconds": 3.0 * epochs,
    }
    run.write_status(run.status.model_copy(update=status))
    return run


def test_only_settings_that_differ_are_named_by_their_dotted_names(home: object, tiny: RunConfig) -> None:
    found = [make(tiny, "a"), make(tiny, "b", {"fold": 2, "optim": {"lr": 0.1}}), make(tiny, "c", {"dataset": "other"})]
    table = compare.different_settings(found)
    assert table.index.tolist() == ["dataset", "fold", "optim.lr"]
    assert table.columns.tolist() == ["a", "b", "c"]
    assert table.loc["optim.lr"].tolist() == [5e-3, 0.1, 5e-3]
    assert table.loc["dataset", "c"] == "other"


def test_nothing_differs_between_equal_runs_or_within_one(home: object, tiny: RunConfig) -> None:
    found = [make(tiny, "a"), make(tiny, "b")]
    assert compare.different_settings(found).empty
    assert compare.different_settings(found[:1]).empty
    assert compare.different_settings([]).empty
    assert compare.best_values([]).empty


def test_best_and_last_values_with_the_first_epoch_that_reached_them(home: object, tiny: RunConfig) -> None:
    run = make(
        tiny, "a", val_loss=[0.9, 0.4, 0.6], val_accuracy=[0.5, 0.8, 0.8], images_per_second=[10, 30, 20],
        memory_mb=[5, 7, 6],
    )  # fmt: skip
    row = compare.best_values([run]).loc["a"]
    assert (row["best_val_loss"], row["best_val_loss_epoch"], row["last_val_loss"]) == (0.4, 2, 0.6)
    assert (row["best_val_accuracy"], row["best_val_accuracy_epoch"]) == (0.8, 2)
    assert (row["images_per_second"], row["memory_mb"], row["seconds"]) == (20, 7, 9)
    assert (row["state"], row["epochs"], row["epochs_planned"], row["last_epoch"]) == ("stopped", 3, 3, 3)
    assert pd.isna(row["best_val_macro_f1"])


def test_seconds_say_more_than_epochs_where_there_are_any(home: object, tiny: RunConfig) -> None:
    run = make(tiny, "a", images_per_second=[10.0])
    (run.folder / "telemetry" / "version_1").mkdir(parents=True)
    rates = pd.DataFrame({"step": [1, 2, 3, 4], "images_per_second": [0.0, 20, 40, 60], "memory_mb": [1.0, 8, 2, 2]})
    rates.to_csv(run.folder / "telemetry" / "version_1" / "metrics.csv", index=False)
    row = compare.best_values([run]).loc["a"]
    assert (row["images_per_second"], row["memory_mb"]) == (40, 8)


def test_what_a_run_does_not_know_is_unknown(home: object, tiny: RunConfig) -> None:
    row = compare.best_values([make(tiny, "a")]).loc["a"]
    known = {"state", "epochs", "epochs_planned"}
    assert row.drop(list(known)).isna().all()


def test_a_finished_run_has_its_test_figures_with_intervals(home: object, tiny: RunConfig) -> None:
    run, other = make(tiny, "a"), make(tiny, "b")  # the other is not finished
    manifest = datasets.open_dataset("tiny").manifest
    rows = manifest[manifest["official_fold"] == 1]
    shares = np.full((len(rows), 3), 0.1)
    shares[np.arange(len(rows)), [0, *rows["label"].astype(int)[1:]]] = 0.8
    table = pd.DataFrame(
        {"model": "cnn3d", "protocol": "official", "seed": 0, "fold": 1, "slice_id": rows["slice_id"].astype(str)}
    ).assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})
    report = make_report(table, manifest, synthetic=True, replicates=50)
    write_report(report, run.folder / "report.json")
    best = compare.best_values([run, other])
    assert best.loc["a", "test_accuracy"] == report.slice.metrics.accuracy
    assert best.loc["a", "test_accuracy_low"] <= best.loc["a", "test_accuracy"] <= best.loc["a", "test_accuracy_high"]
    assert (best.loc["a", "test_n"], best.loc["a", "test_clusters"], best.loc["a", "test_unit"]) == (18, 6, "person")
    assert best.loc["a", "synthetic"]
    assert best.loc["b"].filter(like="test_").isna().all()
    (other.folder / "report.json").write_text("{half")
    with pytest.raises(RunUnreadable, match=r"the run b cannot be read: report\.json is damaged"):
        compare.best_values([run, other])


def test_figures_on_other_datasets_protocols_or_folds_do_not_compare(home: Path, tiny: RunConfig) -> None:
    first, same = make(tiny, "a"), make(tiny, "b")
    assert compare.mismatches([first, same]) == {}
    other = make(tiny, "c", {"protocol": "person", "fold": 3, "dataset": "other"})
    assert compare.mismatches([first, other]) == {
        "dataset": ["tiny", "other"], "protocol": ["official", "person"], "fold": ["1", "3"],
    }  # fmt: skip


def test_two_datasets_of_one_name_are_told_apart(home: Path, tiny: RunConfig) -> None:
    first = make(tiny, "a")
    write_manifest(home, "tiny")
    assert compare.mismatches([first, make(tiny, "b")]) == {"dataset": ["tiny (tiny-30-)", "tiny (of-tiny)"]}


def test_a_run_deleted_meanwhile_is_left_out_and_one_of_another_version_refused(home: object, tiny: RunConfig) -> None:
    gone, strange, here = make(tiny, "gone"), make(tiny, "strange"), make(tiny, "here")
    runs.delete("gone")
    (strange.folder / "config.json").write_text(json.dumps({"from": "the future"}))
    assert [facts.run.id for facts in compare.run_facts([gone, here])] == ["here"]
    assert compare.best_values([gone, here]).index.tolist() == ["here"]
    with pytest.raises(RunUnreadable, match="the run strange cannot be read"):
        compare.run_facts([strange, here])


def test_minutes_are_summed_over_epochs_and_unknown_without_them() -> None:
    metrics = pd.DataFrame({"epoch": [1, 2], "epoch_seconds": [30.0, 60.0]})
    assert compare.minutes(metrics).tolist() == pytest.approx([0.5, 1.5])
    assert compare.minutes(metrics[["epoch"]]).isna().all()
