"""What a run carries from step to step, how it is kept, and how it is read back to the bit."""

from __future__ import annotations

import math
import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim.swa_utils import AveragedModel

from tumortrace.models.base import SliceNet


@dataclass
class Progress:
    """Where the run stands. ``epoch`` and ``batch`` name the next step to take, from 0."""

    epoch: int = 0
    batch: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)  # of the current epoch so far
    correct: int = 0  # training slices right in the current epoch so far
    best_loss: float = math.inf
    best_epoch: int = 0
    best: dict[str, Tensor] | None = None  # weights of the best epoch; kept only for early stopping


def averaged(model: SliceNet, decay: float) -> AveragedModel:
    """An exponential moving average of weights and buffers.

    The decay is lower at first (``(1 + t) / (10 + t)``), so that a short run is not held back by its random start.
    """

    def update(average: Any, current: Any, count: Tensor | int) -> None:
        if not torch.is_floating_point(average[0]):
            for mean, now in zip(average, current, strict=True):
                mean.copy_(now)
            return
        step = float(count)
        torch._foreach_lerp_(average, current, 1 - min(decay, (1 + step) / (10 + step)))

    return AveragedModel(model, multi_avg_fn=update, use_buffers=True)


def save(
    path: Path, model: SliceNet, ema: AveragedModel | None, optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write everything needed to go on, beside ``path``, then rename."""
    numpy_state: Any = np.random.get_state()
    state = {
        "model": model.state_dict(),
        "ema": ema.state_dict() if ema else None,
        "optimiser": optimiser.state_dict(),
        "progress": vars(progress),
        "random": {
            "torch": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
            "numpy": torch.from_numpy(numpy_state[1].astype(np.int64)),
            "numpy_place": int(numpy_state[2]),
            "python": [list(part) if isinstance(part, tuple) else part for part in random.getstate()],
        },
    }
    beside = path.with_suffix(".partial")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def load(path: Path, model: SliceNet, ema: AveragedModel | None, optimiser: torch.optim.Optimizer) -> Progress:
    """Read back what :func:`save` wrote, into the given objects; random states are set too."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    model.load_state_dict(state["model"])
    if ema is not None:
        ema.load_state_dict(state["ema"])
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["random"]["torch"])
    if torch.cuda.is_available() and state["random"]["cuda"]:
        torch.cuda.set_rng_state_all(state["random"]["cuda"])
    keys = state["random"]["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", keys, state["random"]["numpy_place"], 0, 0.0))
    version, inner, gauss = state["random"]["python"]
    random.setstate((version, tuple(inner), gauss))
    return Progress(**state["progress"])
