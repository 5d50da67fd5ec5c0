"""One task of a sweep: wait for its run, start or resume its process, watch it, say how it ended.

Whoever trains holds the run's lease (:mod:`tumortrace.scheduling.lease`), and the training process dies with the worker
that started it: a retry after a lost node never writes beside its predecessor.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tumortrace import paths, processes, runs
from tumortrace.config import RunConfig
from tumortrace.errors import ConfigError, RunNotFound, RunUnreadable, TumorTraceError
from tumortrace.processes import ProcessId
from tumortrace.runs.run import LIVE, Run
from tumortrace.scheduling.lease import Lease
from tumortrace.training.warm_start import starts_from

TaskState = Literal["finished", "skipped", "stopped", "failed", "crashed"]
_POLL_SECONDS = 0.5
_APPEAR_SECONDS = 20.0
"""How long a run that another one starts from may take to appear."""

_DIE_WITH_PARENT = """
import os, sys
if sys.platform == "linux":
    import ctypes, signal
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG; kept across execv
# The worker says go once it has written this process down; end of file means that it is gone.
if os.read(0, 2) != b"go":
    sys.exit("the sweep's worker is gone")
os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@dataclass(frozen=True)
class Task:
    """One run of a sweep."""

    run_id: str
    config: RunConfig


@dataclass(frozen=True)
class Outcome:
    """How a task ended: ``crashed`` was killed, ``failed`` said why, ``stopped`` can go on."""

    run_id: str
    state: TaskState
    seconds: float = 0.0
    error: str | None = None


@dataclass(frozen=True)
class WorkerOptions:
    """What the tasks of a sweep share."""

    session: Path  # a folder that exists while the sweep lives; ``stop`` in it asks every task to end
    retries: int = 1  # of a task whose process was killed
    threads: int = 0  # of a task whose configuration leaves them open; 0 leaves them to torch
    command: tuple[str, ...] = ("-m", "tumortrace", "train")  # what Python is called with

    def stopping(self) -> bool:
        """Whether the sweep was asked to stop."""
        return (self.session / "stop").exists()


def is_finished(task: Task) -> bool:
    """Whether the task's run is finished; a run folder of other settings is not its run."""
    folder = paths.runs() / task.run_id
    # One that cannot be read is not passed over: its task then says why.
    with contextlib.suppress(RunNotFound, RunUnreadable):
        return Run(folder).status.state == "finished" and _same(Run(folder).config, task.config)
    return False


def _same(made: RunConfig, asked: RunConfig) -> bool:
    """Whether a run was made of these settings; settings that name no dataset leave it to the run."""
    return made == (asked if asked.dataset else asked.model_copy(update={"dataset": made.dataset}))


def run_task(task: Task, terms: WorkerOptions, environment: dict[str, str] | None = None) -> Outcome:
    """Train a task to its end, unless it is finished already; errors are told in the outcome.

    Args:
        task: What to train.
        terms: Of the whole sweep.
        environment: Further variables of the training process.
    """
    began = time.monotonic()
    lease = Lease(task.run_id)
    try:
        state, error = _hold_and_train(task, terms, environment or {}, lease)
    except (TumorTraceError, OSError) as problem:
        state, error = "failed", str(problem)
    finally:
        lease.release()
    return Outcome(task.run_id, state, round(time.monotonic() - began, 3), error)


def _hold_and_train(
    task: Task, terms: WorkerOptions, environment: dict[str, str], lease: Lease
) -> tuple[TaskState, str | None]:
    if terms.stopping():
        return "stopped", None
    while not lease.take():
        if terms.stopping():
            return "stopped", None
        time.sleep(_POLL_SECONDS)
    run = _open(task)
    if not _wait_for_start(task, terms, lease):
        return "stopped", None
    while _trains(run):
        lease.keep()
        if terms.stopping():
            return "stopped", None
        time.sleep(_POLL_SECONDS)
    if run.status.state == "finished":
        return "skipped", None
    for _ in range(terms.retries + 1):
        if terms.stopping():
            return "stopped", None
        code = _train(run, terms, environment, lease)
        status = run.status
        if code == 0 and status.state == "finished":
            return "finished", None
        if code == 0 and status.state == "stopped":
            return "stopped", None
        if code >= 0:
            said = status.error if status.state == "failed" else run.log_tail(1)
            return "failed", said or f"The process ended with status {code}; see {run.folder / 'log.txt'}."
    return "crashed", f"The process was killed (signal {-code}), {terms.retries + 1} times; see log.txt of the run."


def _wait_for_start(task: Task, terms: WorkerOptions, lease: Lease) -> bool:
    """Wait while the run whose weights this one starts from is still to be trained; False where asked to stop.

    Sweeps name it earlier, so it begins about now; what ended otherwise is refused by the training process itself.
    """
    name, began = starts_from(task.config), time.monotonic()
    while name is not None and _to_come(Run(paths.runs() / name), time.monotonic() - began):
        lease.keep()
        if terms.stopping():
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _to_come(run: Run, waited: float) -> bool:
    with contextlib.suppress(RunNotFound):
        return run.status.state in LIVE
    return waited < _APPEAR_SECONDS


def _trains(run: Run) -> bool:
    """Whether a process trains it although the lease is ours: resumed by hand, or not quite dead yet."""
    status = run.status
    return status.state in LIVE and status.pid is not None


def _open(task: Task) -> Run:
    run = Run(paths.runs() / task.run_id)
    if not (run.folder / "config.json").is_file():
        # Left by a worker that died between making the folder and filling it.
        shutil.rmtree(run.folder, ignore_errors=True)
        return runs.create(task.config, task.run_id)
    if not _same(run.config, task.config):
        raise ConfigError(
            "a run of this name has other settings",
            value=str(run.folder),
            remedy="A default has changed since; give the sweep another name, or delete the run.",
        )
    return run


def _train(run: Run, terms: WorkerOptions, environment: dict[str, str], lease: Lease) -> int:
    """One start of the training process; its exit status, negative where a signal ended it."""
    (run.folder / "stop").unlink(missing_ok=True)
    train = [sys.executable, *terms.command, "--run", str(run.folder), "--quiet"]
    process = processes.start_detached(
        ["-I", "-S", "-c", _DIE_WITH_PARENT, *train],
        run.folder / "log.txt",
        environment=_threads(run.config, terms) | environment,
        stdin=subprocess.PIPE,
    )
    try:
        _begin(run, process)
        asked = False
        while True:
            lease.keep()
            if terms.stopping() and not asked:
                (run.folder / "stop").touch()
                asked = True
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(_POLL_SECONDS)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _threads(config: RunConfig, terms: WorkerOptions) -> dict[str, str]:
    if config.threads or not terms.threads:
        return {}
    return {"OMP_NUM_THREADS": str(terms.threads), "MKL_NUM_THREADS": str(terms.threads)}


def _begin(run: Run, process: subprocess.Popen[bytes]) -> None:
    """Write the process down, then let it go: from then on the status is its own to write."""
    now = {"state": "created", "created": time.time(), "error": None, "ended": None, "slots": []}
    who = {"pid": process.pid, "pid_started": ProcessId.of(process.pid).started, "host": socket.gethostname()}
    run.write_status(run.status.model_copy(update=now | who))
    assert process.stdin
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(b"go")
