"""Probabilities of a model for rows of a run's data; the one place where a test fold meets a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import Tensor

from tumortrace.config import RunConfig
from tumortrace.data.catalog import CLASSES
from tumortrace.models.base import SliceNet
from tumortrace.training.data import RunData

ROW_COLUMNS = ("model", "protocol", "seed", "fold", "slice_id", *(f"p_{name}" for name in CLASSES))


@torch.inference_mode()
def predict_logits(
    model: SliceNet, data: RunData, rows: npt.NDArray[np.int64], fabric: Fabric, batch_size: int = 64
) -> Tensor:
    """Logits ``[len(rows), 3]`` float32 on the CPU; the model is left in the mode it was in."""
    was_training = model.training
    model.eval()
    parts = []
    for start in range(0, len(rows), batch_size):
        index = torch.from_numpy(rows[start : start + batch_size]).to(data.slices.device)
        with fabric.autocast():
            parts.append(model(data.batch(index)).float())
    model.train(was_training)
    return torch.cat(parts).cpu() if parts else torch.empty(0, len(CLASSES))


def prediction_rows(config: RunConfig, data: RunData, rows: npt.NDArray[np.int64], logits: Tensor) -> pd.DataFrame:
    """A row a slice, columns :data:`ROW_COLUMNS`."""
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
