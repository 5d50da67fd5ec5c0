"""Turn finished runs into what ships: a bundle each, and their rows in the benchmark."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors

from tumortrace import __version__, paths
from tumortrace.data import splits
from tumortrace.data.catalog import ATTRIBUTION
from tumortrace.errors import RunNotResumable
from tumortrace.evaluation.report import make_report
from tumortrace.evaluation.tables import figures
from tumortrace.inference.shipped import shipped_predictions
from tumortrace.models.registry import model_class
from tumortrace.training.runs import Run


def publish(run: Run) -> None:
    """Write a finished run's weights (float16) and rows into ``artifacts/``; what shipped under its name is replaced.

    Args:
        run: Finished, on the figshare dataset (its slices are known by the frozen folds that ship).

    Raises:
        RunNotResumable: The run is not finished.
    """
    rows = run.predictions
    if run.status.state != "finished" or rows is None:
        raise RunNotResumable(
            "only a finished run can be published",
            value=f"{run.id} is {run.status.state}",
            remedy="Let it finish first.",
        )
    truth = splits.frozen_figshare()
    report = make_report(rows, truth)
    _write_rows(rows, truth)
    config = run.config
    unneeded = model_class(config.model.name).training_only or "\0"
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in from_safetensors((run.folder / "model.safetensors").read_bytes()).items()
        if not name.startswith(unneeded)
    }
    raw = to_safetensors(weights, metadata={"model": config.model.name})
    folder = paths.artifacts() / "models" / config.model.name
    paths.write_atomic(folder / "weights.safetensors", raw)
    paths.write_atomic(folder / "metrics.csv", run.metrics.to_csv(index=False).encode())
    counts = run.status.counts
    card: dict[str, Any] = {
        "name": config.model.name,
        "config": config.model_dump(mode="json"),
        "trained_on": f"{counts['train']:,} slices of the training part of fold {config.fold}, protocol "
        f"{config.protocol}, at {config.preprocess.size} px, {config.optim.epochs} epochs, "
        + ("from ImageNet weights" if config.model.init == "imagenet" else "from scratch"),
        "synthetic": False,
        "scores": {
            "accuracy": report.slice.metrics.accuracy,
            "macro_f1": report.slice.metrics.macro_f1,
            "n": report.slice.metrics.n,
            "protocol": config.protocol,
            "fold": config.fold,
        },
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": run.status.device,
        "seconds": round(run.status.seconds),
        "versions": {"tumortrace": __version__, "torch": torch.__version__.split("+")[0]}
        | {"torchvision": importlib.metadata.version("torchvision").split("+")[0]},
        "weights_sha256": hashlib.sha256(raw).hexdigest(),
        "data": ATTRIBUTION,
        "use": "Research and education. Not for clinical use. Knows three tumours and no healthy brain.",
    }
    paths.write_json(folder / "model.json", card)


def _write_rows(rows: pd.DataFrame, truth: pd.DataFrame) -> None:
    folder = paths.artifacts() / "benchmark"
    folder.mkdir(parents=True, exist_ok=True)
    keys = ["model", "protocol", "seed", "fold"]
    old = shipped_predictions()
    if len(old):
        replaced = old[keys].astype(str).agg("/".join, axis=1).isin(rows[keys].astype(str).agg("/".join, axis=1))
        rows = pd.concat([old[~replaced], rows], ignore_index=True)
    rows = rows.sort_values([*keys, "slice_id"], ignore_index=True)
    beside = folder / ".predictions.partial"
    rows.to_parquet(beside, index=False, compression="zstd")
    beside.replace(folder / "predictions.parquet")
    reports = [make_report(group, truth) for _, group in rows.groupby(["protocol", "model"], sort=True)]
    paths.write_json(
        folder / "results.json",
        {
            "figures": [figure for report in reports for figure in figures(report)],
            "reports": [json.loads(report.model_dump_json()) for report in reports],
        },
    )
