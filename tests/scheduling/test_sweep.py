"""Sweeps on this machine. A fake trainer stands in where only the machinery is asked; two tests train."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest

from tests.processes import ROOT, ended, eventually, python, spawned
from tumortrace import __version__, runs
from tumortrace.config import RunConfig
from tumortrace.errors import ConfigError, TrainingError
from tumortrace.scheduling import backends, lease, sweep
from tumortrace.scheduling.backends import Local, Ray
from tumortrace.scheduling.sweep import plan_sweep, resolve
from tumortrace.scheduling.worker import Task, WorkerOptions

# --- planning -------------------------------------------------------------------------------------------------------


def test_the_plan_is_the_whole_product_and_always_the_same(tiny: RunConfig) -> None:
    asked: dict[str, Any] = {
        "models": ["cnn3d", "resnet18"],
        "protocols": ["official", "person"],
        "folds": [1, 2, 3],
        "seeds": [0, 1],
        "vary": {"lr": ["1e-3", "2e-3"], "augment.rotate": [0, 30]},
    }
    tasks = plan_sweep("grid", tiny, **asked)
    assert len(tasks) == len({task.run_id for task in tasks}) == 2 * 2 * 3 * 2 * 2 * 2
    assert tasks == plan_sweep("grid", tiny, **asked)
    assert {task.config.optim.lr for task in tasks} == {1e-3, 2e-3}
    assert {task.config.preprocess.size for task in tasks} == {32}
    assert tasks[0].run_id.startswith("grid-cnn3d-official1-s0-")


def test_a_run_id_follows_from_the_settings_alone(tiny: RunConfig) -> None:
    (plain,) = plan_sweep("one", tiny)
    (written,) = plan_sweep("one", tiny, vary={"lr": ["0.005"]})
    (other,) = plan_sweep("one", tiny, vary={"lr": ["0.006"]})
    assert plain.run_id == written.run_id != other.run_id


def test_null_on_the_command_line_is_none(tiny: RunConfig) -> None:
    none, block = plan_sweep("frozen", tiny, vary={"freeze_until": ["null", "block1"]})
    assert none.config.model.freeze_until is None
    assert block.config.model.freeze_until == "block1"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"vary": {"leaning_rate": [1]}}, "no such setting"),
        ({"vary": {"epoch": [1]}}, r"Did you mean optim.epochs\?"),
        ({"vary": {"fold": [1, 2]}}, "Repeat --fold instead"),
        ({"vary": {"lr": ["fast"]}}, r"optim.lr does not hold \(.*optim.lr=fast"),
        ({"vary": {"lr": []}}, "optim.lr=A,B"),
        ({"folds": [6]}, "fold does not hold"),
        ({"folds": [1, 1]}, "two tasks are the same"),
        ({"models": ["vgg"]}, "model.name=vgg"),
        ({"models": ["cnn3d", "resnet18"], "vary": {"freeze_until": ["block1"]}}, "resnet18 has no stage 'block1'"),
        ({"vary": {"batch_size": [8], "devices": [2]}}, "trains on one device"),
    ],
)
def test_what_cannot_be_planned_is_refused_with_a_remedy(tiny: RunConfig, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan_sweep("grid", tiny, **asked)


def test_a_name_that_is_no_folder_is_refused(tiny: RunConfig) -> None:
    with pytest.raises(ConfigError, match="letters, digits"):
        plan_sweep("../grid", tiny)


def test_settings_are_found_by_their_last_part() -> None:
    assert resolve("lr") == resolve("optim.lr") == "optim.lr"
    assert resolve("batch-size") == "optim.batch_size"


# --- running --------------------------------------------------------------------------------------------------------


def test_one_failure_leaves_the_others_and_a_killed_task_runs_again(
    home: Path, tiny: RunConfig, fake: tuple[str, ...]
) -> None:
    tasks = plan_sweep("mixed", tiny, seeds=range(5))
    seen: list[str] = []
    outcomes = sweep.run_sweep(
        tasks, Local(jobs=2), command=fake, on_outcome=lambda outcome: seen.append(outcome.run_id)
    )
    assert [outcome.state for outcome in outcomes] == ["finished", "failed", "finished", "crashed", "failed"]
    assert [run_of(task).status.starts for task in tasks[:3]] == [1, 1, 2]
    assert outcomes[1].error == "the loss is nan"
    assert "signal 9" in str(outcomes[3].error)
    assert outcomes[4].error == "no module named nothing"
    assert sorted(seen) == sorted(task.run_id for task in tasks)
    assert not list((home / "sweeps").iterdir())


def test_a_restart_skips_what_is_finished_and_tries_the_rest_again(
    home: Path, tiny: RunConfig, fake: tuple[str, ...]
) -> None:
    tasks = plan_sweep("twice", tiny, seeds=[0, 1, 2])
    for state in ("finished", "skipped"):
        outcomes = sweep.run_sweep(tasks, Local(jobs=3), command=fake)
        assert [outcome.state for outcome in outcomes] == [state, "failed", state]
    assert [run_of(task).status.starts for task in tasks] == [1, 2, 2]


def test_retries_can_be_switched_off(home: Path, tiny: RunConfig, fake: tuple[str, ...]) -> None:
    (outcome,) = sweep.run_sweep(plan_sweep("once", tiny, seeds=[2]), Local(), command=fake, retries=0)
    assert outcome.state == "crashed"


def test_a_stopped_sweep_stops_its_tasks_and_starts_no_more(home: Path, tiny: RunConfig, fake: tuple[str, ...]) -> None:
    tasks = plan_sweep("halt", tiny, seeds=[5, 0])

    def stop() -> None:
        eventually((run_of(tasks[0]).folder / "checkpoint.ckpt").exists, "the first task trains")
        (session,) = (home / "sweeps").glob("session-*")
        (session / "stop").touch()

    helper = threading.Thread(target=stop)
    helper.start()
    outcomes = sweep.run_sweep(tasks, Local(jobs=1), command=fake)
    helper.join()
    assert [outcome.state for outcome in outcomes] == ["stopped", "stopped"]
    assert not run_of(tasks[1]).folder.exists()


def test_a_run_of_the_same_name_with_other_settings_is_not_touched(
    home: Path, tiny: RunConfig, fake: tuple[str, ...]
) -> None:
    (task,) = plan_sweep("own", tiny)
    other = runs.create(tiny.model_copy(update={"seed": 7}), task.run_id)
    (outcome,) = sweep.run_sweep([task], Local(), command=fake)
    assert outcome.state == "failed"
    assert "another name" in str(outcome.error)
    assert other.config.seed == 7


def test_the_cores_are_shared_among_the_jobs(home: Path, tiny: RunConfig, fake: tuple[str, ...]) -> None:
    free = tiny.model_copy(update={"threads": 0})
    tasks = plan_sweep("cores", free, seeds=[0, 6]) + plan_sweep("fixed", tiny)
    sweep.run_sweep(tasks, Local(jobs=2, threads=3), command=fake)
    given = [json.loads((run_of(task).folder / "seen.json").read_text()).get("OMP_NUM_THREADS") for task in tasks]
    assert given == ["3", "3", os.environ.get("OMP_NUM_THREADS")]


@pytest.mark.parametrize("file", ["status.json", "config.json"])
def test_a_task_whose_run_cannot_be_read_says_so_and_the_others_go_on(
    home: Path, tiny: RunConfig, fake: tuple[str, ...], file: str
) -> None:
    broken, good = plan_sweep("damaged", tiny, seeds=[0, 6])
    folder = runs.create(broken.config, broken.run_id, "stopped").folder
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / file).write_text("{")
    failed, finished = sweep.run_sweep([broken, good], Local(), command=fake)
    assert failed.state == "failed"
    assert f"the run {broken.run_id} cannot be read: {file} is damaged" in str(failed.error)
    assert finished.state == "finished"
    (folder / "status.json").unlink()
    (failed,) = sweep.run_sweep([broken], Local(), command=fake)
    assert failed.state == "failed"
    assert (folder / "model.safetensors").exists(), "what it had is not thrown away"


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="Linux ends a process with its parent")
def test_the_training_process_dies_with_the_sweep(home: Path, tiny: RunConfig, fake: tuple[str, ...]) -> None:
    (task,) = plan_sweep("orphan", tiny, seeds=[5])
    code = (
        "import sys; from tumortrace.scheduling import sweep; from tumortrace.scheduling.backends import Local;"
        "from tumortrace.scheduling.worker import Task; from tumortrace.config import RunConfig;"
        "config = RunConfig.model_validate_json(sys.argv[2]);"
        "sweep.run_sweep([Task(sys.argv[1], config)], Local(), command=(sys.argv[3],))"
    )
    words = python(code, task.run_id, task.config.model_dump_json(), *fake)
    with spawned(words, home / "parent.log") as parent:
        made = run_of(task).folder / "config.json"
        eventually(lambda: made.exists() and run_of(task).status.epoch, "the task trains", parent)
        trainer = psutil.Process(run_of(task).status.pid)
        parent.kill()
    eventually(lambda: ended(trainer), "the trainer has ended with its parent")
    # Its lease is left behind, and ends with it.
    (home / "go").touch()
    (outcome,) = sweep.run_sweep([task], Local(), command=fake)
    assert outcome.state == "finished"


def test_a_lease_is_held_once_and_ends_with_its_process_or_its_beat(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = lease.Lease("x"), lease.Lease("x")
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    far = json.loads(second.path.read_text()) | {"place": "another machine"}
    second.path.write_text(json.dumps(far))
    assert not first.take()
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.0)
    assert first.take()
    second.kept = 0
    with pytest.raises(TrainingError, match="taken this run over"):
        second.keep()
    second.release()
    assert first.path.exists()


# --- GPUs and Ray, without either -----------------------------------------------------------------------------------


def test_tasks_are_dealt_to_the_gpus_as_their_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "gpus", lambda: [("cuda:0", 10.0), ("cuda:1", 4.5)])
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert Local(memory_gb=4).slots(True) == ["cuda:0", "cuda:1", "cuda:0"]
    assert Local(jobs=5).slots(True) == ["cuda:0", "cuda:1"] * 2 + ["cuda:0"]
    assert Local(memory_gb=4).slots(False) == [None]
    assert len(Local(memory_gb=0.5).slots(True)) == 8
    with pytest.raises(ConfigError, match="--memory-gb"):
        Local(memory_gb=40).slots(True)


def test_each_task_sees_the_gpu_it_was_dealt(
    home: Path, tiny: RunConfig, fake: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver: Any = ModuleType("pynvml")
    driver.nvmlInit = lambda: None
    driver.nvmlDeviceGetCount = lambda: 4
    driver.nvmlDeviceGetHandleByIndex = int
    driver.nvmlDeviceGetMemoryInfo = lambda number: SimpleNamespace(free=(1 + number) * 1e9)
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    assert backends.gpus() == [("cuda:0", 4.0), ("cuda:1", 2.0)]
    tasks = plan_sweep("dealt", tiny.model_copy(update={"device": "auto"}), seeds=[0, 6])
    sweep.run_sweep(tasks, Local(jobs=2), command=fake)
    seen = [json.loads((run_of(task).folder / "seen.json").read_text()) for task in tasks]
    assert sorted(one["CUDA_VISIBLE_DEVICES"] for one in seen) == ["1", "3"]
    assert sorted(one["TUMORTRACE_SLOTS"] for one in seen) == ["cuda:0", "cuda:1"]


def test_ray_that_is_missing_or_silent_is_said_with_a_remedy(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = plan_sweep("far", tiny)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match=r"pip install \"tumortrace\[ray\]\""):
        sweep.run_sweep(tasks, Ray())
    with pytest.raises(ConfigError, match="part of one GPU or whole ones"):
        Ray(gpus=1.5)


def test_a_node_without_the_shared_folder_or_of_another_version_trains_nothing(home: Path, tiny: RunConfig) -> None:
    (task,) = plan_sweep("far", tiny)
    assert "does not see /nowhere" in str(backends._on_node(task, WorkerOptions(Path("/nowhere")), __version__))
    assert "was started with 0.0" in str(backends._on_node(task, WorkerOptions(home), "0.0"))
    assert not run_of(task).folder.exists()


def test_a_cluster_that_does_not_answer_is_said_at_once(home: Path, tiny: RunConfig) -> None:
    pytest.importorskip("ray")
    with pytest.raises(ConfigError, match="ray start --head"):
        sweep.run_sweep(plan_sweep("far", tiny), Ray(address="127.0.0.1:9"))


# --- the command ----------------------------------------------------------------------------------------------------

SHARED = [
    "--model", "cnn3d", "--set", "dataset=tiny", "--set", "size=32", "--set", "device=cpu",
    "--set", "precision=32-true", "--set", "threads=1", "--set", "epochs=1", "--set", "batch_size=8",
]  # fmt: skip


def test_a_dry_run_lists_the_tasks_and_makes_nothing(home: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    status, out, _ = call("sweep", "look", *SHARED, "--vary", "lr=1e-3,2e-3", "--dry-run", "--json")
    tasks = json.loads(out)["tasks"]
    assert status == 0
    assert len(tasks) == 10
    assert tasks[0]["settings"]["optim.lr"] == 1e-3
    assert not any(task["finished"] for task in tasks)
    status, out, err = call("sweep", "look", *SHARED, "--fold", 2, "--dry-run")
    assert "look-cnn3d-official2-s0-" in out
    assert "1 tasks, 0 finished" in err
    assert not (home / "runs").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "size"], "--set takes SETTING=VALUE"),
        (["--set", "fold=2"], "Use --fold"),
        (["--vary", "lr=1", "--vary", "optim.lr=2"], "varied twice"),
        (["--jobs", "many"], "or auto"),
        (["--set", "size=9"], "preprocess.size does not hold"),
    ],
)
def test_a_wrong_option_is_one_line(
    home: Path, call: Callable[..., tuple[int, str, str]], words: list[str], message: str
) -> None:
    status, _, err = call("sweep", "wrong", *SHARED, *words)
    assert status == 1
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.process
def test_a_sweep_trains_and_a_second_call_skips(home: Path, call: Callable[..., tuple[int, str, str]]) -> None:
    words = ["sweep", "real", *SHARED, "--fold", 1, "--fold", 2, "--jobs", 2]
    status, out, err = call(*words)
    assert status == 0, err
    assert out.count("finished") == 2
    assert "evaluate" in err
    status, out, _ = call(*words, "--json")
    assert status == 0
    assert json.loads(out)["counts"] == {"skipped": 2}
    assert [run.status.starts for run in runs.list_runs()] == [1, 1]


# Trains, and is killed once: in the third epoch.
KILLED_ONCE = """
import os, signal, sys
from pathlib import Path
from tumortrace import runs
from tumortrace.training import trainer
folder = Path(sys.argv[sys.argv.index("--run") + 1])
def die(epoch, batch):
    if (epoch, batch) == (2, 3) and not (folder / "died").exists():
        (folder / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
trainer.train(runs.Run(folder), die)
"""


@pytest.mark.slow
@pytest.mark.process
def test_a_killed_training_is_started_again_and_a_failing_one_is_not(
    home: Path, tiny: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    trainer = home / "killed_once.py"
    trainer.write_text(KILLED_ONCE)
    tasks = plan_sweep("real", tiny) + plan_sweep("real", tiny.model_copy(update={"dataset": "missing"}))
    killed, failed = sweep.run_sweep(tasks, Local(jobs=2), command=(str(trainer),))
    assert (killed.state, failed.state) == ("finished", "failed")
    assert "missing" in str(failed.error)
    run = run_of(tasks[0])
    assert run.status.starts == 2
    assert not run_of(tasks[1]).folder.exists(), "a dataset that is not there makes no run"
    assert run.metrics["epoch"].tolist() == [1, 2, 3]


def run_of(task: Task) -> runs.Run:
    return runs.Run(Path(os.environ["TUMORTRACE_HOME"]) / "runs" / task.run_id)
