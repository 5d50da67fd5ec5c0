"""The queue: which run starts next, and where. One job per device (a setting), first in, first out, unless reordered.

A run waits because its state is ``queued``, and for no other reason; ``TUMORTRACE_HOME/runs/queue.json`` holds the
order alone. Where it is lost or does not name a run, the older run goes first, so nothing that waits is ever forgotten.

Only :func:`dispatch` starts a run: when one is added, when one ends, by ``tumortrace queue``, and every few seconds
from one thread of the app's server (:func:`keep_dispatching`). Drawing a page calls none of it. A lock keeps two
servers on one folder from starting a run twice.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, Field, ValidationError

from tumortrace import paths, processes, runs
from tumortrace.errors import ConfigError, RunBusy, TrainingError, TumorTraceError
from tumortrace.hardware import environment, slots, wanted
from tumortrace.processes import ProcessId
from tumortrace.runs.run import LIVE, Run, Status

MOST_PER_DEVICE = 16
TICK_S = 2.0
"""How often a server looks whether something can be started."""
_LOCK_S = 20.0


class Queue(BaseModel):
    """What ``queue.json`` holds."""

    order: list[str] = []
    per_device: int = Field(1, ge=1, le=MOST_PER_DEVICE)


def read_queue() -> Queue:
    """The order and the setting as they were written; an unreadable file reads as no order."""
    try:
        return Queue.model_validate_json(_file().read_text())
    except (OSError, ValidationError):
        return Queue()


def waiting() -> list[Run]:
    """The runs that wait, in their order; those that the order does not name come last, the older first."""
    place = {run_id: number for number, run_id in enumerate(read_queue().order)}
    found = [(run, status) for run in runs.list_runs() if (status := _waits(run))]
    found.sort(key=lambda pair: (place.get(pair[0].id, len(place)), pair[1].created, pair[0].id))
    return [run for run, _ in found]


def add(run: Run) -> None:
    """Put a run at the end and start what can be started; a run that waits already stays where it is.

    Raises:
        RunBusy: It is live.
    """
    with _locked():
        state = run.status.state
        if state in LIVE:
            raise RunBusy(f"a run that is {state} cannot be queued", value=run.id, remedy="Watch it, or stop it first.")
        if run.id not in read_queue().order or state != "queued":
            held = [one.id for one in waiting() if one.id != run.id]
            (run.folder / "stop").unlink(missing_ok=True)
            _change(run, state="queued", pid=None, error=None, ended=None)
            _write_order([*held, run.id])
    dispatch()


def cancel(run_id: str) -> None:
    """Take a waiting run out of the queue; one with a checkpoint is then ``stopped``, any other ``cancelled``."""
    run = runs.find_run(run_id)
    with _locked():
        if run.status.state == "queued":
            begun = (run.folder / "checkpoint.ckpt").exists()
            _change(run, state="stopped" if begun else "cancelled", ended=time.time())
        _write_order([held.id for held in waiting()])


def move(run_id: str, place: int) -> None:
    """Put a waiting run at another place, from 0.

    Raises:
        ConfigError: It does not wait.
    """
    with _locked():
        held = [run.id for run in waiting()]
        if run_id not in held:
            known = ", ".join(held) or "nothing"
            raise ConfigError("this run does not wait in the queue", value=run_id, remedy=f"Waiting: {known}.")
        order = [one for one in held if one != run_id]
        order.insert(max(0, min(place, len(order))), run_id)
        _write_order(order)


def set_per_device(count: int) -> None:
    """How many jobs may share a device.

    Raises:
        ConfigError: Out of range.
    """
    if not 1 <= count <= MOST_PER_DEVICE:
        raise ConfigError("jobs per device out of range", value=count, remedy=f"Choose 1 to {MOST_PER_DEVICE}.")
    with _locked():
        _write(read_queue().model_copy(update={"per_device": count}))
    dispatch()


def dispatch() -> list[Run]:
    """Start every waiting run whose device is free, in order; a later one passes only where its own device is free.

    Returns:
        The runs started by this call.
    """
    if not waiting():
        return []
    with _locked():
        queue = read_queue()
        here = slots()
        busy = Counter(slot for run in runs.list_runs() for slot in _taken(run, here))
        started, left = [], []
        held: set[str] = set()
        for run in waiting():
            try:
                choices = wanted(run.config, here)
            except TrainingError:
                # Its settings cannot be read: it stays, and pages name it.
                left.append(run.id)
                continue
            free = [
                choice
                for choice in choices
                if all(busy[slot] < queue.per_device and slot not in held for slot in choice)
            ]
            if not free:
                left.append(run.id)
                # Whoever waits for these comes after this one, or a job for two GPUs would wait for ever.
                held.update(slot for choice in choices for slot in choice)
                continue
            busy.update(free[0])
            _spawn(run, free[0])
            started.append(run)
        _write_order(left)
        return started


def keep_dispatching(stop: threading.Event, every_s: float = TICK_S) -> None:
    """Collect ended children and start what waits, every few seconds until ``stop`` is set: the server's one thread."""
    while not stop.wait(every_s):
        processes.reap()
        # A lock held for long or a disk that fails for a while must not end the thread.
        with contextlib.suppress(TumorTraceError, OSError):
            dispatch()


def _spawn(run: Run, taken: list[str]) -> None:
    (run.folder / "stop").unlink(missing_ok=True)
    _change(run, state="created", pid=None, error=None, ended=None, created=time.time(), slots=taken)
    train = ["-m", "tumortrace", "train", "--run", str(run.folder), "--quiet"]
    process = processes.start_detached(train, run.folder / "log.txt", environment=environment(taken))
    # At once, unless the process was quicker and wrote its own.
    if run.written_status.pid is None:
        _change(run, pid=process.pid, pid_started=ProcessId.of(process.pid).started)


def _taken(run: Run, here: list[str]) -> list[str]:
    try:
        status = run.status
        # Each machine that shares the folder starts jobs on its own devices.
        if status.state not in LIVE or status.host not in (None, socket.gethostname()):
            return []
        return status.slots or wanted(run.config, here)[0]
    except TrainingError:
        return []


def _waits(run: Run) -> Status | None:
    """Its status where it waits, None where it does not or cannot be read."""
    try:
        # Most runs do not wait, and this is asked every few seconds: those are not parsed.
        if b'"queued"' not in (run.folder / "status.json").read_bytes():
            return None
        status = run.written_status
    except (TrainingError, OSError):
        return None
    return status if status.state == "queued" else None


def _change(run: Run, **changes: object) -> None:
    run.write_status(run.written_status.model_copy(update=changes))


def _file() -> Path:
    return paths.runs() / "queue.json"


def _write_order(order: list[str]) -> None:
    _write(read_queue().model_copy(update={"order": order}))


def _write(queue: Queue) -> None:
    processes.write_text(_file(), queue.model_dump_json(indent=2))


@contextmanager
def _locked() -> Iterator[None]:
    paths.runs().mkdir(parents=True, exist_ok=True)
    lock = paths.runs() / ".queue.lock"
    remedy = "Try again; if no process is there, delete the file."
    busy = RunBusy("the queue is locked", value=str(lock), remedy=remedy)
    with processes.file_lock(lock, busy, wait_s=_LOCK_S):
        yield
