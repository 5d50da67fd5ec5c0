"""Keeps ``status.json`` true while a run lives."""

from __future__ import annotations

import os
import time

import psutil

from tumortrace.errors import TumorTraceError
from tumortrace.training.runs import Run, Status
from tumortrace.training.state import Progress


class Monitor:
    """Writes a run's status; one per process that trains."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.status: Status = Status.model_validate_json((run.folder / "status.json").read_text())
        self._write(pid=os.getpid(), pid_started=psutil.Process().create_time())

    def preparing(self, device: str, precision: str) -> None:
        """The process is up; slices are being prepared."""
        self._write(
            state="preparing",
            started=self.status.started or time.time(),
            device=device,
            precision=precision,
            error=None,
            ended=None,
            starts=self.status.starts + 1,
        )

    def caching(self, done: int, total: int) -> None:
        """Slices prepared so far, shown as steps."""
        self._write(step=done, steps=total)

    def running(self, counts: dict[str, int], steps: int) -> None:
        """The first step is next."""
        self._write(state="running", counts=counts, step=0, steps=steps)

    def step(self, progress: Progress, loss: float, rate: float, memory: int) -> None:
        """About once a second within an epoch."""
        done = progress.epoch * self.status.steps + progress.batch
        left = self.status.epochs * self.status.steps - done
        seconds_a_step = progress.seconds / max(1, done)
        self._write(
            epoch=progress.epoch,
            step=progress.batch,
            seconds=progress.seconds,
            loss=loss,
            images_per_second=rate,
            memory_bytes=memory,
            eta_seconds=left * seconds_a_step,
        )

    def epoch(self, progress: Progress) -> None:
        """After each epoch."""
        self._write(epoch=progress.epoch, step=0, seconds=progress.seconds)

    def stopped(self) -> None:
        """It was asked to stop, and has a checkpoint."""
        (self.run.folder / "stop").unlink(missing_ok=True)
        self._write(state="stopped", ended=time.time(), eta_seconds=None)

    def finished(self) -> None:
        """Predictions and report are written."""
        (self.run.folder / "stop").unlink(missing_ok=True)
        self._write(state="finished", ended=time.time(), eta_seconds=None)

    def failed(self, error: BaseException) -> None:
        """It ended with an error."""
        text = str(error) if isinstance(error, TumorTraceError) else f"{type(error).__name__}: {error}"
        if "out of memory" in text.lower():
            text += f" Lower the batch size (now {self.run.config.optim.batch_size}) or the size of the slices."
        self._write(state="failed", ended=time.time(), eta_seconds=None, error=text)

    def _write(self, **changes: object) -> None:
        self.status = self.status.model_copy(update=changes)
        self.run.write_status(self.status)
