"""What a step is, as a function of its number alone: learning rate, image size, and every random choice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from tumortrace.config import OptimSettings
from tumortrace.imaging import augment

_SIZE_STEP = 16
"""Sizes on the way are multiples of this: what networks with 16 pixel cells waste nothing on."""


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


def size_at(epoch: int, settings: OptimSettings, size: int, smallest: int = 32) -> int:
    """The image size of an epoch: small slices teach quickly what is coarse, the last third is at full size.

    As in progressive resizing (Howard, 2018, fast.ai's DAWNBench entry).

    Args:
        epoch: From 0.
        settings: ``start_size`` and ``epochs``.
        size: The full one, in pixels.
        smallest: The least the model takes.
    """
    grown = min(1.0, epoch / max(1.0, settings.epochs * 2 / 3))
    share = settings.start_size + (1 - settings.start_size) * grown
    if share >= 1:
        return size
    return min(size, max(smallest, round(size * share / _SIZE_STEP) * _SIZE_STEP))


def epoch_work(epochs: float, settings: OptimSettings, size: int, smallest: int = 32) -> float:
    """What so many epochs cost, in epochs at full size."""
    whole = int(epochs)
    costs = [(size_at(epoch, settings, size, smallest) / size) ** 2 for epoch in range(whole + 1)]
    return sum(costs[:-1]) + costs[-1] * (epochs - whole)


@dataclass(frozen=True)
class EpochPlan:
    """Every random choice of an epoch, for all processes of a run."""

    rows: Tensor  # [steps * batch] int64, on the device: the slices in their order
    numbers: Tensor  # [steps * batch, NUMBERS], on the device: what augmentation does to each
    partners: Tensor | None = None  # [steps * batch] int64: the slice that mixup lays over each
    shares: Tensor | None = None  # [steps * batch]: how much of each slice mixup leaves

    def part(self, start: int, count: int) -> EpochPlan:
        """The plan of some successive slices."""
        return EpochPlan(
            *(None if whole is None else whole[start : start + count] for whole in vars(self).values())  # type: ignore[arg-type]
        )


def epoch_plan(
    epoch: int, train: npt.NDArray[np.int64], count: int, seed: int, device: torch.device, mixup: float = 0.0
) -> EpochPlan:
    """Shuffle the training rows and draw the augmentation: a function of seed and epoch, whatever was done before.

    Args:
        epoch: From 0.
        train: Rows of the training part.
        count: How many of them the epoch's whole steps use.
        seed: Of the run.
        device: Where the plan is read.
        mixup: Parameter of the Beta distribution of the shares; 0 mixes nothing.
    """
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    rows = torch.from_numpy(train)[torch.randperm(len(train), generator=generator)][:count]
    numbers = augment.sample_parameters(count, generator).to(device)
    if not mixup:
        return EpochPlan(rows.to(device), numbers)
    shares = np.random.default_rng((seed, epoch)).beta(mixup, mixup, count).astype(np.float32)
    return EpochPlan(rows.to(device), numbers, rows.roll(1).to(device), torch.from_numpy(shares).to(device))


def reseed(seed: int, step: int, rank: int) -> None:
    """Set the generator that dropout draws from: a function of seed, step and process."""
    torch.manual_seed((seed * 1_000_003 + step) * 64 + rank)
