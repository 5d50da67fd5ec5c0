"""All runs at a glance: what cannot be read is told with its reason, and what did not change is not read again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.constants import CLASSES
from tumortrace.data import datasets
from tumortrace.errors import RunBusy, RunNotFound, RunUnreadable
from tumortrace.evaluation.report import make_report, write_report
from tumortrace.runs import index, reading
from tumortrace.runs import run as run_folder
from tumortrace.runs.run import Run
from tumortrace.scheduling import queue


def make(config: RunConfig, name: str, state: str = "cancelled") -> Run:
    run = runs.create(config, name)
    run.write_status(run.status.model_copy(update={"state": state}))
    return run


def finish(config: RunConfig, name: str) -> Run:
    run = make(config, name, "finished")
    manifest = datasets.open_dataset("tiny").manifest
    rows = manifest[manifest["official_fold"] == 1]
    shares = np.eye(3)[rows["label"].astype(int)] * 0.7 + 0.1
    table = pd.DataFrame(
        {"model": "cnn3d", "protocol": "official", "seed": 0, "fold": 1, "slice_id": rows["slice_id"].astype(str)}
    ).assign(**{f"p_{name}": shares[:, place] for place, name in enumerate(CLASSES)})
    table.to_parquet(run.folder / "predictions.parquet", index=False)
    write_report(make_report(table, manifest, synthetic=True, replicates=20), run.folder / "report.json")
    (run.folder / "model.safetensors").write_bytes(b"weights")
    return run


def halve(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


def of_another_version(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"note": "x"}))


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("file", "damage", "why"),
    [
        ("config.json", of_another_version, "note: Extra inputs are not permitted"),
        ("config.json", empty, "is damaged"),
        ("config.json", Path.unlink, "is missing"),
        ("status.json", halve, "is damaged"),
        ("status.json", Path.unlink, "is missing"),
        ("report.json", halve, "is damaged"),
        ("report.json", Path.unlink, "is missing"),
        ("dataset.json", halve, "is damaged"),
        ("predictions.parquet", halve, "is damaged"),
        ("predictions.parquet", Path.unlink, "is missing"),
    ],
)
def test_a_damaged_run_is_told_apart_with_its_reason(
    home: Path, tiny: RunConfig, file: str, damage: Callable[[Path], None], why: str
) -> None:
    whole, broken = finish(tiny, "whole"), finish(tiny, "broken")
    assert {entry.run for entry in index.read_index().entries} == {whole, broken}
    damage(broken.folder / file)
    found = index.read_index()
    assert [entry.run for entry in found.entries] == [whole]
    (error,) = found.unreadable
    assert error.run_id == "broken"
    assert f"the run broken cannot be read: {file} " in error.what
    assert why in error.what
    assert error.value == str(broken.folder / file)
    assert "Restore the file" in error.remedy


def test_every_reader_of_a_damaged_run_raises_the_same_error(home: Path, tiny: RunConfig) -> None:
    run = finish(tiny, "broken")
    curves = run.folder / "metrics" / "version_1" / "metrics.csv"
    curves.parent.mkdir(parents=True)
    curves.write_bytes(b"epoch,train_loss\n1,\xff\xfe\n")
    for name in ("config.json", "status.json", "report.json", "predictions.parquet"):
        empty(run.folder / name)
    for read in ("config", "status", "report", "predictions", "metrics", "resumable"):
        with pytest.raises(RunUnreadable, match="the run broken cannot be read"):
            getattr(run, read)


def test_a_run_that_is_deleted_while_it_is_read_is_gone(home: Path, tiny: RunConfig) -> None:
    run = make(tiny, "one")
    runs.delete("one")
    with pytest.raises(RunNotFound, match="the run is gone"):
        _ = run.config
    assert index.read_index() == index.Index([], [])


def test_a_folder_that_is_only_begun_is_no_run(home: Path, tiny: RunConfig) -> None:
    run = make(tiny, "begun")
    (run.folder / "config.json").unlink()
    assert index.read_index() == index.Index([], [])


def test_only_what_changed_is_read_again(home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        make(tiny, f"run-{number}")
    run = finish(tiny, "finished")
    opened: list[str] = []
    plain = reading.read_file

    def counted(path: Path, parse: Callable[[bytes], Any]) -> Any:
        opened.append(f"{path.parent.name}/{path.name}")
        return plain(path, parse)

    monkeypatch.setattr(reading, "read_file", counted)
    assert len(index.read_index().entries) == 6
    assert "run-3/config.json" in opened
    opened.clear()
    assert len(index.read_index().entries) == 6
    assert opened == []
    run.write_status(run.written_status.model_copy(update={"epoch": 3}))
    opened.clear()
    assert index.read_index().entries[0].status.epoch == 3
    assert {name.partition("/")[0] for name in opened} == {"finished"}


def test_a_process_that_ends_is_seen_though_no_file_changes(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tiny, "one", "running")
    alive = True
    monkeypatch.setattr(run_folder, "_alive", lambda status: alive)
    assert [entry.status.state for entry in index.read_index().entries] == ["running"]
    alive = False
    assert [entry.status.state for entry in index.read_index().entries] == ["crashed"]


def test_finished_runs_stay_however_many_others_come_later(home: Path, tiny: RunConfig) -> None:
    finish(tiny, "finished")
    for number in range(70):
        make(tiny, f"cancelled-{number}")
    found = index.read_index().entries
    assert len(found) == 71
    assert [entry.run.id for entry in found if entry.report and entry.weights] == ["finished"]


def test_an_unreadable_run_can_be_deleted_unless_a_process_trains_it(home: Path, tiny: RunConfig) -> None:
    import filelock

    run = make(tiny, "broken")
    empty(run.folder / "status.json")
    with filelock.FileLock(run.folder / ".lock"), pytest.raises(RunBusy, match="cannot be deleted"):
        runs.delete("broken")
    runs.delete("broken")
    assert not run.folder.exists()


def test_one_unreadable_run_keeps_no_other_from_starting(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, good, dead = make(tiny, "broken", "queued"), make(tiny, "good", "queued"), make(tiny, "dead", "queued")
    of_another_version(broken.folder / "config.json")
    empty(dead.folder / "status.json")
    monkeypatch.setattr(queue, "_spawn", lambda run, taken: None)
    assert queue.dispatch() == [good]
