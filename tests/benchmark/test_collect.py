from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.datasets import write_manifest
from tumortrace import paths, runs
from tumortrace.benchmark import ablations, baselines, collect, plan, records
from tumortrace.benchmark.plan import Part, PlannedRun
from tumortrace.benchmark.records import Records
from tumortrace.config import CONTEXT
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError
from tumortrace.evaluation import ensemble
from tumortrace.evaluation.predictions import COLUMNS, PROBABILITIES

PER_FOLD = 12
Floors = list[tuple[str, tuple[int, ...]]]


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """Fifteen persons of four slices each; the first three are fold 1, and so on."""
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    number = np.repeat(np.arange(15), 4)
    rows = {"slice_id": [str(place) for place in range(len(number))], "label": number % 3}
    rows |= {"patient_id": [f"P{one}" for one in number], "official_fold": number // 3 + 1}
    write_manifest(tmp_path, "tiny", pd.DataFrame(rows), kind="synthetic")
    return Dataset(folder, {"kind": "synthetic", "fingerprint": "of-tiny"})


@pytest.fixture
def floors(monkeypatch: pytest.MonkeyPatch) -> Floors:
    """Baselines that cost nothing; which protocols and folds they were asked for."""
    asked: Floors = []

    def floor(dataset: Dataset, protocol: str, folds: tuple[int, ...], seed: int = 0) -> pd.DataFrame:
        asked.append((protocol, folds))
        parts = [rows_of(baselines.CLASSICAL, dataset, protocol, fold, seed) for fold in folds]
        return pd.concat(parts, ignore_index=True)

    monkeypatch.setattr(baselines, "classical", floor)
    return asked


def rows_of(model: str, dataset: Dataset, protocol: str, fold: int, seed: int, right: float = 0.8) -> pd.DataFrame:
    manifest = dataset.manifest
    here = manifest[(manifest["official_fold"] == fold).to_numpy(dtype=bool)]
    labels = here["label"].to_numpy(dtype=np.int64)
    wrong = np.random.default_rng([fold, seed, *model.encode()]).random(len(labels)) > right
    shares = np.full((len(labels), 3), 0.1)
    shares[np.arange(len(labels)), (labels + wrong) % 3] = 0.8
    rows = pd.DataFrame(shares, columns=list(PROBABILITIES))
    rows = rows.assign(model=model, protocol=protocol, seed=seed, fold=fold, slice_id=here["slice_id"].array)
    return rows[list(COLUMNS)]


def finish(entry: PlannedRun, dataset: Dataset, *files: str) -> None:
    """A folder such as a finished run leaves; validated on the next fold."""
    config = entry.task.config
    run = runs.create(config, entry.task.run_id, state="finished")
    for name in files or ("predictions.parquet", "validation.parquet"):
        fold = config.fold if name == "predictions.parquet" else config.fold % 5 + 1
        rows = rows_of(config.model.name, dataset, config.protocol, fold, config.seed)
        rows.assign(fold=config.fold).to_parquet(run.folder / name)


def none_kept() -> Records:
    """No run has a record yet: the runs themselves are read."""
    return records.beside(paths.home() / "figures")


def planned(*parts: Part, folds: tuple[int, ...] = (1, 2)) -> list[PlannedRun]:
    found = plan.planned_runs(plan.find_benchmark_preset("cpu"), parts, {"dataset": "tiny"})
    return [
        entry
        for entry in found
        if entry.task.config.fold in folds and (entry.part == "ablations") == bool(entry.variant)
    ]


@pytest.mark.usefixtures("floors")
def test_rows_of_networks_baselines_and_ensemble_are_gathered(dataset: Dataset) -> None:
    entries = planned("official")
    for entry in entries:
        finish(entry, dataset)
    found = collect.gather(entries, none_kept(), dataset)
    networks = {entry.task.config.model.name for entry in entries}
    exams = {f"{name}{CONTEXT}" for name in (*networks, ensemble.NAME)}
    assert set(found.test["model"]) == networks | {baselines.CLASSICAL, baselines.MAJORITY, ensemble.NAME} | exams
    assert tuple(found.test.columns) == COLUMNS
    counts = found.test["model"].value_counts()
    assert {counts[name] for name in (*networks, ensemble.NAME)} == {2 * PER_FOLD}
    assert counts[baselines.MAJORITY] == 2 * PER_FOLD
    assert set(found.validation["model"]) == networks
    assert [(vote.protocol, vote.seed, vote.fold) for vote in found.votes] == [("official", 0, 1), ("official", 0, 2)]
    assert found.missing == []
    assert none_kept().finished(entries) == entries


def test_baselines_are_made_once_a_protocol_on_the_folds_of_the_networks(dataset: Dataset, floors: Floors) -> None:
    entries = planned("official", "person", folds=(1,))
    for entry in entries:
        finish(entry, dataset)
    said: list[str] = []
    collect.gather(entries, none_kept(), dataset, said.append)
    assert floors == [("official", (1,)), ("person", (1,))]
    assert [protocol in line for protocol, line in zip(("official", "person"), said, strict=True)] == [True, True]


@pytest.mark.usefixtures("floors")
def test_a_fold_that_not_all_models_have_finished_is_held_back_and_its_runs_are_listed(dataset: Dataset) -> None:
    first = planned("official", folds=(1,))
    absent, stopped, other, *done = planned("official", folds=(2,))
    for entry in [*first, *done]:
        finish(entry, dataset)
    runs.create(stopped.task.config, stopped.task.run_id, state="stopped")
    # A folder of the right name that was trained with other settings is another run.
    runs.create(other.task.config.model_copy(update={"seed": 7}), other.task.run_id, state="finished")
    later = planned("official", folds=(3,))  # so that no model is whole
    found = collect.gather([*first, absent, stopped, other, *done, *later], none_kept(), dataset)
    assert found.missing == [absent, stopped, other, *later]
    assert {entry.task.config.model.name for entry in first} < set(found.test["model"])
    assert set(found.test["fold"]) == {1}, "every model on the same slices"


@pytest.mark.usefixtures("floors")
def test_models_that_have_finished_every_fold_stand_alone_while_others_are_being_trained(dataset: Dataset) -> None:
    entries = planned("official", folds=(1, 2, 3))
    whole = {"tracenet", "cnn3d"}
    for entry in entries:
        if entry.task.config.model.name in whole or entry.task.config.fold == 1:
            finish(entry, dataset)
    found = collect.gather(entries, none_kept(), dataset)
    exams = {f"{name}{CONTEXT}" for name in (*whole, ensemble.NAME)}
    assert set(found.test["model"]) == whole | {baselines.CLASSICAL, baselines.MAJORITY, ensemble.NAME} | exams
    assert set(found.test["fold"]) == {1, 2, 3}


@pytest.mark.usefixtures("floors")
@pytest.mark.parametrize("there", ["predictions.parquet", "validation.parquet"])
def test_a_finished_run_without_rows_is_an_error(dataset: Dataset, there: str) -> None:
    first, *others = planned("official", folds=(1,))
    finish(first, dataset, there)
    for entry in others:
        finish(entry, dataset)
    with pytest.raises(DataError, match="finished run has no rows") as refusal:
        collect.gather([first, *others], none_kept(), dataset)
    assert first.task.run_id in str(refusal.value.value)


def test_ablations_stand_apart_and_know_their_base(dataset: Dataset, floors: Floors) -> None:
    entries = [entry for entry in planned("ablations") if entry.base == "cnn3d"][:4]  # two variants on two folds
    for entry in entries:
        finish(entry, dataset, "predictions.parquet")
    found = collect.gather(entries, none_kept(), dataset)
    assert found.test.empty
    assert floors == []
    assert set(zip(found.ablations["base"], found.ablations["variant"], strict=True)) == {
        (entry.base, entry.variant) for entry in entries
    }
    assert len(found.ablations) == 4 * PER_FOLD
    lines = ablations.effects(found.ablations, dataset.manifest)
    assert {line["factor"] for line in lines} == {None, "depth"}


def test_a_run_that_serves_as_base_counts_on_both_sides(dataset: Dataset, floors: Floors) -> None:
    plain = planned("official", folds=(1,))[:1]
    task = plain[0].task
    finish(plain[0], dataset)
    found = collect.gather(
        [*plain, PlannedRun("ablations", task.config.model.name, plan.BASE, task)], none_kept(), dataset
    )
    assert len(found.test[found.test["model"] == task.config.model.name]) == PER_FOLD
    assert len(found.ablations) == PER_FOLD
    assert len(floors) == 1


def test_what_ships_has_no_rows_to_read(dataset: Dataset, floors: Floors) -> None:
    entries = planned("shipped", folds=(0,))
    for entry in entries:
        runs.create(entry.task.config, entry.task.run_id, state="finished")
    found = collect.gather(entries, none_kept(), dataset)
    assert found.test.empty
    assert found.missing == []
    assert floors == []


def test_before_anything_is_trained_all_tables_are_empty(dataset: Dataset) -> None:
    entries = planned("official", "ablations")
    found = collect.gather(entries, none_kept(), dataset)
    assert found.missing == entries
    assert found.votes == []
    assert tuple(found.test.columns) == tuple(found.validation.columns) == COLUMNS
    assert ablations.effects(found.ablations, dataset.manifest) == []
