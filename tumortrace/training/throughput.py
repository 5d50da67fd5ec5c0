"""How an epoch goes: rate, time left and the newest loss, without waiting for the device."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tumortrace.config import presets
from tumortrace.training import schedule
from tumortrace.training.device import DeviceMonitor

if TYPE_CHECKING:
    from tumortrace.training.trainer import Trainer

_CHECK_SECONDS = 0.5


class Throughput:
    """Tells the monitor how an epoch goes, about twice a second, without waiting for the device."""

    def __init__(self, trainer: Trainer, losses: Tensor, first: int, earlier: float) -> None:
        self.trainer, self.losses, self.first, self.earlier = trainer, losses, first, earlier
        self.began = self.stepped = time.perf_counter()
        self.checked: float | None = None
        self.stop_seen = False  # whether a stop was asked for, as of the newest look; the first process alone looks
        self.gauge = DeviceMonitor(losses.device)
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
        now = time.perf_counter()
        share = (self.trainer.side / self.trainer.config.preprocess.size) ** 2 / self.trainer.steps
        self.trainer.forecast.step(now - self.stepped, share)
        self.stepped = now
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
        return {
            "epoch": progress.epoch,
            "step": progress.batch,
            "seconds": self.seconds,
            "loss": loss,
            "lr": trainer.optimiser.param_groups[0]["lr"],
            "images_per_second": self.rate,
        } | outlook(trainer)

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


def outlook(trainer: Trainer, *, last: bool = False, before: float = 0.0) -> dict[str, Any]:
    """What the status says of time: ``eta_seconds``, ``total_seconds`` and ``advice``; each None where unknown.

    Args:
        trainer: Between two steps, or between two epochs.
        last: Whether no epoch follows, though more were asked for.
        before: Seconds until the first step, where it is still to come.
    """
    assert trainer.monitor is not None
    config, progress, least = trainer.config, trainer.progress, trainer.net.spec.min_size
    optim, size = config.optim, config.preprocess.size
    done = schedule.epoch_work(progress.epoch + progress.batch / trainer.steps, optim, size, least)
    work = schedule.epoch_work(optim.epochs, optim, size, least) - done
    left = trainer.forecast.left(0.0 if last else work, 0 if last else optim.epochs - progress.epoch)
    left = None if left is None else before + left
    total = None if left is None else trainer.monitor.elapsed() + left
    promised = presets.promised(config)
    advice = None if total is None or promised is None else trainer.forecast.advice(total, promised, optim.epochs, size)
    return {"eta_seconds": left, "total_seconds": total, "advice": advice}
