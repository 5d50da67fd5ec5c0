"""How an epoch goes: rate, time left and the newest loss, without waiting for the device."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tumortrace.config import presets
from tumortrace.training import schedule
from tumortrace.training.checkpoint import TrainingProgress
from tumortrace.training.device import DeviceMonitor

if TYPE_CHECKING:
    from tumortrace.training.session import Session

_CHECK_SECONDS = 0.5


class Throughput:
    """Tells the status writer how an epoch goes, about twice a second, without waiting for the device.

    Args:
        session: Of the run.
        progress: Moved on by whoever trains.
        losses: ``[steps]``, on the device; filled by whoever trains.
        side: At which this epoch trains, in pixels.
        refuse_nan: Called with the losses so far where the newest is not finite; raises.
    """

    def __init__(
        self,
        session: Session,
        progress: TrainingProgress,
        losses: Tensor,
        side: int,
        refuse_nan: Callable[[list[float]], None],
    ) -> None:
        self.session, self.progress, self.losses, self.refuse_nan = session, progress, losses, refuse_nan
        self.first, self.earlier = progress.batch, progress.seconds
        self.work = (side / session.config.preprocess.size) ** 2 / session.steps
        self.began = self.stepped = time.perf_counter()
        self.checked: float | None = None
        self.stop_seen = False  # whether a stop was asked for, as of the newest look; rank 0 alone looks
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
        done = self.progress.batch - self.first
        return done * self.session.config.optim.batch_size / max(1e-9, self.spent)

    def tick(self) -> None:
        """Count a step; about twice a second, and after the first step, look for a stop and note the numbers."""
        session = self.session
        now = time.perf_counter()
        session.forecast.step(now - self.stepped, self.work)
        self.stepped = now
        if self.checked is not None and time.perf_counter() - self.checked < _CHECK_SECONDS:
            return
        self.checked = time.perf_counter()
        self.stop_seen = session.group.is_global_zero and session.run.stop_requested()
        loss = self._loss()
        if loss is None:
            return
        if not math.isfinite(loss):
            self.refuse_nan(self.losses[: self.progress.batch].tolist())
        if session.writer:
            session.writer.note(**self._numbers(loss))

    def _numbers(self, loss: float) -> dict[str, Any]:
        return {
            "epoch": self.progress.epoch,
            "step": self.progress.batch,
            "seconds": self.seconds,
            "loss": loss,
            "lr": self.session.optimiser.param_groups[0]["lr"],
            "images_per_second": self.rate,
        } | outlook(self.session, self.progress)

    def _loss(self) -> float | None:
        """The newest loss that is on the host; from a GPU, the one asked for the time before."""
        at = self.progress.batch - 1
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


def outlook(session: Session, progress: TrainingProgress, *, last: bool = False, before: float = 0.0) -> dict[str, Any]:
    """What the status says of time: ``eta_seconds``, ``total_seconds`` and ``advice``; each None where unknown.

    Args:
        session: Of the run; in the process that writes.
        progress: Between two steps, or between two epochs.
        last: Whether no epoch follows, though more were asked for.
        before: Seconds until the first step, where it is still to come.
    """
    assert session.writer is not None
    config, forecast, least = session.config, session.forecast, session.net.spec.min_size
    optim, size = config.optim, config.preprocess.size
    done = schedule.epoch_work(progress.epoch + progress.batch / session.steps, optim, size, least)
    work = schedule.epoch_work(optim.epochs, optim, size, least) - done
    left = forecast.left(0.0 if last else work, 0 if last else optim.epochs - progress.epoch)
    left = None if left is None else before + left
    total = None if left is None else session.writer.elapsed() + left
    promised = presets.promised(config)
    advice = None if total is None or promised is None else forecast.advice(total, promised, optim.epochs, size)
    return {"eta_seconds": left, "total_seconds": total, "advice": advice}
