"""Probabilities of a model for rows of a run's data; the one place where a test fold meets a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor

from tumortrace.config import RunConfig
from tumortrace.constants import CLASSES
from tumortrace.models.base import SliceNet
from tumortrace.training.data import RunData
from tumortrace.training.distributed import ProcessGroup
from tumortrace.training.frozen_features import FrozenFeatures


@torch.inference_mode()
def predict_logits(
    model: SliceNet,
    data: RunData,
    rows: npt.NDArray[np.int64],
    group: ProcessGroup,
    frozen: FrozenFeatures | None = None,
    batch_size: int = 0,
    *,
    alone: bool = False,
) -> Tensor:
    """Logits ``[len(rows), 3]`` float32 on the CPU; the model is left in the mode it was in.

    Several processes share the rows, and each gets all the logits.

    Args:
        model: Not the wrapper that averages gradients: nothing is sent around while it predicts.
        data: Of the run.
        rows: Rows of the manifest.
        group: The processes of the run.
        frozen: Features kept for these rows, instead of their slices.
        batch_size: Slices at once; 0 takes what suits the device.
        alone: This process predicts all rows, and the others are not asked.
    """
    if not len(rows):
        return torch.empty(0, len(CLASSES))
    was_training = model.training
    model.eval()
    # The last rows are predicted twice where the rows cannot be shared evenly.
    rank, size = (0, 1) if alone else (group.rank, group.world_size)
    padded = np.resize(rows, -(-len(rows) // size) * size)
    mine = torch.from_numpy(padded[rank::size]).to(data.slices.device)
    parts = []
    for index in torch.split(mine, batch_size or (256 if data.slices.is_cuda else 64)):
        with group.fabric.autocast():
            out = frozen.predict(model, index) if frozen else model.forward_tta(data.batch(index))
            parts.append(out.float())
    model.train(was_training)
    logits = torch.cat(parts)
    return (logits if alone else group.all_gather_rows(logits))[: len(rows)].cpu()


def prediction_rows(config: RunConfig, data: RunData, rows: npt.NDArray[np.int64], logits: Tensor) -> pd.DataFrame:
    """A row a slice: ``model, protocol, seed, fold, slice_id, p_<class>``."""
    probabilities = logits.double().softmax(dim=1).numpy()
    frame = pd.DataFrame(
        {
            "model": config.model.name,
            "protocol": config.protocol,
            "seed": config.seed,
            "fold": config.fold,
            "slice_id": data.slice_ids[rows],
        }
    )
    for index, name in enumerate(CLASSES):
        frame[f"p_{name}"] = probabilities[:, index]
    return frame.astype({"slice_id": "string", "seed": "int64", "fold": "int64"})
