"""The training loop: one run, from its folder to its predictions, stoppable and resumable at every step.

No slice is read from disk inside an epoch (a request to stop is looked for about twice a second), and nothing waits for
the device: the loss shown is the one of a second ago.
Schedule, order of slices, augmentation and dropout are functions of seed, epoch and step alone, so a killed and an
uninterrupted run end in the same weights. Several processes may share each batch: all of them run this, and the first
of them writes.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import Any

import lightning_fabric
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tumortrace import processes
from tumortrace.config import RunConfig
from tumortrace.constants import CLASSES
from tumortrace.errors import RunBusy, TrainingDiverged
from tumortrace.imaging.augment import Augment
from tumortrace.models.base import SliceNet
from tumortrace.models.registry import build
from tumortrace.runs import diagnostics
from tumortrace.runs.run import Run
from tumortrace.training import (
    checkpoint as state,
)
from tumortrace.training import data as run_data
from tumortrace.training import (
    device,
    distributed,
    finalize,
    frozen_features,
    schedule,
    warm_start,
)
from tumortrace.training.compile import compiled
from tumortrace.training.device import DeviceMonitor
from tumortrace.training.forecast import Forecast
from tumortrace.training.losses import outline_loss
from tumortrace.training.predict import predict_logits
from tumortrace.training.schedule import EpochPlan
from tumortrace.training.snapshot_writer import SnapshotWriter
from tumortrace.training.status_writer import StatusWriter
from tumortrace.training.throughput import Throughput, outlook


class Trainer:
    """One start of a run: holds what a step needs, so that the loop reads as what it does."""

    def __init__(
        self,
        run: Run,
        on_step: Callable[[int, int], None] | None = None,
        on_outlook: Callable[[], None] | None = None,
    ) -> None:
        self.run, self.on_outlook = run, on_outlook
        self.config: RunConfig = run.config
        self.on_step = on_step
        self.monitor: StatusWriter | None = None
        self.stopping = False

    def fit(self) -> bool:
        """Train to the end, test once, write what came out.

        Returns:
            False where the run was stopped: it has a checkpoint and can be resumed.

        Raises:
            TrainingDiverged: The loss became NaN or infinite.
        """
        self.prepare()
        while self.progress.epoch < self.config.optim.epochs:
            if not self.epoch():
                self._checkpoint()
                if self.monitor:
                    self.monitor.stopped()
                return False
            began = time.perf_counter()
            last = self._validate()
            self.forecast.between(time.perf_counter() - began)
            if self.monitor:
                self.monitor.note(**outlook(self, last=last))
            if last:
                break
        finalize.write_results(self.run, self.config, self._final(), self.data, self.dataset, self.team)
        if self.monitor:
            self.monitor.finished()
        return True

    def stop(self, *_: int | FrameType | None) -> None:
        """End after the current step (a signal handler too)."""
        self.stopping = True

    # --- setting up -------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Data, network, optimiser and, where there is one, the checkpoint."""
        config = self.config
        self.fabric = device.make_fabric(config)
        self.team = distributed.ProcessGroup(self.fabric)
        gauge = DeviceMonitor(self.fabric.device)
        if self.team.first:
            self.monitor = StatusWriter(self.run)
            self.monitor.preparing(gauge, str(self.fabric._precision.precision), [_slot(self.fabric.device)])
        lightning_fabric.seed_everything(config.seed, verbose=False)
        checkpoint = self.run.folder / "checkpoint.ckpt"
        with self.team.first_before_others():
            caching = self.monitor.caching if self.monitor else None
            self.dataset = self.run.dataset.dataset
            self.data = run_data.load_run_data(config, self.dataset, self.fabric.device, caching)
            if not checkpoint.exists():
                warm_start.check(config, self.dataset)
            # A resumed run's starting weights are in its checkpoint; it must not need a download again.
            net = build(config.model, pretrained=not checkpoint.exists())
        self._set_up(net)
        self.progress = state.TrainingProgress()
        if checkpoint.exists():
            self.progress = state.load_checkpoint(checkpoint, self.net, self.average, self.optimiser)
        split = self.data.split
        self.steps = len(split.train) // config.optim.batch_size
        self.side, self.slices, self.outlines = config.preprocess.size, self.data.slices, self.data.outlines
        self.watcher = SnapshotWriter(self.run, config, self.data)
        self.forecast = Forecast(len(split.train), len(split.validation), len(split.test), len(self.watcher.watched))
        once = np.union1d(split.train, split.validation)
        self.frozen = frozen_features.cache_features(
            config, self.net, self.data, once, self.fabric, self._timed if self.monitor else None
        )
        self.forward = compiled(self.model, config, self.steps)
        self.kept = -math.inf  # when the last checkpoint was written
        if self.monitor:
            counts = {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)}
            self.monitor.running(counts, self.steps)

    def _timed(self, features: float, learning: float, coming: int) -> None:
        """While features are kept: say how long the run will take, long before its first step."""
        self.forecast.guess(features, learning)
        if self.monitor:
            self.monitor.write(**outlook(self, before=coming * features))
        if self.on_outlook:
            self.on_outlook()

    def _set_up(self, net: SliceNet) -> None:
        config, place = self.config, self.fabric.device
        net = net.to(place).to(memory_format=net.memory_format)
        self.average = state.ModelEma(net, config.optim.ema) if config.optim.ema else None
        if self.team.size > 1:
            distributed.synchronise_batchnorm(net, place)
        optimiser = torch.optim.AdamW(
            _groups(net, config.optim.weight_decay, every=bool(config.model.thaw_epoch)),
            lr=config.optim.lr,
            fused=place.type in {"cuda", "cpu"},
        )
        self.model, self.optimiser = self.fabric.setup(net, optimiser)
        self.net: SliceNet = self.model.module
        self.augment = Augment(config.augment).to(place)
        weighted = config.optim.class_weights == "balanced"
        self.weights = self.data.class_weights(self.data.split.train) if weighted else None

    # --- one epoch --------------------------------------------------------------------------------------------------

    def epoch(self) -> bool:
        """Train on every slice once, from where the progress stands. False where it was asked to stop on the way."""
        optim, progress, team = self.config.optim, self.progress, self.team
        self._begin_epoch()
        losses = torch.zeros(self.steps, device=self.fabric.device)
        losses[: progress.batch] = torch.tensor(progress.losses[: progress.batch])
        correct = torch.zeros((), dtype=torch.int64, device=self.fabric.device)
        clock = Throughput(self, losses, progress.batch, progress.seconds)
        for batch in range(progress.batch, self.steps):
            loss, right = self.step(batch)
            losses[batch] = loss
            correct += right
            progress.batch = batch + 1
            if self.on_step:
                self.on_step(progress.epoch, batch)
            clock.tick()
            if team.any(self.stopping or clock.stop_seen):
                self._close(losses, correct)
                progress.seconds = clock.seconds
                return False
        self._close(losses, correct)
        progress.seconds = clock.seconds
        self.row: dict[str, float] = {
            "epoch": progress.epoch + 1,
            "step": (progress.epoch + 1) * self.steps,
            "train_loss": float(np.mean(progress.losses)),
            "train_accuracy": progress.correct / (self.steps * optim.batch_size),
            "lr": self.optimiser.param_groups[0]["lr"],
            "images_per_second": clock.rate,
            "epoch_seconds": clock.spent,
            "memory_mb": clock.gauge.peak_memory() / 2**20,
            "size": self.side,
        }
        return True

    def _begin_epoch(self) -> None:
        optim, epoch = self.config.optim, self.progress.epoch
        if self.config.model.thaw_epoch and epoch >= self.config.model.thaw_epoch:
            self.net.thaw()
        side = schedule.size_at(epoch, optim, self.config.preprocess.size, self.net.smallest)
        if side != self.side:
            self.side, (self.slices, self.outlines) = side, self.data.smaller(side)
        train, count = self.data.split.train, self.steps * optim.batch_size
        self.plan = schedule.epoch_plan(
            epoch, train, count, self.config.seed, self.fabric.device, self.config.augment.mixup
        )
        self.model.train()

    def step(self, batch: int) -> tuple[Tensor, Tensor]:
        """One step of the current epoch: the loss, and how many slices were right, of this process' share."""
        optim = self.config.optim
        step = self.progress.epoch * self.steps + batch
        schedule.reseed(self.config.seed, step, self.team.rank)
        rate = schedule.learning_rate(step, self.steps * optim.epochs, optim)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        share = optim.batch_size // self.team.size
        start = batch * optim.batch_size + self.team.rank * share
        part = self.plan.part(start, share)
        loss, logits = self._forward(part)
        self.fabric.backward(loss)
        if optim.clip:
            torch.nn.utils.clip_grad_norm_(list(self.net.trainable()), optim.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average:
            self.average.update()
        return loss.detach(), (logits.detach().argmax(1) == self.data.labels[part.rows]).sum()

    def _forward(self, part: EpochPlan) -> tuple[Tensor, Tensor]:
        masks = None
        if self.frozen:
            out = self.forward(self.frozen.batch(part.rows), self.frozen.after)
        else:
            images, masks = self._inputs(part)
            images, masks = self.augment(images, part.numbers, masks)
            out = self.forward(images)
        logits, more = out if isinstance(out, tuple) else (out, None)
        loss = self._loss(logits, part)
        if masks is not None:
            loss = loss + self.config.optim.outline_weight * outline_loss(more, masks)
        elif more is not None and not self.net.learns_outlines:
            loss = loss + self.net.aux_weight * self._loss(more, part)
        return loss, logits

    def _inputs(self, part: EpochPlan) -> tuple[Tensor, Tensor | None]:
        """Slices and, where they are learnt, outlines of a batch; mixed in pairs where mixup is on."""

        def read(rows: Tensor) -> tuple[Tensor, Tensor | None]:
            outlines = None if self.outlines is None else self.outlines[rows][:, None].float()
            return self.data.batch(rows, self.slices), outlines

        images, masks = read(part.rows)
        if part.partners is None or part.shares is None:
            return images, masks
        share = part.shares[:, None, None, None]
        more_images, more_masks = read(part.partners)
        mixed = None if masks is None or more_masks is None else more_masks.lerp(masks, share)
        return more_images.lerp(images, share), mixed

    def _loss(self, logits: Tensor, part: EpochPlan) -> Tensor:
        losses = self._losses(logits, part.rows)
        if part.partners is not None and part.shares is not None:
            losses = self._losses(logits, part.partners).lerp(losses, part.shares)
        # Not the weighted mean: its divisor would differ from process to process.
        return losses.mean()

    def _losses(self, logits: Tensor, rows: Tensor) -> Tensor:
        return F.cross_entropy(
            logits.float(),
            self.data.labels[rows],
            weight=self.weights,
            label_smoothing=self.config.optim.label_smoothing,
            reduction="none",
        )

    def _close(self, losses: Tensor, correct: Tensor) -> None:
        """Bring what the device counted to the host, over all processes."""
        progress = self.progress
        shared = self.team.mean(losses)
        # Losses from before a resume are whole already; averaging equal numbers leaves them.
        progress.losses = shared[: progress.batch].tolist()
        progress.correct += int(self.team.total(correct))
        self.refuse_nan(progress.losses)

    def refuse_nan(self, losses: list[float]) -> None:
        """Raise where a loss is NaN or infinite, naming its step."""
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            raise TrainingDiverged(
                f"the loss is {losses[bad[0]]} at epoch {self.progress.epoch + 1}, step {bad[0] + 1} of {self.steps}",
                value=f"learning rate {self.optimiser.param_groups[0]['lr']:.2g}",
                remedy="Lower the learning rate, or raise the warm-up; the last checkpoint is from before.",
            )

    # --- between epochs ---------------------------------------------------------------------------------------------

    def _validate(self) -> bool:
        """Log the epoch, keep the best, checkpoint. True where early stopping says so."""
        progress, patience = self.progress, self.config.patience
        rows = self.data.split.validation
        logits = predict_logits(self._current(), self.data, rows, self.team, self.frozen)
        if len(rows):
            labels = self.data.labels[torch.from_numpy(rows).to(self.fabric.device)].cpu()
            loss = float(F.cross_entropy(logits, labels))
            self.row |= {
                "val_loss": loss,
                "val_accuracy": float((logits.argmax(1) == labels).double().mean()),
                "val_macro_f1": _macro_f1(logits.argmax(1), labels),
            }
            if loss < progress.best_loss:
                progress.best_loss, progress.best_epoch = loss, progress.epoch + 1
                if patience:
                    progress.best = {name: value.cpu().clone() for name, value in self._current().state_dict().items()}
        if self.monitor:
            self.watcher.keep(progress.epoch + 1, self._current(), logits, self.team)
        progress.epoch, progress.batch, progress.losses, progress.correct = progress.epoch + 1, 0, [], 0
        if time.monotonic() - self.kept >= self.config.checkpoint:
            self._checkpoint()
        if self.monitor:
            self.monitor.epoch(self.row, progress.epoch, progress.seconds)
        return bool(patience) and progress.epoch - progress.best_epoch >= patience

    def _checkpoint(self) -> None:
        self.kept = time.monotonic()
        if self.team.first:
            state.save_checkpoint(
                self.run.folder / "checkpoint.ckpt", self.net, self.average, self.optimiser, self.progress
            )

    def _current(self) -> SliceNet:
        return self.average.module if self.average else self.net

    def _final(self) -> SliceNet:
        model = self._current()
        if self.progress.best is not None:
            model.load_state_dict(self.progress.best)
        return model

    # --- after a failure --------------------------------------------------------------------------------------------

    def fitting_batch(self) -> int | None:
        """The largest half, quarter, ... of the batch that one step has the memory for; None where none has."""
        if getattr(self, "plan", None) is None or self.team.size > 1:
            return None
        self.optimiser.zero_grad(set_to_none=True)
        size = self.config.optim.batch_size // 2
        while size >= 2:
            if self.fabric.device.type == "cuda":
                torch.cuda.empty_cache()
            try:
                loss, _ = self._forward(self.plan.part(0, size))
                self.fabric.backward(loss)
                return size
            except Exception as error:
                if not diagnostics.ran_out_of_memory(error):
                    return None
            size //= 2
        return None


def train(
    run: Run, on_step: Callable[[int, int], None] | None = None, on_outlook: Callable[[], None] | None = None
) -> bool:
    """Start or resume a run in this process; its folder ends in a final state whatever happens.

    Args:
        run: Made by :func:`tumortrace.runs.run.create`.
        on_step: Called with (epoch, batch) after each step.
        on_outlook: Called where the status says how long the run will take before its first step.

    Returns:
        True when finished, False when stopped.

    Raises:
        RunBusy: Another process trains this run.
    """
    trainer = Trainer(run, on_step, on_outlook)
    with _alone(run), _stoppable(trainer):
        try:
            return trainer.fit()
        except BaseException as error:
            fitting = trainer.fitting_batch() if diagnostics.ran_out_of_memory(error) else None
            if trainer.monitor is None and distributed.first_process():
                trainer.monitor = StatusWriter(run)
            if trainer.monitor:
                trainer.monitor.failed(error, fitting)
            raise


@contextmanager
def _stoppable(trainer: Trainer) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C end the run after its current step; only the main thread may."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, trainer.stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Hold the run's lock, which the system gives back however this process ends."""
    busy = RunBusy("another process trains this run", value=run.id, remedy="Watch it, or stop it first.")
    with processes.file_lock(run.folder / ".lock", busy) if distributed.first_process() else nullcontext():
        yield


def _slot(place: torch.device) -> str:
    return f"cuda:{place.index or 0}" if place.type == "cuda" else place.type


def _groups(net: SliceNet, decay: float, *, every: bool) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: biases and BatchNorm have nothing to shrink.

    Frozen parameters are among them where ``every``: without a gradient the optimiser leaves them as they are.
    """
    found = list(net.parameters() if every else net.trainable())
    kernels = [parameter for parameter in found if parameter.ndim > 1]
    others = [parameter for parameter in found if parameter.ndim <= 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _macro_f1(predicted: Tensor, labels: Tensor) -> float:
    scores = []
    for index in range(len(CLASSES)):
        hit = int(((predicted == index) & (labels == index)).sum())
        support, said = int((labels == index).sum()), int((predicted == index).sum())
        if support:
            scores.append(2 * hit / (support + said))
    return float(np.mean(scores))
