"""Keeps ``status.json`` true while a run lives: a thread of its own writes it, so that no step waits for a disk."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning_fabric.loggers.csv_logs import CSVLogger
from lightning_fabric.loggers.tensorboard import TensorBoardLogger

from tumortrace.processes import ProcessId
from tumortrace.runs import diagnostics
from tumortrace.runs.run import Run, Status
from tumortrace.training.device import DeviceMonitor

BEAT_S = 1.0
_RESERVE = 1 << 16


class StatusWriter:
    """Writes a run's status, its curves and its telemetry; one per run, in the first of its processes."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.status: Status = run.written_status
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._gauge: DeviceMonitor | None = None
        self._loggers: list[Any] = []
        self._told = -1
        # On a full disk, what to delete so that the end can still be written down.
        self._reserve = run.folder / ".reserve"
        with contextlib.suppress(OSError):
            self._reserve.write_bytes(bytes(_RESERVE))
        slots = os.environ.get("TUMORTRACE_SLOTS")
        me = ProcessId.current()
        self.write(
            pid=me.pid,
            pid_started=me.started,
            host=socket.gethostname(),
            slots=slots.split(",") if slots else self.status.slots,
        )

    # --- from beginning to end --------------------------------------------------------------------------------------

    def preparing(self, gauge: DeviceMonitor, precision: str, slots: list[str]) -> None:
        """The process is up; slices are being prepared. From here on the status is written every second."""
        self._gauge = gauge
        self.write(
            state="preparing",
            started=self.status.started or time.time(),
            device=gauge.name,
            precision=precision,
            slots=self.status.slots or slots,
            error=None,
            ended=None,
            eta_seconds=None,
            total_seconds=None,
            advice=None,
            starts=self.status.starts + 1,
        )
        self._telemetry = CSVLogger(self.run.folder, name="telemetry", version=self.status.starts)
        self._loggers = [CSVLogger(self.run.folder, name="metrics", version=self.status.starts)]
        if self.run.config.tensorboard:
            self._loggers.append(
                TensorBoardLogger(self.run.folder, name="tensorboard", version=f"start_{self.status.starts}")
            )
        self._thread = threading.Thread(target=self._beat, name="monitor", daemon=True)
        self._thread.start()

    def caching(self, done: int, total: int) -> None:
        """Slices prepared so far, shown as steps."""
        self.note(step=done, steps=total)

    def running(self, counts: dict[str, int], steps: int) -> None:
        """Write that training begins with the next step."""
        assert self._gauge is not None
        self.write(
            state="running", counts=counts, step=0, steps=steps, memory_idle_bytes=self._gauge.memory(), loss=None
        )

    def note(self, **changes: object) -> None:
        """Numbers for the next beat; costs nothing."""
        with self._lock:
            self.status = self.status.model_copy(update=changes)

    def epoch(self, row: dict[str, float], epoch: int, seconds: float) -> None:
        """Write what an epoch came to: a row in the curves, and the status."""
        for logger in self._loggers:
            logger.log_metrics(row, step=int(row["step"]))
            logger.save()
        self.write(epoch=epoch, step=0, seconds=seconds)

    def elapsed(self) -> float:
        """Seconds of this start: since its process began, or since the run was made in a process that was there."""
        return time.time() - max(self.status.created, self.status.pid_started or 0.0)

    def stopped(self) -> None:
        """Write that the run was asked to stop, and has a checkpoint."""
        self._end(state="stopped")

    def finished(self) -> None:
        """Write that the run is finished: its predictions and report are in its folder."""
        self._end(state="finished")

    def failed(self, error: BaseException, fitting: int | None = None) -> None:
        """Write the error that ended the run, and what to do."""
        text = diagnostics.diagnose_failure(error, self.run.config, fitting)
        self._end(state="failed", error=text)

    def write(self, **changes: object) -> None:
        """Change the status and write it now."""
        with self._lock:
            self.status = self.status.model_copy(update=changes)
            self.run.write_status(self.status)

    # --- the thread -------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            # A disk that is full this second may have place the next; the loop itself will say so if it stays full.
            with contextlib.suppress(OSError):
                self._tell()

    def _tell(self) -> None:
        assert self._gauge is not None
        memory, used = self._gauge.memory(), self._gauge.utilisation()
        peak = max(memory, self._gauge.peak_memory(), self.status.memory_bytes or 0)
        self.write(memory_bytes=peak, utilisation=used)
        status = self.status
        if status.state != "running" or not status.steps or status.loss is None:
            return
        step = status.epoch * status.steps + status.step
        if step == self._told:
            return
        self._told = step
        row: dict[str, Any] = {
            "time": round(time.time(), 2),
            "epoch": round(step / status.steps, 4),
            "loss": status.loss,
            "lr": status.lr or 0.0,
            "images_per_second": status.images_per_second or 0.0,
            "memory_mb": memory / 2**20,
            "utilisation": -1.0 if used is None else used,
        }
        self._telemetry.log_metrics(row, step=step)
        self._telemetry.save()

    def _end(self, **changes: object) -> None:
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        for logger in self._loggers:
            with contextlib.suppress(OSError):
                logger.finalize("success")
        (self.run.folder / "stop").unlink(missing_ok=True)
        ended = {"ended": time.time(), "eta_seconds": None, "total_seconds": self.elapsed(), "advice": None}
        _with_place(self._reserve, lambda: self.write(**ended, **changes))


def _with_place(reserve: Path, write: Callable[[], None]) -> None:
    reserve.unlink(missing_ok=True)
    write()
