"""The state of a benchmark goes from machine to machine, whole, and only where it belongs."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from tests.datasets import write_manifest, write_published
from tumortrace import paths, runs
from tumortrace.benchmark import plan, records, state
from tumortrace.benchmark.records import Records
from tumortrace.cli import main
from tumortrace.errors import ConfigError, DataError


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Records:
    """Two finished runs of the plan, with their records."""
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    write_published(tmp_path / "home")
    kept = records.beside(tmp_path / "there")
    for entry in plan.planned_runs(plan.find_benchmark_preset("cpu"), ["official"])[:2]:
        run = runs.create(entry.task.config, entry.task.run_id, state="finished")
        pd.DataFrame({"slice_id": ["1"], "p_glioma": [0.1]}).to_parquet(run.folder / records.PREDICTIONS)
        (run.folder / "model.safetensors").write_bytes(b"0" * 1000)
        kept.keep(entry.task)
    return kept


@pytest.fixture
def here(tmp_path: Path) -> Records:
    return records.beside(tmp_path / "here")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rewritten(file: Path, change: Callable[[str, bytes], bytes | None]) -> Path:
    """The zip with each file changed; None leaves it out."""
    other = file.with_name("changed.zip")
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            if (raw := change(name, source.read(name))) is not None:
                target.writestr(name, raw)
    return other


def test_records_arrive_as_they_left_and_without_weights(there: Records, here: Records, tmp_path: Path) -> None:
    file = tmp_path / "state.zip"
    assert state.export_state(there, file) == 2
    taken = state.import_state(here, file)
    assert len(taken.new) == 2
    assert contents(here.folder) == contents(there.folder)
    assert not any("safetensors" in name for name in contents(here.folder))
    assert state.import_state(here, file) == state.ImportedState([], taken.new), "a second time changes nothing"


def test_a_record_that_is_here_already_stays_as_it_is(there: Records, here: Records, tmp_path: Path) -> None:
    state.export_state(there, tmp_path / "state.zip")
    state.import_state(here, tmp_path / "state.zip")
    mine = next(here.folder.iterdir()) / "status.json"
    mine.write_text("mine")
    state.import_state(here, tmp_path / "state.zip")
    assert mine.read_text() == "mine"


def another_dataset(name: str, raw: bytes) -> bytes:
    return raw.replace(b"of-figshare", b"of-somebody") if name.endswith("dataset.json") else raw


def another_plan(name: str, raw: bytes) -> bytes:
    return json.dumps(json.loads(raw) | {"seed": 9}).encode() if name.endswith("config.json") else raw


def a_stranger(name: str, raw: bytes) -> bytes | None:
    return raw.replace(b'"records": 2', b'"records": 1') if name == "state.json" else raw


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (another_dataset, "made on another dataset than the records here"),
        (another_plan, "of another plan than this version's"),
        (a_stranger, "lacks records that it names"),
        (lambda name, raw: None if name.endswith("status.json") else raw, "a record lacks a file"),
        (lambda name, raw: None if name == "state.json" else raw, "no state of the benchmark"),
        (lambda name, raw: b'{"schema": 9, "records": 2}' if name == "state.json" else raw, "another version"),
        (lambda name, raw: b"{" if name.endswith("config.json") else raw, "a record cannot be read"),
    ],
)
def test_what_does_not_belong_is_refused_and_nothing_is_changed(
    there: Records, here: Records, tmp_path: Path, change: Callable[[str, bytes], bytes | None], says: str
) -> None:
    whole = tmp_path / "state.zip"
    state.export_state(there, whole)
    one = plan.planned_runs(plan.find_benchmark_preset("cpu"), ["official"])[0].task.run_id
    here.folder.mkdir(parents=True)
    (there.folder / one).rename(here.folder / one)
    before = contents(here.folder)
    with pytest.raises(DataError, match=says):
        state.import_state(here, rewritten(whole, change))
    assert contents(here.folder) == before


@pytest.mark.parametrize("length", [0, 30, -40])
def test_a_state_that_was_cut_off_is_one_sentence(there: Records, here: Records, tmp_path: Path, length: int) -> None:
    file = tmp_path / "state.zip"
    state.export_state(there, file)
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(DataError, match="may be cut off"):
        state.import_state(here, file)
    assert not here.folder.exists() or contents(here.folder) == {}


def test_a_name_that_leads_out_of_the_folder_is_refused(there: Records, here: Records, tmp_path: Path) -> None:
    state.export_state(there, tmp_path / "state.zip")
    with zipfile.ZipFile(tmp_path / "state.zip", "a") as archive:
        archive.writestr("runs/../../config.json", "{}")
    with pytest.raises(DataError, match="a file that no state has"):
        state.import_state(here, tmp_path / "state.zip")


def test_an_interrupted_export_leaves_the_older_file(
    there: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "state.zip"
    state.export_state(there, file)
    before = file.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        state.export_state(there, file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".export")] == []


def test_the_commands_say_what_was_done(there: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUMORTRACE_ARTIFACTS", str(tmp_path / "artifacts"))
    run = CliRunner()
    out = run.invoke(main.app, ["benchmark", "export", str(tmp_path / "s.zip"), "--out", str(tmp_path / "there")])
    assert "2 finished runs are in" in out.output
    taken = run.invoke(main.app, ["benchmark", "import", str(tmp_path / "s.zip"), "--json"])
    assert len(json.loads(taken.stdout)["new"]) == 2
    assert (paths.artifacts() / "benchmark" / "runs").is_dir()
    empty = run.invoke(main.app, ["benchmark", "export", str(tmp_path / "t.zip"), "--out", str(tmp_path / "nothing")])
    assert isinstance(empty.exception, DataError)
    before = run.invoke(main.app, ["benchmark", "--preset", "full", "export", str(tmp_path / "t.zip")])
    assert isinstance(before.exception, ConfigError)
    assert "--preset" in str(before.exception)


def test_records_of_another_dataset_may_begin_an_empty_folder(there: Records, here: Records, tmp_path: Path) -> None:
    write_manifest(tmp_path / "home", "other")
    state.export_state(there, tmp_path / "state.zip")
    assert len(state.import_state(here, rewritten(tmp_path / "state.zip", another_dataset)).new) == 2
