"""Starting from the weights of another run."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.datasets import write_manifest
from tests.processes import PATIENCE_S
from tests.tiny import write_tiny
from tumortrace import runs
from tumortrace.config import RunConfig, parse_config
from tumortrace.data.datasets import open_dataset
from tumortrace.errors import ConfigError, DatasetMismatch, RunNotFound
from tumortrace.models.registry import build
from tumortrace.scheduling import jobs, worker
from tumortrace.scheduling.worker import Task, WorkerOptions, run_task
from tumortrace.training import warm_start


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUMORTRACE_HOME", str(tmp_path))
    write_manifest(tmp_path, "tiny")
    return tmp_path


def config(model: str = "resnet18", init: str = "run:first", **more: object) -> RunConfig:
    return parse_config({"model": {"name": model, "init": init}, **more})


def encoder_of(traced: RunConfig) -> RunConfig:
    """The same TraceNet on the encoder that a ResNet18 may start from."""
    return traced.model_copy(update={"model": traced.model.model_copy(update={"encoder": "resnet18"})})


@pytest.mark.parametrize(
    ("changes", "place", "why"),
    [
        ({"protocol": "official"}, "protocol", "needs the author's folds"),
        ({"protocol": "slice"}, "fold", "no such fold"),
        ({"protocol": "slice", "fold": 2, "validation": 0.2}, "validation", "too few persons"),
        ({"protocol": "slice", "fold": 2}, None, ""),
    ],
)
def test_the_setting_that_a_split_fails_on_is_named(changes: dict[str, object], place: str | None, why: str) -> None:
    table = pd.DataFrame({"slice_id": ["a", "b", "c"], "label": [0, 1, 2], "slice": [2, 3, 4]}, dtype=object)
    table = table.assign(person_id=pd.NA, official=pd.NA, person=pd.NA)
    asked = parse_config({"model": {"name": "cnn3d"}, "validation": 0.0, **changes})
    found = warm_start.unsplittable(table, asked)
    assert (found and found[0]) == place
    assert why in (str(found[1]) if found else "")


def make(run_id: str = "first", state: str = "finished", **more: object) -> runs.Run:
    made = runs.create(encoder_of(config("tracenet", "scratch", **more)), run_id, state=state)
    torch.manual_seed(1)
    save_file(build(made.config.model).state_dict(), made.folder / "model.safetensors")
    return made


def test_a_resnet_starts_with_the_encoder_of_a_tracenet() -> None:
    source = load_file(make().folder / "model.safetensors")
    for name in ("resnet18", "resnet18_cbam"):
        torch.manual_seed(2)
        started = build(config(name).model).state_dict()
        torch.manual_seed(2)
        scratch = build(config(name, "scratch").model).state_dict()
        for key in ("backbone.conv1.weight", "backbone.layer3.0.conv1.weight", "backbone.layer4.1.bn2.running_var"):
            assert torch.equal(started[key], source[key]), key
        # The head is its own, not the other's: as torch made it.
        head = [key for key in started if key.startswith("backbone.fc")]
        assert head
        assert all(torch.equal(started[key], scratch[key]) for key in head)


def test_a_run_of_the_same_slices_may_be_started_from() -> None:
    make()
    warm_start.check_warm_start(config(), open_dataset())
    warm_start.check_warm_start(config(init="scratch"), open_dataset())


def test_a_run_that_learnt_from_another_dataset_is_refused(home: Path) -> None:
    make()
    write_manifest(home, "other")
    with pytest.raises(DatasetMismatch, match=r"learnt from another dataset.*first: tiny, here other"):
        warm_start.check_warm_start(config(), open_dataset("other"))


@pytest.mark.parametrize(
    "other", [{"fold": 2}, {"protocol": "person"}, {"fold": 0, "validation": 0}, {"seed": 1}, {"validation": 0.2}]
)
def test_a_run_that_may_have_seen_what_is_tested_is_refused(other: dict[str, object]) -> None:
    make(**other)
    with pytest.raises(ConfigError, match=rf"learnt from other slices.*{next(iter(other))}"):
        warm_start.check_warm_start(config(), open_dataset())


def test_a_run_that_is_absent_or_not_finished_is_refused() -> None:
    with pytest.raises(RunNotFound):
        warm_start.check_warm_start(config(init="run:nobody"), open_dataset())
    make(state="failed")
    with pytest.raises(ConfigError, match="not finished"):
        warm_start.check_warm_start(config(), open_dataset())


def test_what_cannot_be_started_from_is_refused_before_a_run_is_made(home: Path) -> None:
    write_tiny(home, "whole")
    asked = config(init="run:nobody", dataset="whole", optim={"batch_size": 8})
    with pytest.raises(RunNotFound, match="nobody"):
        jobs.start(asked)
    with pytest.raises(RunNotFound, match="nobody"):
        warm_start.check_start(asked)
    assert runs.list_runs() == []


def test_a_task_waits_for_the_run_it_starts_from(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(state="created")
    first.write_status(first.status.model_copy(update={"pid": None, "created": time.time()}))
    fake = home / "fake.py"
    fake.write_text(
        "import json, sys, pathlib\n"
        "path = pathlib.Path(sys.argv[sys.argv.index('--run') + 1]) / 'status.json'\n"
        "first = path.parent.parent / 'first' / 'status.json'\n"
        "assert json.loads(first.read_text())['state'] == 'finished'\n"
        "path.write_text(json.dumps(json.loads(path.read_text()) | {'state': 'finished'}))\n"
    )
    (home / "session").mkdir()
    outcomes = []
    task = Task("second", config())
    terms = WorkerOptions(home / "session", command=(str(fake),))
    asked = threading.Event()
    to_come = worker._to_come

    def look(run: runs.Run, waited: float) -> bool:
        found = to_come(run, waited)
        asked.set()
        return found

    monkeypatch.setattr(worker, "_to_come", look)
    waiter = threading.Thread(target=lambda: outcomes.append(run_task(task, terms)), daemon=True)
    waiter.start()
    assert asked.wait(PATIENCE_S), "the task never asked about the run it starts from"
    assert not outcomes, "the first one has not finished"
    first.write_status(first.status.model_copy(update={"state": "finished"}))
    waiter.join(PATIENCE_S)
    assert not waiter.is_alive()
    assert [outcome.state for outcome in outcomes] == ["finished"], outcomes
