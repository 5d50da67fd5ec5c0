"""The trainer: one run, from its folder to its predictions, stoppable and resumable at every step.

No slice is read from disk inside an epoch (a request to stop is looked for about twice a second), and nothing waits for
the device: the loss shown is the one of a second ago.
Schedule, order of slices, augmentation and dropout are functions of seed, epoch and step alone, so a killed and an
uninterrupted run end in the same weights. Several processes may share each batch: all of them run this, and rank 0
writes.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tumortrace import processes
from tumortrace.errors import RunBusy, TrainingDiverged
from tumortrace.models.base import SliceNet
from tumortrace.runs import diagnostics
from tumortrace.runs.run import Run
from tumortrace.training import distributed, finalize, schedule
from tumortrace.training.checkpoint import TrainingProgress, save_checkpoint
from tumortrace.training.objective import Objective
from tumortrace.training.predict import predict_logits
from tumortrace.training.schedule import EpochPlan
from tumortrace.training.session import Session, prepare
from tumortrace.training.status_writer import StatusWriter
from tumortrace.training.throughput import Throughput, outlook


class Trainer:
    """Trains one run, from its start or resumption to its results.

    Args:
        session: What stays, from :func:`.session.prepare`.
        progress: Where the run stands; moves on with every step.
        on_step: Called with (epoch, batch) after each step.
        stop: Set to end after the current step, by whoever holds it.
    """

    def __init__(
        self,
        session: Session,
        progress: TrainingProgress,
        on_step: Callable[[int, int], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.session, self.progress, self.on_step = session, progress, on_step
        self.stop = stop or threading.Event()
        self.objective = Objective(session, session.data.slices, session.data.outlines)
        self.side = session.config.preprocess.size
        self.plan: EpochPlan | None = None
        self.metrics: dict[str, float] = {}
        """Of the newest epoch, as they stand in the curves."""
        self._checkpointed = -math.inf

    def fit(self) -> bool:
        """Train to the end, test once, write what came out.

        Returns:
            False where the run was stopped: it has a checkpoint and can be resumed.

        Raises:
            TrainingDiverged: The loss became NaN or infinite.
        """
        session, writer = self.session, self.session.writer
        while self.progress.epoch < session.config.optim.epochs:
            if not self.epoch():
                self._checkpoint()
                if writer:
                    writer.stopped()
                return False
            began = time.perf_counter()
            last = self._validate()
            session.forecast.between(time.perf_counter() - began)
            if writer:
                writer.note(**outlook(session, self.progress, last=last))
            if last:
                break
        finalize.write_results(
            session.run, session.config, self.final_model(), session.data, session.dataset, session.group
        )
        if writer:
            writer.finished()
        return True

    # --- one epoch --------------------------------------------------------------------------------------------------

    def epoch(self) -> bool:
        """Train on every slice once, from where the progress stands. False where it was asked to stop on the way."""
        session, progress = self.session, self.progress
        place, batch_size = session.fabric.device, session.config.optim.batch_size
        self.begin_epoch()
        losses = torch.zeros(session.steps, device=place)
        losses[: progress.batch] = torch.tensor(progress.losses[: progress.batch])
        correct = torch.zeros((), dtype=torch.int64, device=place)
        clock = Throughput(session, progress, losses, self.side, self.refuse_nan)
        for batch in range(progress.batch, session.steps):
            loss, right = self.step(batch)
            losses[batch] = loss
            correct += right
            progress.batch = batch + 1
            if self.on_step:
                self.on_step(progress.epoch, batch)
            clock.tick()
            if session.group.any_rank(self.stop.is_set() or clock.stop_seen):
                self._close(losses, correct)
                progress.seconds = clock.seconds
                return False
        self._close(losses, correct)
        progress.seconds = clock.seconds
        self.metrics = {
            "epoch": progress.epoch + 1,
            "step": (progress.epoch + 1) * session.steps,
            "train_loss": float(np.mean(progress.losses)),
            "train_accuracy": progress.correct / (session.steps * batch_size),
            "lr": session.optimiser.param_groups[0]["lr"],
            "images_per_second": clock.rate,
            "epoch_seconds": clock.spent,
            "memory_mb": clock.gauge.peak_memory() / 2**20,
            "size": self.side,
        }
        return True

    def begin_epoch(self) -> None:
        """Size, order and random numbers of the epoch that is next."""
        session, epoch = self.session, self.progress.epoch
        config = session.config
        if config.model.unfreeze_epoch and epoch >= config.model.unfreeze_epoch:
            session.net.unfreeze()
        side = schedule.size_at(epoch, config.optim, config.preprocess.size, session.net.spec.min_size)
        if side != self.side:
            self.side, self.objective = side, Objective(session, *session.data.smaller(side))
        count = session.steps * config.optim.batch_size
        self.plan = schedule.epoch_plan(
            epoch, session.data.split.train, count, config.seed, session.fabric.device, config.augment.mixup
        )
        session.model.train()

    def step(self, batch: int) -> tuple[Tensor, Tensor]:
        """One step of the current epoch: the loss, and how many slices were right, of this process' share."""
        session = self.session
        optim, group = session.config.optim, session.group
        step = self.progress.epoch * session.steps + batch
        schedule.reseed(session.config.seed, step, group.rank)
        rate = schedule.learning_rate(step, session.steps * optim.epochs, optim)
        for parameters in session.optimiser.param_groups:
            parameters["lr"] = rate
        share = optim.batch_size // group.world_size
        assert self.plan is not None
        part = self.plan.part(batch * optim.batch_size + group.rank * share, share)
        loss, logits = self.objective.loss(part)
        session.fabric.backward(loss)
        if optim.grad_clip:
            torch.nn.utils.clip_grad_norm_(list(session.net.trainable()), optim.grad_clip)
        session.optimiser.step()
        session.optimiser.zero_grad(set_to_none=True)
        if session.ema:
            session.ema.update()
        return loss.detach(), (logits.detach().argmax(1) == session.data.labels[part.rows]).sum()

    def _close(self, losses: Tensor, correct: Tensor) -> None:
        """Bring what the device counted to the host, over all processes."""
        progress, group = self.progress, self.session.group
        shared = group.all_reduce(losses, "mean")
        # Losses from before a resume are whole already; averaging equal numbers leaves them.
        progress.losses = shared[: progress.batch].tolist()
        progress.correct += int(group.all_reduce(correct, "sum"))
        self.refuse_nan(progress.losses)

    def refuse_nan(self, losses: list[float]) -> None:
        """Raise where a loss is NaN or infinite, naming its step."""
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            raise TrainingDiverged(
                f"the loss is {losses[bad[0]]} at epoch {self.progress.epoch + 1}, "
                f"step {bad[0] + 1} of {self.session.steps}",
                value=f"learning rate {self.session.optimiser.param_groups[0]['lr']:.2g}",
                remedy="Lower the learning rate, or raise the warm-up; the last checkpoint is from before.",
            )

    # --- between epochs ---------------------------------------------------------------------------------------------

    def _validate(self) -> bool:
        """Log the epoch, keep the best, checkpoint. True where early stopping says so."""
        session, progress = self.session, self.progress
        patience, rows = session.config.patience, session.data.split.validation
        logits = predict_logits(session.evaluated, session.data, rows, session.group, session.frozen)
        if len(rows):
            labels = session.data.labels[torch.from_numpy(rows).to(session.fabric.device)].cpu()
            loss = float(F.cross_entropy(logits, labels))
            self.metrics |= {
                "val_loss": loss,
                "val_accuracy": float((logits.argmax(1) == labels).double().mean()),
                "val_macro_f1": _macro_f1(logits.argmax(1), labels),
            }
            if loss < progress.best_loss:
                progress.best_loss, progress.best_epoch = loss, progress.epoch + 1
                if patience:
                    state = session.evaluated.state_dict()
                    progress.best = {name: value.cpu().clone() for name, value in state.items()}
        if session.writer:
            session.snapshots.write(progress.epoch + 1, session.evaluated, logits, session.group)
        progress.epoch, progress.batch, progress.losses, progress.correct = progress.epoch + 1, 0, [], 0
        if time.monotonic() - self._checkpointed >= session.config.checkpoint:
            self._checkpoint()
        if session.writer:
            session.writer.epoch(self.metrics, progress.epoch, progress.seconds)
        return bool(patience) and progress.epoch - progress.best_epoch >= patience

    def _checkpoint(self) -> None:
        self._checkpointed = time.monotonic()
        session = self.session
        if session.group.is_global_zero:
            path = session.run.folder / "checkpoint.ckpt"
            save_checkpoint(path, session.net, session.ema, session.optimiser, self.progress)

    def final_model(self) -> SliceNet:
        """The network that is tested and kept: of the best epoch where early stopping is on."""
        model = self.session.evaluated
        if self.progress.best is not None:
            model.load_state_dict(self.progress.best)
        return model


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
    trainer: Trainer | None = None
    with _alone(run), _stoppable() as stop:
        writer = StatusWriter(run) if distributed.first_process() else None
        try:
            trainer = Trainer(*prepare(run, writer, on_outlook), on_step, stop)
            return trainer.fit()
        except BaseException as error:
            if writer:
                plan = trainer.plan if trainer and diagnostics.ran_out_of_memory(error) else None
                writer.failed(error, trainer.objective.fitting_batch(plan) if trainer and plan else None)
            raise


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """Let SIGTERM and Ctrl-C end the run after its current step; only the main thread may."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Hold the run's lock, which the system gives back however this process ends."""
    busy = RunBusy("another process trains this run", value=run.id, remedy="Watch it, or stop it first.")
    with processes.file_lock(run.folder / ".lock", busy) if distributed.first_process() else nullcontext():
        yield


def _macro_f1(predicted: Tensor, labels: Tensor) -> float:
    """Over the classes that are there."""
    from sklearn.metrics import f1_score

    return float(f1_score(labels, predicted, labels=np.unique(labels), average="macro"))
