"""The checkpoint: what a run carries from step to step, written beside and renamed, read back to the bit."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from tumortrace import processes
from tumortrace.models.base import SliceNet
from tumortrace.training.ema import ModelEma


@dataclass
class TrainingProgress:
    """Where the run stands. ``epoch`` and ``batch`` name the next step to take, from 0."""

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # of the current epoch so far
    correct: int = 0  # training slices right in the current epoch so far
    best_loss: float = math.inf
    best_epoch: int = 0
    best: dict[str, Tensor] | None = None  # weights of the best epoch; kept only for early stopping


def save_checkpoint(
    path: Path, net: SliceNet, average: ModelEma | None, optimiser: torch.optim.Optimizer, progress: TrainingProgress
) -> None:
    """Write everything needed to go on, beside ``path``, then rename.

    No random state is among it: all randomness of a step is a function of seed, epoch and step.
    """
    state = {
        "model": net.state_dict(),
        "ema": average.state_dict() if average else None,
        "optimiser": optimiser.state_dict(),
        "progress": vars(progress),
    }
    # Only the process that holds the run's lock comes here.
    with processes.replacing(path, alone=True) as file:
        torch.save(state, file)


def load_checkpoint(
    path: Path, net: SliceNet, average: ModelEma | None, optimiser: torch.optim.Optimizer
) -> TrainingProgress:
    """Read back what :func:`save_checkpoint` wrote, into the given objects."""
    state = cast(dict[str, Any], torch.load(path, map_location="cpu", weights_only=True))
    net.load_state_dict(state["model"])
    if average is not None and state["ema"] is not None:
        average.load_state_dict(state["ema"])
    optimiser.load_state_dict(state["optimiser"])
    return TrainingProgress(**state["progress"])
