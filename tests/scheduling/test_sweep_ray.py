"""A sweep on a real Ray cluster of two nodes on this machine, one of which is killed while it trains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.processes import PATIENCE_S, ended, eventually, python, spawned
from tumortrace import runs
from tumortrace.config import RunConfig
from tumortrace.runs.run import Run
from tumortrace.scheduling.sweep import plan_sweep

pytest.importorskip("ray")

EPOCHS = 3
TASKS = 3

# Ray leaves the pipes and log files of the nodes it started to the garbage collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.process,
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


def test_a_task_whose_node_is_killed_goes_on_from_its_checkpoint_on_another(
    home: Path, tiny: RunConfig, cluster: Any, fake: tuple[str, ...]
) -> None:
    optim = tiny.optim.model_copy(update={"epochs": EPOCHS})
    tasks = plan_sweep("pair", tiny.model_copy(update={"seed": 5, "optim": optim}), folds=range(1, TASKS + 1))
    code = (
        "import json, sys; from pathlib import Path; from tumortrace.config import RunConfig;"
        "from tumortrace.scheduling import sweep; from tumortrace.scheduling.backends import Ray;"
        "from tumortrace.scheduling.worker import Task;"
        "tasks = [Task(name, RunConfig.model_validate(config)) for name, config in json.loads(sys.argv[1])];"
        "outcomes = sweep.run_sweep(tasks, Ray(address=sys.argv[2]), command=(sys.argv[3],));"
        "Path(sys.argv[4]).write_text(json.dumps([outcome.state for outcome in outcomes]))"
    )
    asked = json.dumps([(task.run_id, task.config.model_dump(mode="json")) for task in tasks])
    said = home / "said.json"
    command = python(code, asked, cluster.address, *fake, str(said))
    (lost_node,) = cluster.worker_nodes
    raylet = lost_node.all_processes["raylet"][0].process.pid
    with spawned(command, home / "sweep.log", PYTHONWARNINGS="ignore") as sweep:
        # Each trainer waits after its first epoch until told to go on, so none is through before its node is lost.
        victim = eventually(lambda: trained_below(raylet), "a task has trained an epoch on the node to be lost", sweep)
        trainer = psutil.Process(victim.status.pid)
        cluster.remove_node(lost_node, allow_graceful=False)
        eventually(lambda: ended(trainer), "the trainer has ended with its node", sweep)
        (home / "go").touch()
        assert sweep.wait(PATIENCE_S) == 0
    assert json.loads(said.read_text()) == ["finished"] * TASKS
    assert victim.status.starts >= 2
    found = runs.list_runs()
    assert len(found) == TASKS
    for run in found:
        assert run.status.state == "finished"
        assert run.metrics["epoch"].tolist() == list(range(1, EPOCHS + 1))
    assert not list((home / "sweeps").iterdir())


def trained_below(raylet: int) -> Run | None:
    return next((run for run in runs.list_runs() if run.status.epoch and below(run, raylet)), None)


def below(run: Run, pid: int) -> bool:
    """Whether the run's process was started on the node of this raylet."""
    try:
        return pid in [parent.pid for parent in psutil.Process(run.status.pid).parents()]
    except psutil.Error:
        return False
