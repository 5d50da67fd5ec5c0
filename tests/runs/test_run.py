from __future__ import annotations

import os
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from tests.processes import eventually
from tumortrace import processes, runs
from tumortrace.config import RunConfig
from tumortrace.errors import RunNotFound, RunNotResumable
from tumortrace.runs.run import Status
from tumortrace.scheduling import jobs
from tumortrace.training.data import stack_neighbours


def test_a_dead_process_without_a_final_state_is_crashed(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    run.write_status(Status(state="running", pid=2**22 - 3, pid_started=1.0))
    assert run.status.state == "crashed"
    assert run.status.error


def test_a_recycled_pid_does_not_look_alive(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    started = psutil.Process().create_time()
    run.write_status(Status(state="running", pid=os.getpid(), pid_started=started))
    assert run.status.state == "running"
    run.write_status(Status(state="running", pid=os.getpid(), pid_started=started - 500))
    assert run.status.state == "crashed"


def test_a_run_whose_process_never_came_up_is_crashed_after_a_while(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    assert run.status.state == "created"
    run.write_status(Status(state="created", created=time.time() - 3600))
    assert run.status.state == "crashed"


def test_an_unknown_run_is_named(home: Path) -> None:
    with pytest.raises(RunNotFound, match="no-such-run"):
        runs.find_run("no-such-run")


def test_runs_are_listed_newest_first(home: Path, tiny: RunConfig) -> None:
    first = runs.create(tiny, "b-first")
    os.utime(first.folder / "config.json", (1, 1))
    runs.create(tiny, "a-second")
    assert [run.id for run in runs.list_runs()] == ["a-second", "b-first"]


def test_rows_of_a_later_start_replace_those_they_repeat(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    for version, epochs in ((1, [1, 2, 3]), (2, [3, 4]), (10, [5])):
        folder = run.folder / "metrics" / f"version_{version}"
        folder.mkdir(parents=True)
        pd.DataFrame({"epoch": epochs, "train_loss": [float(version)] * len(epochs)}).to_csv(
            folder / "metrics.csv", index=False
        )
    assert run.metrics["epoch"].tolist() == [1, 2, 3, 4, 5]
    assert run.metrics["train_loss"].tolist() == [1, 1, 2, 2, 10]


@pytest.mark.process
def test_a_job_runs_in_a_process_of_its_own_and_can_be_stopped_and_resumed(
    home: Path, tiny: RunConfig, fake_python: str
) -> None:
    run = jobs.start(tiny.model_copy(update={"seed": 5}))
    eventually(lambda: run.status.epoch == 1, "an epoch has been trained")
    assert run.status.pid != os.getpid()
    assert os.getsid(run.status.pid) != os.getsid(0)
    with pytest.raises(RunNotResumable):
        jobs.resume(run.id)
    jobs.stop(run.id)
    jobs.stop(run.id)
    eventually(lambda: run.status.state == "stopped", "the run has stopped")
    jobs.resume(run.id)
    eventually(lambda: run.status.epoch == 2, "the resumed run has trained another epoch")
    assert run.status.state == "running"
    jobs.stop(run.id)
    eventually(lambda: run.status.state == "stopped", "the run has stopped again")
    assert run.metrics["epoch"].tolist() == [1, 2]
    eventually(lambda: processes.reap() or not processes.children, "its processes are reaped")


def test_a_finished_run_is_not_resumable(home: Path, tiny: RunConfig) -> None:
    run = runs.create(tiny)
    run.write_status(Status(state="finished"))
    with pytest.raises(RunNotResumable, match="finished"):
        jobs.resume(run.id)


def test_no_stack_reaches_into_another_series() -> None:
    manifest = pd.DataFrame(
        {"series_id": ["a", "a", "b", "b", "b", None], "position": [1, 0, 0, 1, 2, None]},
        index=[3, 4, 5, 6, 7, 8],
    )
    stacks = stack_neighbours(manifest, 3)
    assert stacks.tolist() == [[1, 0, 0], [1, 1, 0], [2, 2, 3], [2, 3, 4], [3, 4, 4], [5, 5, 5]]
