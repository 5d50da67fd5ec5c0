"""A sweep on a real Ray cluster of two nodes on this machine, one of which is killed while it trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tumortrace.training import runs
from tumortrace.training.runs import Run

pytest.importorskip("ray")

ROOT = Path(__file__).resolve().parents[2]
EPOCHS = 8
TASKS = 3

# Ray leaves the pipes and log files of the nodes it started to the garbage collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def cluster() -> Iterator[Any]:
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    made = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    try:
        made.add_node(**small)
        yield made
    finally:
        made.shutdown()


def test_a_task_whose_node_is_killed_goes_on_from_its_checkpoint_on_another(home: Path, cluster: Any) -> None:
    sweep = start_sweep(cluster.address)
    try:
        (lost_node,) = cluster.worker_nodes
        raylet = lost_node.all_processes["raylet"][0].process.pid
        victim = wait(lambda: next((run for run in runs.list_runs() if run.status.epoch and below(run, raylet)), None))
        trainer = psutil.Process(victim.status.pid)
        cluster.remove_node(lost_node, allow_graceful=False)
        wait(lambda: not trainer.is_running() or trainer.status() == psutil.STATUS_ZOMBIE, 10)
        said, errors = sweep.communicate(timeout=150)
    finally:
        sweep.kill()
    assert sweep.returncode == 0, errors
    assert json.loads(said)["counts"] == {"finished": TASKS}
    assert victim.status.starts >= 2
    found = runs.list_runs()
    assert len(found) == TASKS
    for run in found:
        assert run.status.state == "finished"
        assert run.metrics["epoch"].tolist() == list(range(1, EPOCHS + 1))
    assert not list((home / "sweeps").iterdir())


def start_sweep(address: str) -> subprocess.Popen[str]:
    settings = {
        "dataset": "tiny", "size": 32, "device": "cpu", "precision": "32-true", "threads": 1,
        "epochs": EPOCHS, "batch_size": 8,
    }  # fmt: skip
    words = ["sweep", "pair", "--model", "cnn3d", "--backend", "ray", "--address", address, "--json"]
    words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    words += [word for fold in range(1, TASKS + 1) for word in ("--fold", str(fold))]
    return subprocess.Popen(
        [sys.executable, "-m", "tumortrace", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def below(run: Run, pid: int) -> bool:
    """Whether the run's process was started on the node of this raylet."""
    try:
        return pid in [parent.pid for parent in psutil.Process(run.status.pid).parents()]
    except psutil.Error:
        return False


def wait(condition: Callable[[], Any], seconds: float = 90) -> Any:
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.1)
    return found
