from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.datasets import write_published
from tumortrace import runs
from tumortrace.benchmark import plan, records
from tumortrace.benchmark.plan import PlannedRun
from tumortrace.benchmark.records import Records
from tumortrace.errors import RunNotFound
from tumortrace.runs.dataset import read_ref


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    write_published(tmp_path / "home")
    return records.beside(tmp_path / "figures")


def planned() -> list[PlannedRun]:
    return [
        entry
        for entry in plan.planned_runs(plan.find_benchmark_preset("cpu"), ["official"])
        if entry.task.config.fold == 1
    ]


def finish(entry: PlannedRun) -> None:
    run = runs.create(entry.task.config, entry.task.run_id, state="finished")
    ref = read_ref(run.folder).model_copy(update={"origin": "/home/somebody/slices"})
    (run.folder / "dataset.json").write_text(ref.model_dump_json())
    run.write_status(run.status.model_copy(update={"host": "somewhere", "pid": 7, "seconds": 60.0}))
    pd.DataFrame({"slice_id": ["1"], "p_glioma": [0.1]}).to_parquet(run.folder / records.PREDICTIONS)
    (run.folder / "model.safetensors").write_bytes(b"0" * 1000)


def test_a_record_holds_rows_and_cost_but_neither_weights_nor_the_machine(kept: Records) -> None:
    entry = planned()[0]
    finish(entry)
    kept.keep(entry.task)
    record = kept.get(entry.task)
    assert record.folder == kept.folder / entry.task.run_id
    assert {path.name for path in record.folder.iterdir()} == {
        "config.json", "dataset.json", "status.json", records.PREDICTIONS,
    }  # fmt: skip
    assert record.status.seconds == 60.0
    assert record.status.state == "finished"
    assert "somewhere" not in (record.folder / "status.json").read_text()
    assert read_ref(record.folder).origin is None, "a folder of the machine"
    rows = pd.read_parquet(record.folder / records.PREDICTIONS)
    assert rows["p_glioma"].dtype == "float32"


def test_a_record_stands_for_its_run_when_that_is_gone_and_is_never_rewritten(kept: Records) -> None:
    entry = planned()[0]
    finish(entry)
    kept.keep(entry.task)
    before = {path.name: path.stat().st_mtime_ns for path in kept.get(entry.task).folder.iterdir()}
    runs.delete(entry.task.run_id)
    assert kept.finished(planned()) == [entry]
    assert entry.task not in kept.to_train(planned()[:2])
    finish(entry)
    kept.keep(entry.task)
    assert {path.name: path.stat().st_mtime_ns for path in kept.get(entry.task).folder.iterdir()} == before


def test_a_record_of_other_settings_is_another_runs(kept: Records) -> None:
    entry = planned()[0]
    finish(entry)
    kept.keep(entry.task)
    path = kept.get(entry.task).folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"seed": 7}))
    runs.delete(entry.task.run_id)
    assert kept.find(entry.task) is None
    with pytest.raises(RunNotFound, match="not finished"):
        kept.get(entry.task)
    finish(entry)
    kept.keep(entry.task)
    assert kept.get(entry.task).config == entry.task.config


def test_half_a_record_is_none(kept: Records) -> None:
    entry = planned()[0]
    finish(entry)
    (kept.folder / f".partial-{entry.task.run_id}").mkdir(parents=True)
    (kept.folder / entry.task.run_id).mkdir()
    assert kept.kept(entry.task) is None
    kept.keep(entry.task)
    assert kept.kept(entry.task) is not None
    assert [path.name for path in kept.folder.iterdir()] == [entry.task.run_id]
