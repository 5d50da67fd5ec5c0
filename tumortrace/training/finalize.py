"""What a finished run leaves: weights, the test rows, and the report made from them."""

from __future__ import annotations

import pandas as pd
import torch
from safetensors.torch import save as to_safetensors

from tumortrace import processes
from tumortrace.config import RunConfig
from tumortrace.data.datasets import Dataset
from tumortrace.evaluation.report import make_report, write_report
from tumortrace.models.base import SliceNet
from tumortrace.runs.run import Run
from tumortrace.training.data import RunData
from tumortrace.training.distributed import ProcessGroup
from tumortrace.training.predict import predict_logits, prediction_rows


def write_results(
    run: Run, config: RunConfig, model: SliceNet, data: RunData, dataset: Dataset, group: ProcessGroup
) -> None:
    """Save the final weights, predict the test part once, and evaluate those rows; all processes predict.

    The validation part is predicted beside it: what is fitted afterwards (ensemble weights, a temperature) is fitted on
    those rows. A run without a test part (fold 0) has neither rows nor report.
    """
    logits = predict_logits(model, data, data.split.test, group)
    held_out = predict_logits(model, data, data.split.validation, group)
    if not group.is_global_zero:
        return
    weights = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    raw = to_safetensors(weights, metadata={"model": config.model.name})
    processes.write_bytes(run.folder / "model.safetensors", raw)
    if len(held_out):
        write_rows(run, prediction_rows(config, data, data.split.validation, held_out), "validation.parquet")
    if len(logits):
        rows = prediction_rows(config, data, data.split.test, logits)
        write_rows(run, rows)
        write_report(make_report(rows, dataset.manifest, synthetic=dataset.synthetic), run.folder / "report.json")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def write_rows(run: Run, rows: pd.DataFrame, name: str = "predictions.parquet") -> None:
    """Write rows into a run's folder, whole."""
    processes.write_parquet(run.folder / name, rows)
