"""The slices of a run, whole, on the device: a batch is an index into them, never a file read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from tumortrace.config import RunConfig
from tumortrace.constants import CLASSES
from tumortrace.data import cache, splits
from tumortrace.data.datasets import Dataset
from tumortrace.errors import DataError


@dataclass(frozen=True)
class RunData:
    """Everything a run sees, in the manifest's row order."""

    slices: Tensor  # [N, S, S] uint8, on the device
    stacks: Tensor  # [N, D] int64: the rows that make up each slice's input
    labels: Tensor  # [N] int64
    split: splits.Split
    slice_ids: npt.NDArray[np.object_]
    outlines: Tensor | None = None  # [N, S, S] uint8, 0 or 1, on the device, for a model that learns them

    def batch(self, rows: Tensor, slices: Tensor | None = None) -> Tensor:
        """``[B]`` rows to ``[B, D, S, S]`` float in 0..1; of ``slices`` (see :meth:`smaller`) where given."""
        return (self.slices if slices is None else slices)[self.stacks[rows]].float().div_(255)

    def smaller(self, side: int) -> tuple[Tensor, Tensor | None]:
        """All slices and outlines at another size, averaged over areas: ``[N, side, side]`` uint8 on the device."""
        if side == self.slices.shape[-1]:
            return self.slices, self.outlines
        return _shrunk(self.slices, side), None if self.outlines is None else _shrunk(self.outlines, side)

    def class_weights(self, rows: npt.NDArray[np.int64]) -> Tensor:
        """Inverse class frequencies among ``rows``, mean 1 over the rows; absent classes weigh 0."""
        counts = torch.bincount(self.labels[torch.from_numpy(rows)].cpu(), minlength=len(CLASSES)).float()
        weights = torch.where(counts > 0, counts.sum() / ((counts > 0).sum() * counts.clamp(min=1)), counts)
        return weights.to(self.labels.device)


def _shrunk(slices: Tensor, side: int) -> Tensor:
    parts = [
        F.interpolate(part[:, None].float(), (side, side), mode="area").round_().to(torch.uint8)[:, 0]
        for part in torch.split(slices, 512)
    ]
    return torch.cat(parts)


def load_run_data(
    config: RunConfig, dataset: Dataset, device: torch.device, progress: Callable[[int, int], None] | None = None
) -> RunData:
    """Read the frozen folds and the cache of a dataset, and put the slices on ``device``.

    Args:
        config: Preprocessing, protocol, fold, validation share and stack depth.
        dataset: The run's (see :attr:`tumortrace.runs.run.Run.dataset`).
        device: Where the slices stay: ``N * S * S`` bytes, and as many for the outlines where they are learnt.
        progress: Called with (done, total) while a missing cache is built.

    Raises:
        SplitUnavailable: The dataset has no such fold.
        DataError: The training part lacks slices.
    """
    table = splits.table_for(dataset)
    split = splits.split(table, config.protocol, config.fold, config.validation, config.seed)
    if config.train_fraction < 1:
        split = replace(split, train=splits.some_persons(table, split.train, config.train_fraction, config.seed))
    if len(split.train) < config.optim.batch_size:
        raise DataError(
            "the training part has fewer slices than one batch",
            value=f"{len(split.train)} slices, batch size {config.optim.batch_size}",
            remedy="Lower the batch size or import more slices.",
        )
    cached = cache.load_cache(dataset, config.preprocess, progress)
    outlined = config.model.spec.draws_outlines and config.optim.outline_weight
    return RunData(
        slices=torch.from_numpy(np.array(cached.images)).to(device),
        stacks=torch.from_numpy(stack_neighbours(dataset.manifest, config.model.depth)).to(device),
        labels=torch.tensor(dataset.manifest["label"].to_numpy(dtype=np.int64), device=device),
        split=split,
        slice_ids=dataset.manifest["slice_id"].to_numpy(dtype=object),
        outlines=torch.from_numpy(np.array(cached.masks)).to(device) if outlined else None,
    )


def stack_neighbours(manifest: pd.DataFrame, depth: int) -> npt.NDArray[np.int64]:
    """The rows that stand around each slice in its own series.

    Args:
        manifest: With ``series_id`` and ``position``; a slice without a series stands alone.
        depth: Odd number of slices a stack holds.

    Returns:
        ``[N, depth]`` row numbers, the slice itself in the middle; at a series' ends its last slice is repeated, so no
        stack ever reaches into another series or patient.
    """
    rows = np.arange(len(manifest))
    stacks = np.repeat(rows[:, None], depth, axis=1)
    if depth == 1:
        return stacks
    offsets = np.arange(depth) - depth // 2
    known = manifest["series_id"].notna().to_numpy()
    for _, group in manifest.assign(row=rows)[known].groupby("series_id", sort=False):
        ordered = group.sort_values("position")["row"].to_numpy()
        places = np.clip(np.arange(len(ordered))[:, None] + offsets, 0, len(ordered) - 1)
        stacks[ordered] = ordered[places]
    return stacks
