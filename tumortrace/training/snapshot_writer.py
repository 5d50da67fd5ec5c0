"""After each epoch: what the model thinks of the validation slices and of pinned ones, and where it looks."""

from __future__ import annotations

import copy

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from tumortrace.config import RunConfig
from tumortrace.models.base import SliceNet
from tumortrace.runs import snapshots
from tumortrace.runs.run import Run
from tumortrace.runs.snapshots import Snapshot
from tumortrace.training.data import RunData
from tumortrace.training.distributed import ProcessGroup
from tumortrace.training.predict import predict_logits

_MAP_SIDE = 96


class SnapshotWriter:
    """Keeps the snapshots of a run.

    Args:
        run: Whose pins are read and whose snapshots are written.
        config: Its settings.
        data: Its slices.
    """

    def __init__(self, run: Run, config: RunConfig, data: RunData) -> None:
        self.run = run
        self.data = data
        self.watched = select_tiles(data, config.validation_tiles, config.seed)
        self.parts = {int(row): "validation" for row in data.split.validation}
        self.parts |= {int(row): "train" for row in data.split.train}
        self.parts |= {int(row): "test" for row in data.split.test}
        self.row_of = {str(slice_id): row for row, slice_id in enumerate(data.slice_ids)}

    def write(self, epoch: int, model: SliceNet, logits: torch.Tensor, group: ProcessGroup) -> None:
        """Write the snapshot of an epoch.

        Args:
            epoch: From 1.
            model: As it is evaluated (the moving average where there is one).
            logits: ``[len(validation), 3]`` of the validation part.
            group: The processes of the run; only rank 0 calls this.
        """
        validation = self.data.split.validation
        extra = self._pinned()
        if len(extra):
            logits = torch.cat([logits, predict_logits(model, self.data, extra, group, alone=True)])
        rows = np.concatenate([validation, extra])
        if not len(rows):
            return
        probabilities = logits.double().softmax(1).float().numpy()
        watched = self.watched
        maps = self._maps(model, watched, logits[np.searchsorted(validation, watched)]) if len(watched) else None
        snapshots.write_snapshot(
            self.run,
            Snapshot(
                epoch,
                [str(self.data.slice_ids[row]) for row in rows],
                [self.parts[int(row)] for row in rows],
                probabilities,
                [str(self.data.slice_ids[row]) for row in watched],
                *([maps] if maps is not None else []),
            ),
        )

    def _pinned(self) -> npt.NDArray[np.int64]:
        """Rows of pinned slices that are not in the validation part; a slice of neither part is in no fold."""
        rows = [self.row_of[slice_id] for slice_id in snapshots.pins(self.run) if slice_id in self.row_of]
        return np.array([row for row in rows if self.parts.get(row) in {"train", "test"}], dtype=np.int64)

    def _maps(self, model: SliceNet, rows: npt.NDArray[np.int64], logits: torch.Tensor) -> npt.NDArray[np.uint8]:
        """Grad-CAM for the class each slice is taken for: ``[k, s, s]``."""
        from tumortrace.explain.gradcam import saliency

        # A copy: saliency hangs hooks on the model and asks for gradients.
        private = copy.deepcopy(model).float()
        images = self.data.batch(torch.from_numpy(rows).to(self.data.slices.device))
        maps = torch.from_numpy(saliency(private, images, logits.argmax(1).tolist()))
        side = min(_MAP_SIDE, maps.shape[-1])
        small = F.interpolate(maps[:, None], (side, side), mode="area")[:, 0]
        return (small * 255).round().to(torch.uint8).numpy()


def select_tiles(data: RunData, count: int, seed: int) -> npt.NDArray[np.int64]:
    """Validation rows to watch, ascending, the classes as evenly as they go, drawn once by the seed."""
    random = np.random.default_rng(seed)
    rows = random.permutation(data.split.validation)
    labels = data.labels.cpu().numpy()[rows]
    place_in_class = np.zeros(len(rows), dtype=np.int64)
    for label in np.unique(labels):
        mine = labels == label
        place_in_class[mine] = np.arange(int(mine.sum()))
    return np.sort(rows[np.argsort(place_in_class, kind="stable")][:count])
