"""Start, stop and resume a run as a process of its own.

The process outlives the browser and the server: it is started in a new session, writes its own run folder, and whoever
looks later reads that folder. A stop is a file, so anyone who can see the folder can ask for it.
"""

from __future__ import annotations

import subprocess
import sys
import time

import psutil

from tumortrace import paths
from tumortrace.config import RunConfig
from tumortrace.errors import RunNotResumable
from tumortrace.training import runs
from tumortrace.training.runs import LIVE, Run, Status


def start(config: RunConfig) -> Run:
    """Make a run and start it.

    Returns:
        The run, in state ``created``; its process turns it to ``preparing`` and ``running``.
    """
    run = runs.create(config)
    _spawn(run)
    return run


def resume(run_id: str) -> Run:
    """Go on from the run's checkpoint.

    Raises:
        RunNotResumable: It is live, finished, or has no checkpoint.
    """
    run = runs.find(run_id)
    if not run.resumable:
        raise RunNotResumable(
            f"a run that is {run.status.state} cannot be resumed here",
            value=run.id,
            remedy="Only a stopped, failed or crashed run with a checkpoint can; start a new one with its settings.",
        )
    _spawn(run)
    return run


def stop(run_id: str) -> Run:
    """Ask a live run to end after the current step, with a checkpoint; asking twice does no harm."""
    run = runs.find(run_id)
    if run.status.state in LIVE:
        (run.folder / "stop").touch()
    return run


def _spawn(run: Run) -> None:
    (run.folder / "stop").unlink(missing_ok=True)
    status = run.status.model_copy(update={"state": "created", "pid": None, "error": None, "ended": None})
    run.write_status(status.model_copy(update={"created": time.time()}))
    with (run.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tumortrace", "train", "--run", str(run.folder), "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=paths.root(),
        )
    _name(run, process.pid)
    _children.append(process)


_children: list[subprocess.Popen[bytes]] = []
"""Kept so that ended processes are reaped when polled, not left as zombies."""


def reap() -> None:
    """Collect ended children of this process; cheap, called by whoever lists runs in a long-lived server."""
    _children[:] = [child for child in _children if child.poll() is None]


def _name(run: Run, pid: int) -> None:
    """Write the pid down at once, unless the process was quicker and wrote its own."""
    status = Status.model_validate_json((run.folder / "status.json").read_text())
    if status.pid is None:
        try:
            started = psutil.Process(pid).create_time()
        except psutil.Error:
            started = None
        run.write_status(status.model_copy(update={"pid": pid, "pid_started": started}))
