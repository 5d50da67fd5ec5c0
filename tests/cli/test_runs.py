"""``tumortrace runs``, in this process: what it prints, and that an error names its remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner, Result

from tests.datasets import write_manifest
from tumortrace import runs
from tumortrace.cli.runs import app as runs_app
from tumortrace.config import parse_config
from tumortrace.errors import ConfigError, RunBusy, RunNotFound, RunUnreadable

app = typer.Typer()
app.add_typer(runs_app, name="runs")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path / "home"))
    write_manifest(tmp_path / "home", "tiny")
    for name, rate in (("one", 1e-3), ("two", 2e-3)):
        run = runs.create(parse_config({"model": {"name": "cnn3d"}, "optim": {"lr": rate}}), name)
        folder = run.folder / "metrics" / "version_1"
        folder.mkdir(parents=True)
        pd.DataFrame({"epoch": [1], "val_loss": [rate]}).to_csv(folder / "metrics.csv", index=False)
        run.write_status(run.status.model_copy(update={"state": "stopped", "epoch": 1}))
        (run.folder / "checkpoint.ckpt").write_text("checkpoint")
    return tmp_path


def call(*words: str, said: str = "") -> Result:
    return CliRunner().invoke(app, ["runs", *map(str, words)], input=said)


@pytest.mark.parametrize("words", [[], ["list"]])
def test_runs_are_listed_with_and_without_the_word(words: list[str]) -> None:
    assert "one  stopped  epoch 1/14" in call(*words).output
    listed = json.loads(call(*words, "--json").stdout)["runs"]
    assert {entry["id"] for entry in listed} == {"one", "two"}
    assert listed[0]["state"] == "stopped"


def test_a_run_that_cannot_be_read_is_listed_as_such() -> None:
    config = runs.find_run("two").folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"note": "x"}))
    listed = call("list").stdout.splitlines()
    assert listed[0].startswith("one  stopped")
    assert listed[1].startswith("two  unreadable  the run two cannot be read: config.json")
    entry = json.loads(call("list", "--json").stdout)["runs"][1]
    assert (entry["id"], entry["state"]) == ("two", "unreadable")
    assert "runs delete two" in entry["error"]


def test_a_run_that_cannot_be_read_is_deleted_after_a_question() -> None:
    run = runs.find_run("two")
    (run.folder / "status.json").write_text("")
    answer = call("delete", "two", said="y\n")
    assert "Delete two (unreadable, " in answer.stderr
    assert not run.folder.exists()


@pytest.mark.parametrize("words", [["export", "two", "out"], ["compare", "one", "two"]])
def test_a_command_about_a_run_that_cannot_be_read_says_why(words: list[str], home: Path) -> None:
    (runs.find_run("two").folder / "config.json").write_text("")
    out = home / "out"
    out.mkdir()
    answer = call(*(str(out) if word == "out" else word for word in words))
    assert isinstance(answer.exception, RunUnreadable)
    assert list(out.iterdir()) == []


def test_json_before_the_command_says_where_it_belongs() -> None:
    answer = call("--json", "list")
    assert answer.exit_code == 2
    assert "runs list" in answer.output


def test_a_run_goes_out_and_comes_back(home: Path) -> None:
    file = home / "out.zip"
    done = json.loads(call("export", "one", file, "--checkpoint", "--json").stdout)
    assert done == {"run": "one", "file": str(file), "bytes": file.stat().st_size, "checkpoint": True}
    again = call("import", file, "--name", "three")
    assert again.stdout.startswith("three  stopped")
    assert "train --resume three" in again.stderr
    assert runs.find_run("three").resumable
    assert call("delete", "one", "--yes").stdout == "deleted one\n"
    assert json.loads(call("import", file, "--json").stdout)["run"] == "one"


def test_a_folder_takes_the_zip_under_the_runs_name_and_no_file_is_replaced(home: Path) -> None:
    assert "one.zip" in call("export", "one", home).stdout
    assert (home / "one.zip").is_file()
    assert isinstance(call("export", "one", home).exception, ConfigError)


def test_a_deletion_is_asked_about_with_what_is_lost(home: Path) -> None:
    answer = call("delete", "one", said="n\n")
    assert answer.exit_code == 1
    assert "stopped, epoch 1/14" in answer.stderr
    assert runs.find_run("one")
    assert call("delete", "one", said="y\n").exit_code == 0
    assert isinstance(call("delete", "one", "--yes").exception, RunNotFound)


def test_a_run_that_waits_is_refused_before_anybody_is_asked() -> None:
    run = runs.find_run("one")
    run.write_status(run.status.model_copy(update={"state": "queued"}))
    answer = call("delete", "one")
    assert isinstance(answer.exception, RunBusy)
    assert "for good" not in answer.output


def test_runs_are_compared_in_words_and_in_json() -> None:
    shown = call("compare", "one", "two").stdout
    assert "optim.lr" in shown
    assert "best_val_loss" in shown
    found = json.loads(call("compare", "one", "two", "--json").stdout)
    assert found["runs"] == ["one", "two"]
    assert found["different_settings"] == {"optim.lr": {"one": 0.001, "two": 0.002}}
    assert found["best_values"]["two"]["best_val_loss"] == 0.002
    assert found["best_values"]["two"]["best_val_loss_epoch"] == 1
    assert found["best_values"]["two"]["test_accuracy"] is None
    assert found["mismatches"] == {}


def test_runs_under_other_protocols_are_said_not_to_compare() -> None:
    runs.create(parse_config({"model": {"name": "cnn3d"}, "protocol": "person"}), "three")
    answer = call("compare", "one", "three")
    assert "protocols differ (official, person)" in answer.stderr
    assert isinstance(call("compare", "nowhere").exception, RunNotFound)
