"""How an epoch goes: rate, time left and the newest loss, without waiting for the device."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tumortrace.training import schedule
from tumortrace.training.device import Gauge

if TYPE_CHECKING:
    from tumortrace.training.loop import Trainer

_CHECK_SECONDS = 0.5


class Clock:
    """Tells the monitor how an epoch goes, about twice a second, without waiting for the device."""

    def __init__(self, trainer: Trainer, losses: Tensor, first: int, earlier: float) -> None:
        self.trainer, self.losses, self.first, self.earlier = trainer, losses, first, earlier
        self.began = time.perf_counter()
        self.checked: float | None = None
        self.stop_seen = False  # whether a stop was asked for, as of the newest look; the first process alone looks
        self.gauge = Gauge(losses.device)
        self._arriving: tuple[Tensor, torch.cuda.Event] | None = None

    @property
    def spent(self) -> float:
        """Seconds in this epoch, since this start."""
        return time.perf_counter() - self.began

    @property
    def seconds(self) -> float:
        """Seconds of training over all epochs and starts."""
        return self.earlier + self.spent

    @property
    def rate(self) -> float:
        """Slices a second in this epoch, over all processes."""
        done = self.trainer.progress.batch - self.first
        return done * self.trainer.config.optim.batch_size / max(1e-9, self.spent)

    def tick(self) -> None:
        """After each step; looks and tells about twice a second, after the first step too."""
        if self.checked is not None and time.perf_counter() - self.checked < _CHECK_SECONDS:
            return
        self.checked = time.perf_counter()
        self.stop_seen = self.trainer.team.first and self.trainer.run.stop_requested()
        loss = self._loss()
        if loss is None:
            return
        if not math.isfinite(loss):
            self.trainer.refuse_nan(self.losses[: self.trainer.progress.batch].tolist())
        if self.trainer.monitor:
            self.trainer.monitor.note(**self._numbers(loss))

    def _numbers(self, loss: float) -> dict[str, Any]:
        trainer, progress = self.trainer, self.trainer.progress
        optim, size = trainer.config.optim, trainer.config.preprocess.size
        done = schedule.work(progress.epoch + progress.batch / trainer.steps, optim, size, trainer.net.smallest)
        left = schedule.work(optim.epochs, optim, size, trainer.net.smallest) - done
        return {
            "epoch": progress.epoch,
            "step": progress.batch,
            "seconds": self.seconds,
            "loss": loss,
            "lr": trainer.optimiser.param_groups[0]["lr"],
            "images_per_second": self.rate,
            "eta_seconds": left * self.seconds / done,
        }

    def _loss(self) -> float | None:
        """The newest loss that is on the host; from a GPU, the one asked for the time before."""
        at = self.trainer.progress.batch - 1
        if self.losses.device.type != "cuda":
            return self.losses[at].item()
        ready = self._arriving
        if ready is not None and not ready[1].query():  # type: ignore[no-untyped-call]
            return None
        host = torch.empty((), pin_memory=True)
        host.copy_(self.losses[at], non_blocking=True)
        event = torch.cuda.Event()  # type: ignore[no-untyped-call]
        event.record()
        self._arriving = (host, event)
        return None if ready is None else ready[0].item()
