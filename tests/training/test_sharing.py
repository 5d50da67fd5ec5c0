"""Two processes share a run (gloo, on the CPU)."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tumortrace.config import ModelSettings, OptimSettings, RunConfig
from tumortrace.training import runs
from tumortrace.training.loop import train
from tumortrace.training.runs import LIVE, Run

ROOT = Path(__file__).resolve().parents[2]
GENTLE = OptimSettings(epochs=2, batch_size=8, lr=1e-5, ema=0)


def shared(tiny: RunConfig, **values: object) -> RunConfig:
    # Dropout alone differs from process to process.
    given = {"model": ModelSettings(name="cnn3d", dropout=0), "optim": GENTLE, "devices": 2, "watch": 2}
    return tiny.model_copy(update=given | values)


def start(*arguments: str, **variables: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-m", "tumortrace", "train", "--quiet", *arguments]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL)


def wait(condition, seconds: float = 120) -> None:
    until = time.time() + seconds
    while not condition():
        assert time.time() < until, "waited too long"
        time.sleep(0.1)


def assert_same(one: Run, two: Run) -> None:
    columns = ["epoch", "step", "train_loss", "train_accuracy", "val_loss", "lr"]
    assert two.metrics["epoch"].tolist() == [1, 2]
    assert np.allclose(one.metrics[columns], two.metrics[columns], rtol=2e-3, atol=2e-3)
    names = ["p_meningioma", "p_glioma", "p_pituitary"]
    first, second = one.predictions, two.predictions
    assert first is not None
    assert second is not None
    assert first["slice_id"].tolist() == second["slice_id"].tolist()
    assert np.allclose(first[names], second[names], atol=5e-3)


@pytest.mark.slow
def test_two_processes_end_where_one_does_and_one_of_them_writes(home: Path, tiny: RunConfig) -> None:
    one, two = runs.create(shared(tiny, devices=1), "one"), runs.create(shared(tiny), "two")
    assert train(one)
    process = start("--run", str(two.folder))
    assert process.wait(180) == 0
    assert_same(one, two)
    assert two.status.starts == 1
    assert two.status.counts == one.status.counts
    assert [path.name for path in (two.folder / "metrics").iterdir()] == ["version_1"]
    assert (two.folder / "checkpoint.ckpt").exists()


@pytest.mark.slow
def test_two_machines_end_where_one_process_does(home: Path, tiny: RunConfig) -> None:
    one = runs.create(shared(tiny, devices=1), "one")
    assert train(one)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    options = [
        "--name", "two", "--nodes", "2", "--dataset", "tiny", "--model", "cnn3d", "--size", "32", "--epochs", "2",
        "--batch-size", "8", "--lr", "1e-5", "--ema", "0", "--dropout", "0", "--validation", "0.2", "--device", "cpu",
        "--precision", "32-true", "--threads", "1", "--watch", "2", "--checkpoint", "0",
    ]  # fmt: skip
    machines = [
        start(*options, MASTER_ADDR="127.0.0.1", MASTER_PORT=port, NODE_RANK=rank, LOCAL_RANK="0") for rank in "01"
    ]
    assert [machine.wait(180) for machine in machines] == [0, 0]
    assert_same(one, runs.find("two"))


@pytest.mark.slow
def test_a_lost_process_fails_the_run_and_it_goes_on_from_its_checkpoint(home: Path, tiny: RunConfig) -> None:
    long = GENTLE.model_copy(update={"epochs": 300})
    run = runs.create(shared(tiny, optim=long), "run")
    process = start("--run", str(run.folder))
    wait(lambda: run.status.epoch >= 1)
    other = next(child for child in psutil.Process(process.pid).children() if "train" in child.cmdline())
    os.kill(other.pid, signal.SIGKILL)
    assert process.wait(120) != 0
    wait(lambda: run.status.state not in LIVE)
    assert run.resumable
    before = run.status.epoch
    process = start("--run", str(run.folder))
    wait(lambda: run.status.epoch > before)
    (run.folder / "stop").touch()
    assert process.wait(120) == 0
    assert run.status.state == "stopped"
    epochs = run.metrics["epoch"].tolist()
    assert epochs == list(range(1, len(epochs) + 1))


def test_a_batch_must_be_shared_evenly(tiny: RunConfig) -> None:
    with pytest.raises(ValueError, match="cannot be shared evenly by 3 devices"):
        RunConfig.model_validate(tiny.model_dump() | {"devices": 3})
