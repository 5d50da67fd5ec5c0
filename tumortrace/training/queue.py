"""The queue: who runs next where. One job a device (a setting), first in, first out, until somebody reorders it.

``TUMORTRACE_HOME/runs/queue.json`` holds the order; a waiting run has the state ``queued``. There is no daemon: whoever
adds a job, ends one or looks at a page calls :func:`dispatch`, under a lock that two servers on one folder share.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock
import psutil
from pydantic import BaseModel, Field, ValidationError

from tumortrace import paths
from tumortrace.errors import ConfigError, RunBusy
from tumortrace.training import runs
from tumortrace.training.runs import LIVE, Run, Status
from tumortrace.training.slots import environment, slots, wanted

MOST_PER_DEVICE = 16
_LOCK_S = 20.0


class Queue(BaseModel):
    """What ``queue.json`` holds."""

    order: list[str] = []
    per_device: int = Field(1, ge=1, le=MOST_PER_DEVICE)


def read() -> Queue:
    """The queue as it stands; an unreadable file reads as an empty one."""
    try:
        return Queue.model_validate_json(_file().read_text())
    except (OSError, ValidationError):
        return Queue()


def waiting() -> list[Run]:
    """The runs that wait, in their order."""
    found = [Run(paths.runs() / run_id) for run_id in read().order]
    return [run for run in found if _waits(run)]


def add(run: Run) -> None:
    """Put a run at the end and start what can be started; a run that waits already stays where it is.

    Raises:
        RunBusy: It is live.
    """
    with _locked():
        state = run.status.state
        if state in LIVE:
            raise RunBusy(f"a run that is {state} cannot be queued", value=run.id, remedy="Watch it, or stop it first.")
        queue = read()
        if run.id not in queue.order:
            (run.folder / "stop").unlink(missing_ok=True)
            _change(run, state="queued", pid=None, error=None, ended=None)
            _write(queue.model_copy(update={"order": [*queue.order, run.id]}))
    dispatch()


def cancel(run_id: str) -> None:
    """Take a waiting run out of the queue; one with a checkpoint is then ``stopped``, any other ``cancelled``."""
    run = runs.find(run_id)
    with _locked():
        queue = read()
        _write(queue.model_copy(update={"order": [held for held in queue.order if held != run.id]}))
        if run.status.state == "queued":
            begun = (run.folder / "checkpoint.ckpt").exists()
            _change(run, state="stopped" if begun else "cancelled", ended=time.time())


def move(run_id: str, place: int) -> None:
    """Put a waiting run at another place, from 0.

    Raises:
        ConfigError: It does not wait.
    """
    with _locked():
        queue = read()
        if run_id not in queue.order:
            known = ", ".join(queue.order) or "nothing"
            raise ConfigError("this run does not wait in the queue", value=run_id, remedy=f"Waiting: {known}.")
        order = [held for held in queue.order if held != run_id]
        order.insert(max(0, min(place, len(order))), run_id)
        _write(queue.model_copy(update={"order": order}))


def set_per_device(count: int) -> None:
    """How many jobs may share a device.

    Raises:
        ConfigError: Out of range.
    """
    if not 1 <= count <= MOST_PER_DEVICE:
        raise ConfigError("jobs per device out of range", value=count, remedy=f"Choose 1 to {MOST_PER_DEVICE}.")
    with _locked():
        _write(read().model_copy(update={"per_device": count}))
    dispatch()


def dispatch() -> list[Run]:
    """Start every waiting run whose device is free, in order; a later one passes only where its own device is free.

    Returns:
        The runs started by this call.
    """
    if not read().order:
        return []
    with _locked():
        queue = read()
        here = slots()
        busy = Counter(slot for run in runs.list_runs() for slot in _taken(run, here))
        started, left = [], []
        held: set[str] = set()
        for run_id in queue.order:
            run = Run(paths.runs() / run_id)
            if not _waits(run):
                continue
            choices = wanted(run.config, here)
            free = [
                choice
                for choice in choices
                if all(busy[slot] < queue.per_device and slot not in held for slot in choice)
            ]
            if not free:
                left.append(run_id)
                # Whoever waits for these comes after this one, or a job for two GPUs would wait for ever.
                held.update(slot for choice in choices for slot in choice)
                continue
            busy.update(free[0])
            _spawn(run, free[0])
            started.append(run)
        _write(queue.model_copy(update={"order": left}))
        return started


def reap() -> None:
    """Collect ended children of this process; cheap, called by whoever lists runs in a long-lived server."""
    children[:] = [child for child in children if child.poll() is None]


children: list[subprocess.Popen[bytes]] = []
"""Kept so that ended processes are reaped when polled, not left as zombies."""


def _spawn(run: Run, taken: list[str]) -> None:
    (run.folder / "stop").unlink(missing_ok=True)
    _change(run, state="created", pid=None, error=None, ended=None, created=time.time(), slots=taken)
    with (run.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tumortrace", "train", "--run", str(run.folder), "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=paths.root(),
            env=os.environ | environment(taken),
        )
    _name(run, process.pid)
    children.append(process)


def _name(run: Run, pid: int) -> None:
    """Write the pid down at once, unless the process was quicker and wrote its own."""
    if _status(run).pid is None:
        try:
            started = psutil.Process(pid).create_time()
        except psutil.Error:
            started = None
        _change(run, pid=pid, pid_started=started)


def _taken(run: Run, here: list[str]) -> list[str]:
    try:
        status = run.status
        # Each machine that shares the folder starts jobs on its own devices.
        if status.state not in LIVE or status.host not in (None, socket.gethostname()):
            return []
        return status.slots or wanted(run.config, here)[0]
    except (OSError, ValueError):
        return []


def _waits(run: Run) -> bool:
    try:
        return _status(run).state == "queued"
    except (OSError, ValueError):
        return False


def _status(run: Run) -> Status:
    return Status.model_validate_json((run.folder / "status.json").read_text())


def _change(run: Run, **changes: object) -> None:
    run.write_status(_status(run).model_copy(update=changes))


def _file() -> Path:
    return paths.runs() / "queue.json"


def _write(queue: Queue) -> None:
    paths.write_atomic(_file(), queue.model_dump_json(indent=2))


@contextmanager
def _locked() -> Iterator[None]:
    paths.runs().mkdir(parents=True, exist_ok=True)
    try:
        with filelock.FileLock(paths.runs() / ".queue.lock", timeout=_LOCK_S):
            yield
    except filelock.Timeout:
        remedy = "Try again; if no process is there, delete the file."
        raise RunBusy("the queue is locked", value=str(paths.runs() / ".queue.lock"), remedy=remedy) from None
