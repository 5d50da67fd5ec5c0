"""What a sweep costs over the same commands one after another in a bare loop.

``python scripts/perf/sweep_overhead.py`` (needs the extra ``ray``; about 5 minutes on two cores)

Two questions, each asked in one run, one task at a time on every side, the sides in turn:

* ``train``: the same small trainings (phantoms, in a temporary folder) as a loop of ``tumortrace train --run FOLDER``,
  as a sweep through joblib, and as a sweep on a Ray cluster of one node that is already up: wall time and its ratio to
  the loop's, each the least of the repeats;
* ``machinery``: the same with a trainer that does nothing, so that only the machinery is left: milliseconds a task
  over the loop, and the seconds a sweep takes once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tumortrace import runs  # noqa: E402
from tumortrace.config import RunConfig, parse_config  # noqa: E402
from tumortrace.data.phantom import make_phantom  # noqa: E402
from tumortrace.scheduling import sweep  # noqa: E402
from tumortrace.scheduling.backends import Local, Ray  # noqa: E402
from tumortrace.scheduling.worker import Task  # noqa: E402

NOTHING = """
import json, sys
from pathlib import Path
path = Path(sys.argv[sys.argv.index("--run") + 1]) / "status.json"
path.write_text(json.dumps(json.loads(path.read_text()) | {"state": "finished"}))
"""
TRAIN = ("-m", "tumortrace", "train")
Side = Callable[[Sequence[Task], tuple[str, ...]], None]


def loop(tasks: Sequence[Task], command: tuple[str, ...]) -> None:
    """What a user would write."""
    for task in tasks:
        run = runs.create(task.config, task.run_id)
        words = [sys.executable, *command, "--run", str(run.folder), "--quiet"]
        subprocess.run(words, cwd=ROOT, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def swept(backend: sweep.Backend) -> Side:
    """The same tasks as a sweep."""

    def side(tasks: Sequence[Task], command: tuple[str, ...]) -> None:
        outcomes = sweep.run_sweep(tasks, backend, command=command)
        if any(outcome.state != "finished" for outcome in outcomes):
            raise SystemExit(f"a task did not finish: {outcomes}")

    return side


def seconds(side: Side, name: str, config: RunConfig, count: int, command: tuple[str, ...]) -> float:
    """Wall time of ``count`` tasks that differ in their seeds."""
    tasks = sweep.plan_sweep(name, config, seeds=range(count))
    began = time.perf_counter()
    side(tasks, command)
    return time.perf_counter() - began


def measure(sides: dict[str, Side], config: RunConfig, given: argparse.Namespace, nothing: Path) -> dict[str, Any]:
    """Both questions, ``given.repeats`` times, the sides in turn; of each the least, for other load only adds."""
    training: dict[str, list[float]] = {name: [] for name in sides}
    few: dict[str, list[float]] = {name: [] for name in sides}
    many: dict[str, list[float]] = {name: [] for name in sides}
    for turn in range(given.repeats):
        for name, side in sides.items():
            few[name].append(seconds(side, f"few{turn}{name}", config, 1, (str(nothing),)))
            many[name].append(seconds(side, f"many{turn}{name}", config, 1 + given.empty, (str(nothing),)))
            training[name].append(seconds(side, f"train{turn}{name}", config, given.tasks, TRAIN))
            print(f"turn {turn + 1}: {name} {training[name][-1]:.1f} s", file=sys.stderr)
    each = {name: (min(many[name]) - min(few[name])) / given.empty for name in sides}
    ratios = {name: [one / bare for one, bare in zip(training[name], training["loop"], strict=True)] for name in sides}
    return {
        name: {
            "train_seconds": [round(value, 2) for value in training[name]],
            "train_ratio": round(min(training[name]) / min(training["loop"]), 3),
            "train_ratios": [round(value, 3) for value in ratios[name]],
            "machinery_ms_a_task": round(1000 * (each[name] - each["loop"]), 1),
            "machinery_seconds_once": round(min(few[name]) - min(few["loop"]), 2),
        }
        for name in sides
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=int, default=2, help="trainings a side")
    parser.add_argument("--empty", type=int, default=40, help="tasks that do nothing a side")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TUMORTRACE_HOME"] = scratch
        make_phantom(persons=15, size=64)
        nothing = Path(scratch) / "nothing.py"
        nothing.write_text(NOTHING)
        config = parse_config(
            {
                "dataset": "phantom", "device": "cpu", "precision": "32-true", "threads": 1, "model": {"name": "cnn3d"},
                "preprocess": {"size": 32}, "optim": {"epochs": given.epochs, "batch_size": 8},
            }
        )  # fmt: skip
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": cores, "object_store_memory": 100 * 2**20})
        try:
            sides = {"loop": loop, "joblib": swept(Local(jobs=1)), "ray": swept(Ray(cluster.address, cpus=cores))}
            found = measure(sides, config, given, nothing)
        finally:
            cluster.shutdown()
    for name, side in found.items():
        print(
            f"{name:7} {min(side['train_seconds']):7.1f} s for {given.tasks} trainings"
            f"  x{side['train_ratio']:.3f}  {side['machinery_ms_a_task']:8.1f} ms a task"
            f"  {side['machinery_seconds_once']:6.2f} s once"
        )
    if given.json:
        about = {"cpus": cores, "python": platform.python_version(), "load_after": psutil.getloadavg()}
        given.json.write_text(json.dumps({**vars(given), "json": None, **about, "sides": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
