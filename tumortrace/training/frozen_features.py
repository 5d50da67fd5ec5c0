"""Features of frozen early layers, computed once and kept on the device, where nothing random stands before them."""

from __future__ import annotations

import copy
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import psutil
import torch
from lightning_fabric import Fabric
from torch import Tensor

from tumortrace.config import AugmentSettings, RunConfig
from tumortrace.models.base import SliceNet
from tumortrace.training.data import RunData

_SHARE_OF_FREE = 0.5
_AT_ONCE = 64
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FrozenFeatures:
    """What the frozen stages make of each slice."""

    after: str  # the last frozen stage
    features: Tensor  # [n, ...] in the arithmetic of the run
    places: Tensor  # [N] int64: row of the manifest to place in ``features``; -1 where it has none

    def batch(self, rows: Tensor) -> Tensor:
        """The features ``[B, ...]`` of ``[B]`` rows."""
        return self.features[self.places[rows]]

    def predict(self, model: SliceNet, rows: Tensor) -> Tensor:
        """Logits of rows, from a model in evaluation mode."""
        return cast(Tensor, model(self.batch(rows), self.after))


def applicable(config: RunConfig) -> bool:
    """Whether the frozen part sees the same input every time: something is frozen, no augmentation, one size."""
    still = all(not value for value in config.augment.model_dump().values())
    stays = config.model.freeze_until is not None and not config.model.unfreeze_epoch
    return stays and still and config.model.spec.sequential and config.optim.start_size == 1


def still(settings: AugmentSettings) -> AugmentSettings:
    """A copy of the settings with every augmentation switched off."""
    return settings.model_copy(update={name: type(value)(0) for name, value in settings.model_dump().items()})


@torch.no_grad()
def cache_features(
    config: RunConfig,
    net: SliceNet,
    data: RunData,
    rows: npt.NDArray[np.int64],
    fabric: Fabric,
    tell: Callable[[float, float, int], None] | None = None,
) -> FrozenFeatures | None:
    """Compute the features of ``rows`` once.

    Args:
        config: Of the run.
        net: Its network; left in the mode it was in.
        data: Its slices.
        rows: Of the manifest.
        fabric: For its arithmetic.
        tell: Called once, early: seconds a slice takes through the frozen stages, seconds it takes to be learnt from
            after them, and how many slices are still to come.

    Returns:
        None where :func:`applicable` says no, or where they would take more than half of the memory that is free.
    """
    until = config.model.freeze_until
    if not applicable(config) or until is None or not len(rows):
        return None
    was_training = net.training
    net.eval()
    index = torch.from_numpy(rows).to(data.slices.device)
    with fabric.autocast():
        first = net.features(data.batch(index[:1]), until)
        needed = first.element_size() * first.numel() * len(rows)
        if needed > _SHARE_OF_FREE * _free(data.slices.device):
            _log.warning("frozen features would take %.1f GiB and are computed at every step", needed / 2**30)
            net.train(was_training)
            return None
        kept = first.new_empty((len(rows), *first.shape[1:]))
        for start in range(0, len(rows), _AT_ONCE):
            began = time.perf_counter()
            kept[start : start + _AT_ONCE] = net.features(data.batch(index[start : start + _AT_ONCE]), until)
            # The first batch sets up what the others find ready.
            if tell and start == _AT_ONCE:
                count = min(_AT_ONCE, len(rows) - start)
                through = (time.perf_counter() - began) / count
                learnt = _learning_seconds(net, kept[: config.optim.batch_size], until)
                tell(through, learnt, len(rows) - start - count)
    net.train(was_training)
    places = torch.full((len(data.labels),), -1, dtype=torch.int64, device=kept.device)
    places[index] = torch.arange(len(rows), device=kept.device)
    return FrozenFeatures(until, kept, places)


def _learning_seconds(net: SliceNet, features: Tensor, after: str) -> float:
    """Seconds a slice takes forward and back after the frozen stages: the second of two passes of a copy."""
    private = copy.deepcopy(net).train()
    seconds = 0.0
    # Dropout must not move the generator that the run's own steps draw from.
    with torch.random.fork_rng(), torch.enable_grad():
        for _ in range(2):
            began = time.perf_counter()
            out = private(features, after)
            (out[0] if isinstance(out, tuple) else out).float().square().mean().backward()
            if features.is_cuda:
                torch.cuda.synchronize()
            seconds = time.perf_counter() - began
    return seconds / len(features)


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)
