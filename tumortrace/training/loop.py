"""The training loop: one run, from its folder to its predictions, stoppable and resumable at every step.

Nothing is read from disk inside an epoch, and on an accelerator nothing waits for the device but the status once a
second. The schedule is a function of the step alone, the order of slices of seed and epoch alone, and all other
randomness is torch's global generator, which every checkpoint keeps: a killed and an uninterrupted run end in the same
weights.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import lightning_fabric
import numpy as np
import torch
import torch.nn.functional as F
from lightning_fabric.loggers.csv_logs import CSVLogger
from torch import Tensor

from tumortrace.config import OptimSettings, RunConfig
from tumortrace.data.catalog import CLASSES
from tumortrace.errors import TrainingDiverged
from tumortrace.imaging.augment import Augment
from tumortrace.models.base import SliceNet
from tumortrace.models.registry import build
from tumortrace.training import data as run_data
from tumortrace.training import device, outcome, state
from tumortrace.training.monitor import Monitor
from tumortrace.training.predict import predict_logits
from tumortrace.training.runs import Run

_CHECK_SECONDS = 1.0


def learning_rate(step: int, steps: int, settings: OptimSettings) -> float:
    """One-cycle (Smith and Topin, 2018, arXiv 1708.07120): a cosine up over the warm-up, a cosine down to almost 0.

    Args:
        step: From 0 to ``steps - 1``.
        steps: Of the whole run.
        settings: Peak rate and share of the warm-up.
    """
    rise = settings.warmup * steps
    if step < rise:
        share, low = (step + 1) / (rise + 1), settings.lr / 25
        return low + (settings.lr - low) * (1 - math.cos(math.pi * share)) / 2
    share = (step - rise) / max(1.0, steps - rise)
    low = settings.lr / 1000
    return low + (settings.lr - low) * (1 + math.cos(math.pi * share)) / 2


class Trainer:
    """One start of a run: holds what a step needs, so that the loop reads as what it does."""

    def __init__(self, run: Run, on_step: Callable[[int, int], None] | None = None) -> None:
        self.run = run
        self.config: RunConfig = run.config
        self.on_step = on_step
        self.monitor = Monitor(run)
        self.stopping = False

    def fit(self) -> bool:
        """Train to the end, test once, write what came out.

        Returns:
            False where the run was stopped: it has a checkpoint and can be resumed.

        Raises:
            TrainingDiverged: The loss became NaN or infinite.
        """
        self._prepare()
        optim = self.config.optim
        while self.progress.epoch < optim.epochs:
            if not self._epoch():
                self._checkpoint()
                self.monitor.stopped()
                return False
            if self._validate():
                break
        outcome.write(self.run, self.config, self._final(), self.data, self.dataset, self.fabric)
        self.monitor.finished()
        return True

    def stop(self, *_: int | FrameType | None) -> None:
        """End after the current step (a signal handler too)."""
        self.stopping = True

    # --- setting up -------------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        config = self.config
        self.fabric = device.make_fabric(config)
        self.monitor.preparing(device.device_name(self.fabric), str(self.fabric._precision.precision))
        lightning_fabric.seed_everything(config.seed, verbose=False)
        self.data, self.dataset = run_data.load(config, self.fabric.device, self.monitor.caching)
        checkpoint = self.run.folder / "checkpoint.ckpt"
        # A resumed run's starting weights are in its checkpoint; it must not need a download again.
        net = build(config.model, pretrained=not checkpoint.exists())
        if config.model.name != "cnn3d":
            net = net.to(memory_format=torch.channels_last)
        optimiser = torch.optim.AdamW(
            _groups(net, config.optim.weight_decay), lr=config.optim.lr, fused=self.fabric.device.type == "cuda"
        )
        self.model, self.optimiser = self.fabric.setup(net, optimiser)
        self.net: SliceNet = self.model.module
        self.ema = state.averaged(self.net, config.optim.ema) if config.optim.ema else None
        self.augment = Augment(config.augment).to(self.fabric.device)
        weighted = config.optim.class_weights == "balanced"
        self.weights = self.data.class_weights(self.data.split.train) if weighted else None
        self.progress = state.Progress()
        if checkpoint.exists():
            self.progress = state.load(checkpoint, self.net, self.ema, self.optimiser)
        self.steps = len(self.data.split.train) // config.optim.batch_size
        self.logger = CSVLogger(self.run.folder, name="metrics", version=self.monitor.status.starts)
        counts = {
            "train": self.data.split.train,
            "validation": self.data.split.validation,
            "test": self.data.split.test,
        }
        self.monitor.running({name: len(rows) for name, rows in counts.items()}, self.steps)

    # --- one epoch --------------------------------------------------------------------------------------------------

    def _epoch(self) -> bool:
        optim, progress = self.config.optim, self.progress
        order = self._order(progress.epoch)
        losses = torch.zeros(self.steps, device=self.fabric.device)
        losses[: progress.batch] = torch.tensor(progress.losses[: progress.batch])
        correct = torch.tensor(progress.correct, device=self.fabric.device)
        began, checked, first = time.perf_counter(), time.perf_counter(), progress.batch
        earlier = progress.seconds
        self.model.train()
        for batch in range(progress.batch, self.steps):
            rows = order[batch * optim.batch_size : (batch + 1) * optim.batch_size]
            loss, right = self._step(rows, progress.epoch * self.steps + batch)
            losses[batch] = loss
            correct += right
            progress.batch = batch + 1
            if self.on_step:
                self.on_step(progress.epoch, batch)
            now = time.perf_counter()
            if now - checked > _CHECK_SECONDS or batch + 1 == self.steps:
                checked = now
                self._refuse_nan(losses)
                rate = (progress.batch - first) * optim.batch_size / (now - began)
                progress.seconds = earlier + now - began
                self.monitor.step(progress, losses[batch].item(), rate, device.peak_memory(self.fabric))
            if self.stopping or self.run.stop_requested():
                self._refuse_nan(losses)
                progress.losses, progress.correct = losses[: progress.batch].tolist(), int(correct)
                return False
        seconds = time.perf_counter() - began
        progress.losses, progress.correct = losses.tolist(), int(correct)
        self.epoch_row: dict[str, Any] = {
            "epoch": progress.epoch + 1,
            "step": (progress.epoch + 1) * self.steps,
            "train_loss": float(np.mean(progress.losses)),
            "train_accuracy": progress.correct / (self.steps * optim.batch_size),
            "lr": self.optimiser.param_groups[0]["lr"],
            "images_per_second": (self.steps - first) * optim.batch_size / seconds,
            "epoch_seconds": seconds,
            "memory_mb": device.peak_memory(self.fabric) / 2**20,
        }
        return True

    def _step(self, rows: Tensor, step: int) -> tuple[Tensor, Tensor]:
        optim = self.config.optim
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(step, self.steps * optim.epochs, optim)
        labels = self.data.labels[rows]
        with torch.no_grad():
            images, _ = self.augment(self.data.batch(rows))
        out = self.model(images)
        logits, aux = out if isinstance(out, tuple) else (out, None)
        loss = self._loss(logits, labels)
        if aux is not None:
            loss = loss + self.net.aux_weight * self._loss(aux, labels)
        self.fabric.backward(loss)
        if optim.clip:
            torch.nn.utils.clip_grad_norm_(list(self.net.trainable()), optim.clip)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.ema:
            self.ema.update_parameters(self.net)
        return loss.detach(), (logits.detach().argmax(1) == labels).sum()

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(
            logits.float(), labels, weight=self.weights, label_smoothing=self.config.optim.label_smoothing
        )

    def _order(self, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(self.config.seed * 100_003 + epoch)
        train = torch.from_numpy(self.data.split.train)
        return train[torch.randperm(len(train), generator=generator)].to(self.fabric.device)

    def _refuse_nan(self, losses: Tensor) -> None:
        done = losses[: self.progress.batch]
        if not torch.isfinite(done).all():
            bad = int((~torch.isfinite(done)).nonzero()[0])
            raise TrainingDiverged(
                f"the loss is {done[bad].item()} at epoch {self.progress.epoch + 1}, step {bad + 1} of {self.steps}",
                value=f"learning rate {self.optimiser.param_groups[0]['lr']:.2g}",
                remedy="Lower the learning rate, or raise the warm-up; the last checkpoint is from before.",
            )

    # --- between epochs ---------------------------------------------------------------------------------------------

    def _validate(self) -> bool:
        """Log the epoch, keep the best, checkpoint. True where early stopping says so."""
        progress, patience = self.progress, self.config.patience
        rows = self.data.split.validation
        if len(rows):
            labels = self.data.labels[torch.from_numpy(rows).to(self.fabric.device)].cpu()
            logits = predict_logits(self._current(), self.data, rows, self.fabric)
            loss = float(F.cross_entropy(logits, labels))
            self.epoch_row |= {
                "val_loss": loss,
                "val_accuracy": float((logits.argmax(1) == labels).double().mean()),
                "val_macro_f1": _macro_f1(logits.argmax(1), labels),
            }
            if loss < progress.best_loss:
                progress.best_loss, progress.best_epoch = loss, progress.epoch + 1
                if patience:
                    progress.best = {name: value.cpu().clone() for name, value in self._current().state_dict().items()}
        self.logger.log_metrics(self.epoch_row, step=self.epoch_row["step"])
        self.logger.save()
        progress.epoch, progress.batch, progress.losses, progress.correct = progress.epoch + 1, 0, [], 0
        self._checkpoint()
        self.monitor.epoch(progress)
        return bool(patience) and progress.epoch - progress.best_epoch >= patience

    def _checkpoint(self) -> None:
        state.save(self.run.folder / "checkpoint.ckpt", self.net, self.ema, self.optimiser, self.progress)

    def _current(self) -> SliceNet:
        return cast(SliceNet, self.ema.module) if self.ema else self.net

    def _final(self) -> SliceNet:
        model = self._current()
        if self.progress.best is not None:
            model.load_state_dict(self.progress.best)
        return model


def train(run: Run, on_step: Callable[[int, int], None] | None = None) -> bool:
    """Start or resume a run in this process; its folder ends in a final state whatever happens.

    Args:
        run: Made by :func:`tumortrace.training.runs.create`.
        on_step: Called with (epoch, batch) after each step.

    Returns:
        True when finished, False when stopped.
    """
    trainer = Trainer(run, on_step)
    before = {number: signal.signal(number, trainer.stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return trainer.fit()
    except BaseException as error:
        trainer.monitor.failed(error)
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _groups(net: SliceNet, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: biases and BatchNorm have nothing to shrink."""
    kernels = [parameter for parameter in net.trainable() if parameter.ndim > 1]
    others = [parameter for parameter in net.trainable() if parameter.ndim <= 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def _macro_f1(predicted: Tensor, labels: Tensor) -> float:
    scores = []
    for index in range(len(CLASSES)):
        hit = int(((predicted == index) & (labels == index)).sum())
        support, said = int((labels == index).sum()), int((predicted == index).sum())
        if support:
            scores.append(2 * hit / (support + said))
    return float(np.mean(scores))
