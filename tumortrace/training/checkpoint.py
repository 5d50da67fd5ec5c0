"""What a run carries from step to step, how it is kept, and how it is read back to the bit."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from tumortrace import processes
from tumortrace.models.base import SliceNet


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


class ModelEma:
    """An exponential moving average of a network's weights and buffers.

    torch's ``AveragedModel`` asks a counter on the device at every step, which waits for a GPU; here the counter is on
    the host. The decay is lower at first (``(1 + t) / (10 + t)``), so that a short run is not held back by its random
    start.

    Args:
        net: What is averaged; its tensors must stay the same objects.
        decay: Share of the average that stays, a step.
    """

    def __init__(self, net: SliceNet, decay: float) -> None:
        self.module = copy.deepcopy(net).eval().requires_grad_(False)
        self.decay = decay
        self.count = 0
        own, theirs = self.module.state_dict(keep_vars=True), net.state_dict(keep_vars=True)
        pairs = [(own[name], theirs[name]) for name in own]
        moving = [(mean, now) for mean, now in pairs if mean.is_floating_point()]
        self._means, self._nows = [mean.data for mean, _ in moving], [now for _, now in moving]
        self._counters = [(mean, now) for mean, now in pairs if not mean.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the network as it is now."""
        weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count)) if self.count else 1.0
        torch._foreach_lerp_(self._means, self._nows, weight)
        for mean, now in self._counters:
            mean.copy_(now)
        self.count += 1

    def state_dict(self) -> dict[str, Any]:
        """Everything :meth:`load_state_dict` needs."""
        return {"module": self.module.state_dict(), "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another average stood."""
        self.module.load_state_dict(state["module"])
        self.count = int(state["count"])


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
    """Read back what :func:`save` wrote, into the given objects."""
    state = cast(dict[str, Any], torch.load(path, map_location="cpu", weights_only=True))
    net.load_state_dict(state["model"])
    if average is not None and state["ema"] is not None:
        average.load_state_dict(state["ema"])
    optimiser.load_state_dict(state["optimiser"])
    return TrainingProgress(**state["progress"])
