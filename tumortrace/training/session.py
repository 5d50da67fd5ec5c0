"""What one start of a run rests on, made once before its first step: data, network, optimiser, and who writes what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import lightning_fabric
import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from tumortrace.config import RunConfig
from tumortrace.data.datasets import Dataset
from tumortrace.imaging.augment import Augment
from tumortrace.models.base import SliceNet
from tumortrace.models.registry import build
from tumortrace.runs.run import Run
from tumortrace.training import data as run_data
from tumortrace.training import device, distributed, frozen_features, warm_start
from tumortrace.training.checkpoint import TrainingProgress, load_checkpoint
from tumortrace.training.compile import compiled
from tumortrace.training.data import RunData
from tumortrace.training.device import DeviceMonitor
from tumortrace.training.distributed import ProcessGroup
from tumortrace.training.ema import ModelEma
from tumortrace.training.forecast import Forecast
from tumortrace.training.frozen_features import FrozenFeatures
from tumortrace.training.snapshot_writer import SnapshotWriter
from tumortrace.training.status_writer import StatusWriter
from tumortrace.training.throughput import outlook


@dataclass(frozen=True)
class Session:
    """Everything a step needs; what changes from step to step is in :class:`.checkpoint.TrainingProgress`."""

    run: Run
    config: RunConfig
    fabric: Fabric
    group: ProcessGroup
    dataset: Dataset
    data: RunData
    net: SliceNet
    model: nn.Module
    """:attr:`net` as Fabric wraps it: gradients are averaged over the processes."""
    forward: Callable[..., Any]
    """:attr:`model`, compiled where that pays."""
    optimiser: torch.optim.Optimizer
    ema: ModelEma | None
    augment: Augment
    class_weights: Tensor | None
    """``[3]``, of the loss."""
    frozen: FrozenFeatures | None
    steps: int
    """Of an epoch."""
    snapshots: SnapshotWriter
    forecast: Forecast
    writer: StatusWriter | None
    """Of rank 0; None in the others."""

    @property
    def evaluated(self) -> SliceNet:
        """The network as it is validated, tested and kept: the moving average where there is one."""
        return self.ema.module if self.ema else self.net


def prepare(
    run: Run, writer: StatusWriter | None = None, on_outlook: Callable[[], None] | None = None
) -> tuple[Session, TrainingProgress]:
    """Load the data, build the network and, where there is a checkpoint, go back to it.

    Args:
        run: Made by :func:`tumortrace.runs.run.create`.
        writer: Tells how it goes; None in processes that are not rank 0.
        on_outlook: Called where the status says how long the run will take before its first step.

    Returns:
        What stays, and where the run stands.

    Raises:
        ConfigError: The device asked for is not there.
        DataError: The dataset is another one, or has too few slices.
        WeightsMismatch: The starting weights do not fit.
    """
    config = run.config
    fabric = device.make_fabric(config)
    group = ProcessGroup(fabric)
    if writer:
        writer.preparing(DeviceMonitor(fabric.device), str(fabric._precision.precision), [_slot(fabric.device)])
    lightning_fabric.seed_everything(config.seed, verbose=False)
    checkpoint = run.folder / "checkpoint.ckpt"
    with group.rank_zero_first():
        dataset = run.dataset.dataset
        data = run_data.load_run_data(config, dataset, fabric.device, writer.caching if writer else None)
        if not checkpoint.exists():
            warm_start.check_warm_start(config, dataset)
        # A resumed run's starting weights are in its checkpoint; it must not need a download again.
        net = build(config.model, pretrained=not checkpoint.exists())
    net = net.to(fabric.device).to(memory_format=net.memory_format)
    ema = ModelEma(net, config.optim.ema) if config.optim.ema else None
    if group.world_size > 1:
        distributed.synchronise_batchnorm(net, fabric.device)
    groups = _parameter_groups(net, config.optim.weight_decay, every=bool(config.model.unfreeze_epoch))
    bare = torch.optim.AdamW(groups, lr=config.optim.lr, fused=fabric.device.type in {"cuda", "cpu"})
    model, optimiser = fabric.setup(net, bare)
    net = model.module
    progress = load_checkpoint(checkpoint, net, ema, optimiser) if checkpoint.exists() else TrainingProgress()
    split = data.split
    snapshots = SnapshotWriter(run, config, data)
    session = Session(
        run=run,
        config=config,
        fabric=fabric,
        group=group,
        dataset=dataset,
        data=data,
        net=net,
        model=model,
        forward=model,
        optimiser=optimiser,
        ema=ema,
        augment=Augment(config.augment).to(fabric.device),
        class_weights=data.class_weights(split.train) if config.optim.class_weights == "balanced" else None,
        frozen=None,
        steps=len(split.train) // config.optim.batch_size,
        snapshots=snapshots,
        forecast=Forecast(len(split.train), len(split.validation), len(split.test), len(snapshots.watched)),
        writer=writer,
    )
    tell = partial(_tell_outlook, session, progress, on_outlook) if writer else None
    once = np.union1d(split.train, split.validation)
    frozen = frozen_features.cache_features(config, net, data, once, fabric, tell)
    if writer:
        writer.running({name: len(getattr(split, name)) for name in ("train", "validation", "test")}, session.steps)
    return replace(session, frozen=frozen, forward=compiled(model, config, session.steps)), progress


def _tell_outlook(
    session: Session,
    progress: TrainingProgress,
    on_outlook: Callable[[], None] | None,
    features: float,
    learning: float,
    coming: int,
) -> None:
    """While features are kept: say how long the run will take, long before its first step."""
    session.forecast.guess(features, learning)
    if session.writer:
        session.writer.write(**outlook(session, progress, before=coming * features))
    if on_outlook:
        on_outlook()


def _slot(place: torch.device) -> str:
    return f"cuda:{place.index or 0}" if place.type == "cuda" else place.type


def _parameter_groups(net: SliceNet, decay: float, *, every: bool) -> list[dict[str, Any]]:
    """Weight decay for matrices and kernels only: biases and BatchNorm have nothing to shrink.

    As ``timm.optim.param_groups_weight_decay``, which leaves frozen parameters out: they are among ours where
    ``every``, since stages that are unfrozen later need a place in the optimiser's state. Without a gradient it leaves
    them alone.
    """
    found = list(net.parameters() if every else net.trainable())
    kernels = [parameter for parameter in found if parameter.ndim > 1]
    others = [parameter for parameter in found if parameter.ndim <= 1]
    return [{"params": kernels, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
