"""Features of frozen early layers, computed once and kept on the device, where nothing random stands before them."""

from __future__ import annotations

import logging
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
    # TraceNet's decoder reads every stage, not the last frozen one alone.
    chain = config.model.name != "tracenet"
    stays = config.model.freeze_until is not None and not config.model.thaw_epoch
    return stays and still and chain and config.optim.start_size == 1


def still(settings: AugmentSettings) -> AugmentSettings:
    """The same settings with every augmentation switched off."""
    return settings.model_copy(update={name: type(value)(0) for name, value in settings.model_dump().items()})


@torch.no_grad()
def keep(
    config: RunConfig, net: SliceNet, data: RunData, rows: npt.NDArray[np.int64], fabric: Fabric
) -> FrozenFeatures | None:
    """Compute the features of ``rows`` once.

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
        for start in range(0, len(rows), 64):
            kept[start : start + 64] = net.features(data.batch(index[start : start + 64]), until)
    net.train(was_training)
    places = torch.full((len(data.labels),), -1, dtype=torch.int64, device=kept.device)
    places[index] = torch.arange(len(rows), device=kept.device)
    return FrozenFeatures(until, kept, places)


def _free(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)
