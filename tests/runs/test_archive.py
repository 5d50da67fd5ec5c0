"""A run as a zip: nothing of it is lost on the way, and nothing that is no run comes in."""

from __future__ import annotations

import os
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tumortrace import paths, runs
from tumortrace.config import RunConfig
from tumortrace.errors import ConfigError, DataError, RunNotFound
from tumortrace.runs import archive
from tumortrace.runs.run import Run, Status

Rewrite = Callable[..., Path]


def fill(run: Run) -> Run:
    """Everything a run folder may hold, and things that are not for others."""
    texts = {
        "metrics/version_1/metrics.csv": "epoch,val_loss\n1,0.5\n2,0.4\n",
        "telemetry/version_1/metrics.csv": "step,loss\n1,0.5\n",
        "pins.json": "[]",
        "log.txt": "said\n",
        "epochs/0001.npz": "kept",
        "tensorboard/start_1/events.out.tfevents.1.host": "events",
        "model.safetensors": "weights" * 1000,
        "checkpoint.ckpt": "checkpoint" * 1000,
        "stop": "",
        ".lock": "",
        ".reserve": "0" * 100,
        "checkpoint.partial": "half",
        "epochs/x.partial": "half",
    }
    for name, text in texts.items():
        (run.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (run.folder / name).write_text(text)
    rows = pd.DataFrame({"model": ["cnn3d"], "slice_id": ["1"], "p_glioma": [1.0]})
    rows.to_parquet(run.folder / "predictions.parquet", index=False)
    run.write_status(Status(state="finished", created=5.0, epoch=2, epochs=3))
    return run


@pytest.fixture
def run(home: Path, tiny: RunConfig) -> Run:
    return fill(runs.create(tiny, "one"))


@pytest.fixture
def rewritten(run: Run, tmp_path: Path) -> Rewrite:
    """An export with some entries replaced, added (a text) or left out (None)."""

    def rewrite(**changes: str | None) -> Path:
        whole, other = archive.export_run(run, tmp_path / "whole.zip"), tmp_path / "other.zip"
        with zipfile.ZipFile(whole) as source, zipfile.ZipFile(other, "w") as target:
            for entry in source.infolist():
                if entry.filename not in changes:
                    target.writestr(entry.filename, source.read(entry))
            for name, text in changes.items():
                if text is not None:
                    target.writestr(name, text)
        runs.delete(run.id)
        return other

    return rewrite


def names(file: Path) -> set[str]:
    with zipfile.ZipFile(file) as held:
        return {name.removeprefix("one/") for name in held.namelist()}


def test_a_run_comes_back_as_it_was(run: Run, tmp_path: Path) -> None:
    file = archive.export_run(run, tmp_path / "out" / "one.zip", checkpoint=True)
    before = {path.relative_to(run.folder): path.read_bytes() for path in archive.files(run, checkpoint=True)}
    config, status = run.config, run.status
    runs.delete(run.id)
    back = archive.import_run(file)
    assert back == runs.find_run("one")
    assert back.config == config
    assert back.status.model_copy(update={"updated": 0}) == status.model_copy(update={"updated": 0})
    for name, raw in before.items():
        assert name.name == "status.json" or (back.folder / name).read_bytes() == raw
    assert not (back.folder / archive.README).exists()
    assert not list(paths.home().glob(".importing*"))


def test_locks_requests_and_halves_stay_at_home_and_the_checkpoint_unless_asked_for(run: Run, tmp_path: Path) -> None:
    held = names(archive.export_run(run, tmp_path / "one.zip"))
    assert {"config.json", "status.json", "model.safetensors", "predictions.parquet", "epochs/0001.npz"} <= held
    assert "tensorboard/start_1/events.out.tfevents.1.host" in held
    assert held.isdisjoint({"stop", ".lock", ".reserve", "checkpoint.partial", "epochs/x.partial", "checkpoint.ckpt"})
    assert "checkpoint.ckpt" in names(archive.export_run(run, tmp_path / "two.zip", checkpoint=True))
    assert archive.size(run, checkpoint=True) - archive.size(run) == 10_000
    assert archive.size_on_disk(run) > archive.size(run, checkpoint=True)


def test_weights_are_stored_and_text_is_squeezed(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive.export_run(run, tmp_path / "one.zip")) as held:
        assert held.getinfo("one/model.safetensors").compress_type == zipfile.ZIP_STORED
        assert held.getinfo("one/config.json").compress_type == zipfile.ZIP_DEFLATED
        assert held.testzip() is None


def test_the_readme_names_what_is_there_and_how_to_use_it(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive.export_run(run, tmp_path / "one.zip", checkpoint=True)) as held:
        text = held.read("one/README.txt").decode()
    for words in ("runs import one.zip", "evaluate one", "train --resume one", "'tiny'", "predictions.parquet: a row"):
        assert words in text
    assert "report.json" not in text
    assert "Not for clinical use" in text


def test_a_table_that_is_being_written_ends_with_a_whole_line(run: Run, tmp_path: Path) -> None:
    with (run.folder / "metrics" / "version_1" / "metrics.csv").open("a") as file:
        file.write("3,0.")
    with zipfile.ZipFile(archive.export_run(run, tmp_path / "one.zip")) as held:
        assert held.read("one/metrics/version_1/metrics.csv").decode().endswith("2,0.4\n")


def test_a_live_run_comes_back_as_stopped(run: Run, tmp_path: Path) -> None:
    mine = Status(state="running", pid=os.getpid(), pid_started=psutil.Process().create_time(), epoch=2, epochs=3)
    run.write_status(mine)
    back = archive.import_run(archive.export_run(run, tmp_path / "one.zip", checkpoint=True), run_id="two")
    assert run.status.state == "running"
    assert (back.id, back.status.state, back.status.pid) == ("two", "stopped", None)
    assert "running" in str(back.status.error)
    assert back.resumable


def test_the_checkpoint_goes_first_and_the_status_last(run: Run) -> None:
    order = [path.name for path in archive.files(run, checkpoint=True)]
    assert order[0] == "checkpoint.ckpt"
    assert order[-2:] == ["status.json", "config.json"]


def test_a_run_deleted_meanwhile_leaves_no_zip(run: Run, tmp_path: Path) -> None:
    runs.delete(run.id)
    with pytest.raises(RunNotFound, match="one"):
        archive.export_run(run, tmp_path / "out" / "one.zip")
    assert not list((tmp_path / "out").iterdir())


def test_a_zip_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        archive.export_run(run, tmp_path / "file" / "one.zip")


def test_a_run_of_that_name_is_not_replaced(run: Run, tmp_path: Path) -> None:
    file = archive.export_run(run, tmp_path / "one.zip")
    with pytest.raises(ConfigError, match="there is a run of this name: 'one'"):
        archive.import_run(file)
    with pytest.raises(ConfigError, match="cannot name a run"):
        archive.import_run(file, run_id="../two")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"../evil.txt": "x"}, "leads out of its folder"),
        ({"one/../../evil.txt": "x"}, "leads out of its folder"),
        ({"/etc/evil": "x"}, "leads out of its folder"),
        ({"one/..\\evil.txt": "x"}, "leads out of its folder"),
        ({"C:/config.json": "x"}, "leads out of its folder"),
        ({"one/evil.py": "x"}, "a file that no run has"),
        ({"one/stop": "x"}, "a file that no run has"),
        ({"one/epochs/../config.json": "x"}, "leads out of its folder"),
        ({"two/config.json": "x"}, "a file that no run has|no run, or several"),
        ({"one/config.json": None}, "no run, or several"),
        ({"one/config.json": "{}x"}, "cannot be read here"),
        ({"one/config.json": '{"nosuch": 1}'}, "cannot be read here"),
        ({"one/status.json": "[]"}, "cannot be read here"),
        ({"one/report.json": "{}"}, "cannot be read here"),
        ({"one/predictions.parquet": "PAR1"}, "cannot be read here"),
    ],
)
def test_what_is_no_run_is_refused_and_leaves_nothing(rewritten: Rewrite, changes: dict[str, str], words: str) -> None:
    file = rewritten(**changes)
    with pytest.raises(DataError, match=words):
        archive.import_run(file)
    assert runs.list_runs() == []
    assert not list(paths.home().glob(".importing*"))


def test_a_name_twice_is_refused(rewritten: Rewrite) -> None:
    file = rewritten()
    with zipfile.ZipFile(file, "a") as held, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        held.writestr("one/log.txt", "again")
    with pytest.raises(DataError, match="a file that no run has"):
        archive.import_run(file)


def test_a_link_comes_in_as_the_text_it_is(rewritten: Rewrite) -> None:
    file = rewritten(**{"one/log.txt": None})
    entry = zipfile.ZipInfo("one/log.txt")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "a") as held:
        held.writestr(entry, "/etc/passwd")
    back = archive.import_run(file)
    assert not (back.folder / "log.txt").is_symlink()
    assert (back.folder / "log.txt").read_text() == "/etc/passwd"


def test_more_than_the_limit_is_refused_before_anything_is_unpacked(
    rewritten: Rewrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = rewritten()
    for limit, value, words in (
        ("MAX_BYTES", 1000, "more than"),
        ("MAX_FILES", 3, "more than"),
        ("MAX_TEXT", 10, "JSON"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(archive, limit, value)
            with pytest.raises(DataError, match=words):
                archive.import_run(file)
    assert archive.import_run(file).id == "one"


def test_a_full_disk_is_said_before_anything_is_unpacked(rewritten: Rewrite, monkeypatch: pytest.MonkeyPatch) -> None:
    file = rewritten()
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(DataError, match="no place"):
        archive.import_run(file)


def test_a_broken_zip_and_a_missing_one_are_named(run: Run, tmp_path: Path) -> None:
    file = archive.export_run(run, tmp_path / "one.zip")
    runs.delete(run.id)
    raw = file.read_bytes()
    (tmp_path / "half.zip").write_bytes(raw[: len(raw) // 2])
    at = raw.index(b"weightsweights")
    (tmp_path / "flipped.zip").write_bytes(raw[:at] + b"W" + raw[at + 1 :])
    for name in ("half.zip", "flipped.zip"):
        with pytest.raises(DataError, match="no zip that can be read"):
            archive.import_run(tmp_path / name)
    with pytest.raises(DataError, match="no such file"):
        archive.import_run(tmp_path / "none.zip")
    with pytest.raises(DataError, match="cannot be taken in"):
        archive.import_run(tmp_path)
    assert runs.list_runs() == []
