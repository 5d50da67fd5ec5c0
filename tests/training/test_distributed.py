"""Two processes share a run (gloo, on the CPU)."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import subprocess
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import psutil
import pytest

from tests.processes import PATIENCE_S, PYTHON, eventually, spawned
from tumortrace import runs
from tumortrace.config import ModelSettings, OptimSettings, RunConfig
from tumortrace.runs.run import LIVE, Run
from tumortrace.training.trainer import train

OPTIM = OptimSettings(epochs=2, batch_size=8, lr=1e-3, ema=0)
# Rounding alone is a tenth of it; what is not shared shows a hundred times as much.
MOST = {"train_loss": 1e-4, "train_accuracy": 1e-6, "val_loss": 1e-4, "lr": 1e-9, "shares": 1e-3}
PROBABILITIES = ["p_meningioma", "p_glioma", "p_pituitary"]


def shared(tiny: RunConfig, **values: object) -> RunConfig:
    # Dropout alone differs from process to process.
    given = {"model": ModelSettings(name="cnn3d", dropout=0), "optim": OPTIM, "devices": 2, "validation_tiles": 2}
    return tiny.model_copy(update=given | values)


@pytest.fixture
def alone(home: Path, tiny: RunConfig) -> Run:
    """The run of one process that the others are compared with."""
    run = runs.create(shared(tiny, devices=1), "one")
    assert train(run)
    return run


def start(log: Path, *arguments: str, **variables: str) -> AbstractContextManager[subprocess.Popen[bytes]]:
    return spawned([PYTHON, "-m", "tumortrace", "train", "--quiet", *arguments], log, **variables)


def free_port() -> str:
    """A free port below those that the system hands out by itself, so that nobody gets it before the run does."""
    for port in random.Random(os.getpid()).sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return str(port)
    raise AssertionError("no port between 20000 and 30000 is free")


def assert_same(one: Run, two: Run) -> None:
    assert two.metrics["epoch"].tolist() == one.metrics["epoch"].tolist() == list(range(1, OPTIM.epochs + 1))
    found = differences(one, two)
    assert all(found[name] < most for name, most in MOST.items()), f"the runs are apart: {found}"


def differences(one: Run, two: Run) -> dict[str, float]:
    """The largest difference of each curve and of the probabilities."""
    columns = ["train_loss", "train_accuracy", "val_loss", "lr"]
    found = {name: float((one.metrics[name] - two.metrics[name]).abs().max()) for name in columns}
    rows, others = one.predictions, two.predictions
    assert rows is not None
    assert others is not None
    assert rows["slice_id"].tolist() == others["slice_id"].tolist()
    found["shares"] = float((rows[PROBABILITIES] - others[PROBABILITIES]).abs().to_numpy().max())
    return found


@pytest.mark.slow
@pytest.mark.process
def test_two_processes_end_where_one_does_and_one_of_them_writes(home: Path, tiny: RunConfig, alone: Run) -> None:
    two = runs.create(shared(tiny), "two")
    with start(home / "two.log", "--run", str(two.folder)) as process:
        assert process.wait(PATIENCE_S) == 0
    assert_same(alone, two)
    assert two.status.starts == 1
    assert two.status.counts == alone.status.counts
    assert [path.name for path in (two.folder / "metrics").iterdir()] == ["version_1"]
    assert (two.folder / "checkpoint.ckpt").exists()


# The command, then the same run twice more, each with one part of what the processes share left out.
MACHINE = """
import atexit
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
atexit.register(lambda: print("left the group:", not dist.is_initialized(), flush=True))  # what comes first ends last
from tumortrace import runs
from tumortrace.cli import main as cli
from tumortrace.training import distributed
from tumortrace.training.trainer import train
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code
whole = distributed.synchronise_batchnorm
distributed.synchronise_batchnorm = lambda net, device: net
assert train(runs.find_run("batchnorm"))
distributed.synchronise_batchnorm = whole
# Past its own forward pass, it does not see the backward one coming and averages no gradients.
DistributedDataParallel.forward = lambda self, *given, **more: self.module(*given, **more)
assert train(runs.find_run("gradients"))
"""


@pytest.mark.slow
@pytest.mark.process
def test_two_machines_end_where_one_process_does_and_the_comparison_notices_what_is_not_shared(
    home: Path, tiny: RunConfig, alone: Run
) -> None:
    broken = [runs.create(shared(tiny, devices=1, nodes=2), part) for part in ("batchnorm", "gradients")]
    script = home / "machine.py"
    script.write_text(MACHINE)
    port = free_port()
    options = [
        "train", "--quiet",
        "--name", "two", "--nodes", "2", "--dataset", "tiny", "--model", "cnn3d", "--size", "32",
        "--epochs", str(OPTIM.epochs), "--batch-size", str(OPTIM.batch_size), "--lr", str(OPTIM.lr), "--ema", "0",
        "--dropout", "0", "--validation", "0.2", "--device", "cpu",
        "--precision", "32-true", "--threads", "1", "--validation-tiles", "2", "--checkpoint", "0",
    ]  # fmt: skip
    with ExitStack() as both:
        machines = [
            both.enter_context(
                spawned(
                    [PYTHON, str(script), *options], home / f"machine{rank}.log",
                    MASTER_ADDR="127.0.0.1", MASTER_PORT=port, NODE_RANK=rank, LOCAL_RANK="0",
                )
            )
            for rank in "01"
        ]  # fmt: skip
        assert [machine.wait(PATIENCE_S) for machine in machines] == [0, 0]
    for rank in "01":
        said = (home / f"machine{rank}.log").read_text()
        assert "left the group: True" in said, "or gloo's threads abort what has ended well"
        assert "deprecated" not in said
    assert_same(alone, runs.find_run("two"))
    for run in broken:
        with pytest.raises(AssertionError, match="apart"):
            assert_same(alone, run)


@pytest.mark.slow
@pytest.mark.process
def test_a_lost_process_fails_the_run_and_it_goes_on_from_its_checkpoint(home: Path, tiny: RunConfig) -> None:
    long = OPTIM.model_copy(update={"epochs": 500})
    run = runs.create(shared(tiny, optim=long, validation_tiles=0), "run")
    with start(home / "first.log", "--run", str(run.folder)) as process:
        eventually(lambda: run.status.epoch >= 1, "an epoch has been trained", process)
        other = next(child for child in psutil.Process(process.pid).children() if "train" in child.cmdline())
        other.kill()
        assert process.wait(PATIENCE_S) != 0
    assert run.status.state not in LIVE
    assert run.resumable
    before = run.status.epoch
    with start(home / "second.log", "--run", str(run.folder)) as process:
        eventually(lambda: run.status.epoch > before, "another epoch has been trained", process)
        (run.folder / "stop").touch()
        assert process.wait(PATIENCE_S) == 0
    assert run.status.state == "stopped"
    epochs = run.metrics["epoch"].tolist()
    assert epochs == list(range(1, len(epochs) + 1))


def test_a_batch_must_be_shared_evenly(tiny: RunConfig) -> None:
    with pytest.raises(ValueError, match="cannot be shared evenly by 3 devices"):
        RunConfig.model_validate(tiny.model_dump() | {"devices": 3})
