"""``torch.compile``, where it pays."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from typing import Any, cast

import torch

from tumortrace.config import RunConfig

_WARM_UP_SLICES = 200_000
"""A GPU has seen as many by the time compilation (about a minute) has paid for itself, at a tenth gained."""


def compiled(model: Any, config: RunConfig, steps: int) -> Callable[..., Any]:
    """The forward pass of a step.

    Args:
        model: As Fabric wrapped it.
        config: ``compile`` decides; ``auto`` compiles on a GPU with Triton where the run is long enough. On a CPU it
            gained between nothing and 7 % and cost up to a minute.
        steps: Of an epoch.
    """
    if not _pays(model, config, steps):
        return cast(Callable[..., Any], model)
    # One recording a shape, replayed as a CUDA graph: progressive sizes would need one each.
    fixed = config.optim.start_size == 1 and next(model.parameters()).is_cuda
    return torch.compile(model, mode="reduce-overhead" if fixed else None)


def _pays(model: Any, config: RunConfig, steps: int) -> bool:
    if config.compile != "auto":
        return config.compile == "on"
    triton = importlib.util.find_spec("triton") is not None
    slices = steps * config.optim.batch_size * config.optim.epochs
    return bool(next(model.parameters()).is_cuda and triton and slices >= _WARM_UP_SLICES)
