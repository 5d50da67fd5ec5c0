"""Turn a finished run into a shipped model: a bundle. The rows and figures beside it come from the benchmark."""

from __future__ import annotations

import hashlib
import importlib.metadata
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from safetensors.torch import load as from_safetensors
from safetensors.torch import save as to_safetensors

from tumortrace import paths, processes
from tumortrace.config import START_RUN, model_title
from tumortrace.constants import ATTRIBUTION, VERSION
from tumortrace.data import splits
from tumortrace.errors import RunNotResumable
from tumortrace.evaluation import published
from tumortrace.evaluation.report import Report, make_report
from tumortrace.evaluation.shipped import shipped_reports
from tumortrace.inference.calibration import CALIBRATION_PROTOCOLS
from tumortrace.inference.prediction import DISCLAIMER
from tumortrace.models.base import model_class
from tumortrace.runs.run import Run, find_run


def publish(run: Run) -> None:
    """Write a finished run's weights (float16) into ``artifacts/models/``; what shipped under its name is replaced.

    A run that held a fold out ships with its own test's figures. One that trained on all slices has none: it ships with
    those of its recipe in the benchmark, out of fold, and says so.

    Args:
        run: Finished, on the figshare dataset (its slices are known by the frozen folds that ship).

    Raises:
        RunNotResumable: The run is not finished.
    """
    if run.status.state != "finished" or not (run.folder / "model.safetensors").is_file():
        raise RunNotResumable(
            "only a finished run can be published",
            value=f"{run.id} is {run.status.state}",
            remedy="Let it finish first.",
        )
    config = run.config
    unneeded = model_class(config.model.name).training_only or "\0"
    weights = {
        name: value.half() if value.is_floating_point() else value
        for name, value in from_safetensors((run.folder / "model.safetensors").read_bytes()).items()
        if not name.startswith(unneeded)
    }
    raw = to_safetensors(weights, metadata={"model": config.model.name})
    folder = paths.artifacts() / "models" / config.model.name
    processes.write_bytes(folder / "weights.safetensors", raw)
    processes.write_bytes(folder / "metrics.csv", run.metrics.to_csv(index=False).encode())
    card: dict[str, Any] = {
        "name": config.model.name,
        "config": config.model_dump(mode="json"),
        "trained_on": _trained_on(run),
        "synthetic": False,
        "scores": _scores(run),
        "temperature": _temperature(config.model.name),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": run.status.device,
        "seconds": round(run.status.seconds),
        "versions": {"tumortrace": VERSION, "torch": torch.__version__.split("+")[0]}
        | {"torchvision": importlib.metadata.version("torchvision").split("+")[0]},
        "weights_sha256": hashlib.sha256(raw).hexdigest(),
        "data": ATTRIBUTION,
        "use": DISCLAIMER,
    }
    processes.write_json(folder / "model.json", card)


def _trained_on(run: Run) -> str:
    config = run.config
    slices = f"{run.status.counts['train']:,} slices"
    what = f"{slices} of the training part of fold {config.fold}, protocol {config.protocol}"
    if not config.fold:
        what = f"all {slices}, no fold held out"
    init = config.model.init
    how = (
        "from ImageNet weights" if init == "imagenet" else "from scratch" if init == "scratch" else "from other weights"
    )
    if init.startswith(START_RUN):
        how = f"from the encoder of {model_title(find_run(init.removeprefix(START_RUN)).config.model.name)}"
    return f"{what}, at {config.preprocess.size} px, {config.optim.epochs} epochs, {how}"


def _scores(run: Run) -> dict[str, Any]:
    """Slice-level figures and what they rest on; empty where nothing has tested the recipe."""
    config = run.config
    if config.fold:
        rows = run.predictions
        return {} if rows is None else _of(make_report(rows, splits.frozen_figshare())) | {"fold": config.fold}
    found = {report.protocol: report for report in shipped_reports() if report.model == config.model.name}
    for protocol in CALIBRATION_PROTOCOLS:
        if protocol in found:
            return _of(found[protocol]) | {"folds": found[protocol].folds, "of": "its recipe, out of fold"}
    return {}


def _of(report: Report) -> dict[str, Any]:
    return {
        "accuracy": report.slice.metrics.accuracy,
        "macro_f1": report.slice.metrics.macro_f1,
        "n": report.n_slices,
        "protocol": report.protocol,
    }


def _temperature(model: str) -> float | None:
    """The temperature that calibrates this recipe: the geometric mean of those fitted on validation parts."""
    votes = published.results().votes
    found = [vote.temperatures[model] for vote in votes if model in vote.temperatures]
    return float(np.exp(np.mean(np.log(found)))) if found else None
