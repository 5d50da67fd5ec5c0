"""The run folder: what a run was asked to do, how it fares, and what came out.

::

    TUMORTRACE_HOME/runs/<run_id>/
        config.json           the RunConfig
        dataset.json          which dataset it rests on: name, fingerprint (see runs.dataset)
        status.json           Status, replaced atomically about every second: the heartbeat too
        metrics/version_K/metrics.csv   one row an epoch, through Fabric's CSV logger; K counts the starts
        telemetry/version_K/metrics.csv one row a second: loss, rate, throughput, memory, utilisation
        epochs/NNNN.npz       what the model thought of the validation slices (see runs.snapshots)
        pins.json             slices somebody wants followed
        checkpoint.ckpt       everything needed to go on (weights, optimiser, EMA, progress)
        model.safetensors     final weights (EMA where it is on)
        predictions.parquet   a row a test slice: model, protocol, seed, fold, slice_id, p_<class>
        validation.parquet    the same of the validation part, where there is one
        report.json           the evaluation of the test rows
        log.txt               what the process printed
        stop                  present while a stop is asked for
        .lock                 held by the process that trains; the system lets go of it when the process ends

Only :mod:`tumortrace.training.trainer` writes here while a run lives (but for ``stop`` and ``pins.json``); pages read.
No torch: pages open at once.
"""

from __future__ import annotations

import contextlib
import io
import re
import secrets
import shutil
import socket
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from tumortrace import paths, processes
from tumortrace.config import RunConfig, read_config
from tumortrace.data import datasets
from tumortrace.errors import ConfigError, RunBusy, RunNotFound, RunUnreadable
from tumortrace.evaluation.report import Report
from tumortrace.processes import ProcessId
from tumortrace.runs import dataset as run_dataset
from tumortrace.runs import reading
from tumortrace.runs.dataset import RunDataset

RunState = Literal["queued", "created", "preparing", "running", "stopped", "finished", "failed", "crashed", "cancelled"]
LIVE: frozenset[str] = frozenset({"created", "preparing", "running"})
"""States with a process behind them."""
ENDED_EARLY: frozenset[str] = frozenset({"stopped", "failed", "crashed", "cancelled"})
"""States from which a run can be started again."""
_NAME = re.compile(r"\w[\w.-]{0,120}")
_START_GRACE_S = 60.0
_HEARTBEAT_S = 60.0


class Status(BaseModel):
    """How a run fares; times are POSIX seconds, memory bytes, ``utilisation`` a share of the device."""

    model_config = ConfigDict(extra="ignore")

    state: RunState = "created"
    pid: int | None = None
    pid_started: float | None = None
    host: str | None = None
    slots: list[str] = []
    created: float = 0.0
    started: float | None = None
    updated: float = 0.0
    ended: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    images_per_second: float | None = None
    eta_seconds: float | None = None  # to the end of this start: training, validation, test and report
    total_seconds: float | None = None  # of this start from the process' own; estimated while it runs, then measured
    advice: str | None = None  # where it takes longer than its preset promises: what to choose instead
    device: str | None = None
    precision: str | None = None
    memory_bytes: int | None = None
    memory_idle_bytes: int | None = None
    utilisation: float | None = None
    lr: float | None = None
    loss: float | None = None
    starts: int = 0
    counts: dict[str, int] = {}
    error: str | None = None


@dataclass(frozen=True)
class Run:
    """A run folder; every property reads the disk anew.

    Each raises :class:`RunUnreadable` where its file is damaged, and :class:`RunNotFound` where the folder is gone.
    """

    folder: Path

    @property
    def id(self) -> str:
        """The run's id, which is its folder's name."""
        return self.folder.name

    @property
    def config(self) -> RunConfig:
        """The run's settings."""
        return reading.read_file(self.folder / "config.json", read_config)

    @property
    def dataset(self) -> RunDataset:
        """The dataset it rests on, opened.

        Raises:
            DatasetMismatch, DatasetNotFound: It is not at hand; see :func:`tumortrace.runs.dataset.dataset_of`.
        """
        return run_dataset.dataset_of(self.folder, self.config.dataset)

    @property
    def dataset_name(self) -> str | None:
        """The name of its dataset when it was made; None where a run of an earlier version does not say."""
        ref = run_dataset.read_ref(self.folder)
        return self.config.dataset if ref is None else ref.name

    @property
    def status(self) -> Status:
        """How it fares; a dead process without a final state reads as ``crashed``."""
        return actual_status(self.written_status)

    @property
    def written_status(self) -> Status:
        """What it wrote last, whether its process lives or not."""
        return reading.read_file(self.folder / "status.json", Status.model_validate_json)

    @property
    def metrics(self) -> pd.DataFrame:
        """One row an epoch (columns as logged, ``epoch`` from 1); rows of a later start replace those they repeat."""
        return reading.logged(self.folder / "metrics", "epoch")

    @property
    def telemetry(self) -> pd.DataFrame:
        """One row about every second of training, rows of a later start replacing those they repeat.

        Columns: ``time`` (POSIX seconds), ``epoch`` (with fractions), ``step``, ``loss``, ``lr``,
        ``images_per_second``, ``memory_mb`` (device, or process on a CPU), ``utilisation`` (0..1 of the device).
        """
        return reading.logged(self.folder / "telemetry", "step")

    @property
    def resumable(self) -> bool:
        """Whether it has a checkpoint and is neither live nor finished."""
        return self.status.state in ENDED_EARLY and (self.folder / "checkpoint.ckpt").exists()

    @property
    def restartable(self) -> bool:
        """Whether it ended early without a checkpoint: it can only begin again."""
        return self.status.state in ENDED_EARLY and not (self.folder / "checkpoint.ckpt").exists()

    @property
    def predictions(self) -> pd.DataFrame | None:
        """The test rows, once there are any."""
        path = self.folder / "predictions.parquet"
        return reading.read_file(path, lambda raw: pd.read_parquet(io.BytesIO(raw))) if path.exists() else None

    @property
    def report(self) -> Report | None:
        """The evaluation of the test rows, once there is one."""
        path = self.folder / "report.json"
        return reading.read_file(path, Report.model_validate_json) if path.exists() else None

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of what the process printed."""
        path = self.folder / "log.txt"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 20_000))
            text = file.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def write_status(self, status: Status) -> None:
        """Replace ``status.json`` atomically."""
        stamped = status.model_copy(update={"updated": time.time()})
        processes.write_text(self.folder / "status.json", stamped.model_dump_json(indent=2))

    def stop_requested(self) -> bool:
        """Whether somebody asked this run to stop."""
        return (self.folder / "stop").exists()


def create(config: RunConfig, run_id: str | None = None, state: RunState = "created") -> Run:
    """Make a run folder, bound to its dataset; nothing is started.

    Settings that name no dataset take the first that is imported, and name it from then on.

    Raises:
        DatasetNotFound: No such dataset is imported.
        ConfigError: There is a run of that id, or the id is no name for a folder.
    """
    dataset = datasets.open_dataset(config.dataset)
    config = config.model_copy(update={"dataset": dataset.name})
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    name = run_id or f"{stamp}-{config.model.name}-{config.protocol}{config.fold}-{secrets.token_hex(2)}"
    if not _NAME.fullmatch(name):
        raise ConfigError("this cannot name a run", value=name, remedy="Use letters, digits, dots and dashes.")
    run = Run(paths.runs() / name)
    # Filled beside its place and renamed: a reader sees all of it, or nothing.
    beside = Run(paths.runs() / f".new-{name}-{secrets.token_hex(2)}")
    try:
        beside.folder.mkdir(parents=True)
        run_dataset.write_ref(beside.folder, dataset)
        beside.write_status(Status(state=state, created=time.time(), epochs=config.optim.epochs))
        processes.write_text(beside.folder / "config.json", config.model_dump_json(indent=2))
        if run.folder.exists():
            raise FileExistsError
        beside.folder.rename(run.folder)
    except OSError as error:
        shutil.rmtree(beside.folder, ignore_errors=True)
        if not run.folder.exists():
            raise
        remedy = f"Take another name, or go on with: {paths.command(f'train --resume {name}')}."
        raise ConfigError("there is a run of this name", value=name, remedy=remedy) from error
    return run


def delete(run_id: str) -> None:
    """Remove a run with everything in it.

    Raises:
        RunNotFound: There is none.
        RunBusy: It is live or waits in the queue.
    """
    run = find_run(run_id)
    try:
        state: str = run.status.state
    except RunUnreadable:
        state = "training" if reading.is_held(run.folder) else "unreadable"
    if state in LIVE or state in {"queued", "training"}:
        raise RunBusy(f"a run that is {state} cannot be deleted", value=run.id, remedy="Stop or cancel it first.")
    # Renamed first, so that nobody sees half a run.
    doomed = run.folder.with_name(f".deleted-{run.id}-{secrets.token_hex(2)}")
    run.folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def find_run(run_id: str) -> Run:
    """The run of that id (or folder).

    Raises:
        RunNotFound: There is none.
    """
    as_path = Path(run_id)
    folder = as_path if as_path.is_dir() else paths.runs() / run_id
    if not _NAME.fullmatch(folder.name) or not (folder / "config.json").is_file():
        known = ", ".join(run.id for run in list_runs()[:5]) or "none yet"
        raise RunNotFound("no such run", value=run_id, remedy=f"The newest runs are: {known}.")
    return Run(folder)


def list_runs() -> list[Run]:
    """Every run, newest first, whether it can be read or not; see :mod:`tumortrace.runs.index`."""
    made = {}
    for run in folders():
        with contextlib.suppress(OSError):  # half made, or deleted this moment
            made[run] = (run.folder / "config.json").stat().st_mtime
    return sorted(made, key=lambda run: made[run], reverse=True)


def folders() -> list[Run]:
    """Every folder that has a run's name; one without settings is no run yet, or none any more."""
    folder = paths.runs()
    return [Run(entry) for entry in folder.iterdir() if _NAME.fullmatch(entry.name)] if folder.is_dir() else []


def actual_status(status: Status) -> Status:
    """What was written last, or ``crashed`` where the process it speaks of is gone."""
    if status.state not in LIVE or _alive(status):
        return status
    error = status.error or "The process ended without saying why; see the log."
    return status.model_copy(update={"state": "crashed", "error": error})


def _alive(status: Status) -> bool:
    if status.pid is None:
        # Created a moment ago: its process has not said its name yet.
        return time.time() - status.created < _START_GRACE_S
    if status.host not in (None, socket.gethostname()):
        # Another machine's process cannot be asked; its heartbeat can be seen.
        return time.time() - status.updated < _HEARTBEAT_S
    return ProcessId(status.pid, status.pid_started).alive()
